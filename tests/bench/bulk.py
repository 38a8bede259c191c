"""`python -m tests.bench.bulk`: a file of applications decided and recorded, beside its limits and a task for each."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, registry

from meridian.application import parse_request
from meridian.bulk import Form
from meridian.db import tables as t
from meridian.db.batches import Batch
from meridian.db.engine import WORKER_ROLE, transaction
from meridian.evidence import Evidence
from meridian.products import find_product
from meridian.service.batches import Batches
from meridian.settings import load_settings
from meridian.simulator.lender import LenderSettings, requests, simulate
from meridian.wiring import Wiring
from tests.bench.features.database import database
from tests.lender import quiet
from tests.services import Service, service
from tests.training_fixtures import LOAN_MODELS, train_loan_models

LOAN = find_product("consumer-loan")
SAMPLED = 5_000
"""Rows that are scored and decided alone; what they take is scaled."""
COPIED = {"application": "id", "evidence": "application_id", "version": "application_id"}


def bench(
    applications: Annotated[int, typer.Option(min=SAMPLED, help="How many rows the file has.")] = 1_000_000,
    processes: Annotated[int, typer.Option(min=1, help="How many decide.")] = os.cpu_count() or 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Measure a batch from the file to the record; scoring alone; COPY of the same bytes; and one task for each row."""
    figures: dict[str, float] = {"applications": applications, "processes": processes}
    with _running(applications) as (it, file):
        worker = it.worker.batches
        scorer = worker.scorers(LOAN.name, "")
        assert scorer is not None
        figures |= {"leaves of the model": len(scorer.tables._values), "features": len(scorer.features)}
        with file.open("rb") as opened:
            batch_id, figures["taking the file in, s"] = _timed(
                lambda: worker.take_in(LOAN.name, Form.NDJSON, opened, "bench", "file.ndjson")
            )
        (found, peak), took = _timed(lambda: _decided(it, worker, batch_id, processes))
        assert (found.state, found.decided) == ("done", applications), found
        figures |= {"deciding and recording, s": took, "rows a second": applications / took}
        figures["peak memory of a process, MB"] = peak
        figures["scoring alone in as many processes, s"] = _scoring(it, scorer) * applications / processes
        figures["COPY of the same bytes, s"], figures["bytes a row"] = _copy(it, applications)
        figures["a task for each row, s"] = _one_by_one(it, worker, found, scorer) * applications / processes
    limit = max(figures["scoring alone in as many processes, s"], figures["COPY of the same bytes, s"])
    figures["over the limit"] = figures["deciding and recording, s"] / limit
    figures["a task for each over it"] = figures["a task for each row, s"] / figures["deciding and recording, s"]
    if as_json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name}: {value:,.4g}\n")


