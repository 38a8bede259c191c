"""The funnel as one would write it at first: a loop over the offers, decimals, no arrays. A peer, and an oracle."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from functools import cached_property

from meridian.evidence import Rung
from meridian.offers import Applicant, Asked, Catalogue, CatalogueOffer, Economics, OfferTerms, RateCap

CENT = Decimal("0.01")
PRECISE = Context(prec=60)


def payment_of(limit: Decimal, rate: Decimal, term: int) -> Decimal:
    """The annuity's formula, in sixty digits."""
    with localcontext(PRECISE):
        i = rate / 12
        exact = limit / term if i == 0 else limit * i / (1 - (1 + i) ** -term)
        # A whole cent may have become a hair more in the sixtieth digit.
        return exact.quantize(Decimal(1).scaleb(-30)).quantize(CENT, ROUND_CEILING)


def payments_of(limit: Decimal, rate: Decimal, term: int) -> list[Decimal]:
    """Month after month."""
    payment, owed, paid = payment_of(limit, rate, term), limit, []
    for month in range(term):
        with localcontext(PRECISE):
            owed += (owed * rate / 12).quantize(CENT, ROUND_FLOOR)
        paid.append(payment if month < term - 1 else owed)
        owed -= paid[-1]
    return paid


def apr_of(paid_out: Decimal, payments: list[Decimal], start: Decimal) -> Decimal:
    """The first whole basis point at which the payments would not repay what was paid out, or just do."""

    def covers(basis_points: int) -> bool:
        # Month by month, in units of a cent that are 120,000 times as small after each.
        owed, unit = int(100 * paid_out), 1
        for paid in payments:
            unit *= 120_000
            owed = owed * (120_000 + basis_points) - int(100 * paid) * unit
        return owed >= 0

    found = int(10_000 * start)
    while not covers(found):
        found += 1
    while found > 0 and covers(found - 1):
        found -= 1
    return Decimal(found).scaleb(-4)


@dataclass(frozen=True)
class Line:
    """An offer with what it comes to."""

    offer: CatalogueOffer
    payment: Decimal
    apr: Decimal
    fee: Decimal


def lines_of(catalogue: Catalogue) -> list[Line]:
    """Worked out once, as what the arrays hold is."""
    made = []
    for offer in catalogue.offers:
        payments = payments_of(offer.limit, offer.rate, offer.term)
        fee = (offer.limit * catalogue.fee).quantize(CENT, ROUND_FLOOR)
        made.append(Line(offer, payments[0], apr_of(offer.limit - fee, payments, offer.rate), fee))
    return made


@dataclass(frozen=True)
class PlainTerms:
    """The same terms, and the catalogue's lines."""

    terms: OfferTerms
    lines: list[Line]

    @cached_property
    def prices(self) -> list[dict[tuple[Decimal, int], Decimal]]:
        """By tier, the rate of each limit and term."""
        found: list[dict[tuple[Decimal, int], Decimal]] = []
        for bound in self.terms.settings.pd_tiers:
            best: dict[tuple[Decimal, int], tuple[int, Decimal]] = {}
            scorer = PlainScore(self.terms.settings.economics, float(bound), None)
            for line in self.lines:
                key, score = (line.offer.limit, line.offer.term), scorer.of(line)
                if key not in best or score > best[key][0]:
                    best[key] = (score, line.offer.rate)
            before = found[-1] if found else {}
            found.append({key: max(rate, before.get(key, rate)) for key, (_, rate) in best.items()})
        return found


class PlainScore:
    """Expected profit, offer by offer; what depends on term and rate alone is kept."""

    def __init__(self, economics: Economics, pd: float, asked: Asked | None):
        self.e, self.pd, self.asked = economics, pd, asked
        self.kept: dict[tuple[int, Decimal], tuple[float, float]] = {}

    def of(self, line: Line) -> int:
        """In cents, as a score."""
        offer, take_up = line.offer, self.e.take_up
        key = (offer.term, offer.rate)
        if key not in self.kept:
            self.kept[key] = self._per_dollar(*key)
        unit, months = self.kept[key]
        at = float(take_up.at_reference)
        x = math.log(at / (1 - at)) - float(take_up.price) * (float(offer.rate) - float(take_up.reference_rate))
        if self.asked:
            x -= float(take_up.amount) * (1 - float(offer.limit) / float(self.asked.amount))
            x -= float(take_up.term) / 12 * abs(offer.term - self.asked.term)
        profit = float(offer.limit) * unit + float(line.fee) - float(self.e.servicing) * months
        return round(100 * profit / (1 + math.exp(-x)))

    def _per_dollar(self, term: int, rate: Decimal) -> tuple[float, float]:
        i, balance, margin, lost, months = float(rate) / 12, 1.0, 0.0, 0.0, 0.0
        payment = 1 / term if i == 0 else i / (1 - (1 + i) ** -term)
        at_default = float(self.e.loss_given_default) * float(self.e.exposure_at_default)
        for month in range(term):
            before, after = (1 - self.pd) ** (month / 12), (1 - self.pd) ** ((month + 1) / 12)
            margin += (float(rate) - float(self.e.funding)) / 12 * after * balance
            lost += at_default * (before - after) * balance
            months += before
            balance = balance * (1 + i) - payment
        return margin - lost, months


