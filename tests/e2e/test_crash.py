"""Every process killed outright, over and over, while decisions flow: none is lost, none is doubled.

The short form is a test like any other. The long form, ten thousand decisions and two hundred kills, is
`make crash`. With MERIDIAN_CRASH_SYNCHRONOUS_COMMIT=off the commits are no longer durable at once; then this test
has to fail, which shows that it would notice.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from meridian.simulator import requests
from tests.conftest import PATIENT
from tests.crash.callers import Callers
from tests.crash.installation import Installation, installation
from tests.crash.killer import WORKERS, Kill, Killer, Victim
from tests.crash.pace import Pace
from tests.crash.proofs import check_audit, check_record, check_replays, check_seals, named, read_record
from tests.training_fixtures import TrainedModels

SEED = 23
TOLD_EVERY_S = 5.0
UNDONE = """
SELECT (SELECT count(*) FROM work.job WHERE state = 'waiting') + (SELECT count(*) FROM work.unsealed) AS count
"""


@dataclass(frozen=True)
class Size:
    """How many decisions and kills, within which time, and within which more all is assessed and sealed."""

    decisions: int
    kills: int
    within_s: float
    settled_within_s: float


SHORT, LONG = Size(1_000, 20, 180, 120), Size(10_000, 200, 1_200, 600)
long_form = pytest.mark.skipif(
    os.environ.get("MERIDIAN_CRASH") != "long", reason="ten thousand decisions take minutes; `make crash` makes them"
)


@pytest.mark.parametrize("size", [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=long_form)])
def test_whatever_is_killed_no_decision_is_lost_or_doubled(
    size: Size, demo_models: TrainedModels, tmp_path: Path, today: date
) -> None:
    with installation(tmp_path, demo_models.models_dir, **PATIENT) as installed:
        if os.environ.get("MERIDIAN_CRASH_SYNCHRONOUS_COMMIT") == "off":
            installed.commit_without_waiting()
        callers = Callers(installed.service, requests(size.decisions, SEED, today))
        started = time.monotonic()
        kills = kill_while_deciding(installed, callers, size, started)
        problems = settle(installed, size.settled_within_s)
        recorded = read_record(installed)
        problems += check_record(recorded, callers.bodies, callers.acknowledged)
        problems += check_seals(installed)
        problems += check_audit(installed)
        problems += check_replays(callers.acknowledged, callers.again(callers.acknowledged))
        if len(read_record(installed)) != len(recorded):
            problems.append("the retries at the end added applications")
        report(callers, kills, time.monotonic() - started)
    problems += check_callers(callers, size)
    problems += check_kills(kills, size)
    assert not problems, "\n".join(problems)


def kill_while_deciding(installed: Installation, callers: Callers, size: Size, started: float) -> list[Kill]:
    """All the decisions and all the kills."""
    pace = Pace(started + size.within_s)
    killer = Killer(installed, pace, size.decisions // size.kills)
    tell = progress(pace, killer.kills, size, started)
    with calling(callers, pace):
        # In this thread: the kernel ties the children to the thread that starts them.
        killer.run(size.kills, tell)
        pace.wait_for(size.decisions)
    return killer.kills


def settle(installed: Installation, within_s: float) -> list[str]:
    """Wait until every assessment is made and everything is sealed."""
    ends_at = time.monotonic() + within_s
    while waiting := installed.query(UNDONE)[0].count:
        if time.monotonic() > ends_at:
            return [f"after {within_s:.0f} s there are still {waiting} assessments or seals to be made"]
        time.sleep(0.5)
    return []


@contextmanager
def calling(callers: Callers, pace: Pace) -> Iterator[None]:
    """Callers at work beside the block; at its end no further call begins, and those under way are waited for."""
    thread = threading.Thread(target=callers.run, args=(pace,), name="callers")
    thread.start()
    try:
        yield
    finally:
        pace.close()
        thread.join()


def check_callers(callers: Callers, size: Size) -> Iterator[str]:
    """What the callers have to complain about."""
    if len(callers.acknowledged) != size.decisions:
        yield f"{len(callers.acknowledged)} of {size.decisions} applications were decided"
    said = [f"{key} ({what})" for key, what in callers.unanswered.items()]
    yield from named("applications were never decided", said, size.decisions)
    yield from named("refusals did not say when to try again", callers.blunt, sum(callers.retried.values()))


def check_kills(kills: list[Kill], size: Size) -> Iterator[str]:
    """Whether that was a trial at all: every kind of victim, while calls were under way, and decisions in between."""
    if len(kills) != size.kills:
        yield f"{len(kills)} kills of {size.kills} were made"
    by_victim = Counter(kill.victim for kill in kills)
    if max(by_victim.values()) - min(by_victim[victim] for victim in Victim) > 1:
        yield f"not every kind of victim was killed in turn: {by_victim}"
    on_the_way = [kill for kill in kills if kill.victim not in WORKERS]
    if sum(kill.under_way > 0 for kill in on_the_way) < 0.9 * len(on_the_way):
        yield f"too many kills came while no call was under way: {kills}"
    if not any(kill.in_hand for kill in kills if kill.victim in WORKERS):
        yield f"no worker was killed with an assessment in hand: {kills}"
    idle = [str(kill) for before, kill in pairwise(kills) if kill.decided <= before.decided]
    yield from named("kills came without a decision since the last", idle, size.kills)


def progress(pace: Pace, kills: list[Kill], size: Size, started: float) -> Callable[[], None]:
    """A function that prints how far it is, every few seconds."""
    told = started

    def tell() -> None:
        nonlocal told
        if time.monotonic() - told >= TOLD_EVERY_S or len(kills) == size.kills:
            told = time.monotonic()
            print(
                f"crash: {pace.ended:,} of {size.decisions:,} decided, {len(kills)} of {size.kills} killed, "
                f"{told - started:.0f} s",
                flush=True,
            )

    return tell


def report(callers: Callers, kills: list[Kill], seconds: float) -> None:
    """The figures of the whole run."""
    by_victim = Counter(kill.victim for kill in kills)
    print(f"crash: {len(callers.acknowledged):,} decisions acknowledged, {callers.heard_late:,} of them to a retry")
    print(f"crash: {len(kills)} kills: {', '.join(f'{victim} {n}' for victim, n in sorted(by_victim.items()))}")
    print(f"crash: {sum(callers.retried.values()):,} retries: {dict(callers.retried.most_common())}")
    print(f"crash: {seconds:.0f} s", flush=True)
