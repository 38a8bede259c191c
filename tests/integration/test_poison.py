"""Jobs that cannot be done: tried five times, set aside with their error, and in nobody's way."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from meridian.db import jobs
from meridian.db.engine import transaction
from meridian.registry import Purpose
from meridian.service import Wanted
from tests.services import Service, eventually, service
from tests.training_fixtures import TrainedModels


def set_aside(running: Service) -> list[Any]:
    return running.query("SELECT * FROM audit.jobs WHERE state = 'failed'")


def test_a_job_that_fails_five_times_is_set_aside_and_the_service_goes_on(
    own_database: str, demo_models: TrainedModels, tmp_path: Path, application: dict[str, Any]
) -> None:
    models = tmp_path / "broken"
    shutil.copytree(demo_models.models_dir, models)
    (models / demo_models.folder(Purpose.BATCH).relative_to(demo_models.models_dir) / "model.json").write_text("{}")
    with service(tmp_path / "home", own_database, models, MERIDIAN_SWEEP_AFTER_S="0") as running:
        running.start_api()
        running.start_worker()
        running.start_schedule()
        first = running.decide(application).json()
        (waiting,) = running.query("SELECT id FROM work.job")

        def rung_for_again() -> bool:
            # As if the seconds had gone by that an attempt waits for the next.
            running.execute("UPDATE work.job SET lease_until = now() WHERE error IS NOT NULL AND state = 'waiting'")
            # As the schedule does every ten seconds.
            running.wiring.bell.ring(UUID(str(waiting.id)))
            time.sleep(0.5)
            return len(set_aside(running)) == 1

        running.until(rung_for_again, "the job is set aside", seconds=90)
        (job,) = set_aside(running)
        assert (job.attempts, job.application_ref, job.done_at) == (5, first["application_ref"], None)
        assert "no batch model for personal-loan" in job.error
        application["application"]["applicant_id"] += "-2"
        assert running.decide(application).json()["outcome"] == "approve"
        assert running.get(f"/v1/applications/{first['application_ref']}").json()["outcome"] == "approve"


@pytest.fixture
def local(own_database: str, demo_models: TrainedModels, tmp_path: Path) -> Iterator[Service]:
    """Both parts in this process, with a lease that soon runs out."""
    settings = {"MERIDIAN_LEASE_S": "0.05", "MERIDIAN_SWEEP_AFTER_S": "0", "MERIDIAN_ONLINE_TIMEOUT_MS": "2000"}
    with service(tmp_path, own_database, demo_models.models_dir, **settings) as running:
        yield running


def decide(running: Service, request: dict[str, Any]) -> UUID:
    """Decide in this process; the id of the job that waits."""
    running.wiring.decisions.decide(Wanted("tests", json.dumps(request).encode()))
    (row,) = running.query("SELECT id FROM work.job ORDER BY created_at DESC LIMIT 1")
    return UUID(str(row.id))


def test_a_job_that_kills_whoever_takes_it_is_set_aside_too(local: Service, application: dict[str, Any]) -> None:
    """Nobody is left to write an error on it; its attempts were counted when it was taken."""
    job_id = decide(local, application)
    for attempt in range(1, 6):
        with transaction(local.worker.engine) as connection:
            taken = jobs.claim_job(connection, job_id, 0.05)
        assert taken is not None
        assert taken.attempts == attempt
        time.sleep(0.06)
    assert local.worker.assessments.assess(job_id) is False
    assert local.worker.assessments.sweep() == 0
    (job,) = set_aside(local)
    assert (job.attempts, job.error) == (
        5,
        "every attempt was cut short: the worker was killed, or its time ran out",
    )


def test_a_job_in_somebodys_hands_is_left_alone_until_the_lease_ends(
    local: Service, application: dict[str, Any]
) -> None:
    job_id = decide(local, application)
    with transaction(local.worker.engine) as connection:
        assert jobs.claim_job(connection, job_id, 0.5) is not None
    assert local.worker.assessments.assess(job_id) is False
    assert local.worker.assessments.sweep() == 0
    assert eventually(lambda: local.worker.assessments.sweep() == 1)
    assert local.worker.assessments.assess(job_id) is True
    assert local.worker.assessments.assess(job_id) is False


def test_a_job_that_nobody_asked_for_is_nothing_to_do(local: Service) -> None:
    assert local.worker.assessments.assess(UUID(int=7)) is False


@pytest.mark.parametrize("income", [1e-10, 1e-200, 0.0, 1e8])
def test_numbers_at_the_edge_of_what_is_accepted_are_assessed(
    local: Service, application: dict[str, Any], income: float
) -> None:
    """PostgreSQL gives 1e18 back as an integer; the evidence's hash is the same."""
    application["application"]["annual_income"] = income
    application["application"]["credit_report"]["revolving_balance"] = 1e8
    assert local.worker.assessments.assess(decide(local, application)) is True
    rows = local.query(
        "SELECT v.document::jsonb #>> '{evidence,hash}' AS hash, encode(e.sha256, 'hex') AS sha256 "
        "FROM record.version v "
        "JOIN record.evidence e ON e.id = v.evidence_id"
    )
    assert len(rows) == 2
    assert {row.hash for row in rows} == {rows[0].sha256}
