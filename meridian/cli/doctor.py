"""What `meridian doctor` looks at: one finding each, in one line, with what to do where something is wrong."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from kombu import Connection as BrokerConnection
from sqlalchemy import text

from meridian import __version__
from meridian.bell import broker_settings
from meridian.cli.deciding import deciding, in_service, registered_models
from meridian.db import seals
from meridian.db.durability import check_durable
from meridian.db.engine import APP_ROLE, open_engine, transaction
from meridian.db.fetches import longest_wait_s
from meridian.db.migrate import head_revision
from meridian.db.online import get_coverage
from meridian.errors import MeridianError, NotReady, Unavailable
from meridian.products import products
from meridian.settings import Settings
from meridian.sources.providers import read_providers
from meridian.wiring import Wiring

LEAST_DISK = 1 << 30
LEAST_POSTGRES = 150_000
LONGEST_UNSEALED_S = 60.0
LONGEST_UNFETCHED_S = 60.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, and in a line why not and what to do."""

    what: str
    good: bool
    text: str

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class Complaint(Exception):
    """A check found something wrong; the message says what and what to do."""


def examine(settings: Settings) -> list[Finding]:
    """Every finding. Nothing is changed, and no check keeps another from being made."""
    checks: dict[str, Callable[[Settings], str]] = {
        "versions": _versions,
        "disk": _disk,
        "port": _port,
        "database": _database,
        "record": _record,
        "broker": _broker,
        "models": _models,
        "vectors": _vectors,
        "sources": _sources,
    }
    return [_finding(what, check, settings) for what, check in checks.items()]


