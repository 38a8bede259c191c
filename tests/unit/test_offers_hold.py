"""What holds of offers for every applicant, every setting and every PD."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings

from meridian.evidence import Rung, canonical_json
from meridian.offers import Applicant, Asked, Catalogue, Kind, Offered, OfferTerms, Shown, offers_for
from meridian.products.consumer_loan.offers import OFFERS
from tests.bench.offers.__main__ import alike, cases
from tests.bench.offers.plain import PlainTerms, lines_of, payments_of, plain_offers
from tests.offer_terms import SETTINGS, TERMS, WITH_FEE, WITHOUT_FEE, applicants, asking, bands, pds, rungs, terms

D = Decimal
LENT = {"low": D("44000.00")}
LINES = {catalogue.fee: lines_of(catalogue) for catalogue in (WITHOUT_FEE, WITH_FEE)}
any_case = given(terms(), asking, applicants, pds, bands, rungs)
moderate = settings(max_examples=150, deadline=None)


@moderate
@any_case
def test_what_is_shown_is_allowed_affordable_and_little(
    given_terms: OfferTerms, asked: Asked, who: Applicant, pd: float, band: str, rung: Rung
) -> None:
    offered = offers_for(asked, who, pd, band, rung, given_terms, LENT)
    stated = given_terms.settings
    assert len(offered.shown) <= stated.showing.most_shown <= 3
    assert len({(one.limit, one.term) for one in offered.shown}) == len(offered.shown)
    assert offered.catalogue == len(offered.shown) + sum(one.count for one in offered.removed)
    for one in offered.shown:
        assert one.limit <= asked.amount
        assert who.monthly_income is not None
        assert who.monthly_debts is not None
        assert one.payment <= stated.affordability.payment_to_income * who.monthly_income
        assert one.payment + who.monthly_debts <= stated.affordability.debt_to_income * who.monthly_income
        assert one.apr <= _lawful(given_terms, who.state, one)
        assert one.limit <= next(cap.most for cap in stated.band_caps if cap.band == band)
        assert rung <= Rung.STALE or (rung == Rung.APPLICATION_ONLY and one.limit <= D(3_000))
        assert all(LENT[one_of.band] + one.limit <= one_of.most for one_of in stated.budgets if one_of.band == band)
        assert one.score >= 100 * stated.showing.least_profit
        assert pd < float(stated.pd_tiers[-1])
        assert (one.term - 1) * one.payment + one.last_payment == one.limit + one.interest
        assert one.payment == payments_of(one.limit, one.rate, one.term)[0]


def _lawful(given_terms: OfferTerms, state: str | None, one: Shown) -> Decimal:
    return min(
        cap.most_apr
        for cap in given_terms.settings.rate_caps
        if cap.state == state and cap.above < one.limit and (cap.up_to is None or one.limit <= cap.up_to)
    )


@moderate
@any_case
def test_it_is_the_same_as_a_plain_loop_over_decimals_finds(
    given_terms: OfferTerms, asked: Asked, who: Applicant, pd: float, band: str, rung: Rung
) -> None:
    ours = offers_for(asked, who, pd, band, rung, given_terms, LENT)
    plain = PlainTerms(given_terms, LINES[given_terms.catalogue.fee])
    assert alike(ours, plain_offers(asked, who, pd, band, rung, plain, LENT))


def test_so_it_is_on_the_catalogue_of_the_consumer_loan() -> None:
    plain = PlainTerms(OFFERS, lines_of(OFFERS.catalogue))
    countered = 0
    for case in cases(40, seed=7):
        ours = offers_for(case.asked, case.applicant, case.pd, case.band, case.rung, OFFERS)
        theirs = plain_offers(case.asked, case.applicant, case.pd, case.band, case.rung, plain, {})
        assert alike(ours, theirs)
        countered += ours.countered
    # Both kinds are among them, or it would have compared little.
    assert 0 < countered < 40


@moderate
@given(terms(), asking, asking, applicants, applicants, pds, pds, bands, bands, rungs, rungs)
def test_of_two_applicants_in_a_state_the_better_pd_never_has_the_higher_price(
    given_terms: OfferTerms,
    one_asks: Asked,
    other_asks: Asked,
    one: Applicant,
    other: Applicant,
    one_pd: float,
    other_pd: float,
    one_band: str,
    other_band: str,
    one_rung: Rung,
    other_rung: Rung,
) -> None:
    """Whatever else tells them apart: what they earn and owe, what they asked for, band and rung."""
    low, high = sorted((one_pd, other_pd))
    other = Applicant(other.monthly_income, other.monthly_debts, one.state)
    better = offers_for(one_asks, one, low, one_band, one_rung, given_terms, LENT)
    worse = offers_for(other_asks, other, high, other_band, other_rung, given_terms, LENT)
    dearest = {(offer.limit, offer.term): offer.rate for offer in worse.shown}
    for offer in better.shown:
        assert offer.rate <= dearest.get((offer.limit, offer.term), offer.rate)


@pytest.mark.parametrize("state", ["FL", "IL", "NY", "AR"])
def test_prices_rise_with_the_pd_and_really_do(state: str) -> None:
    """The same applicant at every thousandth of PD: several prices, each at least the one before."""
    rich = Applicant(D("30000.00"), D(0), state)
    seen: list[Decimal] = []
    for step in range(350):
        offered = offers_for(Asked(D(6_000), 36), rich, step / 1_000, "low", Rung.FULL, OFFERS)
        seen += [one.rate for one in offered.shown if one.kind is Kind.ASKED]
    assert seen == sorted(seen)
    assert len(set(seen)) >= 2


@moderate
@given(terms())
def test_the_price_of_every_limit_and_term_never_falls_from_tier_to_tier(given_terms: OfferTerms) -> None:
    rates = given_terms.prices.rate
    assert (rates[1:] >= rates[:-1]).all()


def test_where_the_most_profitable_price_falls_with_the_pd_the_price_does_not() -> None:
    """Without losses, and dear to serve: a loan that ends early has less to be served, and could be cheaper."""
    economics = replace(SETTINGS.economics, loss_given_default=D(0), servicing=D("10.00"))
    catalogue = Catalogue.of_grid([1_000], [36], [D(percent).scaleb(-2) for percent in range(5, 100)])
    tiers = tuple(D(bound) for bound in ("0.05", "0.9"))

    def rates(*bounds: Decimal) -> list[int]:
        terms = OfferTerms(replace(SETTINGS, economics=economics, pd_tiers=bounds), catalogue)
        return [int(rate) for rate in terms.prices.rate[:, 0]]

    assert rates(tiers[1])[0] < rates(tiers[0])[0]
    assert rates(*tiers) == [rates(tiers[0])[0]] * 2


@settings(max_examples=25, deadline=None)  # Every example works a catalogue out anew.
@any_case
def test_it_is_deterministic_also_from_stored_terms(
    given_terms: OfferTerms, asked: Asked, who: Applicant, pd: float, band: str, rung: Rung
) -> None:
    again = OfferTerms.from_document(given_terms.document())
    once, twice = (offers_for(asked, who, pd, band, rung, used, LENT) for used in (given_terms, again))
    assert canonical_json(once.document()) == canonical_json(twice.document())


@moderate
@any_case
def test_what_was_asked_for_is_shown_first_or_told_why_not(
    given_terms: OfferTerms, asked: Asked, who: Applicant, pd: float, band: str, rung: Rung
) -> None:
    offered = offers_for(asked, who, pd, band, rung, given_terms, LENT)
    kinds = [one.kind for one in offered.shown]
    if offered.asked.stands:
        first = offered.shown[0]
        assert kinds == [Kind.ASKED] + [Kind.ALTERNATIVE] * (len(kinds) - 1)
        assert (first.limit, first.term) == (offered.asked.limit, asked.term)
        assert first.limit >= asked.amount * given_terms.settings.showing.substantially
        assert (offered.asked.stage, offered.asked.why) == (None, ())
    else:
        assert set(kinds) <= {Kind.COUNTEROFFER}
        assert offered.asked.stage is not None
        assert offered.asked.why
        assert not _substantial(offered, asked, given_terms)


def _substantial(offered: Offered, asked: Asked, given_terms: OfferTerms) -> list[Shown]:
    least = asked.amount * given_terms.settings.showing.substantially
    return [one for one in offered.shown if one.term == asked.term and least <= one.limit]


def test_a_pd_at_the_bound_of_a_tier_belongs_to_the_next_one() -> None:
    assert TERMS.prices.tier(0.02) == TERMS.prices.tier(0.03) == 1
    assert TERMS.prices.tier(math.nextafter(0.02, 0)) == 0
    assert TERMS.prices.tier(0.35) is None
