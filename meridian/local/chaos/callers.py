"""Callers who know nothing of each other: applications over HTTP at a steady rate, whatever the service does."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from time import monotonic
from urllib.parse import urlsplit

from meridian.evidence import Rung
from meridian.local.chaos.tally import Sample, Tally

THREADS = 12
"""Enough for any rate that two cores sustain. Were all of them waiting, the next application would be sent late, and
its time count from when it was due all the same."""
PATIENCE_S = 10.0


class Callers:
    """Send the applications one after the other, the first again after the last, each at its moment.

    `applications` are request bodies. Each thread keeps a connection open.
    """

    def __init__(self, url: str, api_key: str, applications: Sequence[bytes], rate: float, tally: Tally):
        self._address = urlsplit(url).netloc
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._applications = applications
        self._rate = rate
        self._tally = tally
        self._numbers = count()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"caller-{n}", daemon=True) for n in range(THREADS)]
        self.laps = 0
        """How often all applicants were gone through."""

    def start(self) -> float:
        """Begin; the moment of the first application, on the monotonic clock."""
        self._begun = monotonic()
        for thread in self._threads:
            thread.start()
        return self._begun

    def stop(self) -> None:
        """Send no more, and wait for the answers that are on their way."""
        self._stopping.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _run(self) -> None:
        with closing(http.client.HTTPConnection(self._address, timeout=PATIENCE_S)) as server:
            while True:
                with self._lock:
                    number = next(self._numbers)
                due_s = number / self._rate
                if self._stopping.wait(max(0.0, self._begun + due_s - monotonic())):
                    return
                self.laps = max(self.laps, number // len(self._applications))
                self._tally.add(self._sent(server, self._applications[number % len(self._applications)], due_s))

    def _sent(self, server: http.client.HTTPConnection, body: bytes, due_s: float) -> Sample:
        try:
            server.request("POST", "/v1/decisions", body, self._headers)
            response = server.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            # The next application gets a new connection: of this one nobody knows what is still on its way.
            server.close()
            return Sample(due_s, self._took(due_s), error=f"no answer: {type(error).__name__}: {error}")
        took_s = self._took(due_s)
        if response.status != 201:
            return Sample(due_s, took_s, error=f"{response.status} {answer.decode(errors='replace')[:300]}")
        decided = json.loads(answer)
        return Sample(due_s, took_s, Rung(decided["evidence"]["rung"]), decided["outcome"])

    def _took(self, due_s: float) -> float:
        return monotonic() - self._begun - due_s
