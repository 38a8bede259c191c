"""What a credit manager may count on, stage by stage: catalogue, eligible, ranked, re-ranked, counteroffers.

The catalogue of these pages: limits of $1,000 to $10,000 by the thousand, over 12, 24 or 36 months, at 9.9, 14.9, 19.9
or 29.9 %: 120 offers. The applicant earns $4,000 a month, pays $300 a month on other debts, and lives in Florida, where
the table of these pages allows 36 % up to $5,000, 20 % up to $9,000, and says nothing of more.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from meridian.errors import InvalidOffers
from meridian.evidence import Rung
from meridian.offers import (
    Affordability,
    Applicant,
    Asked,
    BandCap,
    Budget,
    Kind,
    Offered,
    OfferTerms,
    RateCap,
    Removed,
    Showing,
    Stage,
    Why,
    offers_for,
)
from tests.offer_terms import ANYBODY, CATALOGUE, SETTINGS, TERMS

D = Decimal


def offered(amount: int = 3_000, term: int = 24, **other: Any) -> Offered:
    """What the applicant of these pages is offered, in the low band at a PD of 4 %, but for what is said."""
    given = {"applicant": ANYBODY, "pd": 0.04, "band": "low", "rung": Rung.FULL, "terms": TERMS, **other}
    return offers_for(Asked(D(amount), term), **given)


def changed(**settings: Any) -> OfferTerms:
    return OfferTerms(replace(SETTINGS, **settings), CATALOGUE)


def why(result: Offered) -> dict[Why, int]:
    return {one.why: one.count for one in result.removed}


# The result


def test_what_was_asked_for_comes_first_then_up_to_two_alternatives() -> None:
    result = offered()
    assert [(one.kind.value, one.limit, one.term, one.rate) for one in result.shown] == [
        ("asked", 3_000, 24, D("0.1990")),
        ("alternative", 3_000, 36, D("0.1990")),
        ("alternative", 3_000, 12, D("0.1990")),
    ]


def test_a_shown_offer_says_what_is_paid_when() -> None:
    """23 payments of $152.55 and a last one of $152.15 are $3,660.80: the $3,000 and $660.80 of interest."""
    document = offered().document()["shown"][0]
    assert document == {
        "kind": "asked",
        "limit": "3000.00",
        "rate": "0.1990",
        "apr": "0.1990",
        "term": 24,
        "payment": "152.55",
        "last_payment": "152.15",
        "interest": "660.80",
        "paid_out": "3000.00",
        "score": 13066,
    }


def test_every_offer_of_the_catalogue_is_shown_or_counted_once_with_the_stage_and_the_reason() -> None:
    result = offered()
    assert result.catalogue == 120
    assert result.removed == (
        Removed(Stage.ELIGIBLE, Why.ABOVE_AMOUNT, 84),
        Removed(Stage.RANKED, Why.EXPECTED_PROFIT, 3),
        Removed(Stage.RE_RANKED, Why.PRICE_OF_PD, 24),
        Removed(Stage.RE_RANKED, Why.OUTRANKED, 6),
    )


# Eligible: the amount asked for


def test_nothing_above_the_amount_asked_for_is_offered() -> None:
    assert why(offered(2_500))[Why.ABOVE_AMOUNT] == 8 * 12
    assert {one.limit for one in offered(2_500).shown} <= {1_000, 2_000}


# Eligible: affordability


@pytest.mark.parametrize(("share", "stands"), [("0.0382", True), ("0.0381", False)])
def test_the_payment_takes_at_most_its_share_of_the_months_income(share: str, stands: bool) -> None:
    """The payment is $152.55; 3.82 % of $4,000 are $152.80, and 3.81 % are $152.40."""
    result = offered(terms=changed(affordability=Affordability(D(share), D("0.40"))))
    assert result.asked.stands is stands
    if not stands:
        assert (result.asked.stage, result.asked.why) == (Stage.ELIGIBLE, (Why.PAYMENT_TO_INCOME,))


@pytest.mark.parametrize(("debts", "stands"), [("1447.45", True), ("1447.46", False)])
def test_all_payments_with_the_new_one_take_at_most_their_share_to_the_cent(debts: str, stands: bool) -> None:
    """40 % of $4,000 are $1,600.00, of which a payment of $152.55 leaves $1,447.45."""
    result = offered(applicant=replace(ANYBODY, monthly_debts=D(debts)))
    assert result.asked.stands is stands
    if not stands:
        assert result.asked.why == (Why.DEBT_TO_INCOME,)


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (Applicant(None, D(0), "FL"), Why.INCOME_UNKNOWN),
        (Applicant(D(4_000), None, "FL"), Why.DEBTS_UNKNOWN),
        (Applicant(D(4_000), D(0), None), Why.STATE_UNKNOWN),
    ],
)
def test_what_is_not_known_offers_nothing(who: Applicant, reason: Why) -> None:
    result = offered(applicant=who)
    assert result.shown == ()
    assert result.asked.why == (reason,)
    assert set(why(result)) == {Why.ABOVE_AMOUNT, reason}


# Eligible: what the state allows


def test_no_rate_is_above_what_the_table_has_for_the_state() -> None:
    """The price of this PD is 19.9 %; in Arkansas, where 17 % are allowed, it is the highest below that."""
    here, there = (offered(applicant=replace(ANYBODY, state=state)) for state in ("FL", "AR"))
    assert {one.rate for one in here.shown} == {D("0.1990")}
    assert {one.rate for one in there.shown} == {D("0.1490")}
    assert why(there)[Why.RATE_CAP] == 3 * 3 * 2
    assert Why.RATE_CAP not in why(here)


def test_nor_above_what_it_has_for_the_limit() -> None:
    """29.9 % are allowed up to $5,000, and 20 % above that."""
    only = replace(SETTINGS, affordability=Affordability(D("0.50"), D("0.90")))
    dear = OfferTerms(only, type(CATALOGUE).of_grid([5_000, 6_000], [36], ["0.2990"]))
    assert offered(5_000, 36, terms=dear).asked.stands
    assert offered(6_000, 36, terms=dear).asked.why == (Why.RATE_CAP,)


ROOMY = changed(affordability=Affordability(D("0.50"), D("0.90")), band_caps=(BandCap("low", D(10_000)),))


@pytest.mark.parametrize(("allowed", "stands"), [("0.1990", True), ("0.1989", False)])
def test_a_rate_may_be_just_what_is_allowed_and_no_basis_point_more(allowed: str, stands: bool) -> None:
    one_price = type(CATALOGUE).of_grid([3_000], [24], ["0.1990"])
    settings = replace(SETTINGS, rate_caps=(RateCap("FL", D(allowed), "a statute"),))
    assert offered(terms=OfferTerms(settings, one_price)).asked.stands is stands


def test_where_the_table_says_nothing_nothing_is_offered() -> None:
    elsewhere = offered(applicant=replace(ANYBODY, state="NV"))
    assert elsewhere.shown == ()
    assert elsewhere.asked.why == (Why.RATE_CAP_UNKNOWN,)
    # Of Florida it says nothing above $9,000: the three terms of $10,000 at four prices.
    assert why(offered(10_000, 36, terms=ROOMY))[Why.RATE_CAP_UNKNOWN] == 12


def test_of_two_lines_for_a_limit_the_lower_one_holds() -> None:
    both = (*SETTINGS.rate_caps, RateCap("FL", D("0.1500"), "another statute"))
    assert {one.rate for one in offered(terms=changed(rate_caps=both)).shown} == {D("0.1490")}


def test_a_fee_counts_into_the_rate_that_is_held_against_the_table() -> None:
    """5 % kept of a loan over 12 months makes 29.9 % an APR of 40.18 %, above the 36 % of the table."""
    with_fee = OfferTerms(SETTINGS, type(CATALOGUE).of_grid([1_000], [12], ["0.2990"], fee="0.05"))
    assert with_fee.catalogue.columns.apr.tolist() == [4018]
    result = offered(1_000, 12, terms=with_fee)
    assert result.asked.why == (Why.RATE_CAP,)


def test_a_fee_is_kept_of_what_is_paid_out_and_the_whole_limit_is_repaid() -> None:
    with_fee = OfferTerms(SETTINGS, type(CATALOGUE).of_grid([1_000], [12], ["0.1990"], fee="0.0333"))
    shown = offered(1_000, 12, terms=with_fee).shown[0]
    assert (shown.limit, shown.paid_out) == (D("1000.00"), D("966.70"))
    assert 11 * shown.payment + shown.last_payment == shown.limit + shown.interest


# Eligible: bands and rungs


def test_a_band_has_its_highest_limit_and_one_without_is_offered_nothing() -> None:
    grey, high = (offered(6_000, 36, band=band, terms=changed(affordability=ROOMY.settings.affordability))
                  for band in ("grey", "high"))  # fmt: skip
    assert {one.limit for one in grey.shown} <= {D(1_000), D(2_000), D(3_000), D(4_000)}
    assert grey.asked.why == (Why.BAND_CAP,)
    assert high.shown == ()


def test_a_lower_rung_has_its_highest_limit_and_one_without_is_offered_nothing() -> None:
    on_form = offered(4_000, 36, rung=Rung.APPLICATION_ONLY)
    assert max(one.limit for one in on_form.shown) == 3_000
    assert on_form.asked.why == (Why.RUNG_CAP,)
    assert offered(rung=Rung.PRE_COMPUTED).shown == ()
    assert offered(rung=Rung.STALE).shown == offered(rung=Rung.FULL).shown


def test_from_the_last_tier_on_there_is_no_price() -> None:
    assert offered(pd=0.35).asked.why == (Why.PD_BEYOND_TIERS,)
    assert offered(pd=0.35).shown == ()


# Ranked: expected profit


def test_what_is_expected_to_lose_money_is_not_offered() -> None:
    cheap = OfferTerms(SETTINGS, type(CATALOGUE).of_grid([3_000], [24], ["0.0990"]))
    assert offered(pd=0.01, terms=cheap).asked.stands
    dear = offered(pd=0.11, terms=cheap)
    assert (dear.asked.stage, dear.asked.why) == (Stage.RANKED, (Why.EXPECTED_PROFIT,))


def test_alternatives_come_by_expected_profit() -> None:
    scores = [one.score for one in offered().shown[1:]]
    assert scores == sorted(scores, reverse=True)


def test_the_more_an_applicant_minds_the_price_the_lower_it_is() -> None:
    def price(minds: int) -> Decimal:
        take_up = replace(SETTINGS.economics.take_up, price=D(minds))
        return offered(terms=changed(economics=replace(SETTINGS.economics, take_up=take_up))).shown[0].rate

    assert [price(minds) for minds in (0, 20, 60)] == [D("0.2990"), D("0.1990"), D("0.1490")]


# Re-ranked: prices, distinct offers, budgets


def test_a_lower_pd_never_pays_more_for_the_same_limit_and_term() -> None:
    prices = [offered(pd=pd).shown[0].rate for pd in (0.01, 0.04, 0.11, 0.2)]
    assert prices == sorted(prices)
    assert prices[0] < prices[-1]


def test_neither_income_nor_debts_have_a_part_in_the_price() -> None:
    poorer = offered(applicant=Applicant(D(2_500), D(500), "FL"))
    assert poorer.shown[0].rate == offered(applicant=Applicant(D(20_000), D(0), "FL")).shown[0].rate


def test_two_of_the_same_term_are_apart() -> None:
    """Half of the larger limit, here; the catalogue has one term alone."""
    apart = replace(ROOMY.settings, showing=Showing(apart=D("0.50")))
    one_term = type(CATALOGUE).of_grid(range(1_000, 10_000, 1_000), [36], ["0.1990"])
    result = offered(9_000, 36, terms=OfferTerms(apart, one_term))
    assert [one.limit for one in result.shown] == [9_000, 4_000, 2_000]
    assert why(result)[Why.TOO_ALIKE] == len([8_000, 7_000, 6_000, 5_000, 3_000])


@pytest.mark.parametrize("most", [1, 2, 3])
def test_as_many_are_shown_as_the_setting_says(most: int) -> None:
    assert len(offered(terms=changed(showing=Showing(most_shown=most))).shown) == most


def test_a_fourth_is_refused() -> None:
    with pytest.raises(InvalidOffers, match=r"showing.most_shown is 4; expected a whole number, 1 to 3\."):
        Showing(most_shown=4)


@pytest.mark.parametrize(("lent", "most"), [("997000.00", 3_000), ("997000.01", 2_000), ("999000.01", 0)])
def test_a_budget_is_never_exceeded_by_a_cent(lent: str, most: int) -> None:
    limited = changed(budgets=(Budget("low", D(1_000_000)),))
    result = offered(terms=limited, exposures={"low": D(lent)})
    assert max((one.limit for one in result.shown), default=0) == most


def test_a_budget_of_which_nobody_said_what_is_lent_offers_nothing() -> None:
    result = offered(terms=changed(budgets=(Budget("low", D(1_000_000)),)))
    assert (result.shown, result.asked.why) == ((), (Why.EXPOSURE_UNKNOWN,))


# Counteroffers


def test_where_what_was_asked_for_cannot_be_had_the_best_that_can_be_is_a_counteroffer() -> None:
    result = offered(9_000, 12)
    assert not result.asked.stands
    assert result.asked.why == (Why.PAYMENT_TO_INCOME,)
    assert {one.kind for one in result.shown} == {Kind.COUNTEROFFER}
    assert result.countered
    scores = [one.score for one in result.shown]
    assert scores == sorted(scores, reverse=True)


def test_nine_tenths_of_the_amount_over_the_same_term_is_what_was_asked_for() -> None:
    """The share is the setting `substantially`."""
    assert offered(3_300, 24).asked.limit == 3_000
    assert offered(3_300, 24).asked.stands
    short = offered(3_400, 24)
    assert (short.asked.stage, short.asked.why) == (Stage.CATALOGUE, (Why.NOT_IN_CATALOGUE,))
    assert short.countered


def test_a_term_that_is_not_in_the_catalogue_leads_to_a_counteroffer() -> None:
    result = offered(3_000, 18)
    assert result.asked.why == (Why.NOT_IN_CATALOGUE,)
    assert {one.kind for one in result.shown} == {Kind.COUNTEROFFER}


def test_all_that_a_stage_has_against_what_was_asked_for_is_told() -> None:
    result = offered(9_000, 12, band="grey", rung=Rung.APPLICATION_ONLY)
    assert result.asked.why == (Why.BAND_CAP, Why.RUNG_CAP, Why.PAYMENT_TO_INCOME)


@pytest.mark.parametrize("pd", [-0.01, 1.01, float("nan")])
def test_what_is_no_probability_is_refused(pd: float) -> None:
    with pytest.raises(InvalidOffers, match="expected a probability, 0 to 1"):
        offered(pd=pd)
