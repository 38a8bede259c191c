"""The catalogue: every limit, term and price that a lender offers, and what each comes to, worked out once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from itertools import groupby, pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidOffers
from meridian.offers.annuity import annual_percentage_rate, repayment
from meridian.offers.money import basis_points, cents
from meridian.offers.stated import MONEY, MONTHS, RATE, SHARE, check_once, check_whole, decimal_of, read, written

Whole = NDArray[np.int64]
Stated = str | int | Decimal


@dataclass(frozen=True)
class CatalogueOffer:
    """A limit in dollars, a term in months, and its price: the yearly rate as a fraction."""

    limit: Decimal
    term: int
    rate: Decimal

    def __post_init__(self) -> None:
        MONEY.check("offer.limit", self.limit)
        RATE.check("offer.rate", self.rate)
        check_whole("offer.term", self.term, *MONTHS)


@dataclass(frozen=True)
class Columns:
    """The catalogue as arrays of whole numbers, one entry for each offer: cents, months, basis points.

    Integers of 64 bits hold cents exactly, and comparing them is comparing money. `cell` numbers the pairs of limit
    and term, in whose order the offers lie, cheapest first; `starts` has where each begins. `plan` numbers the pairs of
    term and rate, in `plans`.
    """

    limit: Whole
    term: Whole
    rate: Whole
    payment: Whole
    last: Whole
    interest: Whole
    fee: Whole
    apr: Whole
    cell: Whole
    starts: Whole
    plan: Whole
    plans: Whole


@dataclass(frozen=True)
class _Cell:
    """How a limit and a term stand in the document: with all their prices."""

    limit: Decimal
    term: int
    rates: tuple[Decimal, ...]


@dataclass(frozen=True)
class Grid:
    """Every limit (dollars) over every term (months) at every price (yearly rate, a fraction), as they were stated."""

    limits: tuple[Decimal, ...]
    terms: tuple[int, ...]
    prices: tuple[Decimal, ...]

    def __post_init__(self) -> None:
        for name, values in vars(self).items():
            if not values:
                raise InvalidOffers(f"catalogue.grid.{name} is empty; add one at least.")
            check_once(f"catalogue.grid.{name}", list(values))
        # An offer checks itself: one for each value does for all of their combinations, of which there are thousands.
        for limit in self.limits:
            CatalogueOffer(limit, self.terms[0], self.prices[0])
        for term in self.terms:
            CatalogueOffer(self.limits[0], term, self.prices[0])
        for rate in self.prices:
            CatalogueOffer(self.limits[0], self.terms[0], rate)

    def each(self) -> Iterator[tuple[Decimal, int, Decimal]]:
        """(limit, term, rate) of each, in the catalogue's order."""
        return product(sorted(self.limits), sorted(self.terms), sorted(self.prices))


