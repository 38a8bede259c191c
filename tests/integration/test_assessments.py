"""Assessments: each made once, whatever becomes of messages and workers, and settled as the contract says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from meridian.assessment import CAUTIOUS, Settlement, reconcile
from meridian.bell import ASSESS, broker_settings
from meridian.outcome import Outcome
from meridian.products import find_product
from meridian.simulator import requests
from tests.faults import kill_9, silent_port
from tests.services import Service, eventually, free_port, service
from tests.training_fixtures import TrainedModels

SEED = 12
"""Of its first sixty simulated applicants the batch model settles some referrals, and confirms others."""


def states(running: Service) -> dict[str, int]:
    return {row.state: row.n for row in running.query("SELECT state, count(*) AS n FROM work.job GROUP BY state")}


def all_done(running: Service, n: int) -> bool:
    return states(running) == {"done": n}


def refs(made: Sequence[dict[str, Any]]) -> list[str]:
    return [one["application_ref"] for one in made]


def check_record(running: Service, made: Sequence[dict[str, Any]]) -> Counter[Settlement]:
    """Every invariant of what the fast answers and the assessments left behind; what followed, counted."""
    cases = {row.ref: row for row in running.query("SELECT application_ref AS ref, * FROM audit.cases")}
    contract, followed = find_product("personal-loan").contract, Counter[Settlement]()
    assert contract is CAUTIOUS
    for ref in refs(made):
        shown = running.get(f"/v1/applications/{ref}").json()
        fast, batch = shown["versions"]
        assert (fast["stage"], batch["stage"]) == ("fast", "batch")
        assert [one["governs"] for one in shown["versions"]].count(True) == 1
        assert batch["evidence"]["hash"] == fast["evidence"]["hash"]
        if fast["score"] and batch["score"]:
            assert batch["score"]["model_sha256"] != fast["score"]["model_sha256"]
        settlement = reconcile(
            contract,
            Outcome(fast["outcome"]),
            Outcome(batch["outcome"]),
            in_analysts_hands=False,
            scored=batch["score"] is not None,
        )
        assert batch["governs"] == (settlement is Settlement.OVERTURN)
        if fast["outcome"] == "approve":
            assert shown["outcome"] == "approve", "a machine took back an approval"
        wanted = {Settlement.CASE: "open", Settlement.OVERTURN: "settled", Settlement.CONFIRM: None}[settlement]
        assert (cases[ref].state if ref in cases else None) == wanted
        if settlement is Settlement.OVERTURN:
            assert cases[ref].settled_by == "assessment"
        followed[settlement] += 1
    return followed


def test_every_decision_gets_its_assessment_and_the_contract_says_who_governs(
    full_service: Service, today: date
) -> None:
    made = [full_service.decide(one).json() for one in requests(60, SEED, today)]
    full_service.until(lambda: all_done(full_service, 60), "every assessment is made")
    followed = check_record(full_service, made)
    assert set(followed) == set(Settlement)
    assert sum(followed.values()) == 60
    ring_thrice(full_service)
    made += [full_service.decide(one).json() for one in requests(5, SEED + 1, today)]
    full_service.until(lambda: all_done(full_service, 65), "the assessments after the doubled messages are made")
    check_record(full_service, made)


def ring_thrice(running: Service) -> None:
    """Send every job's message three times more, as a broker may that lost its acknowledgements."""
    app = Celery("doubled", set_as_current=False)
    app.conf.update(broker_settings(running.settings))
    declared: dict[str, Any] = {"declare": []} if running.settings.broker.startswith("pgmq:") else {}
    for row in running.query("SELECT id FROM work.job"):
        for _ in range(3):
            app.send_task(ASSESS, [str(row.id)], **declared)
    app.close()


def test_a_message_that_comes_three_times_at_once_makes_one_assessment(
    own_database: str, demo_models: TrainedModels, tmp_path: Path, today: date
) -> None:
    """All of them waited before the worker came, so that its children meet over the same job."""
    with service(tmp_path, own_database, demo_models.models_dir, MERIDIAN_SWEEP_AFTER_S="0") as running:
        running.start_api()
        made = [running.decide(one).json() for one in requests(20, SEED, today)]
        ring_thrice(running)
        running.start_worker()
        running.start_schedule()
        running.until(lambda: all_done(running, 20), "every assessment is made")
        check_record(running, made)
        assert {row.attempts for row in running.query("SELECT attempts FROM work.job")} == {1}


@pytest.mark.parametrize("silent", [False, True], ids=["nobody listens", "it accepts and never answers"])
def test_with_its_broker_down_the_service_decides_and_nothing_is_lost(
    own_database: str, demo_models: TrainedModels, tmp_path: Path, today: date, silent: bool
) -> None:
    """A worker with a broker comes later: the sweep finds every job that was never rung for."""
    with silent_port() as held:
        nobody = f"amqp://guest:guest@127.0.0.1:{held if silent else free_port()}//"
        with service(tmp_path, own_database, demo_models.models_dir, nobody, MERIDIAN_SWEEP_AFTER_S="1") as running:
            running.start_api()
            answers = [running.decide(one) for one in requests(30, SEED, today)]
            assert {one.status for one in answers} == {201}
            took = sorted(sum(one.json()["timings_ms"].values()) for one in answers)
            assert took[len(took) // 2] < 500
            assert states(running) == {"waiting": 30}
            running.env["BROKER_URL"] = ""  # the queue in PostgreSQL
            running.start_worker()
            running.start_schedule()
            running.until(lambda: all_done(running, 30), "the sweep has found every job")
            check_record(running, [one.json() for one in answers])


def test_a_worker_killed_outright_loses_and_doubles_nothing(
    own_database: str, broker_url: str, demo_models: TrainedModels, tmp_path: Path, today: date
) -> None:
    """With all its children, while sixty jobs flow; another takes over when the leases have run out."""
    quick = {"MERIDIAN_LEASE_S": "3", "MERIDIAN_SWEEP_AFTER_S": "1"}
    with service(tmp_path, own_database, demo_models.models_dir, broker_url, **quick) as running:
        running.start_api()
        running.start_worker()
        running.start_schedule()
        made = []
        for i, one in enumerate(requests(60, SEED, today)):
            made.append(running.decide(one).json())
            if i == 30:
                assert eventually(lambda: states(running).get("done", 0) > 0, seconds=30)
                kill_9(running, "worker")
        assert states(running)["waiting"] > 0
        running.start_worker("second")
        running.until(lambda: all_done(running, 60), "the second worker has made what the first left", 60)
        check_record(running, made)
