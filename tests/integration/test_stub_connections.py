"""The stubs' connections: open between answers, never the last thread's, and the key that questions have to show."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import urllib3

from meridian.simulator.stubs.answering import Handler
from tests.services import eventually
from tests.stub_parts import Stub, hang, said, small_lender, started

KEY = "a-key-of-the-bureau"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lender(tmp_path_factory.mktemp("connections") / "lender")


@pytest.fixture
def bureau(folder: Path) -> Iterator[Stub]:
    with started(folder, "bureau") as stub:
        yield stub


def is_open(connection: http.client.HTTPConnection) -> bool:
    """Whether the next question would go over the same connection."""
    return connection.sock is not None


def test_a_connection_stays_open_from_answer_to_answer(bureau: Stub) -> None:
    with closing(bureau.connection()) as connection:
        for target, status in (
            (bureau.target(), 200), ("/healthz", 200), (bureau.target("L3-99999999"), 404), ("/v2", 404),
            (bureau.target(), 200),
        ):  # fmt: skip
            assert said(connection, "GET", target).status == status
            assert is_open(connection)
        bureau.fail("error")
        assert said(connection, "GET", bureau.target()).status == 500
        assert said(connection, "PUT", "/faults", '{"fault": "none"}').status == 200
        assert said(connection, "GET", bureau.target()).status == 200
        assert is_open(connection)


def test_a_pool_asks_over_one_connection(bureau: Stub) -> None:
    with urllib3.HTTPConnectionPool("127.0.0.1", bureau.port, maxsize=1, retries=False) as pool:
        assert [pool.request("GET", bureau.target()).status for _ in range(20)] == [200] * 20
        assert (pool.num_connections, pool.num_requests) == (1, 20)


def test_an_answer_does_not_wait_for_an_acknowledgement(bureau: Stub) -> None:
    """Forty milliseconds each, where the head and the body of an answer go out one after the other's receipt."""
    with closing(bureau.connection()) as connection:
        took = []
        for _ in range(20):
            begun = time.monotonic()
            said(connection, "GET", "/healthz")
            took.append(time.monotonic() - begun)
    assert min(took[10:]) < 0.03


def test_an_answer_that_is_cut_short_ends_its_connection(bureau: Stub) -> None:
    bureau.fail("garbage")
    with closing(bureau.connection()) as connection:
        assert said(connection, "GET", bureau.target()).status == 200
        assert is_open(connection)
        connection.request("GET", bureau.target())
        answer = connection.getresponse()
        assert answer.headers["Connection"] == "close"
        with pytest.raises(http.client.IncompleteRead):
            answer.read()


@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked"}])
def test_a_body_that_nobody_reads_is_not_taken_for_a_question(bureau: Stub, headers: dict[str, str]) -> None:
    with closing(bureau.connection()) as connection:
        answer = said(connection, "PUT", "/elsewhere", "GET /healthz HTTP/1.1\r\n\r\n", headers)
        assert (answer.status, answer.headers["connection"]) == (404, "close")


def test_a_caller_who_wants_it_closed_has_it_closed(bureau: Stub) -> None:
    answer = bureau.call("GET", bureau.target(), headers={"Connection": "close"})
    assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_an_idle_connection_ends_after_a_while(bureau: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "timeout", 0.2)
    with closing(bureau.connection()) as connection:
        assert said(connection, "GET", bureau.target()).status == 200
        begun = time.monotonic()
        assert connection.sock.recv(1) == b""
        assert time.monotonic() - begun < 5


def test_no_more_connections_stay_idle_than_there_are_threads(folder: Path) -> None:
    with ExitStack() as stack, started(folder, "bureau", threads=3) as stub:
        opened = [stack.enter_context(closing(stub.connection())) for _ in range(5)]
        for connection in opened:
            assert said(connection, "GET", stub.target()).status == 200
        assert [is_open(connection) for connection in opened] == [True] * 3 + [False] * 2
        # One that asks again is idle no more, and one that ends makes room.
        assert said(opened[0], "GET", stub.target()).status == 200
        assert is_open(opened[0])
        opened[1].close()
        assert eventually(lambda: said(opened[4], "GET", stub.target()).status == 200 and is_open(opened[4]))


def test_a_fault_can_be_undone_while_all_threads_hang_and_the_pool_is_full(folder: Path) -> None:
    with ExitStack() as stack, started(folder, "bureau", threads=4) as stub:
        idle = [stack.enter_context(closing(stub.connection())) for _ in range(4)]
        for connection in idle:
            assert said(connection, "GET", stub.target()).status == 200
        stub.fail("hung")
        hung = [stack.enter_context(closing(stub.connection())) for _ in range(4)]
        hang(stub, *hung)
        stub.fail("none")
        assert said(idle[0], "GET", stub.target()).status == 503
        hung[0].close()
        assert eventually(lambda: said(idle[0], "GET", stub.target()).status == 200)


def test_a_caller_who_hangs_up_frees_the_thread_though_it_asked_before(folder: Path) -> None:
    with started(folder, "bureau", threads=1) as stub:
        with closing(stub.connection()) as connection:
            assert said(connection, "GET", stub.target()).status == 200
            stub.fail("hung")
            hang(stub, connection)
            stub.fail("none")
        assert eventually(lambda: stub.ask(timeout=2).status == 200)


def test_idle_connections_end_at_once_with_the_server(folder: Path) -> None:
    with ExitStack() as stack:
        with started(folder, "bureau") as stub:
            asked = stack.enter_context(closing(stub.connection()))
            assert said(asked, "GET", stub.target()).status == 200
            silent = stack.enter_context(socket.create_connection(("127.0.0.1", stub.port), timeout=5))
            half = stack.enter_context(socket.create_connection(("127.0.0.1", stub.port), timeout=5))
            half.sendall(b"GET /heal")
            time.sleep(0.1)
            ending = time.monotonic()
        assert time.monotonic() - ending < 1
        assert asked.sock.recv(1) == b""
        assert silent.recv(1) == b""


@pytest.fixture
def locked(folder: Path) -> Iterator[Stub]:
    with started(folder, "bureau", api_key=KEY) as stub:
        yield stub


@pytest.mark.parametrize(
    "shown", [None, "", "Bearer", "Bearer wrong", f"Basic {KEY}", KEY, f"Bearer {KEY}x", "Bearer é"]
)
def test_a_question_without_the_key_is_refused(locked: Stub, shown: str | None) -> None:
    headers = {} if shown is None else {"Authorization": shown}
    answer = locked.call("GET", locked.target(), headers=headers)
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "urn:meridian:problem:unauthenticated"
    assert KEY not in json.dumps(answer.json())


def test_with_the_key_it_is_answered_and_the_stub_itself_asks_for_none(locked: Stub) -> None:
    assert locked.call("GET", locked.target(), headers={"Authorization": f"Bearer {KEY}"}).status == 200
    assert locked.call("GET", "/healthz").status == 200
    locked.fail("error")
    assert locked.call("GET", "/faults").json()["fault"] == "error"
    assert locked.call("GET", locked.target()).status == 401
