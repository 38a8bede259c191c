"""Callers who do not wait for each other, on more connections than the service can serve at once.

Each request's time counts from the moment it was due. One that finds no connection free waits for one, as it would in
a caller's pool; one that got none until the end was never answered.
"""

from __future__ import annotations

import random
import select
import time
from collections import Counter, deque
from contextlib import closing
from dataclasses import dataclass, field

from tests.bench.connection import Address, Connection

JOIN_S = 0.01
DRAIN_S = 10.0


@dataclass
class Flood:
    """What came of it; times in seconds, from the moment a request was due."""

    seconds: float
    due: int = 0
    decided_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    unsent: int = 0
    client_cpu: float = 0.0
    """The share of one core that the client used."""


def flood(
    address: Address, requests: list[bytes], rate: float, clients: int, seconds: float, warm_s: float, seed: int
) -> Flood:
    """So many requests a second for so long, after a while of the same that does not count."""
    connections: list[Connection] = []
    try:
        return _flood(address, requests, rate, clients, seconds, warm_s, seed, connections)
    finally:
        for connection in connections:
            with closing(connection):
                pass


def _flood(
    address: Address,
    requests: list[bytes],
    rate: float,
    clients: int,
    seconds: float,
    warm_s: float,
    seed: int,
    connections: list[Connection],
) -> Flood:
    result, ignored = Flood(seconds), Flood(seconds)
    poll, free, under_way = select.epoll(), deque[Connection](), dict[int, tuple[Connection, float]]()
    begun, cpu = time.perf_counter(), time.process_time()
    start = begun + warm_s + clients * JOIN_S
    draw, due, end = random.Random(seed), begun, start + seconds
    left = iter(requests)
    while True:
        now = time.perf_counter()
        if now >= end + DRAIN_S or (now >= end and not under_way):
            break
        # Joined one by one, so that the service's processes share them.
        if len(connections) < clients and now >= begun + len(connections) * JOIN_S:
            connection = Connection(address)
            connections.append(connection)
            free.append(connection)
            poll.register(connection.fileno(), select.EPOLLIN)
        while due <= now < end and free:
            (result if due >= start else ignored).due += 1
            connection = free.popleft()
            connection.send(next(left))
            under_way[connection.fileno()] = connection, due
            due += draw.expovariate(rate)
        pause = min(max(due - time.perf_counter(), 0.0), JOIN_S) if free and now < end else JOIN_S
        for number, _ in poll.poll(pause):
            if number not in under_way:
                # Closed while idle, which HTTP allows; a caller opens another.
                connection = next(c for c in free if c.fileno() == number)
                _renew(connection, poll)
                continue
            connection, intended = under_way[number]
            into = result if intended >= start else ignored
            try:
                reply = connection.receive()
            except OSError as error:
                into.other[type(error).__name__] += 1
                del under_way[number]
                _renew(connection, poll)
                free.append(connection)
                continue
            if reply is None:
                continue
            del under_way[number]
            free.append(connection)
            took, status = time.perf_counter() - intended, reply[9:12]
            if status == b"201":
                into.decided_s.append(took)
            elif status == b"503":
                into.refused_s.append(took)
            else:
                into.other[status.decode(errors="replace")] += 1
    while due < end:
        result.due += due >= start
        result.unsent += due >= start
        due += draw.expovariate(rate)
    result.other["no reply"] += len(under_way)
    result.client_cpu = (time.process_time() - cpu) / (time.perf_counter() - begun)
    poll.close()
    return result


def _renew(connection: Connection, poll: select.epoll) -> None:
    connection.close()
    connection.open()
    poll.register(connection.fileno(), select.EPOLLIN)
