"""Parts for tests of the stubs: one that runs, the way in, and what stands in the files that it answers from."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from meridian.simulator.lender import STREAMS, LenderSettings, simulate
from meridian.simulator.stubs import PACES, Fault, Faults, StubSource, Tls, serve
from tests.services import Answer, eventually

pq = pytest.importorskip("pyarrow.parquet")

LATER = [name for name, pace in PACES.items() if pace.later]


@dataclass(frozen=True)
class Stub:
    """A stub that runs, and the way in."""

    name: str
    url: str
    known: str
    """An applicant of whom the source has something."""
    path: str
    trust: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        return int(urlsplit(self.url).port or 0)

    def connection(self, timeout: float = 10) -> http.client.HTTPConnection:
        where = urlsplit(self.url).netloc
        if self.url.startswith("https:"):
            return http.client.HTTPSConnection(where, timeout=timeout, context=self.trust)
        return http.client.HTTPConnection(where, timeout=timeout)

    def call(
        self,
        method: str,
        target: str,
        body: bytes | str | None = None,
        timeout: float = 10,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = self.connection(timeout)
        try:
            return said(connection, method, target, body, headers)
        finally:
            connection.close()

    def ask(self, applicant_id: str | None = None, query: str = "", timeout: float = 10) -> Answer:
        return self.call("GET", self.target(applicant_id) + query, timeout=timeout)

    def target(self, applicant_id: str | None = None) -> str:
        return f"{self.path}/{applicant_id or self.known}"

    def fail(self, fault: str, **how: float) -> None:
        assert self.call("PUT", "/faults", json.dumps({"fault": fault, **how})).status == 200


def said(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One answer over a connection, which is left as the stub leaves it."""
    connection.request(method, target, body, headers or {})
    response = connection.getresponse()
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def hang(stub: Stub, *connections: http.client.HTTPConnection) -> None:
    """Ask over each, of a stub that hangs and has as many threads, and come back when it refuses one more."""
    for connection in connections:
        connection.request("GET", stub.target())
    # Who asks before they all hang would take the place of one.
    time.sleep(0.5)
    assert eventually(lambda: _refuses(stub))


def _refuses(stub: Stub) -> bool:
    try:
        return stub.ask(timeout=0.3).status == 503
    except TimeoutError:
        return False


@contextmanager
def started(
    folder: Path,
    name: str,
    *,
    scale: float = 0,
    threads: int = 8,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
    dialect: str = "events",
    tls: Tls | None = None,
    trust: ssl.SSLContext | None = None,
    api_key: str | None = None,
) -> Iterator[Stub]:
    """A stub without a fault, that answers at once unless `scale` says otherwise."""
    stub = StubSource(name, folder, scale=scale, seed=1, now=now, dialect=dialect)
    with serve(stub, Faults(Fault(), 1, clock), threads=threads, tls=tls, api_key=api_key) as url:
        yield Stub(name, url, busiest(folder, name), stub.path, trust)


def small_lender(folder: Path) -> Path:
    """A lender of some applicants, in the folder."""
    simulate(LenderSettings(applicants=60, seed=3), folder)
    return folder


def rows(folder: Path, name: str, applicant_id: str) -> dict[str, list[dict[str, Any]]]:
    """The applicant's events as they stand in the files, by stream."""
    streams = [stream for stream in STREAMS if stream.source == name]
    return {
        stream.name: pq.read_table(
            folder / "events" / stream.path, filters=[("applicant_id", "=", applicant_id)]
        ).to_pylist()
        for stream in streams
    }


def busiest(folder: Path, name: str) -> str:
    """The applicant with the most events of a source."""
    first = next(stream for stream in STREAMS if stream.source == name)
    ids: list[str] = pq.read_table(folder / "events" / first.path, columns=["applicant_id"])["applicant_id"].to_pylist()
    return max(sorted(set(ids)), key=ids.count)
