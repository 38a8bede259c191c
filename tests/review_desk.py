"""A service with cases, and what tests of them ask and do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from meridian.service import Wanted
from tests.services import Service, fresh_database, service

NOTE = "Pay slips of three months seen; they match the stated income."


@contextmanager
def review_desk(server_url: str, models: Path, home: Path) -> Iterator[Service]:
    """The API on a database of its own; assessments are made by the test, when it wants them."""
    settings = {"MERIDIAN_API_WORKERS": "1", "MERIDIAN_ONLINE_TIMEOUT_MS": "2000"}
    with fresh_database(server_url) as url, service(home, url, models, **settings) as running:
        running.start_api()
        yield running


def decide(desk: Service, request: dict[str, Any]) -> dict[str, Any]:
    ref = f"case-{uuid4().hex}"
    request = {**request, "application_ref": ref, "application": {**request["application"], "applicant_id": ref}}
    decision: dict[str, Any] = json.loads(
        desk.wiring.decisions.decide(Wanted("tests", json.dumps(request).encode())).body
    )
    return decision


def listed(desk: Service, ref: str) -> dict[str, Any] | None:
    waiting = desk.wiring.desk.reviews.queue(limit=10_000)["data"]
    return next((case for case in waiting if case["application_ref"] == ref), None)


def case_of(desk: Service, ref: str) -> UUID:
    found = listed(desk, ref)
    assert found is not None
    return UUID(found["id"])


def assess(desk: Service, ref: str) -> None:
    (job,) = desk.query("SELECT job_id FROM audit.jobs WHERE application_ref = :ref", ref=ref)
    assert desk.worker.assessments.assess(job.job_id)


def governing(desk: Service, ref: str) -> dict[str, Any]:
    versions = desk.get(f"/v1/applications/{ref}").json()["versions"]
    (one,) = [version for version in versions if version["governs"]]
    found: dict[str, Any] = one
    return found
