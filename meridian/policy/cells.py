"""Cells of a rule table: what a value must be for a row to hold."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar

from meridian.policy.spans import ALL, Span, common, others


class Kind(StrEnum):
    """What a field holds, and so how its cells are written."""

    NUMBER = "number"
    SHARE = "share"
    """A number for which `43 %` may be written: 0.43."""
    FLAG = "flag"
    """1 or 0, true or false; written yes or no."""
    WORD = "word"
    """One of some texts."""


def unknown(value: Any) -> bool:
    """Whether a value of the evidence says nothing: absent, null, NaN, or an empty text."""
    return value is None or value == "" or value != value


def exact(value: float) -> Decimal:
    """The number as it is written: 500.1 is exactly 500.1, whatever double stands for it."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(int(value))


@dataclass(frozen=True)
class NumberCell:
    """Numbers within spans that rise and do not touch. `text` is how it is written, `kind` what its field holds."""

    text: str
    kind: Kind
    spans: tuple[Span, ...]

    def meets(self, value: Any) -> bool:
        """Whether a known value is within."""
        return any(span.holds(exact(value)) for span in self.spans)

    @cached_property
    def edges(self) -> tuple[float, ...]:
        """The edges that a value may be near to, rising; none where single numbers are meant."""
        if all(span.point for span in self.spans) or all(span.point for span in others(self.spans)):
            return ()
        return tuple(sorted({_plain(edge) for span in self.spans for edge in span.edges}))

    def common(self, other: Cell) -> NumberCell:
        """What both hold."""
        return NumberCell("", self.kind, common(self.spans, other.spans if isinstance(other, NumberCell) else ALL))

    @property
    def empty(self) -> bool:
        """Whether nothing can meet it."""
        return not self.spans

    def covers(self, other: Cell) -> bool:
        """Whether all that meets the other meets this one."""
        # Spans that rise and do not touch hold another only where one of them does.
        return isinstance(other, NumberCell) and all(any(b.within(a) for a in self.spans) for b in other.spans)


def _plain(edge: Decimal) -> float:
    """As a whole number where it is one, so that a limit of 18 is shown as 18."""
    return int(edge) if edge == edge.to_integral_value() else float(edge)


@dataclass(frozen=True)
class WordCell:
    """One of some words or, `negated`, none of them."""

    text: str
    words: frozenset[str]
    negated: bool = False

    kind = Kind.WORD
    edges: ClassVar[tuple[float, ...]] = ()

    def meets(self, value: Any) -> bool:
        """Whether a known value is one of those meant."""
        return (value in self.words) != self.negated

    def common(self, other: Cell) -> WordCell:
        """What both hold."""
        if not isinstance(other, WordCell):
            return self
        match self.negated, other.negated:
            case False, False:
                return WordCell("", self.words & other.words)
            case False, True:
                return WordCell("", self.words - other.words)
            case True, False:
                return WordCell("", other.words - self.words)
            case _:
                return WordCell("", self.words | other.words, negated=True)

    @property
    def empty(self) -> bool:
        """Whether nothing can meet it."""
        return not self.words and not self.negated

    def covers(self, other: Cell) -> bool:
        """Whether all that meets the other meets this one."""
        return isinstance(other, WordCell) and WordCell("", self.words, not self.negated).common(other).empty


@dataclass(frozen=True)
class AnyCell:
    """Whatever the value is, also where it is not known."""

    text = "-"
    kind = Kind.NUMBER
    edges: ClassVar[tuple[float, ...]] = ()
    empty = False

    def meets(self, _: Any) -> bool:
        """Always."""
        return True

    def common(self, other: Cell) -> Cell:
        """What the other holds."""
        return other

    def covers(self, _: Cell) -> bool:
        """Whatever it is."""
        return True


ANY = AnyCell()
Cell = NumberCell | WordCell | AnyCell


def nearest(cell: Cell, value: Any) -> float | None:
    """The edge of the cell that a known value is nearest to, the lower of two; None where it has none."""
    return min(cell.edges, key=lambda edge: abs(value - edge), default=None)
