"""An assessment that meets a case: it settles what nobody has taken, and nothing that is an analyst's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from meridian.errors import CaseConflict
from meridian.outcome import Outcome
from meridian.products import Product
from meridian.registry import Purpose
from meridian.service import Settling
from meridian.simulator import requests
from tests.captures import captured, decided
from tests.review_desk import NOTE, assess, case_of, decide, governing, listed, review_desk
from tests.services import Service
from tests.training_fixtures import TrainedModels

APPROVE, REFER, DECLINE = Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE


@pytest.fixture(scope="module")
def desk(
    embedded_server: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with review_desk(embedded_server, demo_models.models_dir, tmp_path_factory.mktemp("desk")) as running:
        yield running


@pytest.fixture(scope="module")
def unsettled(demo_models: TrainedModels, personal_loan: Product) -> dict[Outcome, dict[str, Any]]:
    """Requests that the fast model refers, by what the batch model makes of them."""
    now = datetime.now(UTC)
    compact, batch = demo_models.scorer(Purpose.COMPACT), demo_models.scorer(Purpose.BATCH)
    found: dict[Outcome, dict[str, Any]] = {}
    for request in requests(4000, 5, now.date()):
        if len(found) == len(Outcome):
            break
        evidence = captured(personal_loan, request, at=now)
        if decided(personal_loan, evidence, compact).outcome is REFER:
            found.setdefault(decided(personal_loan, evidence, batch).outcome, request)
    assert set(found) == set(Outcome)
    return found


@pytest.mark.parametrize("batch", [APPROVE, DECLINE])
def test_an_assessment_settles_a_referral_that_nobody_has_taken(
    desk: Service, unsettled: dict[Outcome, dict[str, Any]], batch: Outcome
) -> None:
    ref = decide(desk, unsettled[batch])["application_ref"]
    case_id = case_of(desk, ref)
    assess(desk, ref)
    assert (governing(desk, ref)["stage"], governing(desk, ref)["outcome"]) == ("batch", batch.value)
    assert listed(desk, ref) is None
    with pytest.raises(CaseConflict, match="settled by assessment"):
        desk.wiring.desk.reviews.claim(case_id, "ana")


@pytest.mark.parametrize("batch", [APPROVE, DECLINE])
def test_an_assessment_does_not_overturn_what_an_analyst_has_in_hand(
    desk: Service, unsettled: dict[Outcome, dict[str, Any]], batch: Outcome
) -> None:
    ref = decide(desk, unsettled[batch])["application_ref"]
    case_id = case_of(desk, ref)
    desk.wiring.desk.reviews.claim(case_id, "ana")
    assess(desk, ref)
    assert governing(desk, ref)["stage"] == "fast"
    assert [one["stage"] for one in desk.wiring.desk.reviews.case(case_id).versions] == ["fast", "batch"]
    desk.wiring.desk.reviews.settle(case_id, "ana", Settling(APPROVE, [], NOTE))
    assert governing(desk, ref)["stage"] == "review"


def test_an_assessment_does_not_overturn_what_an_analyst_has_settled(
    desk: Service, unsettled: dict[Outcome, dict[str, Any]]
) -> None:
    ref = decide(desk, unsettled[DECLINE])["application_ref"]
    case_id = case_of(desk, ref)
    desk.wiring.desk.reviews.claim(case_id, "ana")
    desk.wiring.desk.reviews.settle(case_id, "ana", Settling(APPROVE, [], NOTE))
    assess(desk, ref)
    assert (governing(desk, ref)["stage"], governing(desk, ref)["outcome"]) == ("review", "approve")
    assert listed(desk, ref) is None


def test_two_referrals_leave_the_case_with_the_analyst(desk: Service, unsettled: dict[Outcome, dict[str, Any]]) -> None:
    ref = decide(desk, unsettled[REFER])["application_ref"]
    case_id = case_of(desk, ref)
    assess(desk, ref)
    assert (governing(desk, ref)["stage"], case_of(desk, ref)) == ("fast", case_id)