@dataclass(frozen=True)
class Catalogue:
    """Offers by limit, term and price; and the origination fee, as a share of the limit that is kept of it.

    Use `of_grid`, or `of` for any set. Raises `InvalidOffers` with field, value and remedy for what cannot be.
    """

    stated: tuple[CatalogueOffer, ...]
    fee: Decimal = Decimal(0)
    grid: Grid | None = None
    """What they are all combinations of, where that was stated, in place of each: it is what is written down."""

    def __post_init__(self) -> None:
        SHARE.check("catalogue.fee", self.fee)
        if self.fee >= Decimal("0.5"):
            raise InvalidOffers(f'catalogue.fee is {self.fee}; expected a share below 0.5, e.g. "0.03".')
        if not self.stated and self.grid is None:
            raise InvalidOffers("catalogue.offers is empty; add a limit, a term and a rate.")
        keys = [(one.limit, one.term, one.rate) for one in self.stated]
        if any(a >= b for a, b in pairwise(keys)):
            raise InvalidOffers("catalogue.offers are out of order, or one stands there twice; use Catalogue.of.")

    @classmethod
    def of_grid(
        cls, limits: Iterable[Stated], terms: Iterable[int], prices: Iterable[Stated], fee: Stated = 0
    ) -> Catalogue:
        """Every limit (dollars) over every term (months) at every price (yearly rate as a fraction)."""
        grid = Grid(
            tuple(sorted(decimal_of("catalogue.grid.limits", one) for one in limits)),
            tuple(sorted(terms)),
            tuple(sorted(decimal_of("catalogue.grid.prices", one) for one in prices)),
        )
        return cls((), decimal_of("catalogue.fee", fee), grid)

    @classmethod
    def of(cls, offers: Iterable[CatalogueOffer], fee: Decimal = Decimal(0)) -> Catalogue:
        """Any offers, in any order."""
        return cls(tuple(sorted(offers, key=lambda one: (one.limit, one.term, one.rate))), fee)

    @cached_property
    def offers(self) -> tuple[CatalogueOffer, ...]:
        """Each of them, by limit, term and rate. Thousands may take half a second: who serves has `columns`."""
        return self.stated if self.grid is None else tuple(CatalogueOffer(*one) for one in self.grid.each())

    @cached_property
    def columns(self) -> Columns:
        """Payment, interest and APR of every offer. Some tenths of a second for thousands of them: once a process."""
        each = self.grid.each() if self.grid else ((one.limit, one.term, one.rate) for one in self.stated)
        limit, term, rate = (
            [*column] for column in zip(*((_cents(a), b, _points(c)) for a, b, c in each), strict=True)
        )
        # Of a fee, what is less than a cent is dropped.
        fee = [int(one * self.fee) for one in limit]
        plans_of_each = list(zip(limit, rate, term, fee, strict=True))
        repaid = [repayment(principal, yearly, months) for principal, yearly, months, _ in plans_of_each]
        apr = [
            annual_percentage_rate(principal - kept, plan, months, yearly)
            for (principal, yearly, months, kept), plan in zip(plans_of_each, repaid, strict=True)
        ]
        cells, cell = np.unique(np.array([limit, term], dtype=np.int64).T, axis=0, return_inverse=True)
        plans, plan = np.unique(np.array([term, rate], dtype=np.int64).T, axis=0, return_inverse=True)
        cell = cell.reshape(-1).astype(np.int64)
        return Columns(
            limit=np.array(limit, dtype=np.int64),
            term=np.array(term, dtype=np.int64),
            rate=np.array(rate, dtype=np.int64),
            payment=np.array([one.payment for one in repaid], dtype=np.int64),
            last=np.array([one.last for one in repaid], dtype=np.int64),
            interest=np.array([one.interest for one in repaid], dtype=np.int64),
            fee=np.array(fee, dtype=np.int64),
            apr=np.array(apr, dtype=np.int64),
            cell=cell,
            starts=np.searchsorted(cell, np.arange(len(cells))).astype(np.int64),
            plan=plan.reshape(-1).astype(np.int64),
            plans=plans,
        )

    def document(self) -> dict[str, Any]:
        """As JSON values: the grid, or each limit and term with its rates."""
        if self.grid is not None:
            return {"fee": written(self.fee), "grid": written(self.grid)}
        cells = groupby(self.stated, key=lambda one: (one.limit, one.term))
        return {
            "fee": written(self.fee),
            "offers": [
                written(_Cell(limit, term, tuple(one.rate for one in offers))) for (limit, term), offers in cells
            ],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Catalogue:
        """The catalogue as it was written."""
        if unknown := set(document) - {"fee", "grid", "offers"}:
            raise InvalidOffers(
                f"catalogue has the key {min(unknown)!r}, which nothing reads; one of fee, grid, offers."
            )
        if "grid" in document and "offers" in document:
            raise InvalidOffers("catalogue has a grid and offers as well; state one of them.")
        if "grid" in document:
            grid = read(Grid, document["grid"], "catalogue.grid")
            return cls((), decimal_of("catalogue.fee", document.get("fee", "0")), grid)
        if not isinstance(document.get("offers"), list | tuple):
            raise InvalidOffers(f"catalogue.offers is {document.get('offers')!r}; expected a list.")
        cells = [read(_Cell, one, f"catalogue.offers[{at}]") for at, one in enumerate(document["offers"])]
        return cls.of(
            (CatalogueOffer(cell.limit, cell.term, rate) for cell in cells for rate in cell.rates),
            decimal_of("catalogue.fee", document.get("fee", "0")),
        )


@cache
def _cents(limit: Decimal) -> int:
    return cents("offer.limit", limit)


@cache
def _points(rate: Decimal) -> int:
    return basis_points("offer.rate", rate)
