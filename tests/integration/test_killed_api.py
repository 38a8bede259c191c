"""The API killed outright while decisions flow: what was answered is kept, and a retry gets the same bytes."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from meridian.simulator import requests
from tests.faults import kill_9
from tests.services import Answer, Service, eventually, service
from tests.training_fixtures import TrainedModels


def ask(running: Service, request: Mapping[str, Any]) -> Answer | None:
    """The answer, or None where none came."""
    try:
        return running.decide(request, {"Idempotency-Key": f"key-{request['application_ref']}"})
    except (OSError, http.client.HTTPException):
        return None


def test_what_was_acknowledged_is_in_the_record_once_and_retries_get_the_same_bytes(
    own_database: str, demo_models: TrainedModels, tmp_path: Path, today: date
) -> None:
    asked = requests(60, 11, today)
    with service(tmp_path, own_database, demo_models.models_dir) as running:
        running.start_api()
        with ThreadPoolExecutor(6) as callers:
            waiting = [callers.submit(ask, running, one) for one in asked]
            assert eventually(lambda: sum(one.done() for one in waiting) >= 15)
            kill_9(running, "api")
            first = [one.result(60) for one in waiting]
        acknowledged = [one for one in first if one is not None and one.status == 201]
        assert 15 <= len(acknowledged) < 60
        recorded = {row.ref for row in running.query("SELECT ref FROM record.application")}
        assert {one.json()["application_ref"] for one in acknowledged} <= recorded

        running.start_api()
        again = [ask(running, one) for one in asked]
        for before, after in zip(first, again, strict=True):
            assert after is not None
            assert after.status == 201
            if before is not None and before.status == 201:
                assert after.body == before.body
                assert after.headers["idempotent-replayed"] == "true"
        third = [ask(running, one) for one in asked]
        assert [one.body for one in third if one] == [one.body for one in again if one]

        rows = running.query(
            "SELECT a.ref, count(v.id) AS versions, count(DISTINCT j.id) AS jobs, count(v.governs_because) AS govern "
            "FROM record.application a LEFT JOIN record.version v ON v.application_id = a.id "
            "LEFT JOIN work.job j ON j.application_id = a.id GROUP BY a.ref"
        )
        assert {row.ref for row in rows} == {one["application_ref"] for one in asked}
        assert {(row.versions, row.jobs, row.govern) for row in rows} == {(1, 1, 1)}
        stored = {row.document.encode() for row in running.query("SELECT document FROM record.version")}
        assert stored == {one.body for one in again if one}
