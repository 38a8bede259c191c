"""A guarded source: asked within a time limit, behind a breaker; it always answers, if only that it cannot."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from functools import cached_property
from typing import TypeVar

import structlog

from meridian.sources.breaker import Breaker, Open

log = structlog.get_logger()

T = TypeVar("T")


class GuardedSource:
    """Calls `ask` in threads of its own, so that a hung source costs `timeout_s` and no more.

    The threads are as many as may wait at once (a bulkhead); they are made at first use, after any fork.
    """

    def __init__(self, name: str, breaker: Breaker, *, timeout_s: float, threads: int = 4):
        self.name = name
        self._breaker = breaker
        self._timeout_s = timeout_s
        self._threads = threads

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix=f"source-{self.name}")

    def read(self, ask: Callable[[], T], otherwise: Callable[[str], T]) -> T:
        """What `ask` gives or, told in a few words why there is none, what `otherwise` does. It never raises for the
        source's sake.
        """
        try:
            answer: T = self._breaker.call(self._in_time, ask)
        except Open:
            return otherwise("not asked: its last look-ups failed")
        except TooSlow:
            return otherwise(f"no answer within {self._timeout_s * 1000:.0f} ms")
        except Exception as error:
            # The error's kind is enough for the evidence; its text may name hosts, so it goes to the log alone.
            log.warning("source_failed", source=self.name, error=type(error).__name__)
            return otherwise(f"answered with an error ({type(error).__name__})")
        else:
            return answer

    def _in_time(self, ask: Callable[[], T]) -> T:
        future = self._pool.submit(ask)
        try:
            return future.result(self._timeout_s)
        except TooSlow:
            future.cancel()
            raise