@contextmanager
def _running(applications: int) -> Iterator[tuple[Service, Path]]:
    """A lender whose applicants all apply today, with their vectors and models, and the file of their applications."""
    today = datetime.now(UTC).date()
    with TemporaryDirectory() as folder, database() as url:
        place = Path(folder)
        train_loan_models(place)
        simulate(LenderSettings(applicants=applications, seed=11, first_day=today, last_day=today), place / "lender")
        events = {"MERIDIAN_EVENTS": str(place / "lender" / "events")}
        with service(place / "home", url, place / LOAN_MODELS, BROKER_URL="memory://", **events) as it:
            for source in LOAN.sources:
                it.worker.materialisation.run(source, quiet)
            file = place / "file.ndjson"
            with file.open("w") as opened:
                opened.writelines(json.dumps(request) + "\n" for request in requests(place / "lender"))
            engine = create_engine(url, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.execute(text("VACUUM ANALYZE"))
            engine.dispose()
            yield it, file


def _decided(it: Service, worker: Batches, batch_id: UUID, processes: int) -> tuple[Batch, float]:
    """The batch when all is decided, and the peak memory of the process that took most."""
    context = multiprocessing.get_context("spawn")
    peaks: Any = context.Queue()
    os.environ |= it.env
    children = [context.Process(target=_work, args=(batch_id, peaks)) for _ in range(processes)]
    for child in children:
        child.start()
    peak = max(peaks.get() for _ in children)
    for child in children:
        child.join()
    return worker.find(batch_id), peak


def _work(batch_id: UUID, peaks: Any) -> None:
    batches = Wiring(load_settings(), "bench", WORKER_ROLE).batches
    while batches.decide_next(batch_id):
        pass
    # Not `getrusage`: what a child has at its start is its parent's.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    peaks.put(int(peak.split()[1]) / 1024)


def _scoring(it: Service, scorer: Any) -> float:
    """Seconds a row of the model alone."""
    rows = it.query("SELECT document FROM record.evidence LIMIT :n", n=SAMPLED)
    values = [Evidence.from_text(row.document).features for row in rows]
    _, took = _timed(lambda: scorer.scores(values))
    return took / len(values)


def _copy(it: Service, applications: int) -> tuple[float, float]:
    """Seconds that COPY takes for all rows of the record into tables like those, and the bytes of a row."""
    raw: Any = create_engine(it.settings.admin_url).raw_connection()
    cursor, seconds, size = raw.cursor(), 0.0, 0
    with TemporaryDirectory() as folder:
        for table, key in COPIED.items():
            path = Path(folder) / table
            with path.open("wb") as out:
                cursor.copy_expert(f"COPY (SELECT * FROM record.{table} ORDER BY {key}) TO STDOUT", out)
            size += path.stat().st_size
            cursor.execute(f"CREATE TABLE copied_{table} (LIKE record.{table} INCLUDING ALL)")
            raw.commit()
            with path.open("rb") as given:
                _, took = _timed(lambda table=table, given=given: _copied(raw, table, given))
            seconds += took
            path.unlink()
    raw.close()
    return seconds, size / applications


def _copied(raw: Any, table: str, given: Any) -> None:
    raw.cursor().copy_expert(f"COPY copied_{table} FROM STDIN", given)
    raw.commit()


def _one_by_one(it: Service, worker: Batches, batch: Batch, scorer: Any) -> float:
    """Seconds a row of what a task for each would do: look up, decide, and add three rows by the ORM in a commit."""
    mapped = registry()
    rows = {name: type(name, (), {}) for name in COPIED}
    for name, made in rows.items():
        mapped.map_imperatively(made, getattr(t, name))
    bodies = [json.dumps(one) for one in _taken(it, SAMPLED)]
    product = it.worker.products[LOAN.name]
    _, took = _timed(lambda: [_task(worker, batch, product, scorer, rows, body) for body in bodies])
    mapped.dispose()
    return took / len(bodies)


def _task(worker: Batches, batch: Batch, product: Any, scorer: Any, rows: dict[str, Any], body: str) -> None:
    request = parse_request(body.encode(), {product.name: product.request})
    with transaction(worker.engine) as connection:
        (evidence,) = worker.capturing.from_store(
            connection, product, [request], batch.created_at, worker.clock(), scorer
        )
    entry = worker._entry(batch, request, evidence, product.decide(evidence, scorer))
    one, row, version = entry.application, entry.evidence, entry.version
    with Session(worker.engine) as session:
        made = []
        for name, columns in {
            "application": {**vars(one), "row_sha256": one.leaf.sha256},
            "evidence": {
                "id": row.id, "application_id": one.id, "sha256": evidence.sha256, "rung": int(evidence.rung),
                "document": evidence.text, "captured_at": row.captured_at, "row_sha256": row.leaf.sha256,
            },
            "version": {
                **{column.name: getattr(version, column.name, None) for column in t.version.columns},
                "stage": version.stage.value, "outcome": version.outcome.value, "document": version.text,
                "row_sha256": version.leaf.sha256,
            },
        }.items():  # fmt: skip
            instance = rows[name]()
            for column in getattr(t, name).columns:
                setattr(instance, column.name, columns[column.name])
            made.append(instance)
            session.add_all(made[-1:])
            session.flush()
        session.commit()


def _taken(it: Service, count: int) -> Sequence[dict[str, Any]]:
    rows = it.query("SELECT document FROM record.evidence LIMIT :n", n=count)
    asked = [json.loads(row.document)["request"] for row in rows]
    return [{**one, "application_ref": f"{one['application_ref']}-again"} for one in asked]


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    return call(), time.perf_counter() - begun


if __name__ == "__main__":
    typer.run(bench)
