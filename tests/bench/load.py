"""Load on an HTTP service: many connections from one process, and a clock that does not flatter.

Requests are whole messages, made and serialised beforehand; of a reply only its end and its status are looked
at. So the client costs little beside the service, with which it shares the machine; `Tally.client_cpu` says how much.
"""

from __future__ import annotations

import random
import select
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import repeat

from tests.bench.connection import NO_REPLY_S, Address, Connection

JOIN_S = 0.03
SOURCE_FAILED = b'"status":"failed"'
"""In a decision that was made without a source that should have answered: a 201, but for less work."""


@dataclass(frozen=True)
class Load:
    """How callers behave.

    Closed loop, without a `rate`: each of the `clients` sends as soon as it has its reply, so that a slow
    service is asked less. Open loop: callers who know nothing of each other come at random, `rate` a second
    (as pgbench's --rate), and each one's time counts from the moment it meant to send, waiting included.
    """

    name: str
    clients: int
    rate: float | None = None


@dataclass
class Tally:
    """What came of it: the time it took, each good reply's latency, and the replies that were not as expected."""

    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    degraded: int = 0
    client_cpu: float = 0.0
    """The share of one core that the client used."""


def drive(
    address: Address, requests: Iterable[bytes], load: Load, seconds: float, expected: bytes, seed: int = 0
) -> Tally:
    """Send for so many seconds, or until the requests run out; then wait for what is under way.

    `expected` is the status of a good reply. Raises `TimeoutError` where the service no longer replies.
    """
    with ExitStack() as stack:
        return _Drive(stack, address, iter(requests), load, expected).run(seconds, seed)


class _Drive:
    """One load under way.

    Callers join one after another while the first are at work, as they do in life, and only then the clock
    starts. Were all to connect at once to an idle service, the process that wakes first would take them
    all, and the others none.
    """

    def __init__(self, stack: ExitStack, address: Address, requests: Iterator[bytes], load: Load, expected: bytes):
        self._stack = stack
        self._address = address
        self._requests = requests
        self._load = load
        self._expected = expected
        self._joined = 0
        # Free ones take their turn, so that an open loop uses every connection.
        self._free: deque[Connection] = deque()
        self._waiting: dict[int, tuple[Connection, float]] = {}
        self._tally, self._before = Tally(), Tally()

    def run(self, seconds: float, seed: int) -> Tally:
        now, cpu = time.perf_counter(), time.process_time()
        begun, self._start = now, now + self._load.clients * JOIN_S
        self._end = self._start + seconds
        self._arrivals = _arrivals(self._load.rate, now, seed)
        self._due = next(self._arrivals)
        while self._waiting or (self._due or now) < self._end:
            self._join(now)
            self._send(now)
            self._receive(self._pause())
            now = time.perf_counter()
        self._tally.seconds = now - self._start
        self._tally.client_cpu = (time.process_time() - cpu) / (now - begun)
        return self._tally

    def _join(self, now: float) -> None:
        left = self._load.clients - self._joined
        if left and now >= self._start - left * JOIN_S:
            self._free.append(self._stack.enter_context(closing(Connection(self._address))))
            self._joined += 1

    def _send(self, now: float) -> None:
        """Whatever is due and finds a caller free. In a closed loop that is a request for every free caller."""
        while self._free and (intended := self._due or now) <= now and intended < self._end:
            request = next(self._requests, None)
            if request is None:
                self._end = float("-inf")
                return
            connection = self._free.popleft()
            self._waiting[connection.fileno()] = connection, intended
            connection.send(request)
            self._due, now = next(self._arrivals), time.perf_counter()

    def _pause(self) -> float:
        """How long to wait for replies, if none comes."""
        if not self._free or self._due is None or self._due >= self._end:
            return NO_REPLY_S
        return min(max(self._due - time.perf_counter(), 0.0), JOIN_S)

    def _receive(self, pause: float) -> None:
        ready, _, _ = select.select(list(self._waiting), (), (), pause)
        if not ready and pause == NO_REPLY_S:
            raise TimeoutError(f"no reply within {NO_REPLY_S:.0f} s; {len(self._waiting)} requests are under way")
        for number in ready:
            connection, intended = self._waiting[number]
            if self._received(connection, intended):
                del self._waiting[number]
                self._free.append(connection)

    def _received(self, connection: Connection, intended: float) -> bool:
        """Whether the caller is free again; what it got is in the tally."""
        tally = self._tally if intended >= self._start else self._before
        try:
            reply = connection.receive()
        except OSError:
            tally.failed["connection lost"] += 1
            connection.open()
            return True
        if reply is None:
            return False
        status = reply[9:12]
        if status == self._expected:
            tally.latencies_s.append(time.perf_counter() - intended)
            tally.degraded += SOURCE_FAILED in reply
        else:
            tally.failed[status.decode(errors="replace")] += 1
        return True


def _arrivals(rate: float | None, start: float, seed: int) -> Iterator[float | None]:
    """When callers mean to send; None in a closed loop, where that is as soon as they can."""
    if rate is None:
        yield from repeat(None)
        return
    draw, at = random.Random(seed), start
    while True:
        at += draw.expovariate(rate)
        yield at
