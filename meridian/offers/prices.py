"""The price of a limit and a term by PD: the most profitable one, and never a higher one for a lower PD."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from meridian.offers.catalogue import Columns, Whole
from meridian.offers.profit import Doubles, Economics, Plans, expected_profit

NONE_ALLOWED = -1


@dataclass(frozen=True)
class Prices:
    """`rate` in basis points by [tier of PD, cell]; it never falls from one tier to the next. `bounds`: the tiers'."""

    bounds: Doubles
    rate: Whole

    def tier(self, pd: float) -> int | None:
        """The first tier whose bound the PD is below; None beyond the last one."""
        tier = int(np.searchsorted(self.bounds, pd, side="right"))
        return tier if tier < len(self.bounds) else None


def prices_of(columns: Columns, plans: Plans, economics: Economics, tiers: tuple[Decimal, ...]) -> Prices:
    """The price of every cell in every tier.

    A tier is priced by the PD of its bound: everybody in it has that PD or a better one. The most profitable price may
    fall where PD rises, e.g. because there is less to be had of a loan that ends early; so each tier takes at least the
    price of the one before. What the price depends on is the tier, the limit and the term: the income, the amount that
    was asked for and whatever else tells two applicants apart have no part in it.
    """
    bounds = np.array([float(bound) for bound in tiers])
    rates = np.array([_best(columns, plans, economics, float(bound)) for bound in bounds], dtype=np.int64)
    return Prices(bounds, np.maximum.accumulate(rates, axis=0))


def _best(columns: Columns, plans: Plans, economics: Economics, pd: float) -> Whole:
    """The rate of the highest score in each cell; of two alike the lower one."""
    score = expected_profit(columns, plans, economics, pd, None)
    highest = np.maximum.reduceat(score, columns.starts)
    best = np.where(score == highest[columns.cell], columns.rate, np.iinfo(np.int64).max)
    lowest: Whole = np.minimum.reduceat(best, columns.starts)
    return lowest


def priced(columns: Columns, rate: Whole, lawful: np.ndarray) -> Whole:
    """By cell, which offer has its price: the dearest lawful one up to `rate`; `NONE_ALLOWED` where there is none.

    A price above what a state allows becomes the highest that it does: the lesser of a price that rises with PD and a
    bound that does not know PD, so it rises with PD still.
    """
    at = np.arange(len(columns.rate))
    fits = lawful & (columns.rate <= rate[columns.cell])
    chosen: Whole = np.maximum.reduceat(np.where(fits, at, NONE_ALLOWED), columns.starts)
    return chosen
