"""One source stopped where it stands: what becomes of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.bench.figures import percentile
from tests.bench.load import Load, drive
from tests.bench.outage.plan import RECOVERY_S
from tests.bench.outage.stand import HOST, Counted, Stand

CALLERS = Load("stopped", 4)
"""Each waits for its answer: as fast as it goes, and below what would be refused."""
STOPPED, OTHERS = "bank", ("bureau", "employment")


def stopped(on: Stand, seconds: float, rounds: int) -> Iterator[dict[str, Any]]:
    """All sources well, or the bank stopped by SIGSTOP, in turns: well, stopped, stopped, well, and so on."""
    address = HOST, on.service.settings.port
    drive(address, on.applications, CALLERS, 5, b"201")
    for number in range(2 * rounds):
        is_stopped = number % 4 in (1, 2)
        on.stop(STOPPED, stopped=is_stopped)
        # As long as its breaker takes to open, or to close again.
        drive(address, on.applications, CALLERS, RECOVERY_S, b"201")
        before = on.counted()
        tally = drive(address, on.applications, CALLERS, seconds, b"201")
        after, took = on.counted(), sorted(tally.latencies_s)
        yield {
            "bank stopped": is_stopped,
            "decisions per s": round(len(took) / tally.seconds, 1),
            "p50 ms": round(1000 * percentile(took, 0.5), 1),
            "p99 ms": round(1000 * percentile(took, 0.99), 1),
            "errors": dict(tally.failed),
            **{f"{source} read ms": _read_ms(source, before, after) for source in OTHERS},
        }
    on.stop(STOPPED, stopped=False)


def _read_ms(source: str, before: Counted, after: Counted) -> float:
    """What a question took on average that the source answered."""
    words = f'source="{source}"', 'what="answered"'
    count = after.reads(*words) - before.reads(*words)
    return round(1000 * (after.seconds(*words) - before.seconds(*words)) / max(count, 1), 2)
