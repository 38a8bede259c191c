"""Spans of numbers: what a cell of numbers holds, exactly, and what two of them have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

LOWEST, HIGHEST = Decimal("-Infinity"), Decimal("Infinity")


@dataclass(frozen=True)
class Span:
    """The numbers between two edges, each of them within (`low_in`, `high_in`) or not; infinite where there is none."""

    low: Decimal = LOWEST
    high: Decimal = HIGHEST
    low_in: bool = True
    high_in: bool = True

    @property
    def empty(self) -> bool:
        """Whether no number is within."""
        return self.low > self.high or (self.low == self.high and not (self.low_in and self.high_in))

    @property
    def point(self) -> bool:
        """Whether one number is within."""
        return self.low == self.high and not self.empty

    @property
    def edges(self) -> tuple[Decimal, ...]:
        """The finite edges, the lower one first."""
        return tuple(edge for edge in (self.low, self.high) if edge.is_finite())

    def holds(self, number: Decimal) -> bool:
        """Whether the number is within."""
        above = number >= self.low if self.low_in else number > self.low
        return above and (number <= self.high if self.high_in else number < self.high)

    def within(self, other: Span) -> bool:
        """Whether the other holds all that this one holds."""
        from_low = (other.low, not other.low_in) <= (self.low, not self.low_in)
        return from_low and (self.high, self.high_in) <= (other.high, other.high_in)

    def common(self, other: Span) -> Span:
        """What both hold; may be empty."""
        low, low_out = max((self.low, not self.low_in), (other.low, not other.low_in))
        high, high_in = min((self.high, self.high_in), (other.high, other.high_in))
        return Span(low, high, not low_out, high_in)


ALL = (Span(),)
"""Every number."""


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same numbers as spans that rise and do not touch."""
    rising = sorted((one for one in spans if not one.empty), key=lambda one: (one.low, not one.low_in))
    found: list[Span] = []
    for span in rising:
        if found and _touch(found[-1], span):
            last = found.pop()
            high, high_in = max((last.high, last.high_in), (span.high, span.high_in))
            span = Span(last.low, high, last.low_in, high_in)
        found.append(span)
    return tuple(found)


def _touch(first: Span, second: Span) -> bool:
    """Whether nothing lies between them; `second` begins no lower."""
    return first.high > second.low or (first.high == second.low and (first.high_in or second.low_in))


def others(spans: Iterable[Span]) -> tuple[Span, ...]:
    """All numbers that these do not hold."""
    found, low, low_in = [], LOWEST, True
    for span in merged(spans):
        found.append(Span(low, span.low, low_in, not span.low_in))
        low, low_in = span.high, not span.high_in
    # An edge at infinity is within; beyond it there is nothing.
    return merged([*found, Span(low, HIGHEST, low_in, high_in=True)])


def common(first: Iterable[Span], second: Iterable[Span]) -> tuple[Span, ...]:
    """What both hold."""
    held = tuple(second)
    return merged(one.common(other) for one in first for other in held)
