"""Level payments and the annual percentage rate, in whole numbers: exact to the cent, and to the basis point.

The rounding, all of it in the borrower's favour but for less than a cent of each payment:

- A month's interest is the balance times a twelfth of the yearly rate, what is less than a cent dropped.
- The payment is the annuity's, P i / (1 - (1 + i)^-n), what is less than a cent counted as one; so the last one is
  the smaller one, as e.g. Fla. Stat. 516.36 has it ("the final payment may be less").

Since no month takes more than the stated rate of what is owed, the rate that is paid is never above the rate stated.
Every quotient is one of Python's integers, of any length, so that nothing is ever rounded but where it says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from meridian.errors import InvalidOffers
from meridian.offers.money import dollars, fraction

YEAR = 120_000
"""Twelve months of ten thousand basis points: a month's rate is the yearly basis points over it."""


@dataclass(frozen=True)
class Month:
    """One month of a schedule, in cents: what is paid, how much of it is interest, and what is owed afterwards."""

    paid: int
    interest: int
    owed: int


@dataclass(frozen=True)
class Repayment:
    """How a loan is repaid, in cents: `term - 1` payments and a last one, which repay principal and interest."""

    payment: int
    last: int
    interest: int


def level_payment(principal: int, rate: int, term: int) -> int:
    """Cents a month for a principal in cents, at a yearly rate in basis points, over a term in months."""
    if rate == 0:
        return -(-principal // term)
    # An integer's power is typed as anything, because of negative exponents.
    grown: int = (YEAR + rate) ** term
    unit: int = YEAR**term
    return -(-principal * rate * grown // (YEAR * (grown - unit)))


def months(principal: int, rate: int, term: int) -> Iterator[Month]:
    """The schedule. Raises `InvalidOffers` where whole cents would have repaid the loan before its last month."""
    payment, owed = level_payment(principal, rate, term), principal
    for month in range(1, term + 1):
        interest = owed * rate // YEAR
        due = owed + interest
        if due <= 0 or (month < term and due <= payment):
            raise InvalidOffers(
                f"{dollars(principal)} over {term} months at {fraction(rate)} is repaid in month {month}, for payments "
                "are whole cents; take a larger limit or a shorter term."
            )
        paid = payment if month < term else due
        owed = due - paid
        yield Month(paid, interest, owed)


def repayment(principal: int, rate: int, term: int) -> Repayment:
    """What the schedule comes to."""
    schedule = list(months(principal, rate, term))
    return Repayment(schedule[0].paid, schedule[-1].paid, sum(month.interest for month in schedule))


def annual_percentage_rate(paid_out: int, repaid: Repayment, term: int, rate: int) -> int:
    """The APR in basis points, the next whole one above what is not whole; `rate` is where the search begins.

    Actuarial method of Regulation Z (12 CFR 1026, Appendix J), months as unit periods: the yearly rate by which the
    payments are worth what was paid out. Whether they are worth no more at some whole basis point is a comparison of
    integers; the APR is the first for which it holds.
    """
    found = rate
    while not _covers(paid_out, repaid, term, found):
        found += 1
    while found > 0 and _covers(paid_out, repaid, term, found - 1):
        found -= 1
    return found


def _covers(paid_out: int, repaid: Repayment, term: int, rate: int) -> bool:
    """Whether the payments, discounted at that rate, are worth no more than what was paid out."""
    if rate == 0:
        return repaid.payment * (term - 1) + repaid.last <= paid_out
    grown: int = (YEAR + rate) ** (term - 1)
    unit: int = YEAR ** (term - 1)
    # Both sides times rate (1 + rate / YEAR)^term YEAR^term, so that no quotient is left.
    level = repaid.payment * (grown - unit) * YEAR * (YEAR + rate)
    last = repaid.last * unit * YEAR * rate
    return level + last <= paid_out * grown * (YEAR + rate) * rate
