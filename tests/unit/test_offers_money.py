"""Payments and APR: exact to the cent and to the basis point, and never by way of a float."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.errors import InvalidOffers
from meridian.evidence import Rung
from meridian.offers import Applicant, Asked, BandCap, Budget, CatalogueOffer, RateCap, RungCap, Showing, offers_for
from meridian.offers.annuity import Repayment, annual_percentage_rate, level_payment, months, repayment
from meridian.offers.money import cents, dollars, of_evidence
from tests.bench.offers.plain import apr_of, payments_of
from tests.offer_terms import ANYBODY, CATALOGUE, TERMS

D = Decimal
limits = st.integers(50_000, 10_000_000)
rates = st.integers(0, 3_600)
spans = st.integers(1, 84)


@pytest.mark.parametrize(
    ("dollars_", "rate", "term", "payment"),
    [
        # 304.2194, 188.7123, 861.8852..., each with what is less than a cent counted as one
        (10_000, 600, 36, 30422),
        (10_000, 499, 60, 18867),
        (1_200, 0, 12, 10000),
        (1_000, 0, 3, 33334),
        (1_000, 1_200, 1, 101000),
    ],
)
def test_the_payment_is_the_annuitys_with_its_part_of_a_cent_counted_in_full(
    dollars_: int, rate: int, term: int, payment: int
) -> None:
    assert level_payment(100 * dollars_, rate, term) == payment


def test_the_apr_is_that_of_the_regulations_own_example() -> None:
    """Regulation Z, Appendix J (c)(1)(i): $5,000 repaid by 24 payments of $230 is 9.69 %."""
    apr = annual_percentage_rate(500_000, Repayment(23_000, 23_000, 52_000), 24, 0)
    # It says 9.69 to the nearest hundredth; ours is the next whole one above what is not whole.
    assert apr in (969, 970)
    assert annual_percentage_rate(500_000, Repayment(23_000, 23_000, 52_000), 24, 3_000) == apr


@given(limit=limits, rate=rates, term=spans)
def test_payments_times_term_repay_principal_and_interest_to_the_cent(limit: int, rate: int, term: int) -> None:
    plan, schedule = repayment(limit, rate, term), list(months(limit, rate, term))
    assert plan.payment * (term - 1) + plan.last == limit + plan.interest
    assert [month.paid for month in schedule] == [plan.payment] * (term - 1) + [plan.last]
    assert schedule[-1].owed == 0
    assert all(month.interest >= 0 for month in schedule)
    assert 0 < plan.last <= plan.payment


@given(limit=limits, rate=rates, term=spans)
def test_they_are_what_decimals_of_sixty_digits_come_to(limit: int, rate: int, term: int) -> None:
    expected = payments_of(D(limit).scaleb(-2), D(rate).scaleb(-4), term)
    assert [dollars(month.paid) for month in months(limit, rate, term)] == expected


@given(limit=limits, rate=rates, term=spans, fee=st.integers(0, 1_000))
def test_the_apr_is_the_stated_rate_or_less_without_a_fee_and_more_with_one(
    limit: int, rate: int, term: int, fee: int
) -> None:
    plan = repayment(limit, rate, term)
    without = annual_percentage_rate(limit, plan, term, rate)
    assert without <= rate
    paid_out = limit - limit * fee // 10_000
    with_fee = annual_percentage_rate(paid_out, plan, term, rate)
    assert with_fee >= without
    found = apr_of(dollars(paid_out), payments_of(dollars(limit), D(rate).scaleb(-4), term), D(rate).scaleb(-4))
    assert D(with_fee).scaleb(-4) == found


@pytest.mark.parametrize(
    ("limit", "rate", "term", "month"), [(50, 1_000, 60, 25), (100, 0, 84, 50), (12, 3_600, 84, 12), (1, 0, 2, 1)]
)
def test_a_loan_that_whole_cents_repay_too_soon_is_refused(limit: int, rate: int, term: int, month: int) -> None:
    """Fifty cents over five years are 1.06 cents a month, so two: repaid in the twenty-fifth of sixty."""
    with pytest.raises(InvalidOffers, match=f"is repaid in month {month}, .* a larger limit or a shorter term"):
        repayment(limit, rate, term)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Asked(9000.0, 36),  # type: ignore[arg-type]
        lambda: Applicant(4000.0, D(0), "NY"),  # type: ignore[arg-type]
        lambda: Applicant(D(4000), 300.0, "NY"),  # type: ignore[arg-type]
        lambda: CatalogueOffer(9000.0, 36, D("0.1")),  # type: ignore[arg-type]
        lambda: CatalogueOffer(D(9000), 36, 0.1),  # type: ignore[arg-type]
        lambda: type(CATALOGUE).of_grid([9000.0], [36], ["0.1"]),  # type: ignore[list-item]
        lambda: type(CATALOGUE).of_grid([9000], [36], [0.1]),  # type: ignore[list-item]
        lambda: BandCap("low", 10000.0),  # type: ignore[arg-type]
        lambda: RungCap(2, 10000.0),  # type: ignore[arg-type]
        lambda: Budget("low", 1e6),  # type: ignore[arg-type]
        lambda: Showing(least_profit=5.0),  # type: ignore[arg-type]
        lambda: RateCap("NY", 0.16, "a statute"),  # type: ignore[arg-type]
        lambda: cents("anything", 1.1),  # type: ignore[arg-type]
    ],
)
def test_a_float_is_refused_wherever_money_or_a_rate_is_taken(make: Any) -> None:
    with pytest.raises(InvalidOffers, match="is the float"):
        make()


def test_what_is_left_out_of_account_is_no_cent_of_anything() -> None:
    with pytest.raises(InvalidOffers, match=r"asked.amount is 9000.005, which is no multiple of 0.01"):
        Asked(D("9000.005"), 36)


def test_money_is_whole_cents_within_and_texts_without() -> None:
    """No float in the columns that hold money, and none in the documents that are kept."""
    for column in fields(CATALOGUE.columns):
        assert getattr(CATALOGUE.columns, column.name).dtype == np.int64, column.name
    offered = offers_for(Asked(D(3_000), 24), ANYBODY, 0.04, "low", Rung.FULL, TERMS)
    assert offered.shown
    assert _kinds(offered.document()) <= {str, int, bool, type(None)}
    assert _kinds(TERMS.document()) <= {str, int, type(None)}
    for name in ("limit", "rate", "apr", "payment", "last_payment", "interest", "paid_out"):
        assert type(getattr(offered.shown[0], name)) is Decimal


def _kinds(value: Any) -> set[type]:
    if isinstance(value, dict):
        return set().union(*map(_kinds, value.values()))
    if isinstance(value, list):
        return set().union(*map(_kinds, value))
    return {type(value)}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_of_the_evidence_is_the_decimal_that_its_document_states(value: float) -> None:
    exact = of_evidence(value)
    assert exact == Decimal(repr(value))
    assert float(exact) == value


@pytest.mark.parametrize("unknown", [None, float("nan"), float("inf")])
def test_what_is_not_known_is_none_and_never_zero(unknown: float | None) -> None:
    assert of_evidence(unknown) is None


def test_of_income_the_part_of_a_cent_is_dropped_and_of_debts_counted_in_full() -> None:
    who = Applicant.of_values({"annual_income": 58_000.0, "debt_to_income": 0.1}, "NY")
    # A twelfth is 4833.333..., and a tenth of that 483.333...
    assert (who.monthly_income, who.monthly_debts) == (D("4833.33"), D("483.34"))
    assert Applicant.of_values({"annual_income": 58_000.0}, "NY").monthly_debts is None
    assert Applicant.of_values({"debt_to_income": 0.1}, "NY").monthly_income is None


def test_what_was_asked_for_is_read_from_the_application() -> None:
    assert Asked.of_application({"amount": 9000.1, "term_months": 36}) == Asked(D("9000.10"), 36)
