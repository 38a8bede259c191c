"""An outage: nobody sees an error, and afterwards exactly what it touched is decided again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from meridian.assessment import CAUTIOUS, Settlement, reconcile
from meridian.evidence import Rung
from meridian.outcome import Outcome
from meridian.registry import Purpose, bundle_folder
from meridian.review import Settling
from meridian.service import Redecided
from meridian.simulator import requests
from tests.captures import graded_scorer
from tests.faults import Wire
from tests.services import Service, eventually, fresh_database, service
from tests.training_fixtures import TrainedModels

SEED, AROUND, TOUCHED = 11, 6, 40
# A busy machine is no outage.
PATIENT = {"MERIDIAN_ONLINE_TIMEOUT_MS": "3000", "MERIDIAN_BUDGET_MS": "9000"}


def some(n: int) -> list[dict[str, Any]]:
    """Simulated applications of today, each with a report that is fresh."""
    return [one for one in requests(5 * n, SEED, now().date()) if fresh(one["application"]["credit_report"])][:n]


def fresh(report: dict[str, Any] | None) -> bool:
    return report is not None and now().date() - date.fromisoformat(report["as_of"]) < timedelta(20)


def now() -> datetime:
    return datetime.now(UTC)


def decide_all(running: Service, of: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answers = [running.decide(one) for one in of]
    assert {answer.status for answer in answers} == {201}
    return [answer.json() for answer in answers]


def run(running: Service, since: datetime, until: datetime, *, record: bool = False) -> dict[str, Redecided]:
    total, each = running.worker.redecisions.of(since, until, Rung.STALE, record=record)
    done = {one.application_ref: one for one in each}
    assert len(done) == total
    return done


def shown(running: Service, ref: str) -> dict[str, Any]:
    found: dict[str, Any] = running.get(f"/v1/applications/{ref}").json()
    return found


@pytest.fixture
def behind_a_wire(
    embedded_server: str, demo_models: TrainedModels, tmp_path: Path
) -> Iterator[tuple[Service, Wire, Path]]:
    """An API whose online store lies behind a wire, with a folder of models of its own."""
    models = tmp_path / "models"
    shutil.copytree(demo_models.models_dir, models)
    with fresh_database(embedded_server) as url:
        wire = Wire(url)
        wire.whole()
        settings = {"ONLINE_DATABASE_URL": wire.url, "MERIDIAN_API_WORKERS": "1", **PATIENT}
        with service(tmp_path, url, models, **settings) as running:
            yield running, wire, models
        wire.cut()


def test_after_an_outage_exactly_what_it_touched_is_decided_again(
    behind_a_wire: tuple[Service, Wire, Path],
) -> None:
    running, wire, _ = behind_a_wire
    running.start_api()
    applications = some(TOUCHED + 2 * AROUND)
    began = now()
    assert eventually(lambda: decide_all(running, [running_sample(running)])[0]["evidence"]["rung"] == 0)
    before = decide_all(running, applications[:AROUND])
    wire.cut()
    during = decide_all(running, applications[AROUND : AROUND + TOUCHED])
    wire.whole()
    assert eventually(lambda: decide_all(running, [running_sample(running)])[0]["evidence"]["rung"] == 0)
    after = decide_all(running, applications[AROUND + TOUCHED :])
    ended = now()

    assert {one["evidence"]["rung"] for one in before + after} == {0}
    assert {one["evidence"]["rung"] for one in during} == {3}
    assert all(one["outcome"] != "approve" for one in during), "a lost history bought an approval"

    touched = {one["application_ref"]: Outcome(one["outcome"]) for one in during}
    dry = run(running, began, ended)
    assert set(dry) >= set(touched)
    # Beyond them only the samples that were sent to see whether the store was away or back.
    assert all(shown(running, ref)["versions"][0]["evidence"]["rung"] == 3 for ref in set(dry))
    assert all(len(shown(running, ref)["versions"]) == 1 for ref in touched), "a dry run wrote"

    recorded = run(running, began, ended, record=True)
    assert {ref: (one.after, one.settlement) for ref, one in recorded.items()} == {
        ref: (one.after, one.settlement) for ref, one in dry.items()
    }
    assert {one.rung_now for one in recorded.values()} == {Rung.FULL}
    assert any(one.flips for one in recorded.values())
    for ref, outcome in touched.items():
        again = recorded[ref]
        assert again.before is outcome
        assert again.after is not None
        assert again.settlement is reconcile(CAUTIOUS, outcome, again.after, in_analysts_hands=False)
        application = shown(running, ref)
        first, second = application["versions"]
        assert (second["stage"], second["evidence"]["rung"], second["outcome"]) == ("redecision", 0, again.after.value)
        assert second["governs"] == (again.settlement is Settlement.OVERTURN)
        assert second["evidence"]["hash"] != first["evidence"]["hash"]
    waiting = {row.ref for row in running.query("SELECT application_ref AS ref FROM audit.cases WHERE state = 'open'")}
    for ref in touched:
        assert (ref in waiting) == (recorded[ref].settlement is Settlement.CASE)
    assert run(running, began, ended) == {}

    version_ids = [row.id for row in running.query("SELECT id FROM record.version WHERE stage = 'redecision'")]
    assert all(running.wiring.replays.one(one).exact for one in version_ids)


def running_sample(running: Service) -> dict[str, Any]:
    sample = running.wiring.products["personal-loan"].sample()
    return {**sample, "application": {**sample["application"], "applicant_id": f"probe-{uuid4().hex}"}}


def test_a_model_that_is_missing_at_the_start_is_stood_in_for(behind_a_wire: tuple[Service, Wire, Path]) -> None:
    running, _, models = behind_a_wire
    compact = bundle_folder(models, "personal-loan", Purpose.COMPACT)
    compact.rename(models / "away")
    running.start_api()
    applications = some(30)
    began = now()
    during = decide_all(running, applications)
    ended = now()
    (models / "away").rename(compact)
    assert {one["evidence"]["rung"] for one in during} == {3}
    assert {one["score"]["model"] for one in during} == {"personal-loan-application-only-demo"}
    step = running.wiring.products["personal-loan"].policy.at(Rung.APPLICATION_ONLY)
    for one in during:
        if one["outcome"] == "approve":
            assert one["score"]["pd"] < step.bands.approve_below
            assert one["offer"]["limit"] <= step.limit_cap
        elif one["outcome"] == "refer" and one["score"]["band"] == "grey":
            assert "D04" in [reason["code"] for reason in one["reasons"]]

    done = subprocess.run(
        [sys.executable, "-m", "meridian.cli", "redecide", "--window", f"{began.isoformat()}..{ended.isoformat()}",
         "--json", "--record"],
        env={**os.environ, **running.env}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {one["application_ref"] for one in report["decisions"]} == {one["application_ref"] for one in during}
    assert {one["rung_now"] for one in report["decisions"]} == {0}
    flipped = [one for one in report["decisions"] if one["after"] != one["before"] != "refer"]
    assert flipped
    for one in flipped:
        assert one["follows"] == "case"
        application = shown(running, one["application_ref"])
        assert application["outcome"] == one["before"], "what was communicated was reversed"
    waiting = {row.ref for row in running.query("SELECT application_ref AS ref FROM audit.cases WHERE state = 'open'")}
    assert {one["application_ref"] for one in flipped} <= waiting


def test_while_the_outage_lasts_nothing_is_recorded(behind_a_wire: tuple[Service, Wire, Path]) -> None:
    running, wire, _ = behind_a_wire
    running.start_api()
    wire.cut()
    began = now()
    made = decide_all(running, some(3))
    still = run(running, began, now(), record=True)
    assert {one.recovered for one in still.values()} == {False}
    assert all(len(shown(running, one["application_ref"])["versions"]) == 1 for one in made)


def test_a_decline_that_turns_is_put_before_a_person_again(behind_a_wire: tuple[Service, Wire, Path]) -> None:
    """Also where its case had been settled, and nothing that was said to the applicant changes by itself."""
    running, wire, _ = behind_a_wire
    running.start_api()
    wire.cut()
    began = now()
    (made,) = decide_all(running, [running_sample(running)])
    wire.whole()
    ref = made["application_ref"]
    assert made["outcome"] == "refer"
    declined = Settling(Outcome.DECLINE, ["A04"], "The papers that were asked for never came")
    running.wiring.desk.reviews.correct(ref, "somebody", declined)
    assert eventually(lambda: run(running, began, now())[ref].recovered)
    again = run(running, began, now(), record=True)[ref]
    assert (again.before, again.after, again.settlement) == (Outcome.DECLINE, Outcome.APPROVE, Settlement.CASE)
    assert shown(running, ref)["outcome"] == "decline", "what was said to the applicant changed by itself"
    (case,) = running.query("SELECT state, because, settled_by FROM work.review_case")
    assert (case.state, case.settled_by) == ("open", None)
    assert case.because == "decided again after an outage: was decline, is approve"


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ("2026-11-01", "is no window"),
        ("2026-11-02..2026-11-01", "ends before it begins"),
        ("yesterday..today", "is no moment"),
    ],
)
def test_a_window_that_is_none_is_refused(server: Service, window: str, said: str) -> None:
    command = [sys.executable, "-m", "meridian.cli", "redecide", "--window", window]
    done = subprocess.run(command, env={**os.environ, **server.env}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_an_assessment_that_comes_late_settles_nothing_any_more(
    behind_a_wire: tuple[Service, Wire, Path],
) -> None:
    """It is of the evidence of the outage; what was decided again since is of more."""
    running, wire, _ = behind_a_wire
    running.start_api()
    wire.cut()
    began = now()
    (made,) = decide_all(running, [running_sample(running)])
    wire.whole()
    ref = made["application_ref"]
    assert eventually(lambda: run(running, began, now())[ref].recovered)
    again = run(running, began, now(), record=True)[ref]
    assert (again.before, again.after, again.settlement) == (Outcome.REFER, Outcome.APPROVE, Settlement.OVERTURN)
    (job,) = running.query("SELECT id FROM work.job WHERE application_id IN "
                           "(SELECT id FROM record.application WHERE ref = :ref)", ref=ref)  # fmt: skip
    declining = replace(running.worker.assessments, scorers=lambda *_: graded_scorer(pds=(0.9, 0.9, 0.9)))
    assert declining.assess(job.id)
    application = shown(running, ref)
    assert [one["stage"] for one in application["versions"]] == ["fast", "redecision", "batch"]
    assert [one["governs"] for one in application["versions"]] == [False, True, False]
    assert application["versions"][2]["outcome"] == "decline"
    (case,) = running.query("SELECT state, settled_by FROM work.review_case")
    assert (case.state, case.settled_by) == ("settled", "re-decision")
