"""The breaker, held to what pybreaker's own would get wrong."""

from __future__ import annotations

import os
import threading
import time
from abc import ABCMeta
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pybreaker
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.sources import Breaker, Open
from meridian.sources.window import BUCKETS, Counts, Window
from tests.source_parts import Clock, answer, fail, opened, try_


def test_an_answer_and_an_error_are_passed_on() -> None:
    breaker = Breaker("source")
    assert breaker.call(lambda a, *, b: (a, b), 1, b=2) == (1, 2)
    with pytest.raises(ConnectionError, match="the source is down"):
        breaker.call(fail)


def test_callers_of_a_slow_source_do_not_queue_behind_one_another() -> None:
    """pybreaker holds its lock during the call: ten would never be in it together."""
    breaker, together = Breaker("source"), threading.Barrier(10)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: breaker.call(together.wait, 10), range(10)))


def test_a_source_that_fails_four_times_in_five_opens_it() -> None:
    """pybreaker counts failures in a row, and a success now and then keeps it closed for ever."""
    breaker = Breaker("source")
    outcomes = [try_(breaker, answer if i % 5 == 0 else fail) for i in range(20)]
    assert "open" in outcomes
    assert try_(breaker, answer) == "open"


def test_a_source_that_fails_now_and_then_does_not_open_it() -> None:
    breaker = Breaker("source")
    assert "open" not in [try_(breaker, fail if i % 5 == 4 else answer) for i in range(200)]


def test_a_few_first_failures_are_not_judged() -> None:
    breaker = Breaker("source", least=5)
    assert [try_(breaker, fail) for _ in range(4)] == ["failed"] * 4
    assert breaker.current_state == pybreaker.STATE_CLOSED


def test_old_failures_fall_out_of_the_window() -> None:
    clock = Clock()
    breaker = Breaker("source", window_s=10, least=5, clock=clock)
    for _ in range(3):
        assert [try_(breaker, fail) for _ in range(4)] == ["failed"] * 4
        clock.now += 10


def test_that_a_source_has_nothing_is_no_failure_and_takes_none_back() -> None:
    """pybreaker's excluded exceptions reset its count; here such an answer is a call like any other."""
    breaker = Breaker("source", least=5, rate=0.5)
    for _ in range(20):
        assert try_(breaker, lambda: None) == "ok"
    assert "open" in [try_(breaker, fail) for _ in range(25)]


def test_no_class_of_errors_is_excluded_whatever_its_metaclass() -> None:
    """In pybreaker an excluded class whose metaclass is ABCMeta excludes every error."""

    class Odd(Exception, metaclass=ABCMeta):
        pass

    def odd() -> None:
        raise Odd

    breaker = Breaker("source", least=5)
    breaker.add_excluded_exception(Odd)
    assert [try_(breaker, odd) for _ in range(6)] == ["failed"] * 5 + ["open"]


@pytest.mark.parametrize(("slow", "state"), [(7, "closed"), (8, "open")])
def test_it_opens_where_four_in_five_are_slow(slow: int, state: str) -> None:
    breaker = Breaker("source", least=10, slow_s=0.1, slow_rate=0.8)
    for number in range(10):
        breaker.admit().success(0.11 if number < slow else 0.1)
    assert breaker.current_state == state


def test_a_slow_probe_sends_it_back_to_rest() -> None:
    clock = Clock()
    breaker = opened(clock, slow_s=0.1)
    clock.now += 5.1
    breaker.admit().success(0.2)
    assert breaker.current_state == pybreaker.STATE_OPEN


def test_of_each_call_only_the_first_word_counts() -> None:
    """A waiter gave up and said so; the thread that ends later is not heard."""
    breaker = Breaker("source", least=5)
    tokens = [breaker.admit() for _ in range(4)]
    for token in tokens:
        token.failed(1.0)
        token.failed(2.0)
        token.success(3.0)
    assert breaker.current_state == pybreaker.STATE_CLOSED
    breaker.admit().failed(1.0)
    assert breaker.current_state == pybreaker.STATE_OPEN


CALLS = st.lists(st.tuples(st.floats(0, 4), st.booleans(), st.booleans()), max_size=80)


@given(CALLS)
def test_the_window_has_the_calls_of_its_time(calls: list[tuple[float, bool, bool]]) -> None:
    """A plain list of all calls gives the same counts: those of the present second and of the nine before it."""
    window, seen, now = Window(10.0), [], 1000.0
    for passed, failed, slow in calls:
        now += passed
        window.add(now, failed=failed, slow=slow)
        seen.append((int(now), failed, slow))
        there = [one for one in seen if one[0] > int(now) - BUCKETS]
        assert window.counts(now) == Counts(len(there), sum(f for _, f, _ in there), sum(s for *_, s in there))
        assert len(window._buckets) <= BUCKETS
    assert window.counts(now + 11) == Counts()


