"""`python -m tests.bench.outage`: each source in each fault under load, and what came of it, phase by phase."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tests.bench.figures import percentile
from tests.bench.load import Load, drive
from tests.bench.outage.judge import decided, judge, most_at_once, statuses
from tests.bench.outage.plan import RECOVERY_S, Phase, phases
from tests.bench.outage.stand import HOST, Stand, stand
from tests.bench.outage.stopped import stopped
from tests.bench.stage import postgres

CLIENTS = 32
SETTLED_S, REST_S = 12.0, 4.5
"""By when every breaker has opened; within a rest, one probe at most."""


def play(on: Stand, phase: Phase, rate: float, seconds: float, well: dict[str, Any]) -> dict[str, Any]:
    """One phase under load, and what is to be said of it."""
    on.begin(phase)
    before, since, began = on.counted(), datetime.now(UTC), time.monotonic()
    tally = drive((HOST, on.service.settings.port), on.applications, Load("outage", CLIENTS, rate), seconds, b"201")
    until, after = datetime.now(UTC), on.counted()
    on.end(phase)
    rows = list(decided(on.service, since, until))
    if not phase.faults and not phase.store:
        well |= {row["applicant_id"]: statuses(row["evidence"]) for row in rows}
    verdict = judge(phase, rows, well)
    took = sorted(tally.latencies_s)
    reads = max(after.reads() - before.reads(), 1.0)
    failing = [name for name in phase.faults if phase.must_fail(name.partition("-")[0])]
    probes = [most_at_once(on.struck(name, began + SETTLED_S), REST_S) for name in failing]
    return {
        "phase": phase.name,
        "answered": len(took),
        "errors": dict(tally.failed),
        **{f"p{name} ms": round(1000 * percentile(took, share), 1) for name, share in
           (("50", 0.5), ("99", 0.99), ("99.9", 0.999))},
        "rungs": dict(sorted(verdict.rungs.items())),
        "outcomes": dict(sorted(verdict.outcomes.items())),
        "wrong": dict(verdict.wrong),
        "collateral": verdict.collateral,
        "extra reads %": round(100 * (after.hedges() - before.hedges()) / reads, 2),
        "probes in a rest": max(probes, default=None),
        "client's share of a core": round(tally.client_cpu, 2),
    }  # fmt: skip


def bench(
    seconds: Annotated[float, typer.Option(help="How long each phase lasts.")] = 60.0,
    rate: Annotated[float, typer.Option(help="Applications a second.")] = 50.0,
    only: Annotated[str, typer.Option(help="Only phases whose name has this in it.")] = "",
    stop: Annotated[int, typer.Option(help="Instead: so many rounds with the bank stopped and well.")] = 0,
    tail: Annotated[bool, typer.Option("--tail", help="A bureau of which 1 in 100 takes 20 times as long.")] = False,
) -> None:
    """Errors, latency from the intended send time, rungs, probes and second reads while sources fail."""
    for name in ("DATABASE_URL", "ADMIN_DATABASE_URL", "BROKER_URL", "ONLINE_DATABASE_URL", "MERIDIAN_HOME"):
        os.environ.pop(name, None)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meridian-bench-")))
        server = stack.enter_context(postgres(home / "server"))
        if tail:
            for second in (False, True, True, False):
                with stand(home, server.superuser_url, second_bureau=second) as on:
                    on.tell("bureau", "tail", 0.01)
                    play(on, Phase("warm"), rate, 10, {})
                    say({"second reads": second, **play(on, Phase("tail"), rate, seconds, {})})
            return
        with stand(home, server.superuser_url) as on:
            if stop:
                for line in stopped(on, seconds, stop):
                    say(line)
                return
            well: dict[str, Any] = {}
            play(on, Phase("warm"), rate, 15, well)
            for phase in phases():
                if only in phase.name:
                    say(play(on, phase, rate, seconds, well))
                    time.sleep(RECOVERY_S)


def say(line: Any) -> None:
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    typer.run(bench)
