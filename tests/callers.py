"""Callers who try again until they are answered, and what the record must hold of them then."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from meridian.record import Kind, Leaf
from meridian.record.seal import Seal
from tests.services import Answer, Service

CALLERS, PAUSE_S, PATIENCE_S = 8, 0.1, 30.0
ROWS = " UNION ALL ".join(
    f"SELECT '{kind.value}' AS kind, id, row_sha256 FROM record.{kind.name.lower()}" for kind in Kind
)
BELONGING = """
SELECT a.ref, a.idempotency_key, array_agg(DISTINCT v.document) AS documents,
       (SELECT count(*) FROM record.evidence e WHERE e.application_id = a.id) AS evidence,
       (SELECT count(*) FROM record.version w WHERE w.application_id = a.id) AS versions,
       (SELECT count(*) FROM work.job j WHERE j.application_id = a.id) AS jobs,
       (SELECT count(*) FROM work.review_case c WHERE c.application_id = a.id) AS cases
FROM record.application a LEFT JOIN record.version v ON v.application_id = a.id GROUP BY a.id
"""
# What hangs from no application would be counted here and not above.
TOTALS = """
SELECT (SELECT count(*) FROM record.evidence) AS evidence, (SELECT count(*) FROM record.version) AS versions,
       (SELECT count(*) FROM work.job) AS jobs, (SELECT count(*) FROM work.review_case) AS cases
"""


def key_of(request: Mapping[str, Any]) -> dict[str, str]:
    """The idempotency key under which a request is sent, always the same."""
    return {"Idempotency-Key": f"key-{request['application_ref']}"}


class Callers:
    """Eight, each with one application at a time, which is sent under its key until it is answered."""

    def __init__(self, service: Service):
        self._service = service
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.answers: dict[str, Answer] = {}
        """The 201 by reference."""
        self.refusals: list[Answer] = []

    @contextmanager
    def asking(self, requests: Sequence[Mapping[str, Any]]) -> Iterator[None]:
        """The applications are on their way inside the block; when it is left all have been answered."""
        with ThreadPoolExecutor(CALLERS) as threads:
            waiting = [threads.submit(self._ask, one) for one in requests]
            try:
                yield
                for one in waiting:
                    one.result()
            except BaseException:
                self._stop.set()
                raise

    def _ask(self, request: Mapping[str, Any]) -> None:
        ends_at = time.monotonic() + PATIENCE_S
        while not self._stop.is_set():
            answer = self._service.decide(request, key_of(request))
            if answer.status == 201:
                self.answers[request["application_ref"]] = answer
                return
            check_refusal(answer)
            with self._lock:
                self.refusals.append(answer)
            assert time.monotonic() < ends_at, answer.body
            time.sleep(PAUSE_S)


def check_refusal(answer: Answer) -> None:
    """It says that nothing was recorded, what to do and when, and nothing of what is behind the service."""
    assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json"), answer.body
    assert int(answer.headers["retry-after"]) > 0
    detail = answer.json()["detail"]
    assert any(advice in detail for advice in ("under the same Idempotency-Key", "the same request", "ALTER ")), detail
    for secret in ("psycopg2", "127.0.0.1", "SELECT", "record."):
        assert secret not in answer.body.decode().replace("SELECT pg_reload_conf()", "")


def check_record(service: Service, answers: Mapping[str, Answer]) -> None:
    """These applications and no others are in the record: each once, whole, and with the bytes that were answered."""
    found = service.query(BELONGING)
    assert {row.ref for row in found} == set(answers)
    for row in found:
        answer = answers[row.ref]
        assert row.idempotency_key == f"key-{row.ref}"
        assert row.documents == [answer.body.decode()]
        cases = int(answer.json()["outcome"] == "refer")
        assert (row.evidence, row.versions, row.jobs, row.cases) == (1, 1, 1, cases)
    (totals,) = service.query(TOTALS)
    assert (totals.evidence, totals.versions, totals.jobs) == (len(found),) * 3
    assert totals.cases == sum(row.cases for row in found)
    rows = Counter((row.kind, row.id, bytes(row.row_sha256)) for row in service.query(ROWS))
    commits = service.query("SELECT leaves FROM work.unsealed")
    leaves = [Leaf.unpacked(leaf) for commit in commits for leaf in Seal.leaves_in(bytes(commit.leaves))]
    assert Counter((leaf.kind.value, leaf.id, leaf.sha256) for leaf in leaves) == rows


def check_replays(service: Service, requests: Sequence[Mapping[str, Any]], answers: Mapping[str, Answer]) -> None:
    """A retry under each key gets the same bytes, marked as replayed."""
    with ThreadPoolExecutor(CALLERS) as threads:
        second = list(threads.map(lambda one: service.decide(one, key_of(one)), requests))
    for request, again in zip(requests, second, strict=True):
        first = answers[request["application_ref"]]
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["idempotent-replayed"] == "true"
