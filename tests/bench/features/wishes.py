"""What the feature store wishes to reach: ratios within each round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench.features import joins, rates, reads
from tests.bench.figures import Spread

Series = Mapping[tuple[str, str], Sequence[float]]
"""(subject, figure) -> its values, one for each round."""


@dataclass(frozen=True)
class Wish:
    """One subject's figure over another's, and where it should lie; without a wish it is shown for what it is."""

    what: str
    figure: str
    over: str
    under: str
    at_most: float | None = None

    def ratio(self, series: Series) -> Spread | None:
        """None where one of the two was not measured."""
        over, under = (series.get((name, self.figure), ()) for name in (self.over, self.under))
        return Spread.of([a / b for a, b in zip(over, under, strict=False)]) if over and under else None

    def reached(self, ratio: Spread) -> bool | None:
        """Whether it is where it should be; None without a wish."""
        return None if self.at_most is None else ratio.median <= self.at_most


WISHES = (
    Wish("join: Meridian's time over DuckDB's ASOF", "seconds", joins.ENGINE, joins.ASOF, at_most=1.5),
    Wish("join: the same, both times", "seconds", joins.ENGINE, joins.ASOF_BOTH, at_most=1.5),
    Wish("join: Meridian's CPU seconds over DuckDB's ASOF", "cpu_s", joins.ENGINE, joins.ASOF),
    Wish("join: Meridian's memory over DuckDB's ASOF", "peak_mb", joins.ENGINE, joins.ASOF),
    Wish("join: Meridian's time over polars'", "seconds", joins.ENGINE, joins.POLARS),
    Wish("join: Feast's time over Meridian's", "seconds", joins.FEAST_KNOWN, joins.ENGINE),
    Wish("join: with 20 more over the newest alone", "seconds", joins.ENGINE_20, joins.ENGINE),
    Wish("read: Meridian's p50 over a bare read's", "p50_ms", reads.LOOK_UP, reads.BARE, at_most=2),
    Wish("read: Meridian's p99 over a bare read's", "p99_ms", reads.LOOK_UP, reads.BARE, at_most=2),
    Wish("vectors/s: of news over of everybody", "per_s", rates.NEWS, rates.FULL),
)
