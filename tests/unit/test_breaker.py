"""The breaker, held to what pybreaker's own would get wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pybreaker
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.sources import Breaker, Open


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail() -> None:
    raise ConnectionError("the source is down")


def answer() -> str:
    return "answer"


def try_(breaker: Breaker, func: Callable[[], object]) -> str:
    """What a caller meets: ok, failed, or not let through."""
    try:
        breaker.call(func)
    except Open:
        return "open"
    except Exception:
        return "failed"
    return "ok"


def opened(clock: Clock, **settings: float) -> Breaker:
    breaker = Breaker("source", clock=clock, least=5, rest_s=5.0, **settings)  # type: ignore[arg-type]
    assert [try_(breaker, fail) for _ in range(5)] == ["failed"] * 5
    assert breaker.current_state == pybreaker.STATE_OPEN
    return breaker


def test_an_answer_and_an_error_are_passed_on() -> None:
    breaker = Breaker("source")
    assert breaker.call(lambda a, *, b: (a, b), 1, b=2) == (1, 2)
    with pytest.raises(ConnectionError, match="the source is down"):
        breaker.call(fail)


def test_callers_of_a_slow_source_do_not_queue_behind_one_another() -> None:
    """pybreaker holds its lock during the call: ten of 0.2 s took two seconds."""
    breaker = Breaker("source")
    started = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: breaker.call(time.sleep, 0.2), range(10)))
    assert time.monotonic() - started < 1.0


def test_a_source_that_fails_four_times_in_five_opens_it() -> None:
    """pybreaker counts failures in a row, and a success now and then keeps it closed for ever."""
    breaker = Breaker("source", window=20, least=5, rate=0.5)
    outcomes = [try_(breaker, answer if i % 5 == 0 else fail) for i in range(20)]
    assert "open" in outcomes
    assert try_(breaker, answer) == "open"


def test_a_source_that_fails_now_and_then_does_not_open_it() -> None:
    breaker = Breaker("source", window=20, least=5, rate=0.5)
    assert "open" not in [try_(breaker, fail if i % 5 == 0 else answer) for i in range(200)]


def test_a_few_first_failures_are_not_judged() -> None:
    breaker = Breaker("source", least=5)
    assert [try_(breaker, fail) for _ in range(4)] == ["failed"] * 4
    assert breaker.current_state == pybreaker.STATE_CLOSED


def test_old_failures_fall_out_of_the_window() -> None:
    breaker = Breaker("source", window=10, least=5, rate=0.5)
    calls = [answer] * 6 + [fail] * 4 + [answer] * 10 + [fail] * 4
    assert "open" not in [try_(breaker, call) for call in calls]


@given(st.lists(st.booleans(), max_size=60))
def test_it_is_closed_exactly_while_the_share_of_failures_stays_below_the_rate(failures: list[bool]) -> None:
    """For every history of calls, until it first opens."""
    breaker = Breaker("source", window=8, least=4, rate=0.5, clock=Clock())
    seen: list[bool] = []
    for failed in failures:
        assert try_(breaker, fail if failed else answer) == ("failed" if failed else "ok")
        seen = [*seen, failed][-8:]
        if len(seen) >= 4 and sum(seen) >= 0.5 * len(seen):
            assert breaker.current_state == pybreaker.STATE_OPEN
            return
        assert breaker.current_state == pybreaker.STATE_CLOSED


class Stop(BaseException):
    """As a soft time limit or an interrupt ends a call."""


def test_a_worker_that_is_told_to_stop_is_no_failure_of_the_source() -> None:
    breaker = Breaker("source", least=2)

    def stop() -> None:
        raise Stop

    for _ in range(10):
        with pytest.raises(Stop):
            breaker.call(stop)
    assert breaker.current_state == pybreaker.STATE_CLOSED


def test_a_probe_that_is_told_to_stop_leaves_room_for_the_next() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 5.1

    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        breaker.call(stop)
    assert try_(breaker, answer) == "ok"
    assert breaker.current_state == pybreaker.STATE_CLOSED


def test_while_it_rests_nobody_asks_and_afterwards_one_answer_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    asked: list[float] = []
    clock.now += 4.9
    assert try_(breaker, lambda: asked.append(clock.now)) == "open"
    assert asked == []
    clock.now += 0.2
    assert try_(breaker, lambda: asked.append(clock.now)) == "ok"
    assert len(asked) == 1
    assert breaker.current_state == pybreaker.STATE_CLOSED
    assert try_(breaker, fail) == "failed"
    assert breaker.current_state == pybreaker.STATE_CLOSED


def test_a_probe_that_fails_sends_it_back_to_rest() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 5.1
    assert try_(breaker, fail) == "failed"
    assert [try_(breaker, answer), breaker.current_state] == ["open", pybreaker.STATE_OPEN]
    clock.now += 4.9
    assert try_(breaker, answer) == "open"
    clock.now += 0.2
    assert try_(breaker, answer) == "ok"


def test_of_eight_callers_at_half_open_one_probes() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 5.1
    asked, together, done = [], threading.Barrier(8), threading.Event()

    def slow() -> None:
        asked.append(1)
        assert done.wait(10)

    def caller(_: int) -> str:
        together.wait(10)
        found = try_(breaker, slow)
        if found == "open":
            turned_away.release()
        return found

    turned_away = threading.Semaphore(0)
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(caller, range(8))
        for _ in range(7):
            assert turned_away.acquire(timeout=10)
        done.set()
        assert sorted(found) == ["ok"] + ["open"] * 7
    assert len(asked) == 1
    assert breaker.current_state == pybreaker.STATE_CLOSED


@pytest.mark.parametrize("probing", [False, True], ids=["while it rests", "while it probes"])
def test_an_answer_asked_for_before_it_opened_does_not_close_it(probing: bool) -> None:
    clock = Clock()
    breaker = Breaker("source", clock=clock, least=5, rest_s=5.0)
    started, go_on, probed = threading.Event(), threading.Event(), threading.Event()

    def straggler() -> None:
        started.set()
        assert go_on.wait(10)

    with ThreadPoolExecutor(2) as pool:
        late = pool.submit(try_, breaker, straggler)
        assert started.wait(10)
        for _ in range(5):
            try_(breaker, fail)
        if probing:
            clock.now += 5.1
            in_probe = threading.Event()
            probe = pool.submit(try_, breaker, lambda: (in_probe.set(), probed.wait(10)))
            assert in_probe.wait(10)
        go_on.set()
        assert late.result(10) == "ok"
        assert breaker.current_state == (pybreaker.STATE_HALF_OPEN if probing else pybreaker.STATE_OPEN)
        assert try_(breaker, answer) == "open"
        probed.set()
        if probing:
            assert probe.result(10) == "ok"


def test_the_wall_clock_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set back or forward, it neither shortens the rest nor makes it endless."""
    clock = Clock()
    breaker = opened(clock)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert try_(breaker, answer) == "open"
    clock.now += 5.1
    assert try_(breaker, answer) == "ok"
    assert Breaker("source")._clock is time.monotonic


def test_listeners_are_told_of_every_change() -> None:
    class Listener(pybreaker.CircuitBreakerListener):
        def __init__(self) -> None:
            self.heard: list[tuple[str, str]] = []

        def state_change(self, cb: object, old_state: object, new_state: object) -> None:
            self.heard.append((old_state.name, new_state.name))  # type: ignore[attr-defined]

    clock, listener = Clock(), Listener()
    breaker = Breaker("source", clock=clock, least=5, rest_s=5.0, listeners=(listener,))
    for _ in range(5):
        try_(breaker, fail)
    clock.now += 5.1
    try_(breaker, answer)
    assert listener.heard == [("closed", "open"), ("open", "half-open"), ("half-open", "closed")]
