"""A load of the own history: complete, or not at all; and no load is no knowledge."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meridian.evidence import SourceStatus
from meridian.local.installation import start_without_history
from meridian.products.personal_loan.features import HISTORY
from meridian.sources import Deadline
from tests.services import Service, service
from tests.training_fixtures import TrainedModels

HEADER = "applicant_id,loans,worst_days_late\n"
PATIENT = {"MERIDIAN_ONLINE_TIMEOUT_MS": "2000"}


def load(running: Service, path: Path, day: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "meridian.cli", "history", "load", str(path), "--as-of", day]
    return subprocess.run(command, env={**os.environ, **running.env}, capture_output=True, text=True, check=False)


def test_a_load_is_read_by_the_next_decision_and_ages(
    own_database: str, demo_models: TrainedModels, tmp_path: Path, application: dict[str, Any], today: date
) -> None:
    with service(tmp_path, own_database, demo_models.models_dir, **PATIENT) as running:
        running.start_api()
        (tmp_path / "own.csv").write_text(f"{HEADER}{application['application']['applicant_id']},2,200\n")
        found = []
        for age_days in (40, 10, 0):
            done = load(running, tmp_path / "own.csv", (today - timedelta(age_days)).isoformat())
            assert done.returncode == 0, done.stderr
            decision = running.decide(application).json()
            found.append((decision["outcome"], decision["reasons"][0]["code"], decision["evidence"]["rung"]))
    assert found == [("refer", "D02", 3), ("decline", "P11", 1), ("decline", "P11", 0)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEADER}a,1,0\nb,one,0\n", "line 3, loans: 'one' is not a whole number"),
        ("applicant_id,loans\na,1\n", "lacks the columns worst_days_late"),
        (f"{HEADER}a,1,-4\n", "line 2, worst_days_late: '-4'"),
        (f"{HEADER}a,1,4\nb,1,0\na,2,0\n", "line 4, applicant_id: 'a' stands there twice"),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole(server: Service, tmp_path: Path, text: str, said: str) -> None:
    before = server.query("SELECT count(*) FROM online.coverage")
    (tmp_path / "own.csv").write_text(text)
    done = load(server, tmp_path / "own.csv", "2026-01-01")
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert server.query("SELECT count(*) FROM online.coverage") == before


def test_without_any_load_nothing_is_known_of_anybody(
    own_database: str, demo_models: TrainedModels, tmp_path: Path, application: dict[str, Any]
) -> None:
    with service(tmp_path, own_database, demo_models.models_dir, **PATIENT) as running:
        running.execute("DELETE FROM online.coverage")
        running.start_api()
        decision = running.decide(application).json()
    assert (decision["outcome"], [reason["code"] for reason in decision["reasons"]]) == ("refer", ["D02"])
    (own,) = [source for source in decision["evidence"]["sources"] if source["name"] == "history"]
    assert (own["status"], own["detail"]) == ("missing", "nothing was ever loaded")


def test_a_new_start_does_not_make_an_old_load_look_fresh(
    own_database: str, demo_models: TrainedModels, tmp_path: Path, today: date
) -> None:
    with service(tmp_path, own_database, demo_models.models_dir, **PATIENT) as running:
        start_without_history(running.worker)
        (tmp_path / "own.csv").write_text(f"{HEADER}a,1,0\n")
        assert load(running, tmp_path / "own.csv", (today - timedelta(10)).isoformat()).returncode == 0
        start_without_history(running.worker)
        now = datetime.now(UTC)
        (own,) = running.wiring.online([HISTORY], "a", now, now, Deadline.after(5)).readings
    assert (own.status, own.fields["loans"]) == (SourceStatus.STALE, 1.0)
