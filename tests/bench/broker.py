"""`python -m tests.bench.broker`: the broker is down for a whole run, then back; every assessment is made, once."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from meridian.products import find_product
from meridian.simulator import requests
from meridian.training.demo import train_demo
from tests.bench.features.database import database
from tests.services import BROKERS, Service, answers, free_port, service, with_quorum_queues

CALLERS = 8
DONE = """
SELECT (SELECT count(*) FROM work.job WHERE state = 'done') AS done,
       (SELECT count(*) FROM record.version WHERE stage = 'batch') AS assessments,
       (SELECT count(DISTINCT application_id) FROM record.version WHERE stage = 'batch') AS assessed
"""


def bench(
    decisions: Annotated[int, typer.Option(min=100, help="How many are made while the broker is down.")] = 10_000,
    within_s: Annotated[float, typer.Option(help="How long to wait for all assessments.")] = 600.0,
) -> None:
    """Decide over HTTP with no broker, then have one; on each broker that answers here."""
    for name in ("pgmq", *(name for name, url in BROKERS.items() if answers(url))):
        found = _run(name, decisions, within_s)
        sys.stdout.write(json.dumps({"broker": name, **found}) + "\n")
        sys.stdout.flush()
        if not found["assessed"] == found["assessments"] == decisions:
            raise typer.Exit(1)


def _run(name: str, decisions: int, within_s: float) -> dict[str, Any]:
    nobody = f"amqp://guest:guest@127.0.0.1:{free_port()}//"
    with TemporaryDirectory() as folder, database() as url:
        home = Path(folder)
        train_demo(find_product("personal-loan"), home / "models")
        with service(home, url, broker_url=nobody) as it:
            it.start_api()
            started = time.monotonic()
            with ThreadPoolExecutor(CALLERS) as callers:
                people = requests(decisions, 5, datetime.now(UTC).date())
                statuses = list(callers.map(lambda one: it.decide(one).status, people))
            assert set(statuses) == {201}, set(statuses)
            took = time.monotonic() - started
            live = "" if name == "pgmq" else BROKERS[name]
            it.env["BROKER_URL"] = with_quorum_queues(live) if name == "amqp" else live
            it.start_worker()
            it.start_schedule()
            return {"decisions": decisions, "decided_in_s": round(took, 1), **_assessed(it, decisions, within_s)}


def _assessed(it: Service, decisions: int, within_s: float) -> dict[str, Any]:
    """How long from the broker's return to the first and the last assessment."""
    started, first = time.monotonic(), None
    while (waited := time.monotonic() - started) < within_s:
        row = it.query(DONE)[0]
        if row.done and first is None:
            first = waited
        if row.done == decisions:
            break
        it.children.check()
        time.sleep(0.2)
    return {
        "first_after_s": round(first or waited, 1), "all_after_s": round(waited, 1),
        "a_second": round(decisions / max(waited - (first or 0.0), 0.001)), "assessments": row.assessments,
        "assessed": row.assessed,
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(bench)
