"""Asking sources: the next line where one fails, a second read where one is slow, the same question once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.sources import Asking, Breaker, Deadline, Found, Line, Pending, gather
from meridian.sources.hedge import BURST, LEAST, SHARE, Budget, Usual
from tests.source_parts import Clock

LONG = 30.0


class Seen:
    """An observer that keeps what it was told."""

    def __init__(self) -> None:
        self.reads: list[tuple[str, str]] = []
        self.transitions: list[tuple[str, str, str]] = []
        self.hedges = 0

    def on_read(self, source: str, line: str, what: str, took_s: float) -> None:
        self.reads.append((line, what))

    def on_transition(self, line: str, old: str, new: str) -> None:
        self.transitions.append((line, old, new))

    def on_hedge(self, source: str) -> None:
        self.hedges += 1


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What hangs goes on when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def a_line(name: str, clock: Callable[[], float] | None = None, *, threads: int = 8, timeout_s: float = LONG) -> Line:
    times = {"clock": clock} if clock else {}
    return Line(name, Breaker(name, **times), timeout_s=timeout_s, threads=threads, **times)  # type: ignore[arg-type]


def answering(what: str) -> Callable[[Deadline], str]:
    return lambda _: what


def failing(_: Deadline) -> str:
    raise ConnectionError("mary at db.internal")


def ask(source: Asking, *asks: Callable[[Deadline], str], key: object = None) -> Found[str]:
    deadline = Deadline.after(LONG)
    [found] = gather([source.begin(key, asks, deadline)], deadline)
    return found


def practised(source: Asking, took_s: float = 0.01, reads: int = 100) -> None:
    """It has been asked often enough to say what is usual, and to ask twice."""
    for line in source.lines:
        for _ in range(LEAST):
            line.succeeded(took_s)
    for _ in range(reads):
        source._rules.budget.read()


def test_a_deadline_is_never_overrun() -> None:
    clock = Clock()
    deadline = Deadline.after(2.0, clock)
    assert (deadline.left(), deadline.within(0.5), deadline.within(5.0)) == (2.0, 0.5, 2.0)
    clock.now += 3
    assert (deadline.left(), deadline.within(0.5)) == (0.0, 0.0)


def test_the_first_line_that_answers_is_heard() -> None:
    seen = Seen()
    source = Asking("bureau", [a_line("one"), a_line("two")], observer=seen)
    found = ask(source, answering("first"), answering("second"))
    assert (found.answer, found.line, found.extra, found.detail) == ("first", "one", 0, "")
    found = ask(source, failing, answering("second"))
    assert (found.answer, found.line, found.extra) == ("second", "two", 1)
    assert seen.reads == [("one", "answered"), ("one", "failed"), ("two", "answered")]


def test_an_error_is_named_by_its_kind_and_an_open_line_is_passed_over() -> None:
    seen = Seen()
    source = Asking("bureau", [a_line("one"), a_line("two")], observer=seen)
    assert {ask(source, failing, failing).detail for _ in range(5)} == {"answered with an error (ConnectionError)"}
    found = ask(source, answering("a"), answering("b"))
    assert (found.answer, found.line, found.detail) == (None, "", "not asked: its last look-ups failed")
    assert seen.transitions == [("one", "closed", "open"), ("two", "closed", "open")]
    assert seen.reads[-2:] == [("one", "open"), ("two", "open")]


def test_a_busy_line_refuses_at_once_and_that_counts_as_nothing(release: threading.Event) -> None:
    source = Asking("bureau", [a_line("one", threads=1)])
    deadline = Deadline.after(LONG)
    hung = source.begin(None, [lambda _: str(release.wait(LONG))], deadline)
    for _ in range(20):
        assert ask(source, answering("a")).detail == "busy: all 1 look-ups at once are taken"
    assert source.lines[0].breaker.current_state == "closed"
    release.set()
    gather([hung], deadline)
    assert ask(source, answering("a")).answer == "a"


def test_sources_are_asked_at_the_same_time_by_one_waiting_thread() -> None:
    together = threading.Barrier(3)
    deadline = Deadline.after(LONG)
    sources = [Asking(name, [a_line(name)]) for name in "abc"]
    pendings = [one.begin("mary", [lambda _: str(together.wait(LONG))], deadline) for one in sources]
    assert all(found.answered for found in gather(pendings, deadline))


def slow_look_up(
    source: Asking, release: threading.Event, clock: Clock, *others: Callable[[Deadline], str], within_s: float = 1.0
) -> Pending[str]:
    """One whose first line hangs."""
    return source.begin(None, [lambda _: str(release.wait(LONG)), *others], Deadline.after(within_s, clock))


def ended(pending: Pending[str]) -> Found[str]:
    """What a look-up that is about to end found, whatever its clock says."""
    wake = threading.Event()
    pending.look_up.wake(wake)
    assert wake.wait(LONG)
    return pending.result()


def test_after_its_usual_time_a_second_read_is_made_on_the_next_line(release: threading.Event) -> None:
    clock, seen = Clock(), Seen()
    source = Asking("bureau", [a_line("one", clock), a_line("two", clock)], observer=seen)
    practised(source)
    pending = slow_look_up(source, release, clock, answering("second"))
    assert pending.look_up.tick() == pytest.approx(clock.now + 0.01)
    assert seen.hedges == 0
    clock.now += 0.011
    pending.look_up.tick()
    found = ended(pending)
    assert (found.answer, found.line, found.extra, seen.hedges) == ("second", "two", 1, 1)


@pytest.mark.parametrize("case", ["too few calls", "no budget", "one line"])
def test_no_second_read_is_made_where_none_may_be(case: str, release: threading.Event) -> None:
    clock, seen = Clock(), Seen()
    lines = [a_line("one", clock), a_line("two", clock)]
    source = Asking("bureau", lines[:1] if case == "one line" else lines, observer=seen)
    if case != "too few calls":
        practised(source, reads=0 if case == "no budget" else 100)
    pending = slow_look_up(source, release, clock, *([answering("second")] * (len(source.lines) - 1)))
    clock.now += 0.5
    pending.look_up.tick()
    assert (seen.hedges, pending.look_up.found) == (0, None)


def test_where_replicas_stand_behind_a_line_the_second_read_is_made_on_it(release: threading.Event) -> None:
    clock, first = Clock(), threading.Event()
    source = Asking("store", [a_line("one", clock)], hedge_same=True)
    practised(source)

    def replica(_: Deadline) -> str:
        if first.is_set():
            return "the other replica"
        first.set()
        return str(release.wait(LONG))

    pending = source.begin(None, [replica], Deadline.after(1.0, clock))
    assert first.wait(LONG)
    clock.now += 0.011
    pending.look_up.tick()
    assert ended(pending).answer == "the other replica"


def test_a_second_read_that_is_refused_costs_nothing(release: threading.Event) -> None:
    clock = Clock()
    source = Asking("bureau", [a_line("one", clock), a_line("two", clock)])
    practised(source, reads=19)
    source.lines[1].breaker.open()
    pending = slow_look_up(source, release, clock, answering("second"))
    clock.now += 0.5
    pending.look_up.tick()
    assert source._rules.may_hedge()


def test_a_line_that_is_too_slow_is_given_up_for_the_next(release: threading.Event) -> None:
    clock, seen = Clock(), Seen()
    source = Asking("bureau", [a_line("one", clock, timeout_s=0.05), a_line("two", clock)], observer=seen)
    pending = slow_look_up(source, release, clock, answering("second"))
    clock.now += 0.051
    pending.look_up.tick()
    assert (ended(pending).answer, seen.reads[0]) == ("second", ("one", "too slow"))


@pytest.mark.parametrize(("left_s", "state"), [(0.05, "open"), (0.005, "closed")])
def test_silence_counts_where_the_line_had_its_time(left_s: float, state: str, release: threading.Event) -> None:
    """A caller in a hurry learns nothing of the source's health."""
    clock = Clock()
    source = Asking("bureau", [a_line("one", clock, timeout_s=0.05)])
    for _ in range(5):
        pending = slow_look_up(source, release, clock, within_s=left_s)
        clock.now += left_s + 0.001
        pending.look_up.tick()
        assert pending.result().detail == f"no answer within {left_s * 1000:.0f} ms"
    assert source.lines[0].breaker.current_state == state


