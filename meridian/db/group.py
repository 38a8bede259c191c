"""Group commit: what waits at one moment is written by one statement and one commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Ticket(Generic[T, R]):
    """One caller's item, and what became of it."""

    def __init__(self, item: T):
        self.item = item
        self.done = False
        self.result: R
        self.error: BaseException | None = None


class GroupCommit(Generic[T, R]):
    """Callers wait for one another's commits, and share them.

    Who finds nobody writing writes at once, alone: a single caller waits for nothing. Who comes meanwhile
    queues; the first of the queue to get its turn writes for all of it. `write` takes the items of a group
    and gives a result for each; where it fails, each item is tried by itself, so that one bad row never fails
    its neighbours.
    """

    def __init__(self, write: Callable[[Sequence[T]], Sequence[R]], shared: Callable[[Exception], bool]):
        """`shared(error)`: whether an error is everybody's (the database is away), so that trying alone is no use."""
        self._write = write
        self._shared = shared
        self._turn = threading.Lock()
        self._gate = threading.Lock()
        self._waiting: list[_Ticket[T, R]] = []

    def __call__(self, item: T) -> R:
        """Write one item; its result when it is committed. Raises what writing it raised."""
        ticket: _Ticket[T, R] = _Ticket(item)
        with self._gate:
            self._waiting.append(ticket)
        with self._turn:
            if not ticket.done:
                with self._gate:
                    group, self._waiting = self._waiting, []
                self._write_group(group)
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def _write_group(self, group: Sequence[_Ticket[T, R]]) -> None:
        try:
            results = self._write([ticket.item for ticket in group])
        except Exception as error:
            if len(group) > 1 and not self._shared(error):
                for ticket in group:
                    self._write_group([ticket])
                return
            for ticket in group:
                ticket.error, ticket.done = error, True
            return
        except BaseException as error:
            # The process is told to end: whoever shares the group must not be left without an answer.
            for ticket in group:
                ticket.error, ticket.done = error, True
            raise
        for ticket, result in zip(group, results, strict=True):
            ticket.result, ticket.done = result, True
