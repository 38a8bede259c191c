"""The funnel: catalogue, eligible, ranked, re-ranked under constraints; and counteroffers, where it comes to that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import numpy as np

from meridian.errors import InvalidOffers
from meridian.evidence import Rung
from meridian.offers.asking import Applicant, Asked
from meridian.offers.catalogue import Columns, Whole
from meridian.offers.eligible import Circumstances, Mask, ineligible, lawful
from meridian.offers.money import basis_points, cents, dollars, fraction, up
from meridian.offers.offered import AskedFor, Kind, Offered, Removed, Shown, Stage, Why
from meridian.offers.prices import NONE_ALLOWED, priced
from meridian.offers.profit import Doubles, Wish, expected_profit
from meridian.offers.settings import OfferTerms, Showing

NOTHING_LENT: Mapping[str, Decimal] = {}
STANDS = -1
"""Of an offer that nothing speaks against."""

Hit = tuple[Stage, Why, Mask]


def offers_for(
    asked: Asked,
    applicant: Applicant,
    pd: float,
    band: str,
    rung: Rung,
    terms: OfferTerms,
    exposures: Mapping[str, Decimal] = NOTHING_LENT,
) -> Offered:
    """What an applicant is offered, of what was asked for and of the rest; pure, so that it replays.

    `pd` is the probability of default within twelve months, `band` its name in the policy, `rung` that of the evidence,
    `exposures` the dollars that are lent already, by band, for the bands that have a budget.
    Raises `InvalidOffers` for a PD that is none.
    """
    if not 0 <= pd <= 1:
        raise InvalidOffers(f"pd is {pd}; expected a probability, 0 to 1.")
    given = Circumstances(asked, applicant, pd, band, rung)
    columns = terms.catalogue.columns
    wish = Wish(asked.cents, asked.term)
    score = expected_profit(columns, terms.plans, terms.settings.economics, pd, wish)
    allowed = lawful(terms, applicant.state)
    chosen = _priced(terms, pd, allowed)
    hits = list(_hits(terms, given, score, allowed, chosen, exposures))
    first = _first_hits(hits, len(score))
    standing = np.flatnonzero(first == STANDS)
    ranked = standing[np.argsort(-score[standing], kind="stable")]
    substantial = _substantial(columns, terms.settings.showing, asked, wish)
    wished = next((at for at in reversed(substantial.tolist()) if first[at] == STANDS), None)
    shown, alike = _few(columns, terms.settings.showing, ranked, wished)
    return Offered(
        catalogue=len(score),
        asked=_asked_for(columns, hits, asked, wished, _stand_in(columns, substantial, chosen)),
        removed=_removed(hits, first, alike, len(ranked) - len(shown) - alike),
        shown=tuple(_shown(columns, at, _kind(at, wished), score) for at in shown),
    )


def _priced(terms: OfferTerms, pd: float, allowed: Mask) -> Whole:
    """By cell, the offer that has the price of this PD."""
    tier = terms.prices.tier(pd)
    columns = terms.catalogue.columns
    if tier is None:
        return np.full(len(columns.starts), NONE_ALLOWED, dtype=np.int64)
    return priced(columns, terms.prices.rate[tier], allowed)


def _hits(
    terms: OfferTerms,
    given: Circumstances,
    score: Doubles,
    allowed: Mask,
    chosen: Whole,
    exposures: Mapping[str, Decimal],
) -> Iterator[Hit]:
    """Every reason of every stage, with the offers that it speaks against."""
    for why, mask in ineligible(terms, given, allowed):
        yield Stage.ELIGIBLE, why, mask
    # Doubles compared with doubles: the score is no money.
    yield Stage.RANKED, Why.EXPECTED_PROFIT, score < float(100 * terms.settings.showing.least_profit)
    has_price = np.zeros(len(score), dtype=bool)
    has_price[chosen[chosen != NONE_ALLOWED]] = True
    yield Stage.RE_RANKED, Why.PRICE_OF_PD, ~has_price
    budget = next((one for one in terms.settings.budgets if one.band == given.band), None)
    if budget is not None:
        lent = exposures.get(given.band)
        if lent is None:
            yield Stage.RE_RANKED, Why.EXPOSURE_UNKNOWN, np.ones(len(score), dtype=bool)
        else:
            left = cents("budgets.most", budget.most) - cents(f"exposures.{given.band}", lent)
            yield Stage.RE_RANKED, Why.EXPOSURE_BUDGET, terms.catalogue.columns.limit > left


def _first_hits(hits: list[Hit], offers: int) -> Whole:
    """For each offer the number of the first reason against it."""
    first = np.full(offers, STANDS, dtype=np.int64)
    for number in reversed(range(len(hits))):
        first[hits[number][2]] = number
    return first


def _substantial(columns: Columns, showing: Showing, asked: Asked, wish: Wish) -> Whole:
    """The offers over the term asked for, of at most the amount and not much less, in the catalogue's order."""
    least = up(asked.amount * showing.substantially)
    found: Whole = np.flatnonzero(
        (columns.term == wish.term) & (columns.limit <= wish.amount) & (columns.limit >= least)
    )
    return found


