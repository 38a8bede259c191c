"""Group commit: who is alone waits for nobody, who comes meanwhile shares a write, who is bad fails alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from meridian.db.group import GroupCommit
from tests.services import eventually

PATIENCE_S = 10


class Away(Exception):
    """Everybody's error: the database is away."""


class Bad(ValueError):
    """One item's own error."""


class Book:
    """What is written to: remembers every attempt, and holds the first one until it is let go."""

    def __init__(self, refuse: Callable[[Sequence[Any]], Exception | None] = lambda _: None):
        self.attempts: list[list[Any]] = []
        self.written: list[Any] = []
        self.writing, self.go_on = threading.Event(), threading.Event()
        self._refuse = refuse

    def write(self, items: Sequence[Any]) -> list[str]:
        first = not self.attempts
        self.attempts.append(list(items))
        if first:
            self.writing.set()
            assert self.go_on.wait(PATIENCE_S)
        if error := self._refuse(items):
            raise error
        self.written.extend(items)
        return [f"result of {item}" for item in items]


def is_shared(error: Exception) -> bool:
    return isinstance(error, Away)


def meet(book: Book, items: Sequence[Any]) -> list[Future[str]]:
    """The first item is being written while all the others come; then the write goes on, and all are done."""
    commit: GroupCommit[Any, str] = GroupCommit(book.write, is_shared)
    with ThreadPoolExecutor(len(items)) as threads:
        calls = [threads.submit(commit, items[0])]
        assert book.writing.wait(PATIENCE_S)
        calls += [threads.submit(commit, item) for item in items[1:]]
        assert eventually(lambda: len(commit._waiting) == len(items) - 1)
        book.go_on.set()
    return calls


def refuse_bad(items: Sequence[Any]) -> Exception | None:
    return Bad(f"{len(items)} items, a bad one among them") if "bad" in items else None


def test_a_lone_caller_is_written_at_once_and_alone() -> None:
    book = Book()
    book.go_on.set()
    commit: GroupCommit[str, str] = GroupCommit(book.write, is_shared)
    assert [commit("a"), commit("b")] == ["result of a", "result of b"]
    assert book.attempts == [["a"], ["b"]]


def test_those_who_come_while_one_is_written_share_the_next_write() -> None:
    book = Book()
    others = [str(i) for i in range(12)]
    meet(book, ["first", *others])
    assert book.attempts[0] == ["first"]
    assert [sorted(attempt) for attempt in book.attempts[1:]] == [sorted(others)]


def test_each_caller_gets_the_result_of_its_own_item() -> None:
    items = [f"item {i}" for i in range(12)]
    assert [call.result() for call in meet(Book(), items)] == [f"result of {item}" for item in items]


def test_a_bad_item_fails_alone_and_its_neighbours_are_written() -> None:
    book = Book(refuse_bad)
    calls = meet(book, ["first", "a", "bad", "b"])
    assert [calls[i].result() for i in (0, 1, 3)] == ["result of first", "result of a", "result of b"]
    with pytest.raises(Bad, match="1 items"):
        calls[2].result()
    assert sorted(book.written) == ["a", "b", "first"]
    assert len(book.attempts) == 1 + 1 + 3


def test_a_bad_item_that_is_alone_is_tried_once() -> None:
    book = Book(refuse_bad)
    book.go_on.set()
    with pytest.raises(Bad):
        GroupCommit(book.write, is_shared)("bad")
    assert book.attempts == [["bad"]]


def test_an_error_of_everybodys_fails_all_of_a_group_after_one_attempt() -> None:
    book = Book(lambda items: Away("the database is away") if len(items) > 1 else None)
    calls = meet(book, ["first", "a", "b", "c"])
    assert calls[0].result() == "result of first"
    for call in calls[1:]:
        with pytest.raises(Away, match="the database is away"):
            call.result()
    assert [len(attempt) for attempt in book.attempts] == [1, 3]


def test_where_trying_each_alone_meets_an_error_of_everybodys_each_is_still_answered() -> None:
    """The database goes away between the group's attempt and the single ones."""
    book = Book(lambda items: Bad("a row") if len(items) > 1 else Away("gone") if items[0] != "first" else None)
    calls = meet(book, ["first", "a", "b"])
    for call in calls[1:]:
        with pytest.raises(Away):
            call.result()


def test_after_an_error_the_next_caller_is_written_as_if_nothing_had_been() -> None:
    book = Book(refuse_bad)
    book.go_on.set()
    commit: GroupCommit[str, str] = GroupCommit(book.write, is_shared)
    with pytest.raises(Bad):
        commit("bad")
    assert commit("good") == "result of good"


def test_of_many_callers_at_full_speed_each_is_written_once_and_gets_its_own_result() -> None:
    lock, written = threading.Lock(), list[int]()

    def write(items: Sequence[int]) -> list[int]:
        with lock:  # held by one writer at a time, or this would not be a group commit
            written.extend(items)
        return [item * 2 for item in items]

    commit: GroupCommit[int, int] = GroupCommit(write, is_shared)
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(commit, range(3000)))
    assert results == [item * 2 for item in range(3000)]
    assert sorted(written) == list(range(3000))


def test_two_never_write_at_once() -> None:
    writing, most = threading.Semaphore(1), list[bool]()

    def write(items: Sequence[int]) -> list[int]:
        most.append(writing.acquire(blocking=False))
        writing.release()
        return list(items)

    commit: GroupCommit[int, int] = GroupCommit(write, is_shared)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(commit, range(500)))
    assert all(most)


class Stopped(BaseException):
    """The thread that writes is told to end."""


def test_where_the_writer_is_told_to_end_those_who_share_its_write_are_answered() -> None:
    def stop(items: Sequence[Any]) -> list[str]:
        if len(items) > 1:
            raise Stopped
        return book.write(items)

    book = Book()
    commit: GroupCommit[Any, str] = GroupCommit(stop, is_shared)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(commit, "first")
        assert book.writing.wait(PATIENCE_S)
        others = [threads.submit(commit, item) for item in "abc"]
        assert eventually(lambda: len(commit._waiting) == 3)
        book.go_on.set()
        assert first.result(PATIENCE_S) == "result of first"
        assert all(isinstance(one.exception(PATIENCE_S), BaseException) for one in others)
    assert commit("later") == "result of later"
