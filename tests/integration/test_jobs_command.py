"""`meridian jobs`: what waits, what is held, what was set aside, and tried again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meridian.bulk import Form
from meridian.service import Wanted
from meridian.simulator import requests
from tests.commands import meridian
from tests.services import Service, copied_database, service
from tests.training_fixtures import TrainedModels

LOAN = "personal-loan"


@pytest.fixture
def running(template: str, demo_models: TrainedModels, tmp_path: Path) -> Iterator[Service]:
    with (
        copied_database(template) as database,
        service(tmp_path / "home", database, demo_models.models_dir, BROKER_URL="memory://") as it,
    ):
        yield it


def told(running: Service, *arguments: str) -> dict[str, Any]:
    done = meridian(["jobs", *arguments, "--json"], running.env)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def kinds(running: Service) -> dict[str, tuple[int, int, int, int]]:
    return {
        one["kind"]: (one["waiting"], one["held"], one["set_aside"], one["done_last_hour"])
        for one in told(running)["work"]
    }


def test_what_waits_is_counted_and_what_was_set_aside_is_tried_again(running: Service) -> None:
    nothing = (0, 0, 0, 0)
    assert kinds(running) == dict.fromkeys(("assessments", "parts of batches", "fetches"), nothing)
    assert "Nothing was set aside" in meridian(["jobs", "--failed"], running.env).stdout
    people = [json.dumps(one).encode() for one in requests(5, 5, datetime.now(UTC).date())]
    for body in people[:3]:
        running.wiring.decisions.decide(Wanted("tests", body))
    batch_id = running.worker.batches.take_in(LOAN, Form.NDJSON, io.BytesIO(b"\n".join(people[3:])), "t", "two.ndjson")
    ids = [row.id for row in running.query("SELECT id FROM work.job ORDER BY id")]
    assert running.worker.assessments.assess(ids[0])
    running.execute(f"UPDATE work.job SET lease_until = now() + interval '1 hour' WHERE id = '{ids[1]}'")
    running.execute(f"UPDATE work.job SET state = 'failed', attempts = 5, error = 'no model' WHERE id = '{ids[2]}'")
    running.execute("UPDATE work.batch_part SET state = 'failed', attempts = 5, error = 'no model'")
    assert kinds(running) == {
        "assessments": (0, 1, 1, 1), "parts of batches": (0, 0, 1, 0), "fetches": nothing,
    }  # fmt: skip
    held = told(running)["work"][0]
    assert held["soonest_lease_end"] > datetime.now(UTC).isoformat()
    assert 0 < held["oldest_s"] < 600
    failed = {one["id"]: one for one in told(running, "--failed")["set_aside"]}
    assert failed.keys() == {str(ids[2]), f"{batch_id}/1"}
    assert failed[str(ids[2])]["of"] == json.loads(people[2])["application_ref"]
    assert failed[f"{batch_id}/1"]["of"] == "two.ndjson, rows from 1"
    assert {one["error"] for one in failed.values()} == {"no model"}
    shown = meridian(["jobs", "--failed"], running.env).stdout
    assert "two.ndjson" in shown
    assert "failed" in meridian(["jobs"], running.env).stdout

    assert told(running, "again", str(batch_id)) == {"again": 1}
    assert kinds(running)["parts of batches"] == (1, 0, 0, 0)
    assert replace(running.worker.batches, sweep_after_s=0.0).sweep()
    assert running.worker.batches.decide_next()
    refused = meridian(["jobs", "again", str(batch_id)], running.env)
    assert refused.returncode == 2
    assert "was set aside" in refused.stderr
    assert "Which? Give ids" in meridian(["jobs", "again"], running.env).stderr
    assert "1 wait again" in meridian(["jobs", "again", "--all"], running.env).stderr
    assert running.worker.assessments.assess(ids[2])
    assert kinds(running)["assessments"] == (0, 1, 0, 2)
