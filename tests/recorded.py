"""A record to look into: decided and assessed in this process, sealed, on a database of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from meridian.service import Wanted
from meridian.simulator import requests
from tests.services import Service, service


@contextmanager
def recorded_service(home: Path, database: str, models: Path, applications: int, seed: int = 5) -> Iterator[Service]:
    """No process is started: the use cases are called as API and workers call them."""
    with service(home, database, models, MERIDIAN_ONLINE_TIMEOUT_MS="2000", BROKER_URL="memory://") as running:
        record(running, applications, seed)
        yield running


def record(running: Service, applications: int, seed: int) -> None:
    """Decide, assess and seal simulated applications."""
    for one in requests(applications, seed, datetime.now(UTC).date()):
        running.wiring.decisions.decide(Wanted("tests", json.dumps(one).encode(), f"key-{one['application_ref']}"))
    for (job,) in running.query("SELECT id FROM work.job WHERE state = 'waiting'"):
        running.worker.assessments.assess(job)
    running.worker.seals.seal()


def decision_ids(running: Service, where: str = "true") -> list[UUID]:
    """The ids of the versions for which an SQL condition on `v` holds."""
    return [row.id for row in running.query(f"SELECT id FROM record.version v WHERE {where} ORDER BY id")]
