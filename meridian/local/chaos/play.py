"""The demonstration from its beginning to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from meridian.db.engine import open_engine
from meridian.errors import NotReady
from meridian.local.chaos.breakers import Transition, Watch
from meridian.local.chaos.callers import Callers
from meridian.local.chaos.lender import (
    PRODUCT,
    Progress,
    applications,
    ensure_models,
    make_holes,
    make_today,
    materialise,
)
from meridian.local.chaos.outside import FALLBACKS, SOURCES, Outside, choose_ports, write_sources
from meridian.local.chaos.schedule import Phase, ends, schedule
from meridian.local.chaos.tally import Tally
from meridian.local.chaos.view import Snapshot
from meridian.local.installation import Say
from meridian.local.up import Running, running, running_process
from meridian.products import find_product
from meridian.settings import Settings

TICK_S = 0.2
RECENT_S = 10.0
ELSEWHERE = (
    "DATABASE_URL", "ADMIN_DATABASE_URL", "AUDIT_DATABASE_URL", "ONLINE_DATABASE_URL", "ONLINE_REPLICA_URL",
    "DESK_DATABASE_URL", "WORKER_DATABASE_URL", "REGISTRY_DATABASE_URL", "BROKER_URL", "MERIDIAN_PRODUCTS",
    "MERIDIAN_SOURCES", "MERIDIAN_EVENTS", "MERIDIAN_SECRET_KEY", "MERIDIAN_SEAL_KEY", "MERIDIAN_SEAL_PUBLIC_KEYS",
    "MERIDIAN_ANCHOR", "MERIDIAN_GATES",
)  # fmt: skip
"""The settings that lead to a record, or to keys, of somebody's own."""


@dataclass(frozen=True)
class Plan:
    """How many apply, how many applications a second they send, and how long each phase takes, in seconds."""

    applicants: int = 2_000
    rate: float = 20.0
    phase_s: float = 8.0


@dataclass(frozen=True)
class Stage:
    """All that the demonstration plays with: a service that is up, its sources, and the applications."""

    up: Running
    outside: Outside
    applications: list[bytes]


@contextmanager
def prepared(plan: Plan, say: Say, progress: Progress) -> Iterator[Stage]:
    """The service on a home of its own, `chaos` in the home that is set, and stubs of its sources beside it.

    What takes long to make stays there for the next time. All is stopped when the block is left. Raises `NotReady`
    where another one is under way.
    """
    home = _own_home()
    if running_process(home):
        raise NotReady(f"Something is running on {home} already; wait for its end, or stop it with `meridian down`.")
    ensure_models(home / "models", home, say, progress)
    ports = choose_ports()
    # Before the service starts, which reads it.
    write_sources(home / "sources.toml", ports)
    with running(say, progress) as up:
        lender = make_today(home, plan.applicants, progress)
        _show_events(home / "events", lender / "events")
        outside = Outside(up.children, lender, ports)
        try:
            say("outside sources")
            outside.settle()
            say(f"vectors of {plan.applicants:,} applicants")
            materialise(up.worker, progress)
            outside.recover()
            yield Stage(up, outside, applications(lender))
        finally:
            outside.release()


def _own_home() -> Path:
    for name in ELSEWHERE:
        os.environ.pop(name, None)
    home = (Settings().home / "chaos").absolute()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ["MERIDIAN_HOME"] = str(home)
    return home


def _show_events(place: Path, events: Path) -> None:
    """Have the event history of the installation be the lender's."""
    with suppress(FileNotFoundError):
        place.unlink()
    place.symlink_to(events)


@dataclass(frozen=True)
class Played:
    """A schedule that is over: its phases, what came of the applications, the breakers' turns, and when it was."""

    plan: Plan
    phases: tuple[Phase, ...]
    tally: Tally
    turns: Sequence[Transition]
    since: datetime
    until: datetime


def play(stage: Stage, plan: Plan, show: Callable[[Snapshot], None]) -> Played:
    """Send applications while the schedule goes by. `show` is told how it stands, some times a second."""
    phases = schedule(SOURCES, FALLBACKS, plan.phase_s)
    asked = [source for source in find_product(PRODUCT).sources if source.name in SOURCES]
    administrator = open_engine(stage.up.settings.admin_url, role=None, name="chaos", pool_size=1)
    make_holes(administrator, asked)
    tally = Tally()
    callers = Callers(stage.up.url, stage.up.access.api_key, stage.applications, plan.rate, tally)
    since = _whole_second(datetime.now(UTC))
    watch = Watch(stage.up.wiring.breakers.standing, callers.start())
    try:
        laps = 0
        for now in _moments(phases, watch.begun):
            stage.up.children.check()
            stage.outside.want(now.phase.troubles)
            stage.outside.settle()
            watch.look()
            if callers.laps > laps:
                laps = callers.laps
                make_holes(administrator, asked)
            show(_snapshot(now, stage, watch, tally))
    finally:
        callers.stop()
        administrator.dispose()
    return Played(plan, phases, tally, watch.seen, since, _whole_second(datetime.now(UTC)) + timedelta(seconds=1))


@dataclass(frozen=True)
class _Moment:
    """Where in the schedule it is, seconds after the beginning."""

    at_s: float
    phase: Phase
    left_s: float
    done: float


def _moments(phases: tuple[Phase, ...], begun: float) -> Iterator[_Moment]:
    """Moments of each phase, some a second, until the last one is over."""
    for phase, end in zip(phases, ends(phases), strict=True):
        while (at_s := time.monotonic() - begun) < end:
            yield _Moment(at_s, phase, end - at_s, at_s / ends(phases)[-1])
            time.sleep(TICK_S)


def _snapshot(now: _Moment, stage: Stage, watch: Watch, tally: Tally) -> Snapshot:
    recent = tally.since(now.at_s - RECENT_S)
    troubles, states = stage.outside.troubles, watch.states or {}
    return Snapshot(now.phase.name, now.done, now.left_s, troubles, states, recent, tally.all())


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
