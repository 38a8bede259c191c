"""A source with one line always answers: with what it was told, or with why it was told nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from meridian.errors import Unavailable
from meridian.evidence import SourceReading, SourceStatus
from meridian.sources import Asking, Breaker, Deadline, Line, gather

GOOD = SourceReading("bureau", SourceStatus.FRESH, {"x": 1.0})


def failed(detail: str) -> SourceReading:
    return SourceReading("bureau", SourceStatus.FAILED, detail=detail)


class OneLine:
    """Asks, and says what came of it as a reading."""

    def __init__(self, breaker: Breaker, timeout_s: float, threads: int = 4):
        self._timeout_s = timeout_s
        line = Line("bureau", breaker, timeout_s=timeout_s, threads=threads)
        self._asking = Asking("bureau", [line])

    def read(self, ask: Callable[[], SourceReading], otherwise: Callable[[str], SourceReading]) -> SourceReading:
        deadline = Deadline.after(self._timeout_s)
        [found] = gather([self._asking.begin(None, [lambda _: ask()], deadline)], deadline)
        return found.answer or otherwise(found.detail)


def guarded(timeout_s: float = 0.05, threads: int = 4, least: int = 5) -> OneLine:
    return OneLine(Breaker("bureau", least=least), timeout_s, threads)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What hangs goes on when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_an_answer_in_time_is_passed_on() -> None:
    assert guarded(timeout_s=5).read(lambda: GOOD, failed) is GOOD


def test_a_source_that_hangs_costs_its_time_limit_and_says_so(release: threading.Event) -> None:
    started = time.monotonic()
    reading = guarded().read(lambda: (release.wait(30), GOOD)[1], failed)
    assert time.monotonic() - started < 5
    assert (reading.name, reading.status, reading.fields) == ("bureau", SourceStatus.FAILED, {})
    assert reading.detail == "no answer within 50 ms"


@pytest.mark.parametrize("error", [ConnectionError("db.internal:5432 refused mary"), Unavailable(), KeyError("mary")])
def test_an_error_is_named_by_its_kind_and_never_by_its_text(error: Exception) -> None:
    def ask() -> SourceReading:
        raise error

    reading = guarded(timeout_s=5).read(ask, failed)
    assert (reading.status, reading.fields) == (SourceStatus.FAILED, {})
    assert reading.detail == f"answered with an error ({type(error).__name__})"


def test_after_failures_it_is_not_asked_and_that_is_said() -> None:
    source, asked = guarded(timeout_s=5), []

    def ask() -> SourceReading:
        asked.append(1)
        raise ConnectionError

    details = [source.read(ask, failed).detail for _ in range(8)]
    assert len(asked) == 5
    assert details[5:] == ["not asked: its last look-ups failed"] * 3


def test_hung_look_ups_count_as_failures(release: threading.Event) -> None:
    source = guarded(threads=8)
    details = [source.read(lambda: (release.wait(30), GOOD)[1], failed).detail for _ in range(6)]
    assert details[0] == "no answer within 50 ms"
    assert details[5] == "not asked: its last look-ups failed"


def test_where_all_its_threads_hang_it_is_busy_and_that_is_no_failure(release: threading.Event) -> None:
    source = guarded(threads=1)
    details = [source.read(lambda: (release.wait(30), GOOD)[1], failed).detail for _ in range(9)]
    assert details[1:] == ["busy: all 1 look-ups at once are taken"] * 8


def test_what_hangs_holds_a_few_threads_and_no_more(release: threading.Event) -> None:
    """Its threads are its own: callers come back, and who waited in vain is not asked for later."""
    source, hanging = guarded(threads=2, least=100), []

    def ask() -> SourceReading:
        hanging.append(threading.current_thread().name)
        release.wait(30)
        return GOOD

    with ThreadPoolExecutor(8) as callers:
        readings = list(callers.map(lambda _: source.read(ask, failed), range(8)))
    assert {one.status for one in readings} == {SourceStatus.FAILED}
    assert len(hanging) == 2
    assert all(name.startswith("source-bureau") for name in hanging)


def test_a_source_that_comes_back_is_heard_again() -> None:
    now = [0.0]
    breaker = Breaker("bureau", least=5, rest_s=5.0, clock=lambda: now[0])
    source = OneLine(breaker, timeout_s=5)

    def fail() -> SourceReading:
        raise ConnectionError

    for _ in range(6):
        source.read(fail, failed)
    assert source.read(lambda: GOOD, failed).status is SourceStatus.FAILED
    now[0] = 5.1
    assert source.read(lambda: GOOD, failed) is GOOD
