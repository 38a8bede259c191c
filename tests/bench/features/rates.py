"""Vectors per second: everybody's of a simulated lender, then those of the few of whom there is news."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from meridian.db.engine import WORKER_ROLE, open_engine
from meridian.features import Source
from meridian.features.engine import naive
from meridian.features.events import EventHistory, connect
from meridian.products import find_product
from meridian.service.materialise import Materialisation
from meridian.simulator.lender import LenderSettings, simulate

PRODUCT = "consumer-loan"
FULL, NEWS = "everybody", "news"
RATES = {FULL: "everybody", NEWS: "news of 1 %"}
EACH_OF = 100
"""There is news of one applicant of so many."""
START, STEP = datetime(2026, 1, 15, tzinfo=UTC), timedelta(hours=6)
"""After the last application that is simulated; a vector is computed again without any news only after days."""


@dataclass(frozen=True)
class Made:
    """How many vectors were made, of all sources, and in how much time."""

    vectors: int
    seconds: float

    @property
    def per_s(self) -> float:
        """The rate."""
        return self.vectors / self.seconds


@dataclass(frozen=True)
class Rates:
    """A lender's events in a folder, and a database that its vectors come to."""

    url: str
    folder: Path

    @property
    def sources(self) -> Sequence[Source]:
        """The product's sources that have events."""
        return [source for source in find_product(PRODUCT).sources if source.streams]

    def run(self, repeats: int, report: Callable[[str, int], None]) -> dict[str, list[Made]]:
        """In each round everybody's vectors, then news, then the vectors of those it is about."""
        results: dict[str, list[Made]] = {name: [] for name in RATES}
        engine = open_engine(self.url, role=WORKER_ROLE, name="bench")
        history = EventHistory(self.folder / "events")
        for number in range(1, repeats + 1):
            moment = START + 2 * number * STEP
            for name, now in ((FULL, moment), (NEWS, moment + STEP)):
                report(name, number)
                if name == NEWS:
                    add_news(history, self.sources, number, moment + STEP / 2)
                results[name].append(self._make(engine, history, now, everybody=name == FULL))
        engine.dispose()
        return results

    def _make(self, engine: Any, history: EventHistory, now: datetime, *, everybody: bool) -> Made:
        materialisation = Materialisation(engine, history, lambda: now)
        start = time.perf_counter()
        done = [
            materialisation.run(source, lambda _source, _share: None, everybody=everybody) for source in self.sources
        ]
        return Made(sum(one.applicants for one in done), time.perf_counter() - start)


def make_lender(folder: Path, applicants: int, say: Callable[[str], None]) -> int:
    """Simulate a lender; gives how many events there are."""
    say("a lender's events")
    return simulate(LenderSettings(applicants=applicants), folder).total_events


def add_news(history: EventHistory, sources: Sequence[Source], number: int, moment: datetime) -> None:
    """One file more for each stream: an event of that moment for each of the few, like the last one before."""
    with closing(connect()) as connection:
        for source in sources:
            for place in {stream.stored_as or stream.name: stream for stream in source.streams}:
                folder = history.folder / source.name / place
                connection.execute(
                    f"""
                    COPY (SELECT * REPLACE (event_id + {number} * 1000000 AS event_id, $moment AS event_at,
                                            $moment AS known_at)
                          FROM read_parquet('{folder}/part-*.parquet')
                          WHERE right(applicant_id, 8)::BIGINT % {EACH_OF} = 0
                          QUALIFY row_number() OVER (PARTITION BY applicant_id ORDER BY event_at DESC, event_id) = 1)
                    TO '{folder}/news-{number}.parquet' (FORMAT parquet)""",
                    {"moment": naive(moment)},
                )
