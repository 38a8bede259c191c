"""A stub as an HTTP server: connections, waiting, and what a fault does to an answer on its way."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Event, Thread
from typing import Any

from meridian.errors import InvalidInput, MalformedBody, MeridianError, NotFound, Unavailable
from meridian.simulator.stubs.faults import Fault, FaultName, Faults, SourceFailed
from meridian.simulator.stubs.source import Answer, StubSource

THREADS = 128
SPARE = 16
"""Threads beyond those that answer questions, so that a fault can be undone while all of those hang."""
MOST_BODY = 65_536
LOOK_S = 0.05
"""How often one who waits looks whether the caller is still there, and whether the server stops."""
STOP_S = 2.0
PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We will be back soon.</body></html>"


@contextlib.contextmanager
def serve(
    source: StubSource, faults: Faults, *, host: str = "127.0.0.1", port: int = 0, threads: int = THREADS
) -> Iterator[str]:
    """The address at which the stub answers; port 0 is any that is free. At the end, those who wait are cut off.

    Raises `InvalidInput` where the port cannot be had.
    """
    try:
        server = _Server((host, port), source, faults, threads)
    except (OSError, OverflowError) as error:
        raise InvalidInput(f"{host}:{port} cannot be listened on ({error}); give another port, or 0") from None
    loop = Thread(target=server.serve_forever, kwargs={"poll_interval": LOOK_S}, name=f"stub-{source.name}")
    loop.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.stopping.set()
        server.shutdown()
        loop.join()
        server.finish()
        server.server_close()


class _Server(ThreadingHTTPServer):
    """One thread a connection, one answer a connection; so many at once, and the others queue in the kernel."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], source: StubSource, faults: Faults, threads: int):
        self.source = source
        self.faults = faults
        self.stopping = Event()
        self.questions = BoundedSemaphore(threads)
        self._most = threads + SPARE
        self._connections = BoundedSemaphore(self._most)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        while not self._connections.acquire(timeout=LOOK_S):
            if self.stopping.is_set():
                self.shutdown_request(request)
                return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A caller who gave up is no error of the server's.
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def finish(self) -> None:
        """Give those under way a moment to end."""
        until = time.monotonic() + STOP_S
        for _ in range(self._most):
            if not self._connections.acquire(timeout=max(0.0, until - time.monotonic())):
                return


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "meridian-stub"
    timeout = 10.0
    """Seconds that a caller may take over sending a question or taking an answer."""

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._send(Answer(200, {"status": "ok", "source": self.server.source.name}))
        elif self.path == "/faults":
            self._send(Answer(200, self.server.faults.now.as_dict()))
        else:
            self._presented(self._ask)

    def do_PUT(self) -> None:
        self._presented(self._change_fault)

    def _presented(self, do: Callable[[], None]) -> None:
        try:
            do()
        except MeridianError as error:
            self._send(_problem(error))

    def _change_fault(self) -> None:
        if self.path != "/faults":
            raise NotFound(f"{self.path} takes nothing; put a fault to /faults")
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MOST_BODY:
            raise MalformedBody(f"Content-Length {length}; send at most {MOST_BODY} bytes, and their number")
        self.server.faults.change(Fault.parse(self.rfile.read(int(length))))
        self._send(Answer(200, self.server.faults.now.as_dict()))

    def _ask(self) -> None:
        question = self.server.source.question(self.path)
        if not self.server.questions.acquire(blocking=False):
            raise Unavailable(f"{self.server.source.name} answers as many as it can; try again shortly")
        try:
            fault = self.server.faults.strike()
            if fault is FaultName.HUNG:
                self._wait(None)
            elif fault is FaultName.ERROR:
                raise SourceFailed
            else:
                self._deliver(self.server.source.answer(question, fault), fault)
        finally:
            self.server.questions.release()

    def _deliver(self, answer: Answer, fault: FaultName) -> None:
        if not self._wait(answer.after_s):
            return
        if fault is FaultName.GARBAGE:
            self._send_garbage(_as_bytes(answer.document), self.server.faults.next_spoiling())
        else:
            self._send(answer)

    def _wait(self, seconds: float | None) -> bool:
        """Wait, for good where no seconds are given; whether there is still somebody to answer, and a server to."""
        self.close_connection = True
        until = None if seconds is None else time.monotonic() + seconds
        while not self.server.stopping.is_set() and not _gone(self.connection):
            left = LOOK_S if until is None else min(LOOK_S, until - time.monotonic())
            if left <= 0:
                return True
            self.server.stopping.wait(left)
        return False

    def _send(self, answer: Answer) -> None:
        kind = "application/problem+json" if answer.status >= 400 else "application/json"
        body = _as_bytes(answer.document)
        self._send_bytes(answer.status, kind, body, len(body), answer.headers)

    def _send_garbage(self, body: bytes, which: int) -> None:
        kind, sent, length = [
            ("application/json", body.replace(b'"', b"'"), len(body)),
            ("application/json", body[: len(body) // 2], len(body)),
            ("application/octet-stream", body, len(body)),
            ("text/html", PAGE, len(PAGE)),
        ][which % 4]
        self._send_bytes(200, kind, sent, length)

    def _send_bytes(
        self, status: int, kind: str, body: bytes, length: int, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(length), **(headers or {})}.items():
            self.send_header(name, value)
        # So a thread is held for one answer, and no caller's open connections keep others out.
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the standard library
        """Nothing: the caller's log says what was asked."""


def _gone(connection: socket.socket) -> bool:
    """Whether the caller has hung up."""
    readable, _, _ = select.select([connection], [], [], 0)
    if not readable:
        return False
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True


def _problem(error: MeridianError) -> Answer:
    """An error of ours as a problem document (RFC 9457)."""
    document = {
        "type": f"urn:meridian:problem:{error.slug}",
        "title": (type(error).__doc__ or "").strip(),
        "status": error.status,
        "detail": str(error),
    }
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, Unavailable) else {}
    return Answer(error.status, document, headers)


def _as_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()
