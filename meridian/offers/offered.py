"""What came of the funnel: what each stage removed and why, what was asked for, and what is shown."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from meridian.offers.stated import written


class Stage(StrEnum):
    """The stages, in their order."""

    CATALOGUE = "catalogue"
    """Only of what was asked for: there is no such limit and term."""
    ELIGIBLE = "eligible"
    RANKED = "ranked"
    RE_RANKED = "re-ranked"


class Why(StrEnum):
    """Why an offer went, in the order in which it is counted: once, for the first that applies."""

    NOT_IN_CATALOGUE = "not_in_catalogue"
    ABOVE_AMOUNT = "above_amount_asked"
    STATE_UNKNOWN = "state_unknown"
    RATE_CAP_UNKNOWN = "rate_cap_not_stated"
    RATE_CAP = "rate_cap"
    BAND_CAP = "band_cap"
    RUNG_CAP = "rung_cap"
    INCOME_UNKNOWN = "income_unknown"
    DEBTS_UNKNOWN = "debts_unknown"
    PAYMENT_TO_INCOME = "payment_to_income"
    DEBT_TO_INCOME = "debt_to_income"
    PD_BEYOND_TIERS = "pd_beyond_tiers"
    EXPECTED_PROFIT = "expected_profit"
    PRICE_OF_PD = "price_of_pd"
    EXPOSURE_UNKNOWN = "exposure_unknown"
    EXPOSURE_BUDGET = "exposure_budget"
    TOO_ALIKE = "too_alike"
    OUTRANKED = "outranked"


class Kind(StrEnum):
    """What a shown offer is to what was asked for."""

    ASKED = "asked"
    """Substantially what was asked for."""
    ALTERNATIVE = "alternative"
    """Another, shown beside it."""
    COUNTEROFFER = "counteroffer"
    """Another, where what was asked for cannot be had: adverse action unless accepted (12 CFR 1002.2(c)(1)(i))."""


@dataclass(frozen=True)
class Removed:
    """How many offers a stage removed for one reason."""

    stage: Stage
    why: Why
    count: int


@dataclass(frozen=True)
class AskedFor:
    """What became of what was asked for; where it does not stand, all that its first failing stage has against it.

    `limit` is the offer of the catalogue that stood for it, None where there is none.
    """

    amount: Decimal
    term: int
    limit: Decimal | None
    stands: bool
    stage: Stage | None
    why: tuple[Why, ...]


@dataclass(frozen=True)
class Shown:
    """An offer as it is shown, in dollars; rates as yearly fractions.

    `term - 1` payments and the last one repay `limit` and `interest`. `paid_out` is the limit less the fee. `score` is
    the expected profit that it was ranked by, no money.
    """

    kind: Kind
    limit: Decimal
    rate: Decimal
    apr: Decimal
    term: int
    payment: Decimal
    last_payment: Decimal
    interest: Decimal
    paid_out: Decimal
    score: int


@dataclass(frozen=True)
class Offered:
    """The funnel's result. The counts of `removed` and what is shown make up the catalogue."""

    catalogue: int
    asked: AskedFor
    removed: tuple[Removed, ...]
    shown: tuple[Shown, ...]

    @property
    def countered(self) -> bool:
        """Whether what is shown is a counteroffer."""
        return any(offer.kind is Kind.COUNTEROFFER for offer in self.shown)

    def document(self) -> dict[str, Any]:
        """As JSON values, money and rates as texts."""
        document: dict[str, Any] = written(self)
        return document
