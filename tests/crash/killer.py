"""Every kind of process killed in turn, with SIGKILL, while decisions flow; what nobody restarts is started again."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psutil

from meridian.local.postgres import NAME as POSTGRES
from tests.crash.installation import DATABASE, LEASE_S, Installation
from tests.crash.pace import Pace
from tests.services import eventually

SEED = 11
READY_S = 60.0
DEAD_WITHIN_S = 10.0
IN_HAND_WITHIN_S = 1.0
# Taken in this tenth of a second: the leases of workers that are dead do not count.
COUNTS = f"""
SELECT count(*) FILTER (WHERE state = 'done') AS done,
       count(*) FILTER (WHERE state = 'waiting' AND lease_until > now() + interval '{LEASE_S - 0.1} s') AS in_hand
FROM work.job
"""


class Victim(StrEnum):
    """What is killed."""

    API = "API"
    API_WORKER = "API worker"
    WORKER = "worker"
    POOL_CHILD = "worker's child"
    SCHEDULE = "schedule"
    BACKEND = "database backend"
    SERVER = "database server"


WORKERS = (Victim.WORKER, Victim.POOL_CHILD)
LEADERS = {
    Victim.API: "api",
    Victim.API_WORKER: "api",
    Victim.WORKER: "worker",
    Victim.POOL_CHILD: "worker",
    Victim.SCHEDULE: "schedule",
    Victim.BACKEND: POSTGRES,
    Victim.SERVER: POSTGRES,
}
"""The process that was started, which is the victim itself or its parent."""
ORPHANS = (Victim.API, Victim.WORKER, Victim.SCHEDULE, Victim.SERVER)
"""Who has no parent to restart it."""


@dataclass(frozen=True)
class Kill:
    """One kill: after how many decisions and assessments, and how many calls and assessments it cut into."""

    victim: Victim
    decided: int
    under_way: int
    assessed: int
    in_hand: int


class Killer:
    """Kills so many times, once in every `burst` decisions."""

    def __init__(self, installation: Installation, pace: Pace, burst: int):
        self._installation = installation
        self._pace = pace
        self._burst = burst
        self._random = random.Random(SEED)
        self._assessed_before = 0
        self.kills: list[Kill] = []

    def run(self, times: int, tell: Callable[[], None]) -> None:
        """Kill `times` times, calling `tell` after each. AssertionError where a victim is not to be had in time."""
        order = self._order()
        for number in range(times):
            victim = next(order)
            self._pace.allow((number + 1) * self._burst)
            self._pace.wait_for(number * self._burst + self._burst // 2)
            self._kill(victim)
            if victim in ORPHANS:
                self._installation.restart(LEADERS[victim])
            tell()

    def _order(self) -> Iterator[Victim]:
        """Every kind once in each round, whichever is there first."""
        while True:
            left = list(Victim)
            while left:
                victim = self._first_at_work(left)
                left.remove(victim)
                yield victim

    def _first_at_work(self, kinds: list[Victim]) -> Victim:
        """One of these kinds at random, of those that are at work. AssertionError where none is for too long."""
        ends_at = time.monotonic() + min(READY_S, self._pace.left_s)
        while time.monotonic() < ends_at:
            self._installation.service.children.check()
            self._random.shuffle(kinds)
            for victim in kinds:
                if self._at_work(victim):
                    return victim
            time.sleep(0.05)
        raise AssertionError(f"waited in vain for one of {kinds} at work, to kill it; kills so far: {self.kills}")

    def _at_work(self, victim: Victim) -> bool:
        """Whether there is one. A worker is killed only when it has made assessments since the last such kill."""
        if victim in WORKERS and self._counts().done <= self._assessed_before:
            return False
        return bool(self._find(victim))

    def _kill(self, victim: Victim) -> None:
        if victim in WORKERS:
            # The best moment; where it does not come soon, any other will do.
            eventually(lambda: self._counts().in_hand > 0, IN_HAND_WITHIN_S)
        counts = self._counts()
        doomed = self._still_there(victim)
        kill = Kill(victim, self._pace.ended, self._pace.under_way, counts.done, counts.in_hand)
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if not eventually(lambda: all(map(_dead, doomed)), DEAD_WITHIN_S):
            raise AssertionError(f"{victim}: {doomed} outlived SIGKILL")
        self.kills.append(kill)
        if victim in WORKERS:
            self._assessed_before = self._counts().done

    def _still_there(self, victim: Victim) -> list[psutil.Process]:
        """What is to be killed now; one that was there before may have ended by itself, and another come."""
        found: list[psutil.Process] = []
        if not eventually(lambda: found.extend(self._find(victim)) or bool(found), READY_S):
            raise AssertionError(f"there is no {victim} any more to be killed; kills so far: {self.kills}")
        return found

    def _counts(self) -> Any:
        return self._installation.query(COUNTS)[0]

    def _find(self, victim: Victim) -> list[psutil.Process]:
        """The processes to kill for one victim; none where it is not there, or only just coming up."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return self._processes(victim)
        return []

    def _processes(self, victim: Victim) -> list[psutil.Process]:
        leader = self._installation.leader(LEADERS[victim])
        if leader is None:
            return []
        children = sorted(leader.children(), key=psutil.Process.create_time)
        match victim:
            case Victim.API_WORKER:
                return children[:1]  # the oldest: it has come up and serves
            case Victim.POOL_CHILD:
                return self._one_of(children)
            case Victim.BACKEND:
                return self._one_of([one for one in children if f" {DATABASE} " in " ".join(one.cmdline())])
            case Victim.SERVER:
                return [leader, *children]
            case _:
                return [leader]

    def _one_of(self, processes: list[psutil.Process]) -> list[psutil.Process]:
        return self._random.sample(processes, min(1, len(processes)))


def _dead(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True
