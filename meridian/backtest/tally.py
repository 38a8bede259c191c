"""Adding up: what two policies come to, chunk after chunk, in as much memory as a chunk takes."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meridian.backtest.gather import Past
from meridian.decision import ManyDecided, Said, Terms
from meridian.outcome import Outcome
from meridian.policy import Found, Policy

Floats = NDArray[np.float64]
APPROVE, REFER = Outcome.APPROVE.severity, Outcome.REFER.severity
KINDS = len(Outcome)
BINS = 50
"""Of the PD, each two hundredths wide."""
OFFERS = "offers"
"""What led to it where score and rules approve, and nothing of the catalogue is left."""
DRAWN = 1_000
"""Of so many decisions, drawn by their ids, both policies are asked one by one as well."""
RANDOM = 19
"""From there on the text of an id (UUID, version 7) is random; before it says when it was made."""


@dataclass(frozen=True)
class Assumptions:
    """What money and work are reckoned with, all of it the lender's own to say.

    The share that is lost of a loan that defaults, what a dollar costs a year (a fraction), and how many minutes an
    analyst has a case in hand.
    """

    loss_given_default: float = 0.65
    funding: float = 0.045
    minutes_per_case: float = 20.0


class Drawn(NamedTuple):
    """A decision that was drawn, and what came of it in the columns."""

    id: str
    before: int
    after: int


@dataclass
class Money:
    """Of those whom a policy approves: dollars lent, expected loss and profit of the first twelve months."""

    lent: float = 0.0
    loss: float = 0.0
    profit: float = 0.0
    without: int = 0
    """Approvals without an amount or a PD, of which nothing is reckoned."""
    priced: bool = True

    def add(self, pds: Floats, decided: ManyDecided, by: Assumptions) -> None:
        """Loss: PD x loss given default x amount; profit: interest of who repays, less funding and loss."""
        approved = decided.outcomes == APPROVE
        told = approved & ~np.isnan(decided.limits) & ~np.isnan(pds)
        pd, lent, rate = pds[told], decided.limits[told], decided.rates[told]
        losses = pd * by.loss_given_default
        self.lent += float(lent.sum())
        self.loss += float((lent * losses).sum())
        self.without += int(approved.sum() - told.sum())
        if np.isnan(rate).any():
            self.priced = False
        else:
            self.profit += float((lent * ((1 - pd) * rate - by.funding - losses)).sum())


@dataclass
class Cells:
    """By (outcome before, outcome after), nine in all: how many, with what PD, and what became of them."""

    decisions: NDArray[np.int64] = field(default_factory=lambda: np.zeros((KINDS, KINDS), np.int64))
    scored: NDArray[np.int64] = field(default_factory=lambda: np.zeros((KINDS, KINDS), np.int64))
    pd: Floats = field(default_factory=lambda: np.zeros((KINDS, KINDS)))
    known: NDArray[np.int64] = field(default_factory=lambda: np.zeros((KINDS, KINDS), np.int64))
    defaulted: NDArray[np.int64] = field(default_factory=lambda: np.zeros((KINDS, KINDS), np.int64))
    unknown_scored: NDArray[np.int64] = field(default_factory=lambda: np.zeros((KINDS, KINDS), np.int64))
    unknown_pd: Floats = field(default_factory=lambda: np.zeros((KINDS, KINDS)))

    def add(self, cells: NDArray[np.int64], pds: Floats, defaulted: Floats) -> None:
        """Add what is in which cell (before * 3 + after)."""
        scored, known = ~np.isnan(pds), ~np.isnan(defaulted)
        self.decisions += _counted(cells)
        self.scored += _counted(cells[scored])
        self.pd += _summed(cells[scored], pds[scored])
        self.known += _counted(cells[known])
        self.defaulted += _counted(cells[known & (defaulted == 1)])
        open_ = scored & ~known
        self.unknown_scored += _counted(cells[open_])
        self.unknown_pd += _summed(cells[open_], pds[open_])


@dataclass
class Side:
    """One policy's part: what led to which outcome, what is lent, and the PDs of each outcome.

    `policy` is what is asked, `terms` are those that it is of.
    """

    policy: Policy
    terms: Terms
    led: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """(rule or "", what it found or what the score said, outcome) -> how many; several may lead to one outcome."""
    money: Money = field(default_factory=Money)
    pds: NDArray[np.int64] = field(default_factory=lambda: np.zeros((KINDS, BINS), np.int64))
    own: int = 0
    """Decisions that this very policy made, and the record has."""
    unlike: int = 0
    """Those of them that come out otherwise here: there should be none."""

    def add(self, past: Past, decided: ManyDecided, by: Assumptions) -> None:
        """Add a chunk."""
        outcomes, pds = decided.outcomes, past.many.pds
        own = np.array([one.policy_version == self.terms.version for one in past.stored], dtype=bool)
        if own.any():
            own &= self._asked_then(past.many.days)
            self.own += int(own.sum())
            self.unlike += int((own & (outcomes != past.recorded)).sum())
        against = outcomes != APPROVE
        for at, rule in enumerate(self.policy.rules):
            leads = against & (decided.by_rule[at] == outcomes)
            for found in (Found.HITS, Found.UNKNOWN):
                self._lead(rule.name, found.name.lower(), outcomes[leads & (decided.found[at] == found)])
        leads = against & (decided.verdicts == outcomes)
        for said in Said:
            self._lead("", said.name.lower(), outcomes[leads & (decided.said == said)])
        if decided.by_offers.any():
            self._lead("", OFFERS, outcomes[against & (decided.by_offers == outcomes)])
        self.money.add(pds, decided, by)
        scored = ~np.isnan(pds)
        bins = np.minimum((pds[scored] * BINS).astype(np.int64), BINS - 1)
        places = outcomes[scored].astype(np.int64) * BINS + bins
        self.pds += np.bincount(places, minlength=KINDS * BINS).reshape(KINDS, BINS)

    def _asked_then(self, days: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Whether the rules of a day are those that are asked: other ones decide otherwise, and nothing is wrong."""
        made_by, asked = self.terms.policy, [rule.name for rule in self.policy.rules]
        if asked == [rule.name for rule in made_by.rules]:
            return np.ones(len(days), dtype=bool)
        of_day, place = np.unique(days, return_inverse=True)
        alike = [[rule.name for rule in made_by.as_on(day.item()).rules] == asked for day in of_day]
        return np.array(alike, dtype=bool)[place]

    def _lead(self, rule: str, found: str, outcomes: NDArray[np.int8]) -> None:
        for outcome, count in zip(*np.unique(outcomes, return_counts=True), strict=True):
            self.led[rule, found, int(outcome)] += int(count)


