"""The most that a state lets be charged: a table that the lender states, with the source of every line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from meridian.errors import InvalidOffers
from meridian.offers.catalogue import Whole
from meridian.offers.money import basis_points, cents
from meridian.offers.stated import MONEY, RATE, check_decimals

NOT_STATED = -1
"""Stands where the table says nothing: no offer is known to be lawful there, so none is made."""


@dataclass(frozen=True)
class RateCap:
    """The highest APR for borrowers of a state, on limits above one amount and up to another; and who says so.

    `state` is the two letters of the postal service. `source` names the statute, and where the lender goes below it,
    says so: whoever reads a stored decision finds there by which law an offer was left out.
    """

    state: str
    most_apr: Decimal
    source: str
    above: Decimal = Decimal(0)
    up_to: Decimal | None = None

    def __post_init__(self) -> None:
        if not (len(self.state) == 2 and self.state.isascii() and self.state.isupper()):
            raise InvalidOffers(f'rate_caps.state is {self.state!r}; expected two capital letters, e.g. "NY".')
        if not self.source.strip():
            raise InvalidOffers(f"rate_caps.source of {self.state} is empty; name the statute or rule that says so.")
        check_decimals(self, "rate_caps", most_apr=RATE, above=MONEY)
        if self.up_to is not None:
            MONEY.check("rate_caps.up_to", self.up_to)
            if self.up_to <= self.above:
                raise InvalidOffers(
                    f"rate_caps.up_to of {self.state} is {self.up_to}; expected more than above, which is {self.above}."
                )


def most_apr(caps: tuple[RateCap, ...], state: str, limits: Whole) -> Whole:
    """The highest APR in basis points for each limit in cents; `NOT_STATED` where no line of the table covers it.

    Where two lines cover a limit, the lower one holds.
    """
    highest = np.full(len(limits), NOT_STATED, dtype=np.int64)
    for cap in caps:
        if cap.state != state:
            continue
        covered = limits > cents("rate_caps.above", cap.above)
        if cap.up_to is not None:
            covered &= limits <= cents("rate_caps.up_to", cap.up_to)
        rate = basis_points("rate_caps.most_apr", cap.most_apr)
        lower = covered & ((highest == NOT_STATED) | (highest > rate))
        highest[lower] = rate
    return highest
