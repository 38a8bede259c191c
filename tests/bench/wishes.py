"""What Meridian wishes to reach: ratios of figures of one and the same run, never bare figures."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.figures import Spread
from tests.bench.load import Load
from tests.bench.rounds import CROWD, SINGLE, STEADY, Results
from tests.bench.stage import INSERT, PEER, STATIC

OURS = "Meridian's"
"""Stands for each of the Meridians that were measured."""

Figure = tuple[str, Load, str]
"""Subject, load, and which of its figures."""


@dataclass(frozen=True)
class Wish:
    """`over` / `under`, and where it should lie; without a wish it is shown for what it is."""

    what: str
    over: Figure
    under: Figure
    at_most: float | None = None
    at_least: float | None = None

    @property
    def wished(self) -> str:
        """The wish in words."""
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return f">= {self.at_least:g}" if self.at_least is not None else ""

    def reached(self, ratio: float) -> bool | None:
        """Whether a ratio is where it should be; None without a wish."""
        if self.at_most is not None:
            return ratio <= self.at_most
        return ratio >= self.at_least if self.at_least is not None else None


# A request that comes alone finds caches cold and cores asleep, and so does pgbench's: at 50/s its insert takes longer
# than back to back. Both are shown; the second is like for like.
WISHES = (
    Wish("50/s: p50 over pgbench's, 1 client", (OURS, STEADY, "p50_ms"), (INSERT, SINGLE, "p50_ms"), at_most=4),
    Wish("50/s: p99 over pgbench's, 1 client", (OURS, STEADY, "p99_ms"), (INSERT, SINGLE, "p99_ms"), at_most=5),
    Wish("50/s: p50 over pgbench's at 50/s", (OURS, STEADY, "p50_ms"), (INSERT, STEADY, "p50_ms"), at_most=4),
    Wish("50/s: p99 over pgbench's at 50/s", (OURS, STEADY, "p99_ms"), (INSERT, STEADY, "p99_ms"), at_most=5),
    Wish("50/s: the peer's p50 over Meridian's", (PEER, STEADY, "p50_ms"), (OURS, STEADY, "p50_ms"), at_least=5),
    Wish("1 client: p50 over pgbench's", (OURS, SINGLE, "p50_ms"), (INSERT, SINGLE, "p50_ms")),
    Wish("1 client: p50 over the static route's", (OURS, SINGLE, "p50_ms"), (STATIC, SINGLE, "p50_ms")),
    Wish("1 client: the peer's p50 over Meridian's", (PEER, SINGLE, "p50_ms"), (OURS, SINGLE, "p50_ms")),
    Wish("16 clients: rate over the static route's", (OURS, CROWD, "per_s"), (STATIC, CROWD, "per_s"), at_least=0.5),
    Wish("16 clients: rate over the peer's", (OURS, CROWD, "per_s"), (PEER, CROWD, "per_s"), at_least=5),
    Wish("16 clients: rate over pgbench's", (OURS, CROWD, "per_s"), (INSERT, CROWD, "per_s")),
)  # fmt: skip


def ratio(results: Results, wish: Wish, subject: str) -> Spread | None:
    """One Meridian's, taken within each round; None where one of the two sides was not measured."""
    over, under = _values(results, wish.over, subject), _values(results, wish.under, subject)
    if not (over and under):
        return None
    return Spread.of([a / b if b else float("nan") for a, b in zip(over, under, strict=True)])


def _values(results: Results, figure: Figure, ours: str) -> list[float]:
    subject, load, name = figure
    rounds = results.get((ours if subject == OURS else subject, load.name), [])
    return [getattr(figures, name) for figures in rounds]
