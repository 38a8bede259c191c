"""The settings of offers: what turns a catalogue into what is shown to one applicant. Data alone: it replays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from meridian.errors import InvalidOffers
from meridian.offers.catalogue import Catalogue, Whole
from meridian.offers.offered import Why
from meridian.offers.prices import Prices, prices_of
from meridian.offers.profit import Economics, Plans, plans_of
from meridian.offers.stated import (
    COARSE_SHARE,
    FACTOR,
    MONEY,
    SHARE,
    check_decimals,
    check_once,
    check_whole,
    read,
    written,
)
from meridian.offers.usury import RateCap, most_apr

TOLD = frozenset(why.value for why in Why) - {Why.TOO_ALIKE, Why.OUTRANKED, Why.ABOVE_AMOUNT}
"""What may keep somebody from what was asked for."""
MOST_SHOWN = 3
"""Nobody compares more than a few offers; a setting may show fewer, and none more."""


@dataclass(frozen=True)
class Affordability:
    """The most of a month's gross income that the new payment may take, and all payments with the new one.

    Both are the lender's own. The figure of 43 % that is often read as law was that of Regulation Z's qualified
    mortgages (12 CFR 1026.43(e)(2)(vi), until 2021), and never one for other loans.
    """

    payment_to_income: Decimal
    debt_to_income: Decimal

    def __post_init__(self) -> None:
        check_decimals(self, "affordability", payment_to_income=SHARE, debt_to_income=SHARE)


@dataclass(frozen=True)
class BandCap:
    """The highest limit for a band of the score. A band without one is offered nothing."""

    band: str
    most: Decimal

    def __post_init__(self) -> None:
        check_decimals(self, "band_caps", most=MONEY)


@dataclass(frozen=True)
class RungCap:
    """The highest limit on a rung of the degradation ladder. A rung below the stale one without one: nothing."""

    rung: int
    most: Decimal

    def __post_init__(self) -> None:
        check_whole("rung_caps.rung", self.rung, 0, 4)
        check_decimals(self, "rung_caps", most=MONEY)


@dataclass(frozen=True)
class Budget:
    """The most that may be lent in a band, in dollars, with what is lent there already: in a calendar month (UTC)."""

    band: str
    most: Decimal

    def __post_init__(self) -> None:
        check_decimals(self, "budgets", most=MONEY)


@dataclass(frozen=True)
class Showing:
    """What of the ranked offers is shown.

    `most_shown` offers, one to three. Two of the same term differ by at least the share `apart` of the larger limit.
    `substantially`: the share of the amount asked for from which an offer over the term asked for is what was asked
    for, and no counteroffer. Regulation B speaks of "substantially the amount" (12 CFR 1002.2(c)(1)(i)) and names no
    share: the figure is the lender's. `least_profit`: the expected profit, in dollars, below which nothing is offered.
    """

    most_shown: int = MOST_SHOWN
    apart: Decimal = Decimal("0.10")
    substantially: Decimal = Decimal("0.90")
    least_profit: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        check_whole("showing.most_shown", self.most_shown, 1, MOST_SHOWN)
        check_decimals(self, "showing", apart=COARSE_SHARE, substantially=SHARE, least_profit=MONEY)


@dataclass(frozen=True)
class OfferSettings:
    """All settings of offers. `pd_tiers`: the bounds of PD at which a price may change; none from the last on."""

    affordability: Affordability
    band_caps: tuple[BandCap, ...]
    rung_caps: tuple[RungCap, ...]
    rate_caps: tuple[RateCap, ...]
    economics: Economics
    pd_tiers: tuple[Decimal, ...]
    showing: Showing = Showing()
    budgets: tuple[Budget, ...] = ()

    def __post_init__(self) -> None:
        if not self.pd_tiers:
            raise InvalidOffers('pd_tiers is empty; state at least one bound, e.g. ["0.12"].')
        for at, bound in enumerate(self.pd_tiers):
            FACTOR.check(f"pd_tiers[{at}]", bound)
            if not (self.pd_tiers[at - 1] if at else Decimal(0)) < bound <= 1:
                raise InvalidOffers(f"pd_tiers[{at}] is {bound}; expected bounds that rise, above 0 and up to 1.")
        check_once("band_caps.band", [cap.band for cap in self.band_caps])
        check_once("rung_caps.rung", [cap.rung for cap in self.rung_caps])
        check_once("budgets.band", [budget.band for budget in self.budgets])

    def document(self) -> dict[str, Any]:
        """As JSON values, decimals as texts."""
        document: dict[str, Any] = written(self)
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> OfferSettings:
        """The settings as they were written. Raises `InvalidOffers` with field, value and remedy."""
        return read(cls, document, "offers")


@dataclass(frozen=True)
class OfferTerms:
    """Settings and the catalogue that they are for, and what follows from the two alone, worked out once."""

    settings: OfferSettings
    catalogue: Catalogue
    reasons: Mapping[str, str] = field(default_factory=dict)
    """The code of the reason for each `Why`, so that whoever cannot have what was asked for is told."""

    @cached_property
    def plans(self) -> Plans:
        """Balances, month by month, of every term and rate."""
        return plans_of(self.catalogue.columns.plans)

    @cached_property
    def prices(self) -> Prices:
        """The price of every limit and term by tier of PD."""
        return prices_of(self.catalogue.columns, self.plans, self.settings.economics, self.settings.pd_tiers)

    @cached_property
    def most_apr(self) -> Mapping[str, Whole]:
        """By state of the table, the highest APR in basis points of every offer's limit."""
        limits, caps = self.catalogue.columns.limit, self.settings.rate_caps
        return {cap.state: most_apr(caps, cap.state, limits) for cap in caps}

    @property
    def highest_pd(self) -> float:
        """The highest PD for which there is a price."""
        return math.nextafter(float(self.settings.pd_tiers[-1]), 0.0)

    def prepare(self) -> OfferTerms:
        """Work it out now, so that the first applicant does not wait for it."""
        _ = self.prices, self.most_apr
        return self

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        document = {"settings": self.settings.document(), "catalogue": self.catalogue.document()}
        return {**document, "reasons": dict(self.reasons)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> OfferTerms:
        """The terms as they were written. Raises `InvalidOffers` with field, value and remedy."""
        for name in ("settings", "catalogue", "reasons"):
            if not isinstance(document.get(name), Mapping):
                raise InvalidOffers(f"offers.{name} is {document.get(name)!r}; expected an object.")
        if unknown := set(document) - {"settings", "catalogue", "reasons"}:
            raise InvalidOffers(
                f"offers has the key {min(unknown)!r}, which nothing reads; one of settings, catalogue, reasons."
            )
        reasons = document["reasons"]
        if unknown := set(reasons) - TOLD:
            raise InvalidOffers(f"offers.reasons has {min(unknown)!r}; one of {', '.join(sorted(TOLD))}.")
        return cls(
            OfferSettings.from_document(document["settings"]), Catalogue.from_document(document["catalogue"]), reasons
        )

    @property
    def untold(self) -> list[str]:
        """What may keep somebody from what was asked for, and has no reason that would be told."""
        return sorted(TOLD - set(self.reasons))
