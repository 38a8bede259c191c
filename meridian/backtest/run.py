"""One pass of two policies over past applications, some at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.backtest.gather import Past
from meridian.backtest.report import Backtest, OneByOne
from meridian.backtest.segments import Segments
from meridian.backtest.tally import Assumptions, Side, Tally
from meridian.decision import Terms, decide_many
from meridian.experiments import Groups


@dataclass(frozen=True)
class Wished:
    """What is to be looked at besides: `by` names fields by which applicants are told apart, `outcomes` has by
    application reference what became of a loan (True: a default), `groups` who is in which protected group.
    """

    assumptions: Assumptions = field(default_factory=Assumptions)
    by: Sequence[str] = ()
    outcomes: Mapping[str, bool] = field(default_factory=dict)
    groups: Groups | None = None


@dataclass
class Run:
    """Two policies, the one that decides and the other one, over past applications that are added one after the other.

    `without` has rules, by name, that neither is asked by; `compared` the pairs of a group and its control. `as_of` is
    the day whose rules are asked of everybody; without it, each applicant is asked by those of the day of receipt.
    """

    product: str
    terms: tuple[Terms, Terms]
    wished: Wished
    without: Sequence[str] = ()
    compared: Sequence[tuple[str, str]] = ()
    as_of: date | None = None
    segments: Segments = field(default_factory=Segments)

    def __post_init__(self) -> None:
        before, after = (_asked(terms, self.without, self.as_of) for terms in self.terms)
        self.asked = before, after
        sides = [Side(asked.policy, terms) for asked, terms in zip(self.asked, self.terms, strict=True)]
        self.tally = Tally(sides[0], sides[1], self.wished.assumptions)
        groups = self.wished.groups
        if groups is not None:
            self.compared = [(_called(groups, groups.group), _called(groups, groups.control))]

    @property
    def by(self) -> list[str]:
        """The fields by which applicants are told apart: those asked for, and those of the policies' segments."""
        segments = [segment for terms in self.terms for segment in terms.policy.segments]
        return list(dict.fromkeys([*self.wished.by, *(guard.field for one in segments for guard in one.guards)]))

    def add(
        self, past: Past, by: Mapping[str, NDArray[Any]], members: Mapping[str, NDArray[np.bool_]] | None = None
    ) -> None:
        """Decide about these by both: `by` has columns by which they are told apart, `members` who is in a group."""
        if self.wished.outcomes:
            for at, one in enumerate(past.stored):
                past.defaulted[at] = self.wished.outcomes.get(one.application_ref, np.nan)
        before, after = (decide_many(past.many, terms) for terms in self.asked)
        self.tally.add(past, before, after, self.segments.labels(past, by), members or self._members(past))

    def backtest(
        self, source: Mapping[str, Any], skipped: Mapping[str, int], one_by_one: OneByOne | None = None
    ) -> Backtest:
        """What was found."""
        return Backtest(
            self.product, *self.terms, source, self.tally, self.segments, skipped, one_by_one or OneByOne(),
            compared=self.compared, left_out=self.without, as_of=self.as_of,
        )  # fmt: skip

    def _members(self, past: Past) -> dict[str, NDArray[np.bool_]]:
        groups = self.wished.groups
        if groups is None:
            return {}
        told = [groups.values.get(one.applicant_id) for one in past.stored]
        return {
            _called(groups, value): np.array([one == value for one in told], dtype=bool)
            for value in (groups.group, groups.control)
        }


def _asked(terms: Terms, without: Sequence[str], as_of: date | None) -> Terms:
    policy = terms.policy if as_of is None else terms.policy.as_on(as_of)
    if without:
        policy = replace(policy, rules=tuple(rule for rule in policy.rules if rule.name not in without))
    return replace(terms, policy=policy) if policy is not terms.policy else terms


def _called(groups: Groups, value: str) -> str:
    return f"{groups.column} {value}"