@given(st.lists(st.booleans(), max_size=60))
def test_it_is_closed_exactly_while_the_share_of_failures_stays_below_the_rate(failures: list[bool]) -> None:
    """For every history of calls, until it first opens."""
    breaker = Breaker("source", least=4, rate=0.5, clock=Clock())
    seen: list[bool] = []
    for failed in failures:
        assert try_(breaker, fail if failed else answer) == ("failed" if failed else "ok")
        seen.append(failed)
        if len(seen) >= 4 and sum(seen) >= 0.5 * len(seen):
            assert breaker.current_state == pybreaker.STATE_OPEN
            return
        assert breaker.current_state == pybreaker.STATE_CLOSED


class Stop(BaseException):
    """As a soft time limit or an interrupt ends a call."""


def stop() -> None:
    raise Stop


def test_a_worker_that_is_told_to_stop_is_no_failure_of_the_source() -> None:
    breaker = Breaker("source", least=2)
    for _ in range(10):
        with pytest.raises(Stop):
            breaker.call(stop)
    assert breaker.current_state == pybreaker.STATE_CLOSED


def test_a_probe_that_is_told_to_stop_leaves_room_for_the_next() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 5.1
    with pytest.raises(Stop):
        breaker.call(stop)
    assert try_(breaker, answer) == "ok"
    assert breaker.current_state == pybreaker.STATE_CLOSED


def test_a_probe_of_which_nothing_is_heard_makes_room_for_the_next() -> None:
    clock = Clock()
    breaker = opened(clock, probe_s=1.0)
    clock.now += 5.1
    lost = breaker.admit()
    clock.now += 0.9
    assert try_(breaker, answer) == "open"
    clock.now += 0.2
    assert try_(breaker, answer) == "ok"
    lost.failed(2.0)
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
    turned_away = threading.Semaphore(0)

    def slow() -> None:
        asked.append(1)
        assert done.wait(10)

    def caller(_: int) -> str:
        together.wait(10)
        found = try_(breaker, slow)
        if found == "open":
            turned_away.release()
        return found

    with ThreadPoolExecutor(8) as pool:
        found = pool.map(caller, range(8))
        for _ in range(7):
            assert turned_away.acquire(timeout=10)
        done.set()
        assert sorted(found) == ["ok"] + ["open"] * 7
    assert len(asked) == 1
    assert breaker.current_state == pybreaker.STATE_CLOSED


@pytest.mark.parametrize("probing", [False, True], ids=["while it rests", "while it probes"])
@pytest.mark.parametrize("say", ["success", "failed"])
def test_a_call_from_before_it_opened_does_not_count(probing: bool, say: str) -> None:
    clock = Clock()
    breaker = Breaker("source", clock=clock, least=5, rest_s=5.0)
    straggler = breaker.admit()
    for _ in range(5):
        try_(breaker, fail)
    if probing:
        clock.now += 5.1
        probe = breaker.admit()
    getattr(straggler, say)(6.0)
    assert breaker.current_state == (pybreaker.STATE_HALF_OPEN if probing else pybreaker.STATE_OPEN)
    assert try_(breaker, answer) == "open"
    if probing:
        probe.success(0.0)
        assert breaker.current_state == pybreaker.STATE_CLOSED


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


def in_child(does: Callable[[], bool]) -> bool:
    """Whether a forked child does it and ends within ten seconds."""
    child = os.fork()
    if not child:
        threading.Timer(10, os._exit, [2]).start()
        os._exit(0 if does() else 1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_forked_while_the_lock_is_held_goes_on() -> None:
    breaker = Breaker("source")
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with breaker._lock:
            held.set()
            assert let_go.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    try:
        assert in_child(lambda: try_(breaker, answer) == "ok")
    finally:
        let_go.set()
        holder.join()


def test_a_child_forked_during_a_probe_may_probe_itself() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 5.1
    probe = breaker.admit()
    assert in_child(lambda: try_(breaker, answer) == "ok")
    with pytest.raises(Open):
        breaker.admit()
    probe.success(0.0)


def test_while_shared_it_probes_only_under_a_loan_that_outlasts_the_probe() -> None:
    """Each process has its own breaker, and each would probe; see pybreaker's storage in Redis."""
    clock = Clock()
    breaker = opened(clock, probe_s=1.0)
    breaker.share(clock.now + 60)
    clock.now += 5.1
    assert try_(breaker, answer) == "open"
    breaker.lend(clock.now + 1.0)
    assert try_(breaker, answer) == "open"
    breaker.lend(clock.now + 1.1)
    assert try_(breaker, answer) == "ok"


def test_when_nothing_is_heard_of_the_others_it_probes_by_itself() -> None:
    clock = Clock()
    breaker = opened(clock)
    breaker.share(clock.now + 6)
    clock.now += 5.9
    assert try_(breaker, answer) == "open"
    clock.now += 0.2
    assert try_(breaker, answer) == "ok"
