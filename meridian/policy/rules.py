"""Rules: a row of a table each, judged in three-valued logic. What is not known never passes in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property, partial
from typing import Any, NamedTuple

from meridian.outcome import Outcome
from meridian.policy.cells import Cell, Kind, NumberCell, nearest, unknown
from meridian.policy.compiled import Judge, compiled
from meridian.policy.grammar import cell_document, cell_of
from meridian.policy.spans import Span

NOTHING: Mapping[str, Any] = {}


class Test(StrEnum):
    """When a rule hits: the value stands so to the limit."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    BELOW = "below"
    ABOVE = "above"


@dataclass(frozen=True)
class Guard:
    """A condition on another field, under which a row holds at all."""

    field: str
    cell: Cell


@dataclass(frozen=True)
class Rule:
    """One rule.

    It hits where `field` is below or above `limit` or, where those are None, meets the cell `hits`, and every guard
    holds; then `effect` follows (decline: a knock-out, refer: a referral) for reason `reason`. Where that is not known,
    `unknown` follows for reason `unknown_reason`: refer, unless the rule says that it needs no answer (approve). It
    holds from `since` on and before `until`, by the day of receipt in UTC.
    """

    name: str
    effect: Outcome
    field: str
    test: Test | None
    limit: float | None
    reason: str
    unknown_reason: str
    meaning: str
    unknown: Outcome = Outcome.REFER
    guards: tuple[Guard, ...] = ()
    hits: Cell | None = None
    since: date | None = None
    until: date | None = None

    @cached_property
    def cell(self) -> Cell:
        """What its field's value meets where it hits."""
        if self.hits is not None:
            return self.hits
        limit = Decimal(repr(self.limit))
        if self.test is Test.BELOW:
            return NumberCell(f"< {limit:f}", Kind.NUMBER, (Span(high=limit, high_in=False),))
        return NumberCell(f"> {limit:f}", Kind.NUMBER, (Span(low=limit, low_in=False),))

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields that it reads, its own first."""
        return (self.field, *(guard.field for guard in self.guards))

    def holds_on(self, day: date | None) -> bool:
        """Whether it is in force on a day. Raises `ValueError` where it has dates and no day is given."""
        if self.since is None and self.until is None:
            return True
        if day is None:
            raise ValueError(f"the rule {self.name} has dates, and is judged without a day")
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)

    def judge(self, values: Mapping[str, Any], earlier: Mapping[str, Any] = NOTHING) -> RuleResult:
        """Hold the rule against the evidence's values; null, NaN, an empty text and absent are all 'not known'.

        What is not known is held against the `earlier` value, where there is one.
        """
        return self.judged(values, earlier)

    @cached_property
    def judged(self) -> Judge[RuleResult]:
        """The same as a plain function, made once."""
        guards = [(guard.field, guard.cell) for guard in self.guards]
        return compiled(self.field, self.cell, guards, partial(RuleResult, self))

    def document(self) -> dict[str, Any]:
        """As JSON values. What a rule does not have is not written: it stays the same version of its policy."""
        return {
            "name": self.name,
            "effect": self.effect.value,
            "field": self.field,
            "test": self.test.value if self.test else None,
            "limit": self.limit,
            "reason": self.reason,
            "unknown_reason": self.unknown_reason,
            "meaning": self.meaning,
            "unknown": self.unknown.value,
            **({"if": guards_document(self.guards)} if self.guards else {}),
            **({"hits": cell_document(self.hits)} if self.hits else {}),
            **({"since": self.since.isoformat()} if self.since else {}),
            **({"until": self.until.isoformat()} if self.until else {}),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Rule:
        """The rule as it was written."""
        hits, test = document.get("hits"), document["test"]
        since, until = document.get("since"), document.get("until")
        return cls(
            name=document["name"],
            effect=Outcome(document["effect"]),
            field=document["field"],
            test=None if test is None else Test(test),
            limit=document["limit"],
            reason=document["reason"],
            unknown_reason=document["unknown_reason"],
            meaning=document["meaning"],
            unknown=Outcome(document["unknown"]),
            guards=guards_of(document.get("if", {})),
            hits=None if hits is None else cell_of(hits),
            since=None if since is None else date.fromisoformat(since),
            until=None if until is None else date.fromisoformat(until),
        )


def guards_document(guards: tuple[Guard, ...]) -> dict[str, Any]:
    """Guards as JSON values."""
    return {guard.field: cell_document(guard.cell) for guard in guards}


def guards_of(document: Mapping[str, Any]) -> tuple[Guard, ...]:
    """Guards as they were written; by field, because a stored document has its keys in that order."""
    return tuple(Guard(field, cell_of(cell)) for field, cell in sorted(document.items()))


class RuleResult(NamedTuple):
    """What a rule found: the value, its margin to the limit, and whether it hit (None: not known).

    `earlier`: a value is not the present one, which is not known, but that of an earlier assessment. `applies` is False
    where a guard keeps the rule from being asked, and `blank` is the field that is not known, where one decides.
    A named tuple, because thirty of them are made for each decision.
    """

    rule: Rule
    value: Any
    margin: float | None
    hit: bool | None
    earlier: bool = False
    applies: bool = True
    blank: str = ""

    @property
    def outcome(self) -> Outcome:
        """What follows from this rule alone. What hit earlier may be over by now, so that a person looks."""
        if self.hit is None:
            return self.rule.unknown
        if not self.hit:
            return Outcome.APPROVE
        return Outcome.REFER if self.earlier else self.rule.effect

    @property
    def known(self) -> bool:
        """Whether it was held against a value of now."""
        return self.hit is not None and not self.earlier

    @property
    def wanting(self) -> str:
        """The field for whose want it was not held against values of now."""
        return self.blank or self.rule.field

    @property
    def limit(self) -> float | None:
        """The edge that the value is held against, the nearest one where there are several; None for words."""
        if self.rule.hits is None:
            return self.rule.limit
        edges = self.rule.hits.edges
        if unknown(self.value):
            return edges[0] if len(edges) == 1 else None
        return nearest(self.rule.hits, self.value)

    @property
    def reason(self) -> str | None:
        """The code of the reason this rule gives, if it speaks against an approval."""
        if self.outcome is Outcome.APPROVE:
            return None
        # A rule that needs no answer has no code for the want of one; what hit earlier refers for the rule's own.
        return self.rule.reason if self.known else self.rule.unknown_reason or self.rule.reason

    def document(self) -> dict[str, Any]:
        """As JSON values: `{"rule", "effect", "value", "limit", "margin", "hit"}`, and more where there is more.

        `"hits"` is the cell, where it is more than one limit; `"applies"` is false where a guard says that the rule is
        not to be asked, and `"earlier"` true where it is so. Value and margin are shown to six digits after the point;
        what was judged stands in full in the evidence.
        """
        return {
            "rule": self.rule.name,
            "effect": self.rule.effect.value,
            "value": _shown(self.value),
            "limit": self.limit,
            "margin": _shown(self.margin),
            "hit": self.hit,
            **({"hits": self.rule.hits.text} if self.rule.hits else {}),
            **({} if self.applies else {"applies": False}),
            **({"earlier": True} if self.earlier else {}),
        }


def _shown(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
