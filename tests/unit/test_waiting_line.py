"""The waiting line: who is let in, who is not, and what it learns."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.shedding.line import Line, Pace

times = st.floats(0.0001, 1.0)
paces = st.builds(Pace, times, times)


def line(
    threads: int, budget_s: float, busy: int, waiting: int, since: float = 0.0, enough_s: float = math.inf
) -> Line:
    """A line with so many under way and so many that joined at `since`."""
    it = Line(threads, budget_s, enough_s)
    for _ in range(busy):
        it.join(since)
        it.begin()
    for _ in range(waiting):
        it.join(since)
    return it


@pytest.mark.parametrize(
    ("threads", "budget_s", "busy", "waiting", "late_s", "lost"),
    [
        (4, 0.2, 0, 0, 0.0, False),
        (4, 0.2, 3, 0, 9.0, False),  # a thread is free: tried, however late
        (4, 0.2, 2, 2, 9.0, True),  # the free ones are spoken for
        (4, 0.2, 4, 0, 0.0, False),
        (4, 0.2, 4, 12, 0.0, False),  # 2 x 13 x 5 ms, and 60 ms for itself: 190 ms
        (4, 0.2, 4, 14, 0.0, True),  # 210 ms
        (4, 0.2, 4, 12, 0.02, True),  # it had waited before it was seen
        (8, 0.2, 8, 14, 0.0, False),  # twice the threads
        (4, 0.4, 4, 14, 0.0, False),  # more time
        (4, 0.05, 4, 0, 0.0, True),  # no time for waiting at all
    ],
)
def test_who_is_let_in(threads: int, budget_s: float, busy: int, waiting: int, late_s: float, lost: bool) -> None:
    assert line(threads, budget_s, busy, waiting).lost(late_s, 0.0 if late_s else late_s) is lost


def test_a_line_that_does_not_move_is_not_joined() -> None:
    it = line(2, 0.2, busy=2, waiting=1, since=10.0)
    assert not it.lost(10.01, 10.01)
    assert it.lost(10.15, 10.15)


def test_once_it_moves_again_it_is_joined_again() -> None:
    it = line(2, 0.2, busy=2, waiting=1, since=10.0)
    it.end(0.01)
    it.begin()
    assert not it.lost(10.15, 10.15)


def test_after_slow_requests_fewer_may_wait_and_after_quick_ones_more() -> None:
    it = line(4, 0.2, busy=4, waiting=6)
    assert not it.lost(0, 0)

    def serve(took_s: float) -> None:
        for _ in range(50):
            it.end(took_s)
            it.begin()
            it.join(0)

    serve(0.1)
    assert it.lost(0, 0)
    serve(0.001)
    assert not it.lost(0, 0)


def test_one_that_hung_for_a_minute_does_not_close_the_door() -> None:
    it = line(4, 0.2, busy=4, waiting=0)
    it.end(60.0)
    it.join(0)
    it.begin()
    assert not it.lost(0, 0)


@pytest.mark.parametrize(
    ("took_s", "enough_s", "lost"),
    [
        ((0.05, 0.15), math.inf, True),  # 100 ms and four times 50
        ((0.05, 0.15), 0.11, False),  # that they vary is of what can be cut
        ((0.13, 0.17), 0.11, True),  # none is that quick: 150 ms, and 75 of waiting
    ],
)
def test_one_that_can_hurry_is_let_in_later(took_s: tuple[float, float], enough_s: float, lost: bool) -> None:
    it = line(4, 0.2, busy=4, waiting=0, enough_s=enough_s)
    for number in range(200):
        it.end(took_s[number % 2])
        it.join(0)
        it.begin()
    assert it.lost(0, 0) is lost


@given(paces, st.lists(times, max_size=50))
def test_a_pace_stays_within_what_was_seen(pace: Pace, seen: list[float]) -> None:
    low, high = min([pace.mean_s, *seen]), max([pace.mean_s, *seen])
    for took in seen:
        pace = pace.after(took)
        assert low - 1e-9 <= pace.mean_s <= high + 1e-9
        assert pace.deviation_s >= 0


@given(paces, times)
def test_a_steady_pace_is_learnt(pace: Pace, took: float) -> None:
    for _ in range(300):
        pace = pace.after(took)
    assert pace.mean_s == pytest.approx(took, rel=1e-2, abs=1e-5)
    assert pace.reserve_s() == pytest.approx(took, rel=1e-1, abs=1e-4)


@given(st.integers(1, 8), st.integers(0, 60), times, times, st.floats(0, 1))
def test_longer_lines_and_shorter_budgets_never_let_in_more(
    threads: int, waiting: int, budget: float, more: float, late: float
) -> None:
    lost = line(threads, budget, threads, waiting).lost(late, 0.0)
    assert line(threads, budget, threads, waiting + 1).lost(late, 0.0) >= lost
    assert line(threads, budget + more, threads, waiting).lost(late, 0.0) <= lost


@given(st.lists(st.tuples(st.booleans(), times), max_size=100))
def test_a_free_thread_is_always_given_work(steps: list[tuple[bool, float]]) -> None:
    it, busy = Line(2, 0.1), 0
    for joins, took in steps:
        if joins and busy < 2:
            it.join(0.0)
            it.begin()
            busy += 1
        elif busy:
            it.end(took)
            busy -= 1
        assert busy == 2 or not it.lost(100.0, 0.0)
