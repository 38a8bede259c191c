"""The source whose events are joined: its newest value alone, and with twenty aggregates over windows."""

from __future__ import annotations

from datetime import timedelta

from meridian.features import Aggregate, Column, Compare, Kind, Op, Silence, Source, Stream, Where

LEDGER = "ledger"

STREAM = Stream(
    LEDGER,
    "made for measuring",
    (
        Column("number", Kind.COUNT, "the number of the row that says it"),
        Column("amount", Kind.CENTS, "how much"),
        Column("kind", Kind.TEXT, "one of eight"),
        Column("good", Kind.FLAG, "true of four in five"),
    ),
)
NARROW = Stream(LEDGER, STREAM.meaning, STREAM.columns[:1])
"""The same events, of which no more is known than their number: what an ASOF join is asked for, too."""

NEWEST = Aggregate("newest", LEDGER, Op.LAST, "number")
WINDOWS = (30, 90, 180, 365, None)


def _windowed(days: int | None) -> tuple[Aggregate, ...]:
    span = f"{days}d" if days else "ever"
    bad = (Where("good", Compare.IS, False),)
    return (
        Aggregate(f"count_{span}", LEDGER, Op.COUNT, days=days),
        Aggregate(f"sum_{span}", LEDGER, Op.SUM, "amount", days),
        Aggregate(f"highest_bad_{span}", LEDGER, Op.HIGHEST, "amount", days, bad),
        Aggregate(
            f"mean_of_two_{span}", LEDGER, Op.MEAN, "amount", days, (Where("kind", Compare.IS, ("kind-1", "kind-2")),)
        ),
    )


WINDOWED = tuple(aggregate for days in WINDOWS for aggregate in _windowed(days))


def _source(stream: Stream, aggregates: tuple[Aggregate, ...]) -> Source:
    month = timedelta(days=30)
    return Source(LEDGER, stream.meaning, month, month, Silence.NOT_KNOWN, (stream,), aggregates)


NEWEST_ALONE = _source(NARROW, (NEWEST,))
TWENTY_MORE = _source(STREAM, (NEWEST, *WINDOWED))
