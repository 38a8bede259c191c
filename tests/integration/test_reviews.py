"""Cases: listed, claimed by one, given back, settled with reasons; the refusal of a second says who was first."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from meridian.api.schemas import CaseQueue, DecisionOut
from meridian.errors import CaseConflict, InvalidInput, MeridianError, NotFound
from meridian.outcome import Outcome
from meridian.service import Settling
from tests.review_desk import NOTE, case_of, decide, governing, listed, review_desk
from tests.services import Service
from tests.training_fixtures import TrainedModels

APPROVE, REFER, DECLINE = Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE


@pytest.fixture(scope="module")
def desk(
    embedded_server: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with review_desk(embedded_server, demo_models.models_dir, tmp_path_factory.mktemp("desk")) as running:
        yield running


@pytest.fixture
def referred(desk: Service, application: dict[str, Any]) -> tuple[str, UUID]:
    """An application that a rule refers, and that its assessment refers as well; with its case."""
    application["application"]["credit_report"] |= {"inquiries_6m": 7, "revolving_utilisation": 0.97}
    decision = decide(desk, application)
    assert decision["outcome"] == "refer"
    return decision["application_ref"], case_of(desk, decision["application_ref"])


def test_a_referral_becomes_a_case_that_is_listed(desk: Service, referred: tuple[str, UUID]) -> None:
    ref, case_id = referred
    case = listed(desk, ref)
    assert case is not None
    assert (case["state"], case["claimed_by"], case["because"]) == ("open", None, "the fast decision refers")
    view = desk.wiring.desk.reviews.case(case_id)
    assert view.governing["application_ref"] == ref
    assert view.application["applicant_id"] == ref
    codes = [code for code, _ in view.proposed]
    assert codes[0] == "P09"
    assert codes[-4:] == ["A01", "A02", "A03", "A04"]


def test_the_queue_over_http_is_the_oldest_first_with_the_governing_decision(
    desk: Service, referred: tuple[str, UUID]
) -> None:
    queue = CaseQueue.model_validate_json(desk.get("/v1/reviews").body)
    assert queue.total >= len(queue.data) >= 1
    assert [one.opened_at for one in queue.data] == sorted(one.opened_at for one in queue.data)
    mine = next(one for one in queue.data if one.application_ref == referred[0])
    assert isinstance(mine.decision, DecisionOut)
    assert (mine.decision.governs, mine.decision.outcome) == (True, "refer")


def test_an_approval_and_a_decline_are_no_cases(desk: Service, application: dict[str, Any]) -> None:
    assert listed(desk, decide(desk, application)["application_ref"]) is None
    application["application"]["amount"] = 50_000.0
    assert listed(desk, decide(desk, application)["application_ref"]) is None


def test_what_one_has_claimed_no_other_gets(desk: Service, referred: tuple[str, UUID]) -> None:
    ref, case_id = referred
    reviews = desk.wiring.desk.reviews
    reviews.claim(case_id, "ana")
    reviews.claim(case_id, "ana")
    for forbidden in (reviews.claim, reviews.release):
        with pytest.raises(CaseConflict, match=f"{ref} is in the hands of ana"):
            forbidden(case_id, "bob")
    with pytest.raises(CaseConflict, match="in the hands of ana; claim it first"):
        reviews.settle(case_id, "bob", Settling(APPROVE, [], NOTE))
    case = listed(desk, ref)
    assert case is not None
    assert (case["state"], case["claimed_by"]) == ("claimed", "ana")


def test_a_case_given_back_is_anybodys(desk: Service, referred: tuple[str, UUID]) -> None:
    ref, case_id = referred
    reviews = desk.wiring.desk.reviews
    with pytest.raises(CaseConflict, match="is open; only a claimed case is given back"):
        reviews.release(case_id, "ana")
    reviews.claim(case_id, "ana")
    reviews.release(case_id, "ana")
    with pytest.raises(CaseConflict, match="is open; claim it first"):
        reviews.settle(case_id, "ana", Settling(APPROVE, [], NOTE))
    reviews.claim(case_id, "bob")
    case = listed(desk, ref)
    assert case is not None
    assert case["claimed_by"] == "bob"


def lapse(desk: Service, case_id: UUID) -> None:
    with desk.worker.engine.begin() as connection:
        claim = "UPDATE work.review_case SET claimed_until = now() - interval '1 second' WHERE id = :id"
        connection.execute(text(claim), {"id": case_id})


def test_a_lapsed_claim_can_be_taken_over(desk: Service, referred: tuple[str, UUID]) -> None:
    ref, case_id = referred
    reviews = desk.wiring.desk.reviews
    reviews.claim(case_id, "ana")
    lapse(desk, case_id)
    case = listed(desk, ref)
    assert case is not None
    assert (case["state"], case["claimed_by"]) == ("open", None)
    with pytest.raises(CaseConflict):
        reviews.settle(case_id, "ana", Settling(APPROVE, [], NOTE))
    reviews.claim(case_id, "bob")
    with pytest.raises(CaseConflict, match="in the hands of bob"):
        reviews.claim(case_id, "ana")


@pytest.mark.parametrize(
    ("outcome", "codes", "note", "pointer", "expected"),
    [
        (REFER, [], NOTE, "/outcome", "approve or decline"),
        (APPROVE, [], "fine", "/note", "at least 10"),
        (APPROVE, [], "  short   ", "/note", "at least 10"),
        (APPROVE, ["A01"], NOTE, "/codes", "no reasons for an approval"),
        (DECLINE, [], NOTE, "/codes", "one to 4"),
        (DECLINE, ["P09", "A01", "A02", "A03", "A04"], NOTE, "/codes", "one to 4"),
        (DECLINE, ["X99"], NOTE, "/codes", "some of"),
        (DECLINE, ["P01"], NOTE, "/codes", "some of"),
    ],
)
def test_what_cannot_be_settled_so_is_refused_with_the_field(
    desk: Service,
    referred: tuple[str, UUID],
    outcome: Outcome,
    codes: Sequence[str],
    note: str,
    pointer: str,
    expected: str,
) -> None:
    ref, case_id = referred
    desk.wiring.desk.reviews.claim(case_id, "ana")
    with pytest.raises(InvalidInput) as refused:
        desk.wiring.desk.reviews.settle(case_id, "ana", Settling(outcome, codes, note))
    assert [problem.pointer for problem in refused.value.problems] == [pointer]
    assert expected in refused.value.problems[0].expected
    assert governing(desk, ref)["stage"] == "fast"


def test_a_settled_decline_governs_with_the_reasons_of_rule_model_and_analyst(
    desk: Service, referred: tuple[str, UUID]
) -> None:
    ref, case_id = referred
    before = governing(desk, ref)
    from_model = next(one for one in before["reasons"] if one["source"] == "model")
    desk.wiring.desk.reviews.claim(case_id, "ana")
    codes = ["P09", from_model["code"], "A01"]
    version_id = desk.wiring.desk.reviews.settle(case_id, "ana", Settling(DECLINE, codes, NOTE))
    after = governing(desk, ref)
    assert DecisionOut.model_validate(after)
    assert (after["id"], after["stage"], after["outcome"]) == (str(version_id), "review", "decline")
    assert [(one["code"], one["source"]) for one in after["reasons"]] == [
        ("P09", "policy"),
        (from_model["code"], "model"),
        ("A01", "analyst"),
    ]
    assert after["reasons"][1] == from_model
    assert after["review"] == {"analyst": "ana", "note": NOTE, "overturns": "refer"}
    assert (after["score"], after["policy"]) == (before["score"], before["policy"])
    assert (after["offer"], after["decided_by"]) == (None, "analyst ana")
    assert listed(desk, ref) is None
    for again in (desk.wiring.desk.reviews.claim, desk.wiring.desk.reviews.release):
        with pytest.raises(CaseConflict, match="settled by ana"):
            again(case_id, "bob")


def test_a_settled_approval_has_an_offer_and_no_reasons(desk: Service, referred: tuple[str, UUID]) -> None:
    ref, case_id = referred
    desk.wiring.desk.reviews.claim(case_id, "ana")
    desk.wiring.desk.reviews.settle(case_id, "ana", Settling(APPROVE, [], NOTE))
    after = governing(desk, ref)
    assert (after["stage"], after["outcome"], after["reasons"]) == ("review", "approve", [])
    assert after["offer"]["limit"] == 9000.0


def test_of_two_who_settle_at_once_one_decides(desk: Service, referred: tuple[str, UUID]) -> None:
    ref, case_id = referred
    together = threading.Barrier(2)

    def settle(analyst: str) -> str:
        together.wait(10)
        try:
            desk.wiring.desk.reviews.claim(case_id, analyst)
            desk.wiring.desk.reviews.settle(case_id, analyst, Settling(APPROVE, [], NOTE))
        except CaseConflict as refused:
            return str(refused)
        return analyst

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(settle, ["ana", "bob"]))
    (winner,) = {"ana", "bob"} & set(found)
    (refused,) = [one for one in found if one != winner]
    assert winner in refused, "the refusal names who has it"
    versions = desk.get(f"/v1/applications/{ref}").json()["versions"]
    assert [one["stage"] for one in versions] == ["fast", "review"]
    assert governing(desk, ref)["decided_by"] == f"analyst {winner}"


def test_one_who_settles_twice_at_once_decides_once(desk: Service, referred: tuple[str, UUID]) -> None:
    ref, case_id = referred
    desk.wiring.desk.reviews.claim(case_id, "ana")
    together = threading.Barrier(2)

    def settle(outcome: Outcome) -> bool:
        together.wait(10)
        try:
            settling = Settling(outcome, ["A01"] if outcome is DECLINE else [], NOTE)
            desk.wiring.desk.reviews.settle(case_id, "ana", settling)
        except MeridianError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(settle, [APPROVE, DECLINE])) == [False, True]
    assert len(desk.get(f"/v1/applications/{ref}").json()["versions"]) == 2


def test_a_case_that_is_not_there_is_not_found(desk: Service) -> None:
    for act in (desk.wiring.desk.reviews.claim, desk.wiring.desk.reviews.release):
        with pytest.raises(NotFound):
            act(uuid4(), "ana")
    with pytest.raises(NotFound):
        desk.wiring.desk.reviews.case(uuid4())