def _finding(what: str, check: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(what, True, check(settings))
    except Complaint as complaint:
        return Finding(what, False, str(complaint))
    except Exception as error:
        return Finding(what, False, " ".join(f"{type(error).__name__}: {error}".split()))


def _versions(_: Settings) -> str:
    python = ".".join(map(str, sys.version_info[:3]))
    both = [name for name in ("xgboost", "xgboost-cpu") if _installed(name)]
    if len(both) == 2:
        raise Complaint("xgboost and xgboost-cpu share a folder and are both installed; uninstall both, install one.")
    return f"meridian {__version__}, Python {python}, celery {version('celery')}, sqlalchemy {version('sqlalchemy')}"


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _disk(settings: Settings) -> str:
    folder = next(p for p in (settings.home.absolute(), *settings.home.absolute().parents) if p.exists())
    free = shutil.disk_usage(folder).free
    if free < LEAST_DISK:
        raise Complaint(f"{free / 1e9:.1f} GB free at {folder}; free at least {LEAST_DISK / 1e9:.1f} GB.")
    return f"{free / 1e9:.1f} GB free at {folder}"


def _port(settings: Settings) -> str:
    where = f"{settings.host}:{settings.port}"
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex((settings.host, settings.port)) == 0
    return f"{where} is in use (by Meridian, if it is up)" if taken else f"{where} is free"


def _database(settings: Settings) -> str:
    if not settings.database_url:
        raise Complaint("none configured; run `meridian up`, or set DATABASE_URL=postgresql://user:password@host/name.")
    engine = open_engine(settings.database_url, role=APP_ROLE, name="doctor", pool_size=1)
    where = engine.url.render_as_string(hide_password=True)
    try:
        with transaction(engine) as connection:
            number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
            present = connection.execute(text("SELECT to_regclass('schema_version') IS NOT NULL")).scalar_one()
            schema = connection.execute(text("SELECT version_num FROM schema_version")).scalar() if present else None
        check_durable(engine)
    except NotReady as error:
        raise Complaint(f"{where}: {error}") from None
    except MeridianError as error:
        cause = str(error.__cause__ or error).splitlines()[0]
        raise Complaint(
            f"{where} does not answer: {cause}. Is `meridian up` running, the server started, "
            "and `meridian migrate` run?"
        ) from None
    finally:
        engine.dispose()
    if number < LEAST_POSTGRES:
        raise Complaint(f"PostgreSQL {number // 10000} at {where} is too old; 15 or newer is needed.")
    if schema != head_revision():
        raise Complaint(
            f"{where} is at schema {schema or 'none'}, needed is {head_revision()}; run `meridian migrate`."
        )
    return f"PostgreSQL {number // 10000}.{number % 10000} at {where}, schema {schema}"


def _record(settings: Settings) -> str:
    """Whether somebody seals, and makes partitions: the schedule and a worker do."""
    if not settings.database_url:
        raise Complaint("none, without a database.")
    engine = open_engine(settings.database_url, role=APP_ROLE, name="doctor", pool_size=1)
    try:
        with transaction(engine) as connection:
            waiting, last = seals.unsealed_for_s(connection), seals.last_seal(connection)
            ahead = seals.months_ahead(connection)
    except Unavailable:
        raise Complaint("cannot be looked at while the database does not answer.") from None
    finally:
        engine.dispose()
    if waiting > LONGEST_UNSEALED_S:
        raise Complaint(
            f"rows wait for {waiting:.0f} s to be sealed; are the schedule and a worker running, and has the worker "
            "MERIDIAN_SEAL_KEY?"
        )
    if ahead < 1:
        raise Complaint("there are no partitions for next month; are the schedule and a worker running?")
    return f"{last.number if last else 0} seals, partitions for {ahead} months ahead"


def _broker(settings: Settings) -> str:
    if not settings.broker:
        raise Complaint("none configured; run `meridian up`, or set BROKER_URL (amqp://, redis:// or pgmq://).")
    options = {**broker_settings(settings)["broker_transport_options"], "pool_timeout": 3}
    scheme = settings.broker.split(":", 1)[0]
    try:
        with BrokerConnection(settings.broker, transport_options=options, connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
            connection.channel()  # opening one talks to the broker
            where = connection.as_uri()
    except Exception as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise Complaint(f"the {scheme} broker does not answer: {cause}. Start it, or correct BROKER_URL.") from None
    return where


def _models(settings: Settings) -> str:
    found = deciding(settings)
    if found.bad:
        raise Complaint(" ".join(found.bad))
    if not found.good:
        raise Complaint(f"none; train one, e.g. `meridian train {found.untrained[0]} --data FILE`.")
    return ", ".join(found.good) + (f"; not trained: {', '.join(found.untrained)}" if found.untrained else "")


def _vectors(settings: Settings) -> str:
    """Whether what trained products look up is there, and not too old to be used; who has providers can be asked."""
    provided = {one.source for one in read_providers(settings.sources_file)}
    registered = registered_models(settings)
    looked_up = [
        (product, source)
        for product in products(settings.products_dir).values()
        if in_service(settings, product, registered)
        for source in product.sources
        if source.name not in provided
    ]
    if not settings.database_url:
        raise Complaint("none, without a database.")
    engine = open_engine(settings.database_url, role=APP_ROLE, name="doctor", pool_size=1)
    try:
        with transaction(engine) as connection:
            covered = {source.name: get_coverage(connection, source).cut_off for _, source in looked_up}
    finally:
        engine.dispose()
    for product, source in looked_up:
        cut_off = covered[source.name]
        remedy = "load it" if source.loaded else f"run `meridian features materialise {product.name}`"
        if cut_off is None:
            raise Complaint(f"{product.name} looks up {source.name}, of which there is nothing; {remedy}.")
        if datetime.now(UTC) - cut_off > source.too_old_after:
            raise Complaint(f"{source.name} is as of {cut_off:%Y-%m-%d}, too old to be used; {remedy}.")
    return ", ".join(f"{name} as of {cut_off:%Y-%m-%d %H:%M}" for name, cut_off in covered.items() if cut_off) or "none"


def _sources(settings: Settings) -> str:
    """Whether providers can be asked, and whether somebody asks them ahead of decisions."""
    providers = read_providers(settings.sources_file)
    if not providers:
        return "no provider is asked"
    wiring = Wiring(settings, "doctor")
    try:
        standing = wiring.breakers.standing()
        with transaction(wiring.engine) as connection:
            waits_s = longest_wait_s(connection)
    finally:
        wiring.close()
    if waits_s > LONGEST_UNFETCHED_S:
        raise Complaint(
            f"a fetch has been due for {waits_s:,.0f} s and nobody takes it; "
            "run a worker with `-Q fetches`, and the schedule."
        )
    away = [one.name for one in providers if standing.get(one.name, "closed") != "closed"]
    if away:
        raise Complaint(f"{', '.join(away)}: the last look-ups failed; `meridian sources ask NAME APPLICANT` says why.")
    return ", ".join(f"{one.name} for {one.source}" for one in providers)