@dataclass
class Summed:
    """Count, sum and sum of squares: enough for a mean and a spread."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, values: Floats) -> None:
        """Add those that are known."""
        known = values[~np.isnan(values)]
        self.count += len(known)
        self.total += float(known.sum())
        self.squares += float((known**2).sum())

    @property
    def mean(self) -> float | None:
        """The mean; None of nothing."""
        return self.total / self.count if self.count else None

    @property
    def deviation(self) -> float:
        """The standard deviation of all of them; 0 where they are all alike."""
        if not self.count:
            return 0.0
        mean = self.total / self.count
        return float(np.sqrt(max(self.squares / self.count - mean**2, 0.0)))


@dataclass
class Members:
    """Those of a group: how many, how many are approved before and after, and their PDs."""

    decisions: int = 0
    approved_before: int = 0
    approved_after: int = 0
    pds: Summed = field(default_factory=Summed)

    def add(
        self, rows: NDArray[np.bool_], before: NDArray[np.int8], after: NDArray[np.int8], pds: Floats
    ) -> None:  # fmt: skip
        """Add those rows."""
        self.decisions += int(rows.sum())
        self.approved_before += int((before[rows] == APPROVE).sum())
        self.approved_after += int((after[rows] == APPROVE).sum())
        self.pds.add(pds[rows])


@dataclass
class Tally:
    """All that was added up. `referred` has by day of receipt how many are referred before and after."""

    before: Side
    after: Side
    assumptions: Assumptions
    cells: Cells = field(default_factory=Cells)
    recorded: NDArray[np.int64] = field(default_factory=lambda: np.zeros(KINDS, np.int64))
    segments: dict[str, dict[str, NDArray[np.int64]]] = field(default_factory=dict)
    members: dict[str, Members] = field(default_factory=dict)
    referred: dict[date, NDArray[np.int64]] = field(default_factory=dict)
    first_day: date | None = None
    last_day: date | None = None
    drawn: list[tuple[str, Drawn]] = field(default_factory=list)
    all_pds: Summed = field(default_factory=Summed)

    def add(
        self,
        past: Past,
        before: ManyDecided,
        after: ManyDecided,
        labels: Mapping[str, Sequence[str]],
        members: Mapping[str, NDArray[np.bool_]],
    ) -> None:
        """Add a chunk: `labels` say by what each applicant is told apart, `members` who is in a compared group."""
        if not len(past):
            return
        pds = past.many.pds
        cells = before.outcomes.astype(np.int64) * KINDS + after.outcomes
        self.cells.add(cells, pds, past.defaulted)
        self.before.add(past, before, self.assumptions)
        self.after.add(past, after, self.assumptions)
        self.recorded += np.bincount(past.recorded[past.recorded >= 0], minlength=KINDS)
        for name, of in labels.items():
            self._segment(name, np.asarray(of, dtype=str), cells)
        self.all_pds.add(pds)
        for name, rows in members.items():
            self.members.setdefault(name, Members()).add(rows, before.outcomes, after.outcomes, pds)
        self._days(past.many.days, before.outcomes, after.outcomes)
        self._draw(past, before.outcomes, after.outcomes)

    @property
    def decisions(self) -> int:
        """How many were judged."""
        return int(self.cells.decisions.sum())

    def _segment(self, name: str, labels: NDArray[np.str_], cells: NDArray[np.int64]) -> None:
        of = self.segments.setdefault(name, {})
        values, places = np.unique(labels, return_inverse=True)
        for at, value in enumerate(values.tolist()):
            of.setdefault(value, np.zeros((KINDS, KINDS), np.int64))
            of[value] += _counted(cells[places == at])

    def _days(self, days: NDArray[np.datetime64], *outcomes: NDArray[np.int8]) -> None:
        values, places = np.unique(days, return_inverse=True)
        for at, day in enumerate(values.tolist()):
            referred = [int(((places == at) & (of == REFER)).sum()) for of in outcomes]
            self.referred[day] = self.referred.get(day, np.zeros(2, np.int64)) + referred
        self.first_day = min(self.referred)
        self.last_day = max(self.referred)

    def _draw(self, past: Past, before: NDArray[np.int8], after: NDArray[np.int8]) -> None:
        """Keep those with the lowest random parts of their ids: the same ones for the same decisions."""
        beyond = self.drawn[-1][0] if len(self.drawn) == DRAWN else "~"
        some = [
            (lot, Drawn(one.id, int(before[at]), int(after[at])))
            for at, one in enumerate(past.stored)
            if (lot := one.id[RANDOM:]) < beyond
        ]
        self.drawn = heapq.nsmallest(DRAWN, self.drawn + some)


def _counted(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(cells, minlength=KINDS * KINDS).reshape(KINDS, KINDS)


def _summed(cells: NDArray[np.int64], values: Floats) -> Floats:
    return np.bincount(cells, weights=values, minlength=KINDS * KINDS).astype(np.float64).reshape(KINDS, KINDS)
