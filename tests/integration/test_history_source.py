"""The own history as a source: what it knows counts, and however it fails, nobody waits, errs or is approved by it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from meridian.db.engine import transaction
from meridian.db.online import load_fields
from meridian.products.personal_loan.features import HISTORY
from tests.faults import Wire
from tests.services import Service, eventually, free_port, fresh_database, service
from tests.training_fixtures import TrainedModels

LIMIT_MS = "250"
# One process, for each has a breaker of its own.
ONE_PROCESS = {"MERIDIAN_ONLINE_TIMEOUT_MS": LIMIT_MS, "MERIDIAN_API_WORKERS": "1", "MERIDIAN_BUDGET_MS": "1000"}
NO_ANSWER, NOT_ASKED = f"no answer within {LIMIT_MS} ms", "not asked: its last look-ups failed"
UNREACHABLE = "answered with an error (Unavailable)"


@pytest.fixture(scope="module")
def wired(
    embedded_server: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, Wire]]:
    """The API, whose own history lies behind a wire."""
    with fresh_database(embedded_server) as url:
        wire = Wire(url)
        wire.whole()
        settings = {"ONLINE_DATABASE_URL": wire.url, **ONE_PROCESS}
        with service(tmp_path_factory.mktemp("wired"), url, demo_models.models_dir, **settings) as running:
            running.start_api()
            yield running, wire
        wire.cut()


def new_applicant(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "application": {**request["application"], "applicant_id": f"applicant-{uuid4().hex}"}}


@contextmanager
def locked(running: Service, wire: Wire) -> Iterator[None]:
    engine = create_engine(running.settings.admin_url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE online.vector IN ACCESS EXCLUSIVE MODE"))
        yield
    engine.dispose()


@contextmanager
def cut(running: Service, wire: Wire) -> Iterator[None]:
    wire.cut()
    yield
    wire.whole()


@contextmanager
def held(running: Service, wire: Wire) -> Iterator[None]:
    wire.held()
    yield
    wire.whole()


@contextmanager
def renamed(running: Service, wire: Wire) -> Iterator[None]:
    def rename(old: str, new: str) -> None:
        engine = create_engine(running.settings.admin_url)
        with engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE online.{old} RENAME TO {new}"))
        engine.dispose()

    rename("vector", "away")
    yield
    rename("away", "vector")


WAYS = [
    pytest.param(locked, {NO_ANSWER, UNREACHABLE}, id="its table is locked"),
    pytest.param(cut, {UNREACHABLE}, id="nobody listens"),
    pytest.param(held, {NO_ANSWER}, id="it accepts and never answers"),
    pytest.param(renamed, {"answered with an error (ProgrammingError)"}, id="its table is gone"),
]


@pytest.mark.parametrize(("stopped", "details"), WAYS)
def test_a_history_that_fails_refers_and_holds_up_nobody(
    wired: tuple[Service, Wire], application: dict[str, Any], stopped: Callable[..., Any], details: set[str]
) -> None:
    running, wire = wired
    assert eventually(lambda: rung_of(running, application) == 0)
    with stopped(running, wire):
        for _ in range(12):
            started = time.monotonic()
            answer = running.decide(new_applicant(application))
            assert time.monotonic() - started < 3
            assert answer.status == 201
            said = history_of(answer.json())
            assert said["status"] == "failed"
            assert said["detail"] in details | {NOT_ASKED}
            assert (said["as_of"], said["age_s"]) == (None, None)
            assert answer.json()["evidence"]["rung"] == 3
            assert answer.json()["outcome"] == "refer"
            assert [one["code"] for one in answer.json()["reasons"]] == ["D02"]
            assert answer.json()["score"]["pd"] < 0.12
        assert said["detail"] == NOT_ASKED
    assert eventually(lambda: rung_of(running, application) == 0)
    assert running.decide(new_applicant(application)).json()["outcome"] == "approve"


def rung_of(running: Service, request: dict[str, Any]) -> int:
    return int(running.decide(new_applicant(request)).json()["evidence"]["rung"])


def history_of(decision: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in decision["evidence"]["sources"] if one["name"] == "history")
    return found


def test_while_it_hangs_other_requests_keep_their_pace(
    wired: tuple[Service, Wire], application: dict[str, Any]
) -> None:
    running, wire = wired
    with held(running, wire), ThreadPoolExecutor(8) as callers:
        deciding = [callers.submit(running.decide, new_applicant(application)) for _ in range(24)]
        for path in ("/healthz", "/readyz", "/v1/decisions", "/v1/reviews") * 3:
            started = time.monotonic()
            assert running.get(path).status == 200
            assert time.monotonic() - started < 3
        assert {one.result(30).status for one in deciding} == {201}
    assert eventually(lambda: rung_of(running, application) == 0)


def test_a_service_that_starts_without_its_history_decides(
    own_database: str, demo_models: TrainedModels, application: dict[str, Any], tmp_path: Any
) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    settings = {"ONLINE_DATABASE_URL": nowhere, **ONE_PROCESS}
    with service(tmp_path, own_database, demo_models.models_dir, **settings) as running:
        running.start_api()
        assert running.get("/readyz").status == 200
        decision = running.decide(application).json()
        assert (decision["outcome"], decision["evidence"]["rung"]) == ("refer", 3)
        assert [one["code"] for one in decision["reasons"]] == ["D02"]


def known(running: Service, applicant_id: str, worst_days_late: int) -> None:
    now = datetime.now(UTC)
    row = {"applicant_id": applicant_id, "loans": 1, "worst_days_late": worst_days_late}
    with transaction(running.worker.engine) as connection:
        load_fields(connection, HISTORY, [row], as_of=now)


@pytest.mark.parametrize(("days_late", "outcome", "codes"), [(90, "decline", ["P11"]), (60, "approve", [])])
def test_who_was_late_with_us_is_declined_for_it(
    wired: tuple[Service, Wire], application: dict[str, Any], days_late: int, outcome: str, codes: list[str]
) -> None:
    running, _ = wired
    request = new_applicant(application)
    known(running, request["application"]["applicant_id"], days_late)
    decision = running.decide(request).json()
    assert (decision["outcome"], [one["code"] for one in decision["reasons"]]) == (outcome, codes)
    assert decision["evidence"]["rung"] == 0
    results = {one["rule"]: one for one in decision["policy"]["results"]}
    assert results["own-arrears"]["value"] == days_late
    assert results["own-arrears"]["hit"] == (days_late > 60)


def test_a_sixth_application_within_ninety_days_is_referred(
    wired: tuple[Service, Wire], application: dict[str, Any]
) -> None:
    """The present one is not counted: more than four before it refer."""
    running, _ = wired
    request = new_applicant(application)
    decisions = [running.decide(request).json() for _ in range(6)]
    assert [one["outcome"] for one in decisions] == ["approve"] * 5 + ["refer"]
    assert [one["code"] for one in decisions[5]["reasons"]] == ["P12"]


def test_to_have_no_business_with_us_is_knowledge(wired: tuple[Service, Wire], application: dict[str, Any]) -> None:
    running, _ = wired
    decision = running.decide(new_applicant(application)).json()
    assert (decision["evidence"]["rung"], history_of(decision)["status"]) == (0, "fresh")
    assert {one["rule"]: one["value"] for one in decision["policy"]["results"]}["own-arrears"] == 0