def _stand_in(columns: Columns, substantial: Whole, chosen: Whole) -> int | None:
    """The offer whose reasons are told where none stands: the largest limit's, at the price that it would have."""
    if not len(substantial):
        return None
    cell = columns.cell[substantial[-1]]
    at = chosen[cell]
    return int(columns.starts[cell] if at == NONE_ALLOWED else at)


def _asked_for(columns: Columns, hits: list[Hit], asked: Asked, wished: int | None, stand_in: int | None) -> AskedFor:
    amount = dollars(asked.cents)
    if wished is not None:
        return AskedFor(amount, asked.term, dollars(columns.limit[wished]), True, None, ())
    if stand_in is None:
        return AskedFor(amount, asked.term, None, False, Stage.CATALOGUE, (Why.NOT_IN_CATALOGUE,))
    against = [(stage, why) for stage, why, mask in hits if mask[stand_in]]
    stage = against[0][0]
    why = tuple(reason for at, reason in against if at is stage)
    return AskedFor(amount, asked.term, dollars(columns.limit[stand_in]), False, stage, why)


def _few(columns: Columns, showing: Showing, ranked: Whole, wished: int | None) -> tuple[list[int], int]:
    """What was asked for, where it stands, then the best that differ; and how many were too alike to one of these."""
    shown: list[int] = []
    left, alike = ranked, 0
    while len(left) and len(shown) < showing.most_shown:
        best = wished if wished is not None and not shown else int(left[0])
        shown.append(best)
        near = _alike(columns, showing, left, best)
        alike += int(near.sum()) - 1
        left = left[~near]
    return shown, alike


def _alike(columns: Columns, showing: Showing, offers: Whole, one: int) -> Mask:
    """Those of the same term whose limits hardly differ from that of `one`; it is one of them."""
    limit, other = columns.limit[offers], columns.limit[one]
    # In ten-thousandths, so that cents are compared with cents.
    apart = basis_points("showing.apart", showing.apart)
    near = np.abs(limit - other) * 10_000 < apart * np.maximum(limit, other)
    alike: Mask = (columns.term[offers] == columns.term[one]) & (near | (limit == other))
    return alike


def _removed(hits: list[Hit], first: Whole, alike: int, outranked: int) -> tuple[Removed, ...]:
    counts = np.bincount(first + 1, minlength=len(hits) + 1)[1:].tolist()
    by_reason = [Removed(stage, why, count) for (stage, why, _), count in zip(hits, counts, strict=True)]
    by_rank = [Removed(Stage.RE_RANKED, Why.TOO_ALIKE, alike), Removed(Stage.RE_RANKED, Why.OUTRANKED, outranked)]
    return tuple(one for one in by_reason + by_rank if one.count)


def _kind(at: int, wished: int | None) -> Kind:
    if wished is None:
        return Kind.COUNTEROFFER
    return Kind.ASKED if at == wished else Kind.ALTERNATIVE


def _shown(columns: Columns, at: int, kind: Kind, score: Doubles) -> Shown:
    return Shown(
        kind=kind,
        limit=dollars(columns.limit[at]),
        rate=fraction(columns.rate[at]),
        apr=fraction(columns.apr[at]),
        term=int(columns.term[at]),
        payment=dollars(columns.payment[at]),
        last_payment=dollars(columns.last[at]),
        interest=dollars(columns.interest[at]),
        paid_out=dollars(columns.limit[at] - columns.fee[at]),
        score=int(score[at]),
    )
