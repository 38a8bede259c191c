"""Far more is asked than can be answered: real gunicorn, real HTTP, and decisions that take as long as a test says."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from meridian.api.overload import RESERVE
from meridian.api.problems import present
from meridian.errors import Overloaded
from meridian.local.processes import Child, Supervisor
from meridian.settings import Settings
from meridian.shedding import ARRIVED
from meridian.web import HEADERS, create_app
from tests.services import Service, eventually, free_port
from tests.slow_service import THREADS

BODY = b'{"product": "personal-loan"}'
HEAD = f"POST /v1/decisions HTTP/1.1\r\nHost: a\r\nContent-Length: {len(BODY)}\r\n".encode()
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
POST = HEAD + b"\r\n" + BODY


class Reader(io.BufferedReader):
    """Kept from answer to answer: one that ends with the first would take along what it had read of the second."""

    def close(self) -> None:
        pass

    def makefile(self, _mode: str) -> io.BufferedReader:
        return self


@dataclass
class Caller:
    """One connection; never reconnects, so a reset is an error."""

    socket: socket.socket

    def __post_init__(self) -> None:
        self.reader = Reader(socket.SocketIO(self.socket, "r"))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(self.reader)  # type: ignore[arg-type]
        response.begin()
        response.content = response.read()  # type: ignore[attr-defined]
        return response


@dataclass
class Slow:
    """The slow service, and a way to let its decisions go."""

    port: int
    gate: Path
    children: Supervisor
    child: Child
    stack: ExitStack = field(default_factory=ExitStack)

    def caller(self) -> Caller:
        it = socket.create_connection(("127.0.0.1", self.port), timeout=15)
        self.stack.enter_context(closing(it))
        return Caller(it)

    def crowd(self, count: int, request: bytes) -> list[Caller]:
        """So many callers, who all ask at once."""
        callers = [self.caller() for _ in range(count)]
        for caller in callers:
            caller.send(request)
        return callers

    def fill(self) -> None:
        """Callers for every thread and the line before them, until one is refused."""
        for _ in range(100):
            (caller,) = self.crowd(1, POST)
            if answered([caller], 0.05):
                return
        raise AssertionError("everybody is let in")

    def open(self) -> None:
        self.gate.touch()


def answered(callers: list[Caller], seconds: float) -> list[Caller]:
    """Those who have an answer, as soon as somebody has."""
    ready, _, _ = select.select([caller.socket for caller in callers], (), (), seconds)
    return [caller for caller in callers if caller.socket in ready]


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Slow]:
    port, gate = free_port(), tmp_path / "gate"
    env = {**os.environ, "SLOW_PORT": str(port), "SLOW_GATE": str(gate)}
    env.pop("PROMETHEUS_MULTIPROC_DIR", None)
    command = [sys.executable, "-m", "gunicorn", "-c", "python:tests.slow_service", "tests.slow_service:app"]
    with Supervisor(tmp_path / "logs") as children:
        it = Slow(port, gate, children, children.start("slow", command, env=env))
        with it.stack:
            assert eventually(lambda: _answers(it))
            yield it
            gate.touch()


def _answers(slow: Slow) -> bool:
    slow.children.check()
    try:
        with slow.caller().socket as connection:
            connection.sendall(HEALTH)
            return bool(connection.recv(100))
    except OSError:
        return False


@pytest.mark.parametrize("closing_too", [False, True], ids=["kept", "closed"])
def test_of_a_burst_some_are_answered_and_the_others_refused_at_once(slow: Slow, closing_too: bool) -> None:
    request = HEAD + (b"Connection: close\r\n" if closing_too else b"") + b"\r\n" + BODY
    callers = slow.crowd(100, request)
    # No decision can have been answered yet: a refusal waits for none.
    at_once = answered(callers, 10)
    slow.open()
    document = json.loads(present(Overloaded()).get_data())
    statuses = Counter[int]()
    for caller in callers:
        response: Any = caller.answer()
        statuses[response.status] += 1
        if caller in at_once:
            assert response.status == 503
        if response.status == 503:
            assert response.headers["Retry-After"] == "2"
            assert response.headers["Content-Type"] == "application/problem+json"
            assert json.loads(response.content) == document
            assert {name: response.headers[name] for name in HEADERS} == HEADERS
        assert response.will_close is closing_too
        if closing_too:
            assert caller.socket.recv(100) == b""
        else:
            caller.send(HEALTH)
            assert caller.answer().status == 200
    assert set(statuses) == {201, 503}
    assert statuses[201] >= THREADS


def test_health_is_never_refused(slow: Slow) -> None:
    slow.fill()
    asking = slow.crowd(20, HEALTH)
    slow.open()
    assert [caller.answer().status for caller in asking] == [200] * 20


def test_the_time_counts_from_the_arrival_and_not_from_the_turn(slow: Slow) -> None:
    callers = slow.crowd(THREADS + 3, POST)
    # The last of them was taken in, and is in the line: who comes now knows it from the answer that does not come.
    time.sleep(0.1)
    opened = time.monotonic()
    slow.open()
    seen = [json.loads(caller.answer().content) for caller in callers]  # type: ignore[attr-defined]
    assert all(one["arrived"] < opened for one in seen)
    assert sum(one["started"] >= opened for one in seen) == 3


def test_a_kept_connection_s_next_request_has_an_arrival_of_its_own(slow: Slow) -> None:
    slow.open()
    caller = slow.caller()
    for request in (POST, POST + POST):
        before = time.monotonic()
        caller.send(request)
        response: Any = caller.answer()
        assert json.loads(response.content)["arrived"] >= before
    assert caller.answer().status == 201


@pytest.mark.parametrize("sent", [20, len(HEAD), len(POST) - 1])
def test_a_request_that_is_still_arriving_is_let_in_and_holds_up_nobody(slow: Slow, sent: int) -> None:
    slow.fill()
    late = slow.caller()
    late.send(POST[:sent])
    time.sleep(0.1)
    another = slow.caller()
    another.send(POST)
    assert another.answer().status == 503
    slow.open()
    late.send(POST[sent:])
    assert late.answer().status == 201


def test_a_request_in_two_pieces_is_refused_as_a_whole(slow: Slow) -> None:
    slow.fill()
    refused = 0
    for _ in range(20):
        # On a busy machine the second piece may come too late; then this one is let in.
        (caller,) = slow.crowd(1, POST[: len(HEAD) + 2])
        time.sleep(0.005)
        caller.send(BODY)
        if answered([caller], 0.1):
            assert caller.answer().status == 503
            caller.send(POST)
            assert caller.answer().status == 503
            refused += 1
    assert refused


def test_a_caller_who_only_connects_takes_no_thread(slow: Slow) -> None:
    for _ in range(2 * THREADS):
        slow.caller()
    caller = slow.caller()
    caller.socket.settimeout(3)
    caller.send(HEALTH)
    assert caller.answer().status == 200


def test_callers_who_hang_up_leave_nothing_behind(slow: Slow) -> None:
    probe = slow.caller()

    def connections() -> Any:
        """How many files are open, and how many connections the worker believes to have."""
        probe.send(b"GET /connections HTTP/1.1\r\nHost: a\r\n\r\n")
        return json.loads(probe.answer().content)  # type: ignore[attr-defined]

    # Whoever asked before, whether it is there, has been let go.
    assert eventually(lambda: connections()[1] == 1)
    before = connections()
    crowd = slow.crowd(60, POST) + slow.crowd(10, POST[:-1]) + slow.crowd(10, b"")
    for caller in crowd:
        caller.socket.close()
    slow.open()
    assert eventually(lambda: connections() == before)


def test_who_was_let_in_is_answered_though_the_service_stops(slow: Slow) -> None:
    callers = slow.crowd(THREADS + 1, POST)
    slow.caller()
    time.sleep(0.1)
    slow.child.process.terminate()
    slow.open()
    assert [caller.answer().status for caller in callers] == [201] * (THREADS + 1)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The application in this process. Nothing of it is connected before somebody is let in."""
    settings = Settings(
        DATABASE_URL="postgresql://nowhere",
        MERIDIAN_SECRET_KEY="s" * 32,
        MERIDIAN_HOME=str(tmp_path_factory.mktemp("h")),
    )
    return create_app(settings).test_client()