@given(st.lists(st.booleans(), max_size=2000))
def test_second_reads_stay_below_their_share_and_burst(wishes: list[bool]) -> None:
    budget, made = Budget(), 0
    for reads, wish in enumerate(wishes, start=1):
        budget.read()
        made += wish and budget.take()
        assert made <= SHARE * reads + 1e-6
    for _ in range(1000):
        budget.read()
    assert sum(budget.take() for _ in range(100)) == BURST


@given(st.lists(st.floats(0, 10), min_size=LEAST, max_size=300))
def test_usual_is_what_95_in_100_of_the_last_200_stay_within(took: list[float]) -> None:
    usual = Usual()
    for one in took:
        usual.add(one)
    last = took[-200:]
    p95 = usual.p95()
    assert p95 in last
    assert sum(one <= p95 for one in last) >= 0.95 * len(last) > sum(one < p95 for one in last)


def test_who_asks_the_same_at_the_same_time_shares_one_look_up() -> None:
    asked, together, go_on = [], threading.Barrier(8), threading.Event()
    source = Asking("bureau", [a_line("one")])
    begun = threading.Semaphore(0)

    def one(_: Deadline) -> str:
        asked.append(1)
        assert go_on.wait(LONG)
        return "of mary"

    def caller(_: int) -> Found[str]:
        together.wait(LONG)
        deadline = Deadline.after(LONG)
        pending = source.begin("mary", [one], deadline)
        begun.release()
        return gather([pending], deadline)[0]

    with ThreadPoolExecutor(8) as pool:
        found = pool.map(caller, range(8))
        for _ in range(8):
            assert begun.acquire(timeout=LONG)
        go_on.set()
        assert {each.answer for each in found} == {"of mary"}
    assert len(asked) == 1
    assert source._in_flight == {}
    assert ask(source, answering("anew"), key="mary").answer == "anew"


