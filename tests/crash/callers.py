"""Callers as a lender's systems should be: each application under its key, again and again, until it is answered."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.crash.pace import Pace
from tests.services import Answer, Service

THREADS = 16
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.5
PATIENCE_S = 60.0
"""How long one application is sent again and again."""


class Callers:
    """Sixteen threads that post the applications in their order, at the pace they are given."""

    def __init__(self, service: Service, asked: Sequence[Mapping[str, Any]]):
        self._service = service
        self.bodies = {f"key-{one['application_ref']}": json.dumps(one) for one in asked}
        self.acknowledged: dict[str, Answer] = {}
        """The first 201 by key."""
        self.unanswered: dict[str, str] = {}
        """Keys that never had a 201, and what came instead."""
        self.retried: Counter[str] = Counter()
        """What each retry was for."""
        self.blunt: list[str] = []
        """Answers of 5xx that did not say when to try again."""
        self._lock = threading.Lock()

    @property
    def heard_late(self) -> int:
        """Decisions that were recorded by a call whose answer was lost, and acknowledged to a retry."""
        return sum("idempotent-replayed" in answer.headers for answer in self.acknowledged.values())

    def run(self, pace: Pace) -> None:
        """Post every application that may begin; returns when none will any more."""
        keys = list(self.bodies)

        def call_on() -> None:
            while (number := pace.begin()) is not None:
                self._acknowledge(keys[number])
                pace.end()

        with ThreadPoolExecutor(THREADS) as threads:
            for one in [threads.submit(call_on) for _ in range(THREADS)]:
                one.result()

    def again(self, keys: Iterable[str]) -> dict[str, Answer | str]:
        """Post these keys once more; what each got."""
        keys = list(keys)
        with ThreadPoolExecutor(THREADS) as threads:
            return dict(zip(keys, threads.map(self._until_answered, keys), strict=True))

    def _acknowledge(self, key: str) -> None:
        answer = self._until_answered(key)
        with self._lock:
            if isinstance(answer, str):
                self.unanswered[key] = answer
            else:
                self.acknowledged[key] = answer

    def _until_answered(self, key: str) -> Answer | str:
        """The 201, or what was said to the last attempt."""
        ends_at, pause_s = time.monotonic() + PATIENCE_S, FIRST_PAUSE_S
        while True:
            trouble, answer = self._attempt(key)
            if answer is not None and answer.status < 500:
                return answer if answer.status == 201 else f"{trouble} {answer.body.decode()}"
            self._note(key, trouble, answer)
            if time.monotonic() > ends_at:
                return trouble
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _attempt(self, key: str) -> tuple[str, Answer | None]:
        try:
            answer = self._service.call("POST", "/v1/decisions", self.bodies[key], {"Idempotency-Key": key})
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, None
        return str(answer.status), answer

    def _note(self, key: str, trouble: str, answer: Answer | None) -> None:
        with self._lock:
            self.retried[trouble] += 1
            if answer is not None and "retry-after" not in answer.headers:
                self.blunt.append(f"{key}: {answer.status} {answer.body.decode()}")
