"""The breakers of several processes on one PostgreSQL: in step, one probe at a time, and each alone without it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from meridian.db.breakers import PostgresBreakers
from meridian.db.engine import APP_ROLE, WORKER_ROLE, open_engine
from meridian.sources import Breaker, Open, SharedBreakers
from tests.services import eventually
from tests.source_parts import Clock


@pytest.fixture
def engines(own_database: str) -> Iterator[list[Engine]]:
    """As the API and as a worker have them."""
    made = [
        open_engine(own_database, role=role, name="test", statement_timeout_ms=1000, pool_size=1)
        for role in (APP_ROLE, WORKER_ROLE)
    ]
    yield made
    for engine in made:
        engine.dispose()


def test_of_all_that_ask_for_the_probe_one_is_given_it(engines: list[Engine]) -> None:
    ours, theirs = (PostgresBreakers(engine) for engine in engines)
    assert ours.read(["a", "b"])["a"] == theirs.read(["a"])["a"]
    assert ours.lease("a", "us", 5) is None  # it is closed
    assert ours.turn("a", 0, is_open=True, rest_s=60) == 1
    assert theirs.turn("a", 0, is_open=True, rest_s=0) is None  # others were faster
    assert theirs.lease("a", "them", 5) is None  # it rests
    assert theirs.turn("a", 1, is_open=True, rest_s=0) == 2
    assert [ours.lease("a", "us", 0.2), theirs.lease("a", "them", 5)] == [3, None]
    assert 0 < theirs.read(["a"])["a"].lease_s <= 0.2
    assert eventually(lambda: theirs.lease("a", "them", 5) == 4), "the lease ran out, and nobody else was given it"
    assert ours.turn("a", 3, is_open=False, rest_s=0) is None  # what the first holder says comes too late
    assert theirs.turn("a", 4, is_open=False, rest_s=0) == 5
    assert ours.read(["a"])["a"].is_open is False


def two(engines: list[Engine], clock: Clock) -> tuple[Breaker, Breaker, SharedBreakers, SharedBreakers]:
    breakers = [Breaker("bureau", rest_s=0.0, clock=clock) for _ in range(2)]
    first, second = (
        SharedBreakers([breaker], PostgresBreakers(engine), clock=clock)
        for breaker, engine in zip(breakers, engines, strict=True)
    )
    return breakers[0], breakers[1], first, second


def turned_away(breaker: Breaker) -> bool:
    try:
        breaker.admit().forgotten()
    except Open:
        return True
    return False


def test_what_one_has_seen_the_other_need_not_find_out(engines: list[Engine]) -> None:
    clock = Clock()
    ours, theirs, first, second = two(engines, clock)
    assert [first.exchange(), second.exchange()] == [1.0, 1.0]
    ours.open()
    assert [first.exchange(), second.exchange()] == [0.2, 0.2]
    assert theirs.current_state == "open"
    assert turned_away(ours)
    assert turned_away(theirs)
    second.exchange()
    first.exchange()
    assert turned_away(ours)  # the probe is the other's
    theirs.admit().success(0.0)
    assert [second.exchange(), first.exchange()] == [1.0, 1.0]
    assert ours.current_state == "closed"
    assert not turned_away(ours)


def test_who_has_no_traffic_does_not_ask_for_the_probe(engines: list[Engine]) -> None:
    ours, theirs, first, second = two(engines, Clock())
    ours.open()
    for one in (first, second, second):
        one.exchange()
    assert PostgresBreakers(engines[0]).read(["bureau"])["bureau"].lease_s == 0
    assert turned_away(theirs)


def test_without_the_table_each_goes_on_alone_and_then_in_step_again(engines: list[Engine], own_database: str) -> None:
    clock = Clock()
    ours, theirs, first, second = two(engines, clock)
    first.exchange()
    second.exchange()
    admin = create_engine(own_database, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("ALTER TABLE online.breaker RENAME TO gone"))
        ours.open()
        assert first.exchange() == 1.0
        second.exchange()
        assert theirs.current_state == "closed"
        ours.admit().failed(0.0)  # it probes by itself
        connection.execute(text("ALTER TABLE online.gone RENAME TO breaker"))
    admin.dispose()
    first.exchange()
    second.exchange()
    assert theirs.current_state == "open"
    assert turned_away(ours)
    first.exchange()
    assert not turned_away(ours)


def process(url: str, ready: Any, ends: float, log: Any) -> None:
    """Look up as fast as it is let, of a source that is down until half of the time is over."""
    engine = open_engine(url, role=APP_ROLE, name="test", statement_timeout_ms=1000, pool_size=1)
    breaker = Breaker("bureau", rest_s=0.3, least=5)
    shared = SharedBreakers([breaker], PostgresBreakers(engine), alert_s=0.05)
    shared.start()
    ready.wait(60)
    began = time.monotonic()
    probes = []
    while (passed := time.monotonic() - began) < ends:
        try:
            token = breaker.admit()
        except Open:
            time.sleep(0.002)
            continue
        from_ = time.monotonic()
        time.sleep(0.02)
        to = time.monotonic()
        if token.probe:
            probes.append((from_, to))
        (token.failed if passed < ends / 2 else token.success)(to - from_)
    log.put((probes, breaker.current_state))
    shared.stop()


def test_of_several_processes_one_probes_at_a_time_and_all_close_again(own_database: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    count, log = 4, spawn.Queue()
    ready = spawn.Barrier(count)
    with ExitStack() as running:
        children = [spawn.Process(target=process, args=(own_database, ready, 6.0, log)) for _ in range(count)]
        for child in children:
            child.start()
            running.callback(child.join, 30)
        said = [log.get(timeout=90) for _ in children]
    probes = sorted(probe for found, _ in said for probe in found)
    assert len(probes) >= 3  # CLOCK_MONOTONIC is the same for all processes of a machine
    assert [(a, b) for a, b in pairwise(probes) if b[0] < a[1]] == []
    assert [state for _, state in said] == ["closed"] * count