def test_who_has_more_time_than_the_one_that_asked_asks_by_itself(release: threading.Event) -> None:
    clock = Clock()
    source = Asking("bureau", [a_line("one", clock, timeout_s=1.0)])
    hung = lambda _: str(release.wait(LONG))  # noqa: E731
    hurried = source.begin("mary", [hung], Deadline.after(0.01, clock))
    assert source.begin("mary", [hung], Deadline.after(0.005, clock)).look_up is hurried.look_up
    patient = source.begin("mary", [answering("in time")], Deadline.after(1.0, clock))
    assert ended(patient).answer == "in time"
    clock.now += 0.011
    hurried.look_up.tick()
    assert hurried.result().detail == "no answer within 10 ms"


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_forked_during_a_look_up_asks_by_itself(release: threading.Event) -> None:
    source = Asking("bureau", [a_line("one", threads=1)])
    source.begin("mary", [lambda _: str(release.wait(LONG))], Deadline.after(LONG))
    child = os.fork()
    if not child:
        threading.Timer(10, os._exit, [2]).start()
        os._exit(0 if ask(source, answering("child"), key="mary").answer == "child" else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_source_has_a_way_to_ask_for_each_line() -> None:
    with pytest.raises(ValueError, match="2 lines and was given 1"):
        ask(Asking("bureau", [a_line("one"), a_line("two")]), answering("a"))
    with pytest.raises(ValueError, match="has no line"):
        Asking("bureau", [])