def plain_offers(
    asked: Asked,
    applicant: Applicant,
    pd: float,
    band: str,
    rung: Rung,
    terms: PlainTerms,
    exposures: dict[str, Decimal],
) -> tuple[list[tuple[str, CatalogueOffer]], Counter[str]]:
    """What is shown, as what; and how many went for which reason."""
    settings = terms.terms.settings
    scorer = PlainScore(settings.economics, pd, asked)
    tier = next((at for at, bound in enumerate(settings.pd_tiers) if pd < float(bound)), None)
    prices = _lawful_prices(terms, tier, applicant.state)
    removed: Counter[str] = Counter()
    standing = []
    for line in terms.lines:
        why = _why_not_eligible(line, asked, applicant, band, rung, terms, tier)
        score = scorer.of(line)
        if not why and score < float(100 * settings.showing.least_profit):
            why = "expected_profit"
        if not why and line.offer.rate != prices.get((line.offer.limit, line.offer.term)):
            why = "price_of_pd"
        why = why or _over_budget(line, band, terms, exposures)
        if why:
            removed[why] += 1
        else:
            standing.append((score, line.offer))
    return _shown(standing, asked, terms, removed), removed


def _shown(
    standing: list[tuple[int, CatalogueOffer]], asked: Asked, terms: PlainTerms, removed: Counter[str]
) -> list[tuple[str, CatalogueOffer]]:
    showing = terms.terms.settings.showing
    ranked = [offer for _, offer in sorted(standing, key=lambda one: -one[0])]
    wished = [
        offer for offer in ranked
        if offer.term == asked.term and asked.amount * showing.substantially <= offer.limit <= asked.amount
    ]  # fmt: skip
    first = max(wished, key=lambda one: one.limit) if wished else None
    shown: list[tuple[str, CatalogueOffer]] = []
    while ranked and len(shown) < showing.most_shown:
        best = first if first and not shown else ranked[0]
        shown.append(("asked" if best is first else "alternative" if first else "counteroffer", best))
        alike = [one for one in ranked if _alike(one, best, showing.apart)]
        removed["too_alike"] += len(alike) - 1
        ranked = [one for one in ranked if one not in alike]
    removed["outranked"] += len(ranked)
    return shown


def _alike(one: CatalogueOffer, other: CatalogueOffer, apart: Decimal) -> bool:
    gap, larger = abs(one.limit - other.limit), max(one.limit, other.limit)
    return one.term == other.term and (gap == 0 or gap < apart * larger)


def _cap(terms: PlainTerms, state: str | None, limit: Decimal) -> Decimal | None:
    def covers(cap: RateCap) -> bool:
        return cap.state == state and cap.above < limit and (cap.up_to is None or limit <= cap.up_to)

    return min((cap.most_apr for cap in terms.terms.settings.rate_caps if covers(cap)), default=None)


def _lawful_prices(terms: PlainTerms, tier: int | None, state: str | None) -> dict[tuple[Decimal, int], Decimal]:
    found: dict[tuple[Decimal, int], Decimal] = {}
    for line in terms.lines if tier is not None else ():
        key, cap = (line.offer.limit, line.offer.term), _cap(terms, state, line.offer.limit)
        if cap is not None and line.apr <= cap and line.offer.rate <= terms.prices[tier or 0][key]:
            found[key] = max(line.offer.rate, found.get(key, line.offer.rate))
    return found


def _why_not_eligible(
    line: Line, asked: Asked, applicant: Applicant, band: str, rung: Rung, terms: PlainTerms, tier: int | None
) -> str:
    settings, limit, income = terms.terms.settings, line.offer.limit, applicant.monthly_income
    highest = _cap(terms, applicant.state, limit)
    in_band = next((cap.most for cap in settings.band_caps if cap.band == band), Decimal(0))
    on_rung = next((cap.most for cap in settings.rung_caps if cap.rung == rung), None)
    if on_rung is None:
        on_rung = Decimal("Infinity") if rung <= Rung.STALE else Decimal(0)
    may = settings.affordability
    tests = [
        ("above_amount_asked", lambda: limit > asked.amount),
        ("state_unknown", lambda: applicant.state is None),
        ("rate_cap_not_stated", lambda: highest is None),
        ("rate_cap", lambda: line.apr > highest),
        ("band_cap", lambda: limit > in_band),
        ("rung_cap", lambda: limit > on_rung),
        ("income_unknown", lambda: income is None),
        ("payment_to_income", lambda: line.payment > may.payment_to_income * income),
        ("debts_unknown", lambda: applicant.monthly_debts is None),
        ("debt_to_income", lambda: applicant.monthly_debts + line.payment > may.debt_to_income * income),
        ("pd_beyond_tiers", lambda: tier is None),
    ]
    return next((why for why, hits in tests if hits()), "")


def _over_budget(line: Line, band: str, terms: PlainTerms, exposures: dict[str, Decimal]) -> str:
    budget = next((one for one in terms.terms.settings.budgets if one.band == band), None)
    if budget is None:
        return ""
    if band not in exposures:
        return "exposure_unknown"
    return "exposure_budget" if exposures[band] + line.offer.limit > budget.most else ""
