"""Expected profit: a score that ranks offers, in doubles. No money that anybody pays or is paid comes out of it.

For an offer of limit L, yearly rate r and term n to an applicant with a PD p within twelve months:

    s(t)    = (1 - p)^(t / 12)                            still paying after month t: a hazard that stays the same
    b(t)    = balance per dollar lent at the start of month t, of the annuity at r over n months
    margin  = (r - funding) / 12 * sum s(t) b(t)          interest less what the money costs
    loss    = LGD * EAD * sum (s(t-1) - s(t)) b(t)        expected loss, month by month
    cost    = servicing * sum s(t-1)
    x       = ln(u / (1 - u)) - price * (r - r0) - amount * (1 - L / asked) - term * |n - asked| / 12
    take-up = 1 / (1 + exp(-x))                           a logit
    score   = take-up * (L * (margin - loss) + fee - cost)

with t = 1 .. n, and u the take-up at the reference rate r0 of exactly what was asked for. It is rounded to whole cents,
so that machines that add in another order rank alike. Nothing is discounted: the cost of funding stands for time.

Sources: expected loss as PD times LGD times EAD, Basel Committee, "An Explanatory Note on the Basel II IRB Risk Weight
Functions" (2005); the profit of a loan as take-up at its price times its margin less its expected loss, L. C. Thomas,
"Consumer Credit Models" (2009), chapter 3, and R. L. Phillips, "Pricing Credit Products" (2018). That the hazard stays
the same is this lender's simplification. Take-up depends on the offer and on what was asked for, never on who asks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidOffers
from meridian.offers.annuity import YEAR
from meridian.offers.catalogue import Columns, Whole
from meridian.offers.stated import FACTOR, MONEY, RATE, SHARE, check_decimals

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class TakeUp:
    """How likely an offer is accepted: `at_reference` at `reference_rate`, less by the logit's slopes.

    `price` by a rate higher by one (0.01: a percentage point), `amount` by a limit that falls short of what was asked
    for by all of it, `term` by a year's difference. The price elasticity at a rate r is `price` times r times one less
    the take-up there.
    """

    at_reference: Decimal
    reference_rate: Decimal
    price: Decimal
    amount: Decimal
    term: Decimal

    def __post_init__(self) -> None:
        place = "economics.take_up"
        check_decimals(self, place, at_reference=SHARE, reference_rate=RATE, price=FACTOR, amount=FACTOR, term=FACTOR)
        if not 0 < self.at_reference < 1:
            raise InvalidOffers(f'{place}.at_reference is {self.at_reference}; expected between 0 and 1, e.g. "0.60".')


@dataclass(frozen=True)
class Economics:
    """What a loan earns and costs.

    `loss_given_default` is a share of the exposure, `exposure_at_default` what a dollar of balance has become by then
    (1.02: with accrued interest), `funding` a yearly rate, `servicing` dollars a month.
    """

    loss_given_default: Decimal
    exposure_at_default: Decimal
    funding: Decimal
    servicing: Decimal
    take_up: TakeUp

    def __post_init__(self) -> None:
        check_decimals(
            self,
            "economics",
            loss_given_default=SHARE,
            exposure_at_default=FACTOR,
            funding=RATE,
            servicing=MONEY,
        )


@dataclass(frozen=True)
class Plans:
    """By term and rate: the balance per dollar lent at the start of each month, and whether the month is one of it."""

    rate: Doubles
    balance: Doubles
    open: Doubles


def plans_of(plans: Whole) -> Plans:
    """From (term, basis points) pairs; what lies beyond a term is zero."""
    term, rate = plans[:, 0], plans[:, 1] / 10_000
    month = np.arange(int(term.max()))
    i = plans[:, 1:] / YEAR
    with np.errstate(invalid="ignore", divide="ignore"):
        left = term[:, None] - month
        annuity = (1 - (1 + i) ** -left) / (1 - (1 + i) ** -term[:, None].astype(np.float64))
    balance = np.where(i == 0, left / term[:, None], annuity)
    within = (left > 0).astype(np.float64)
    return Plans(rate, np.where(left > 0, balance, 0.0), within)


@dataclass(frozen=True)
class Wish:
    """What was asked for, in cents and months, for the take-up."""

    amount: int
    term: int


def expected_profit(columns: Columns, plans: Plans, economics: Economics, pd: float, wish: Wish | None) -> Doubles:
    """The score of every offer, in whole cents; without a wish as if each were just what was asked for."""
    months = np.arange(plans.balance.shape[1] + 1)
    paying = (1.0 - pd) ** (months / 12)
    survived, began = paying[1:], paying[:-1]
    margin = (plans.rate - float(economics.funding)) / 12 * (plans.balance @ survived)
    at_default = float(economics.loss_given_default) * float(economics.exposure_at_default)
    unit = margin - at_default * (plans.balance @ (began - survived))
    cost = 100 * float(economics.servicing) * (plans.open @ began)
    profit = columns.limit * unit[columns.plan] - cost[columns.plan] + columns.fee
    scored: Doubles = np.rint(profit * _take_up(columns, economics.take_up, wish))
    return scored


def _take_up(columns: Columns, take_up: TakeUp, wish: Wish | None) -> Doubles:
    at = float(take_up.at_reference)
    x = math.log(at / (1 - at)) - float(take_up.price) * (columns.rate / 10_000 - float(take_up.reference_rate))
    if wish is not None:
        x = x - float(take_up.amount) * (1 - columns.limit / wish.amount)
        x = x - float(take_up.term) / 12 * np.abs(columns.term - wish.term)
    accepted: Doubles = 1 / (1 + np.exp(-x))
    return accepted
