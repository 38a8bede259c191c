"""`python -m tests.bench.backtest`: a draft over a million stored decisions, beside reading them, and one by one."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from sqlalchemy import create_engine, text

from meridian.db.engine import REGISTRAR_ROLE, transaction
from meridian.db.recorded import find_recorded
from meridian.decision import Terms, decide
from meridian.outcome import Stage
from meridian.policy import Bands
from meridian.products import find_product
from meridian.service import Wanted
from meridian.simulator import requests
from meridian.training.demo import train_demo
from meridian.wiring import Wiring
from tests.bench.features.database import database
from tests.bench.figures import Spread
from tests.services import Service, service

LOAN = find_product("personal-loan")
MADE = 2_000
"""Decisions that are really made; the others are copies under ids of their own."""
COPIES = """
INSERT INTO record.application
SELECT {id_of}, ref || '-' || n, product, applicant_id || '-' || n, caller, NULL, request_sha256, received_at,
       row_sha256
FROM record.application a, generate_series(1, :copies) n;
INSERT INTO record.evidence
SELECT md5(e.id::text || n)::uuid, {id_of}, sha256, rung, document, captured_at, e.row_sha256
FROM record.evidence e JOIN record.application a ON a.id = e.application_id AND a.ref NOT LIKE '%-%-%-%',
     generate_series(1, :copies) n;
INSERT INTO record.version
SELECT md5(v.id::text || n)::uuid, {id_of}, number, md5(v.evidence_id::text || n)::uuid, stage, outcome, pd,
       model_sha256, policy_version, decided_at, decided_by, governs_because, document, v.row_sha256
FROM record.version v JOIN record.application a ON a.id = v.application_id AND a.ref NOT LIKE '%-%-%-%',
     generate_series(1, :copies) n"""
ID_OF = "(left(replace(a.id::text, '-', ''), 12) || right(md5(a.id::text || n), 20))::uuid"


def bench(
    decisions: Annotated[int, typer.Option(min=MADE, help="How many stored decisions.")] = 1_000_000,
    repeats: Annotated[int, typer.Option(min=1, help="How many rounds.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Measure a backtest over the record, the reading of the same evidence alone, and deciding one by one."""
    rounds: dict[str, list[float]] = {}
    with _running() as it:
        _fill(it, decisions // MADE - 1)
        registrar = Wiring(it.settings, "bench", REGISTRAR_ROLE)
        draft = _draft()
        for _ in range(repeats):
            took = _timed(lambda: _backtest(registrar, draft, decisions))
            rounds.setdefault("backtest of two policies, s", []).append(took)
            rounds.setdefault("decisions a second", []).append(decisions / took)
            read = _timed(lambda: _read(it))
            rounds.setdefault("reading the same evidence alone (COPY), s", []).append(read)
            rounds.setdefault("backtest over reading alone", []).append(took / read)
            alone = _timed(lambda: _one_by_one(it, draft)) / MADE * decisions
            rounds.setdefault("one by one, by both, s", []).append(alone)
            rounds.setdefault("one by one over backtest", []).append(alone / took)
        registrar.close()
    rounds["peak memory of this process, MB"] = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]
    found = {name: vars(Spread.of(values)) for name, values in rounds.items()}
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    sys.stdout.write(f"{decisions:,} stored decisions, {repeats} rounds\n")
    for name, spread in found.items():
        sys.stdout.write(f"{name}: {', '.join(f'{key} {value:,.4g}' for key, value in spread.items())}\n")


@contextmanager
def _running() -> Iterator[Service]:
    with TemporaryDirectory() as folder, database() as url:
        home = Path(folder)
        train_demo(LOAN, home / "models")
        with service(home, url, BROKER_URL="memory://") as it:
            for request in requests(MADE, 5, datetime.now(UTC).date()):
                it.wiring.decisions.decide(Wanted("bench", json.dumps(request).encode()))
            yield it


def _fill(it: Service, copies: int) -> None:
    engine = create_engine(it.settings.admin_url)
    with engine.begin() as connection:
        # What is copied kept every rule once; to hold each copy to them again would take longer than the benchmark.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in COPIES.format(id_of=ID_OF).split(";"):
            connection.execute(text(statement), {"copies": copies})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _draft() -> Terms:
    policy = LOAN.policy
    rules = tuple(replace(rule, limit=0.3) if rule.name == "debt-to-income" else rule for rule in policy.rules)
    return replace(LOAN.terms, policy=replace(policy, rules=rules, bands=Bands(0.15, 0.3)))


def _backtest(registrar: Wiring, draft: Terms, decisions: int) -> None:
    now = datetime.now(UTC)
    found = registrar.backtests.over_record(
        LOAN, (LOAN.terms, draft), (now - timedelta(days=1), now + timedelta(minutes=1)), Stage.FAST
    )
    assert found.tally.decisions == decisions, found.tally.decisions
    assert found.agrees, found.document()["held_to_record"]


def _read(it: Service) -> None:
    class Nowhere:
        def write(self, some: bytes) -> int:
            return len(some)

    engine = create_engine(it.settings.admin_url)
    raw: Any = engine.raw_connection()
    raw.cursor().copy_expert("COPY (SELECT document FROM record.evidence) TO STDOUT", Nowhere())
    raw.close()
    engine.dispose()


def _one_by_one(it: Service, draft: Terms) -> None:
    with transaction(it.wiring.engine) as connection:
        ids = connection.execute(text("SELECT id FROM record.version LIMIT :n"), {"n": MADE}).scalars().all()
    with transaction(it.wiring.engine) as connection:
        for one in find_recorded(connection, ids):
            scorer = it.wiring.models.archive(LOAN.name, one.model_sha256) if one.model_sha256 else None
            for terms in (LOAN.terms, draft):
                decide(one.evidence, terms, scorer)


def _timed(call: Callable[[], None]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    typer.run(bench)
