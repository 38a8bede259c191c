"""`python -m tests.bench.overload`: find saturation, ask three times that, and print what came of it."""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from meridian.products import find_product
from meridian.training.demo import train_demo
from tests.bench.applications import decision_requests
from tests.bench.figures import Spread, percentile
from tests.bench.load import drive
from tests.bench.overload.flood import Flood, flood
from tests.bench.rounds import CROWD, settle
from tests.bench.stage import postgres
from tests.bench.subjects import HOST, PRODUCT
from tests.services import Service, fresh_database, service

BUDGET_S = 0.2
WARM_S = 2.0
KINDS = {"shedding": "", "plain": "--worker-class gthread"}


@contextmanager
def started(home: Path, server_url: str, models: Path, arguments: str) -> Iterator[Service]:
    with fresh_database(server_url) as url, service(
        home, url, models, MERIDIAN_BUDGET_MS=f"{1000 * BUDGET_S:.0f}"
    ) as running:  # fmt: skip
        running.env["GUNICORN_CMD_ARGS"] = arguments
        running.start_api()
        yield running


def saturation(running: Service, seconds: int, seed: int) -> float:
    """Decisions a second when 16 callers each ask again as soon as they are answered."""
    ready = decision_requests(1000 * (seconds + 1), seed, running.api_key)
    tally = drive((HOST, running.settings.port), ready, CROWD, seconds, b"201", seed)
    return len(tally.latencies_s) / tally.seconds


def overload(running: Service, rate: float, clients: int, seconds: int, seed: int) -> Flood:
    ready = decision_requests(int(1.1 * rate * (seconds + WARM_S + 0.01 * clients)) + 1000, seed, running.api_key)
    gc.disable()
    try:
        return flood((HOST, running.settings.port), ready, rate, clients, seconds, WARM_S, seed)
    finally:
        gc.enable()


def figures(result: Flood, saturated: float) -> dict[str, float]:
    decided, refused = sorted(result.decided_s), sorted(result.refused_s)
    good = sum(took <= BUDGET_S for took in decided) / result.seconds
    return {
        "asked per s": result.due / result.seconds,
        "in time per s": good,
        "in time / saturation": good / saturated,
        "decided per s": len(decided) / result.seconds,
        "decided p50 ms": 1000 * percentile(decided, 0.5),
        "decided p99 ms": 1000 * percentile(decided, 0.99),
        "refused per s": len(refused) / result.seconds,
        "refused p50 ms": 1000 * percentile(refused, 0.5),
        "refused p99 ms": 1000 * percentile(refused, 0.99),
        "refused max ms": 1000 * percentile(refused, 1.0),
        "refused within 50 ms %": 100 * sum(t <= 0.05 for t in refused) / max(len(refused), 1),
        "never sent": float(result.unsent),
        "client's share of a core": result.client_cpu,
    }


def bench(
    seconds: Annotated[int, typer.Option(min=1, help="How long the flood is kept up.")] = 20,
    repeats: Annotated[int, typer.Option(min=1, help="How many rounds.")] = 3,
    times: Annotated[float, typer.Option(help="How many times saturation is asked.")] = 3.0,
    clients: Annotated[int, typer.Option(min=1, help="Connections.")] = 400,
    only: Annotated[list[str] | None, typer.Option(help=f"Some of: {', '.join(KINDS)}.")] = None,
) -> None:
    """Decisions in time when far more is asked than can be answered, with refusing and without."""
    for name in ("DATABASE_URL", "ADMIN_DATABASE_URL", "BROKER_URL", "ONLINE_DATABASE_URL", "MERIDIAN_HOME"):
        os.environ.pop(name, None)
    rows: dict[str, list[dict[str, float]]] = {kind: [] for kind in only or KINDS}
    failed: dict[str, Counter[str]] = {kind: Counter() for kind in rows}
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meridian-bench-")))
        server = stack.enter_context(postgres(home / "server"))
        models = home / "models"
        train_demo(find_product(PRODUCT), models)
        running = {
            kind: stack.enter_context(started(home / kind, server.superuser_url, models, KINDS[kind])) for kind in rows
        }
        seed = 1
        for one in running.values():
            saturation(one, 1, seed := seed + 1)
        for number in range(repeats):
            for kind, one in list(running.items())[:: -1 if number % 2 else 1]:
                quiet = settle()
                before = saturation(one, max(seconds // 2, 1), seed := seed + 1)
                settle()
                result = overload(one, times * before, clients, seconds, seed := seed + 1)
                settle()
                # Before and after: on a machine that others use too, a flood compares with what lies around it.
                saturated = (before + saturation(one, max(seconds // 2, 1), seed := seed + 1)) / 2
                rows[kind].append({"saturation per s": saturated, **figures(result, saturated), "quiet": quiet})
                failed[kind].update(result.other)
                say(f"round {number + 1} {kind}: {json.dumps({k: round(v, 2) for k, v in rows[kind][-1].items()})}")
    for kind, rounds in rows.items():
        say(f"\n{kind}; answers that were neither 201 nor 503: {dict(+failed[kind]) or 'none'}")
        for name in rounds[0]:
            say(f"  {name:26} {text(Spread.of([figure[name] for figure in rounds]))}")


def text(spread: Spread) -> str:
    return f"{spread.median:10.2f}  ({spread.low:.2f} to {spread.high:.2f})"


def say(line: Any) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    typer.run(bench)