@pytest.mark.parametrize(
    ("method", "path", "share", "status"),
    [
        ("POST", "/v1/decisions", 1 - RESERVE + 0.01, 503),
        ("POST", "/v1/decisions", 5, 503),
        ("POST", "/v1/decisions", 0, 401),
        ("POST", "/v1/keys", 5, 401),
        ("GET", "/v1/decisions", 5, 401),
        ("GET", "/healthz", 5, 200),
    ],
)
def test_whose_turn_comes_too_late_is_refused_before_any_work(
    api: Any, method: str, path: str, share: float, status: int
) -> None:
    arrived = time.monotonic() - share * 0.2
    response = api.open(path, method=method, environ_overrides={ARRIVED: arrived})
    assert response.status_code == status
    if status == 503:
        assert (response.headers["Retry-After"], response.content_type) == ("2", "application/problem+json")
        assert response.json["type"] == "urn:meridian:problem:overloaded"


def test_a_server_that_says_nothing_of_arrivals_is_served_as_well(api: Any) -> None:
    assert api.post("/v1/decisions").status_code == 401


def test_the_wait_and_the_refusals_are_shown(server: Service, application: dict[str, Any]) -> None:
    assert re.match(r"queue;dur=\d+\.\d{3}, parse;dur=", server.decide(application).headers["server-timing"])
    metrics = server.get("/metrics").body.decode()
    assert 'meridian_stage_seconds_count{stage="queue"}' in metrics
    assert 'meridian_shed_total{where="door"}' in metrics
