"""A product's policy: its rules, bands and prices, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.evidence import Rung
from meridian.policy.bands import Bands, Offer, PriceTier, make_offer
from meridian.policy.cells import Cell
from meridian.policy.compiled import Columns, judged_columns
from meridian.policy.derived import DERIVED
from meridian.policy.ladder import NEITHER, Floats, Segment, Step, step_for, steps_for_columns
from meridian.policy.rules import NOTHING, Rule, RuleResult


@dataclass(frozen=True)
class Policy:
    """A product's rules, bands and prices, as data. `derived` names rule fields that are no features, e.g. an age.

    `bands` are those of the full rung and of the stale one; `ladder` has the terms of each lower rung on which a score
    may approve or decline, and those of the full one where it has a cap; `segments` has terms for some applicants
    alone, the first that holds. `stated` names the fields that are read from the application as they were stated there.
    """

    name: str
    rules: tuple[Rule, ...]
    bands: Bands
    prices: tuple[PriceTier, ...]
    derived: tuple[str, ...] = ()
    ladder: tuple[Step, ...] = ()
    segments: tuple[Segment, ...] = ()
    stated: tuple[str, ...] = ()

    def at(self, rung: Rung, values: Mapping[str, Any] | None = None) -> Step:
        """The terms of a rung. Where the ladder does not have it, a score neither approves nor declines there.

        `values` are an applicant's; without them, the terms are those outside all segments.
        """
        place = Rung.FULL if rung <= Rung.STALE else rung
        otherwise = Step(place, self.bands if place is Rung.FULL else NEITHER)
        step = next((step for step in self.ladder if step.rung == place), otherwise)
        if values is not None and self.segments:
            step = step_for((one for one in self.segments if one.step.rung == place), values, step)
        return step if step.rung == rung else replace(step, rung=rung)

    @property
    def pre_computed(self) -> Step | None:
        """The terms on which an earlier score may stand in; None where the policy takes none."""
        return next((step for step in self.ladder if step.rung == Rung.PRE_COMPUTED), None)

    @cached_property
    def fields(self) -> frozenset[str]:
        """All fields that rules and segments read."""
        of_segments = (guard.field for segment in self.segments for guard in segment.guards)
        return frozenset((*(field for rule in self.rules for field in rule.fields), *of_segments))

    @property
    def cells(self) -> Iterator[tuple[str, Cell]]:
        """Each cell of rules and segments, and the field that it is about."""
        for rule in self.rules:
            yield rule.field, rule.cell
            yield from ((guard.field, guard.cell) for guard in rule.guards)
        for segment in self.segments:
            yield from ((guard.field, guard.cell) for guard in segment.guards)

    def derive(self, evidence: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the fields that are no features, from an evidence's document."""
        derived: dict[str, Any] = {name: DERIVED[name](evidence) for name in self.derived}
        if self.stated:
            application = evidence["request"]["application"]
            derived |= {name: application.get(name) for name in self.stated}
        return derived

    def judge(
        self, values: Mapping[str, Any], earlier: Mapping[str, Any] = NOTHING, day: date | None = None
    ) -> tuple[RuleResult, ...]:
        """The result of every rule in force on the day: all are judged, so that the record shows what else would hit.

        Raises `ValueError` where a rule has dates, and there is no day.
        """
        return tuple([judged(values, earlier) for judged in self._judged_on(day)])

    def as_on(self, day: date) -> Policy:
        """The policy of that day, for every day: with the rules that are in force then."""
        rules = (replace(rule, since=None, until=None) for rule in self.rules if rule.holds_on(day))
        return replace(self, rules=tuple(rules))

    def _judged_on(self, day: date | None) -> list[Any]:
        if self._always is not None:
            return self._always
        return [rule.judged for rule in self.rules if rule.holds_on(day)]

    @cached_property
    def _always(self) -> list[Any] | None:
        """What judges every day alike; None where a rule has dates."""
        if any(rule.since or rule.until for rule in self.rules):
            return None
        return [rule.judged for rule in self.rules]

    def judge_columns(
        self, columns: Columns, rows: int, day: date | None = None
    ) -> tuple[tuple[Rule, ...], NDArray[np.int8]]:
        """The rules in force on the day, and what each (first axis) found for each applicant (second): `Found`."""
        rules = tuple(rule for rule in self.rules if rule.holds_on(day))
        codes = np.empty((len(rules), rows), np.int8)
        for place, rule in enumerate(rules):
            guards = [(guard.field, guard.cell) for guard in rule.guards]
            codes[place] = judged_columns(rule.field, rule.cell, guards, columns, rows)
        return rules, codes

    def steps_of_columns(self, rungs: NDArray[np.int8], columns: Columns) -> tuple[Floats, Floats, Floats]:
        """The terms of many applicants, as `at` has them of one: `approve_below`, `decline_above` and the cap (dollars,
        infinite where there is none).
        """
        found = [np.empty(len(rungs)) for _ in range(3)]
        for rung in np.unique(rungs):
            rows = np.flatnonzero(rungs == rung)
            some = {name: column[rows] for name, column in columns.items()} if self.segments else {}
            place = Rung.FULL if rung <= Rung.STALE else Rung(int(rung))
            segments = [one for one in self.segments if one.step.rung == place]
            for column, values in zip(
                found, steps_for_columns(segments, some, self.at(Rung(int(rung))), len(rows)), strict=True
            ):
                column[rows] = values
        return found[0], found[1], found[2]

    def offer(
        self,
        application: Mapping[str, Any],
        pd: float,
        rung: Rung = Rung.FULL,
        values: Mapping[str, Any] | None = None,
    ) -> Offer | None:
        """The amount and term asked for, at the price of the PD's tier; None where the policy has no prices.

        Where the terms of the rung, and of the segment that the applicant's `values` are in, have a cap, no more than
        that is offered.
        """
        if not self.prices:
            return None
        asked, cap = application["amount"], self.at(rung, values).limit_cap
        return make_offer(self.prices, pd, asked if cap is None else min(asked, cap), application["term_months"])

    def document(self) -> dict[str, Any]:
        """The policy as JSON values. What it does not have is not written: it stays the same version."""
        return {
            "name": self.name,
            "rules": [rule.document() for rule in self.rules],
            "bands": asdict(self.bands),
            "prices": [asdict(tier) for tier in self.prices],
            "derived": list(self.derived),
            **({"ladder": [step.document() for step in self.ladder]} if self.ladder else {}),
            **({"segments": [segment.document() for segment in self.segments]} if self.segments else {}),
            **({"stated": list(self.stated)} if self.stated else {}),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Policy:
        """The policy as it was written."""
        return cls(
            name=document["name"],
            rules=tuple(Rule.from_document(rule) for rule in document["rules"]),
            bands=Bands(**document["bands"]),
            prices=tuple(PriceTier(**tier) for tier in document["prices"]),
            derived=tuple(document["derived"]),
            ladder=tuple(Step.from_document(step) for step in document.get("ladder", ())),
            segments=tuple(Segment.from_document(segment) for segment in document.get("segments", ())),
            stated=tuple(document.get("stated", ())),
        )
