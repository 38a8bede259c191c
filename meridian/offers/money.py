"""Money: `Decimal` dollars outside, whole cents inside; a float is refused wherever money is taken."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from meridian.offers.stated import BASIS_POINT, CENT, MONEY, RATE


def cents(name: str, dollars: Decimal) -> int:
    """Whole cents of an amount in dollars. Raises `InvalidOffers` for a float, for less than nothing, half a cent."""
    MONEY.check(name, dollars)
    return int(dollars / CENT)


def dollars(whole_cents: int) -> Decimal:
    """The amount in dollars, with its two digits after the point."""
    return Decimal(int(whole_cents)).scaleb(-2)


def basis_points(name: str, rate: Decimal) -> int:
    """Whole basis points of a yearly rate as a fraction."""
    RATE.check(name, rate)
    return int(rate / BASIS_POINT)


def fraction(whole_basis_points: int) -> Decimal:
    """The yearly rate as a fraction, with its four digits after the point."""
    return Decimal(int(whole_basis_points)).scaleb(-4)


def of_evidence(value: float | None) -> Decimal | None:
    """A value of the evidence as the decimal that its shortest text states; None where it is not known.

    The evidence holds doubles. `Decimal(0.1)` would be the double's own 55 digits; `Decimal(repr(0.1))` is what was
    received, and what the stored document says.
    """
    return None if value is None or not math.isfinite(value) else Decimal(repr(value))


def down(dollars_: Decimal) -> int:
    """Cents, what is less than one dropped: for what an applicant has."""
    return int((dollars_ / CENT).to_integral_value(ROUND_FLOOR))


def up(dollars_: Decimal) -> int:
    """Cents, what is less than one counted in full: for what an applicant owes."""
    return int((dollars_ / CENT).to_integral_value(ROUND_CEILING))
