"""Budgets of bands: what approvals lend is counted as they are recorded, frozen in evidence, and given back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from meridian.errors import Unavailable
from meridian.offers import Budget
from meridian.outcome import Outcome
from meridian.products import Product, find_product
from meridian.scoring import Scorer
from meridian.service import Exposures, Settling
from tests.captures import graded_scorer
from tests.lender import Lender
from tests.services import eventually

LOAN = find_product("consumer-loan")
NAME = LOAN.name
MOST = Decimal(60_000)
SCORER = graded_scorer("card_utilisation", (0.3, 0.8), (0.02, 0.05, 0.11))


def with_budgets(*budgets: Budget) -> Product:
    offers = LOAN.terms.offers
    assert offers is not None
    terms = replace(LOAN.terms, offers=replace(offers, settings=replace(offers.settings, budgets=budgets)))
    return replace(LOAN, terms=terms)


def shelf(model: Scorer) -> Any:
    return lambda _product, _applicant: model


@pytest.fixture
def budgeted(lender: Lender) -> Lender:
    """A lender whose low band has a budget, with a small model whose every score is known."""
    for wiring in (lender.service.wiring, lender.service.worker):
        vars(wiring)["declared"] = {NAME: with_budgets(Budget("low", MOST))}
        vars(wiring.models)["fast"] = (shelf(SCORER),)
        vars(wiring.models)["batch"] = shelf(SCORER)
        vars(wiring.models)["archive"] = lambda _product, _sha256: SCORER
    lender.materialise()
    return lender


def decided_in_turn(lender: Lender, count: int) -> list[dict[str, Any]]:
    """Decide one after the other, each knowing of those before it."""
    bodies = []
    for number in range(count):
        lender.service.wiring.exposures.look()
        bodies += [json.loads(reply.body) for reply in lender.decide(1, number)]
    return bodies


def frozen(lender: Lender) -> list[Mapping[str, str]]:
    """What the evidence says is lent, in the order of the decisions."""
    rows = lender.service.query("SELECT document FROM record.evidence ORDER BY captured_at, id")
    return [json.loads(row.document).get("exposures") for row in rows]


def limit(body: Mapping[str, Any]) -> Decimal:
    return Decimal(body["offers"]["shown"][0]["limit"]) if body["outcome"] == "approve" else Decimal(0)


def lent(lender: Lender) -> list[tuple[str, Decimal, int, int]]:
    rows = lender.service.query("SELECT * FROM audit.exposures ORDER BY band")
    return [(row.band, row.dollars, row.approvals, row.taken_back) for row in rows]


def test_what_is_lent_is_frozen_and_never_more_than_the_budget(budgeted: Lender) -> None:
    bodies = decided_in_turn(budgeted, 30)
    before = Decimal(0)
    for body, said in zip(bodies, frozen(budgeted), strict=True):
        assert said == {"low": f"{before:.2f}"}
        before += limit(body)
    assert MOST - 1_000 < before <= MOST
    assert lent(budgeted) == [("low", before, sum(map(bool, map(limit, bodies))), 0)]
    stopped = [body for body in bodies if any(one["why"] == "exposure_budget" for one in removed(body))]
    assert stopped
    assert {body["outcome"] for body in stopped} <= {"approve", "refer"}, "the lender's budget declines nobody"
    assert all(replay.exact for replay in budgeted.service.wiring.replays.sample(100, None, 1)[1])


def removed(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list((body.get("offers") or {}).get("removed", []))


def test_what_governs_no_more_is_given_back_and_what_a_person_approves_is_lent(budgeted: Lender) -> None:
    bodies = decided_in_turn(budgeted, 8)
    total = sum(map(limit, bodies))
    approved = [body for body in bodies if limit(body)]
    reviews = budgeted.service.wiring.desk.reviews
    note = "The pay slip was another person's; seen on paper."
    ref = approved[0]["application_ref"]
    reviews.correct(ref, "ana", Settling(Outcome.DECLINE, ("A01",), note))
    assert lent(budgeted) == [("low", total - limit(approved[0]), len(approved), 1)]
    reviews.correct(ref, "ana", Settling(Outcome.APPROVE, (), note))
    assert lent(budgeted) == [("low", total, len(approved) + 1, 1)]
    for job in budgeted.service.query("SELECT id FROM work.job ORDER BY id"):
        assert budgeted.service.worker.assessments.assess(job.id)
    assert lent(budgeted)[0][1] == total


def test_a_running_process_learns_of_it_by_itself(budgeted: Lender) -> None:
    exposures = budgeted.service.wiring.exposures
    product = budgeted.service.wiring.products[NAME]
    assert exposures(product) == {"low": "0.00"}
    lent_now = sum(map(limit, (json.loads(reply.body) for reply in budgeted.decide(3))))
    assert lent_now
    assert eventually(lambda: exposures(product) == {"low": f"{lent_now:.2f}"})


def asked(answer: Callable[[], Any]) -> tuple[Exposures, list[None]]:
    times: list[None] = []

    def lent() -> Any:
        times.append(None)
        return answer()

    return Exposures(lent), times


def test_without_a_budget_nobody_asks() -> None:
    exposures, times = asked(dict)
    assert exposures(with_budgets()) is None
    assert exposures(find_product("personal-loan")) is None
    assert not times


def test_where_nobody_knows_what_is_lent_evidence_says_nothing_of_it() -> None:
    def away() -> Any:
        raise Unavailable

    exposures, times = asked(away)
    assert exposures(with_budgets(Budget("low", MOST))) is None
    exposures.stop()
    assert times


def test_only_the_bands_with_a_budget_are_said() -> None:
    exposures, _ = asked(lambda: {(NAME, "low"): 12_345, (NAME, "grey"): 1, ("another", "low"): 7})
    assert exposures(with_budgets(Budget("low", MOST))) == {"low": "123.45"}
    assert exposures(with_budgets(Budget("low", MOST), Budget("grey", MOST))) == {"low": "123.45", "grey": "0.01"}
    exposures.stop()
