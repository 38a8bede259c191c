"""What has to be there before the service starts: a database with its schema and logins, models, a key, a user."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url

from meridian.bell import QUEUES
from meridian.db.dsn import libpq_dsn
from meridian.db.durability import check_durable
from meridian.db.engine import (
    ANALYST_ROLE,
    APP_ROLE,
    AUDIT_ROLE,
    BROKER_ROLE,
    REGISTRAR_ROLE,
    WORKER_ROLE,
    open_engine,
    transaction,
)
from meridian.db.migrate import migrate
from meridian.db.online import count_vectors, load_fields
from meridian.errors import MeridianError
from meridian.local.broker import install_pgmq
from meridian.local.postgres import EmbeddedPostgres
from meridian.local.secret_file import SecretFile
from meridian.products import products
from meridian.registry import bundle_folder, load_manifest, purposes_of
from meridian.settings import LOCAL_FILE, Settings
from meridian.training.demo import SIMULATED_PRODUCT, train_demo
from meridian.wiring import Wiring

DATABASE = "meridian"
ANALYST = "analyst"
LOGINS = (APP_ROLE, WORKER_ROLE, ANALYST_ROLE, AUDIT_ROLE, BROKER_ROLE, REGISTRAR_ROLE)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Access:
    """What the newcomer is told: the first key, and the first analyst."""

    api_key: str
    analyst: str
    password: str


def embedded_settings(postgres: EmbeddedPostgres, settings: Settings, port: int) -> Settings:
    """The settings of an installation on the embedded server; written to the home, so that other commands find it."""
    url = {role: postgres.url(role, postgres.secret(role), DATABASE) for role in LOGINS}
    values = {
        "DATABASE_URL": url[APP_ROLE],
        "ADMIN_DATABASE_URL": make_url(postgres.superuser_url).set(database=DATABASE).render_as_string(False),
        "AUDIT_DATABASE_URL": url[AUDIT_ROLE],
        "DESK_DATABASE_URL": url[ANALYST_ROLE],
        "WORKER_DATABASE_URL": url[WORKER_ROLE],
        "REGISTRY_DATABASE_URL": url[REGISTRAR_ROLE],
        "MERIDIAN_SEAL_KEY": postgres.secret("seal_key"),
        "BROKER_URL": settings.broker_url or url[BROKER_ROLE].replace("postgresql+psycopg2:", "pgmq:", 1),
    }
    return _local_settings(settings, values, postgres.secret("session_key"), port, keep=True)


def server_settings(settings: Settings, port: int) -> Settings:
    """The settings of an installation on the servers that the environment names. Nothing of them is written."""
    values = {"DATABASE_URL": settings.database_url, "ADMIN_DATABASE_URL": settings.admin_url}
    values |= {"BROKER_URL": settings.broker, "AUDIT_DATABASE_URL": settings.audit_database_url}
    values |= {"DESK_DATABASE_URL": settings.desk_database_url, "WORKER_DATABASE_URL": settings.worker_database_url}
    values |= {"REGISTRY_DATABASE_URL": settings.registry_database_url}
    kept = SecretFile(settings.home / "secrets.json")
    values["MERIDIAN_SEAL_KEY"] = settings.seal_key.get_secret_value() or kept.secret("seal_key")
    secret = settings.secret_key.get_secret_value() or kept.secret("session_key")
    return _local_settings(settings, values, secret, port, keep=False)


def prepare_database(settings: Settings, say: Say) -> None:
    """Schema and queue, as the administrator. Raises `NotReady` where the server may lose what it commits."""
    engine = open_engine(settings.admin_url, role=None, name="up", pool_size=1)
    check_durable(engine)
    engine.dispose()
    say("database schema")
    migrate(settings.admin_url)
    if settings.broker.startswith("pgmq:"):
        install_pgmq(libpq_dsn(settings.admin_url), BROKER_ROLE, QUEUES)


def allow_logins(postgres: EmbeddedPostgres) -> None:
    """Give the roles their passwords: on the embedded server each part of the service logs in as itself."""
    engine = open_engine(postgres.superuser_url, role=None, name="up", pool_size=1)
    with transaction(engine) as connection:
        for role in LOGINS:
            # A password cannot be a bound parameter here; ours are URL-safe letters, made in this process.
            connection.execute(text(f"ALTER ROLE {role} LOGIN PASSWORD '{postgres.secret(role)}'"))
    engine.dispose()


def ensure_models(settings: Settings, say: Say, progress: Callable[[str, float], None]) -> dict[str, str]:
    """Each product's models, by name and hash; where there are none, demo models are trained on simulated loans.

    What is there and cannot be used is never replaced: that is the owner's to decide. Nobody is simulated for a
    lender's own product: until it is trained, its policy refers who applies.
    """
    names = {}
    for product in products().values():
        folders = [bundle_folder(settings.models_dir, product.name, purpose) for purpose in purposes_of(product)]
        if not any(folder.exists() for folder in folders):
            if product.name != SIMULATED_PRODUCT:
                say(f"no models for {product.name} yet; make them: meridian train {product.name} --data FILE")
                continue
            say(f"demo models for {product.name}, from simulated applicants")
            train_demo(product, settings.models_dir, progress)
        for folder in folders:
            manifest = load_manifest(folder)
            names[manifest.name] = manifest.sha256
    return names


def ensure_access(wiring: Wiring, home: Path) -> Access:
    """The first API key and the first analyst, made once and kept in the home's secrets."""
    secrets = SecretFile(home / "secrets.json")
    key = secrets.get("api_key")
    if key is None or not _opens(wiring, key):
        key, _ = wiring.keys.create("made by meridian up", ["admin"])
        secrets.put("api_key", key)
    password = secrets.secret("analyst_password")
    if not wiring.keys.sign_in(ANALYST, password):
        wiring.keys.set_password(ANALYST, password)
    return Access(key, ANALYST, password)


def start_without_history(worker: Wiring) -> None:
    """A lender on its own machine has had no business with anybody, as of now.

    Once anybody was loaded that is no longer so, and what was loaded ages like any other.
    """
    now = datetime.now(UTC)
    loaded = [source for product in worker.declared.values() for source in product.sources if source.loaded]
    with transaction(worker.engine) as connection:
        for source in loaded:
            if not count_vectors(connection, source):
                load_fields(connection, source, [], as_of=now)


def _opens(wiring: Wiring, key: str) -> bool:
    with contextlib.suppress(MeridianError):
        return bool(wiring.keys.authenticate(key))
    return False


def _local_settings(settings: Settings, values: dict[str, str], secret: str, port: int, *, keep: bool) -> Settings:
    values |= {"MERIDIAN_SECRET_KEY": secret, "MERIDIAN_HTTPS": "false", "MERIDIAN_PORT": str(port)}
    if keep:
        _write(settings.home / LOCAL_FILE, values)
    # From here on all children see one environment, whatever was in a file.
    os.environ.update({name: value for name, value in values.items() if value})
    os.environ["MERIDIAN_HOME"] = str(settings.home.absolute())
    return Settings()


def _write(path: Path, values: dict[str, str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}='{value}'\n" for name, value in values.items())
