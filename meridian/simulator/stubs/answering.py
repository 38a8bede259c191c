"""What a stub says over a connection: answers, problems, and what a fault does to an answer on its way."""

from __future__ import annotations

import hmac
import json
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from meridian.errors import MalformedBody, MeridianError, NotFound, Unauthenticated, Unavailable
from meridian.simulator.stubs.connections import LOOK_S, Server
from meridian.simulator.stubs.faults import Fault, FaultName, SourceFailed
from meridian.simulator.stubs.source import Answer
from meridian.simulator.stubs.tls import shake_hands

MOST_BODY = 65_536
HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)
PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We will be back soon.</body></html>"


class Handler(BaseHTTPRequestHandler):
    """One caller's connection, question after question."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "meridian-stub"
    timeout = 10.0
    """Seconds that a caller may take over sending a question or taking an answer, or stay idle between the two."""
    disable_nagle_algorithm = True
    """An answer's body is not to wait until the caller's kernel has acknowledged its head."""
    _idle = False
    _unread = False

    def setup(self) -> None:
        """Agree on TLS first, where the stub speaks it."""
        if isinstance(self.request, ssl.SSLSocket):
            shake_hands(self.request)
        super().setup()

    def parse_request(self) -> bool:
        """Read a question's head: the connection is no longer idle."""
        self._end_idling()
        understood = super().parse_request()
        # What is left of a body would be taken for the next question.
        self._unread = understood and (self.headers.get("Content-Length", "0") != "0" or self._is_chunked())
        return understood

    def finish(self) -> None:
        """The caller is gone, or has been idle for too long."""
        self._end_idling()
        super().finish()

    def do_GET(self) -> None:
        """Answer a question, or tell of the stub itself."""
        if self.path == "/healthz":
            self._send(Answer(200, {"status": "ok", "source": self.server.source.name}))
        elif self.path == "/faults":
            self._send(Answer(200, self.server.faults.now.as_dict()))
        else:
            self._presented(self._ask)

    def do_PUT(self) -> None:
        """Take a fault."""
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
        body = self.rfile.read(int(length))
        self._unread = self._is_chunked()
        self.server.faults.change(Fault.parse(body))
        self._send(Answer(200, self.server.faults.now.as_dict()))

    def _check_key(self) -> None:
        shown = self.headers.get("Authorization", "")
        if self.server.api_key and not hmac.compare_digest(shown.encode(), f"Bearer {self.server.api_key}".encode()):
            raise Unauthenticated

    def _ask(self) -> None:
        self._check_key()
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
        until = None if seconds is None else time.monotonic() + seconds
        while not self.server.stopping.is_set() and not _gone(self.connection):
            left = LOOK_S if until is None else min(LOOK_S, until - time.monotonic())
            if left <= 0:
                return True
            self.server.stopping.wait(left)
        self.close_connection = True
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
        if self._unread or len(body) < length or not self._begin_idling():
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _begin_idling(self) -> bool:
        """Whether the connection can stay open after this answer."""
        if not self.close_connection and not self.server.stopping.is_set():
            self._idle = self.server.idle.acquire(blocking=False)
        return self._idle

    def _end_idling(self) -> None:
        if self._idle:
            self._idle = False
            self.server.idle.release()

    def _is_chunked(self) -> bool:
        return "Transfer-Encoding" in self.headers

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the standard library
        """Nothing: the caller's log says what was asked."""


def _gone(connection: socket.socket) -> bool:
    """Whether the caller has hung up."""
    poll = select.poll()
    poll.register(connection, select.POLLIN | HUNG_UP)
    seen = poll.poll(0)
    if not seen:
        return False
    if seen[0][1] & HUNG_UP:
        return True
    try:
        # As a plain socket: with TLS, a byte that is read cannot be put back.
        return not socket.socket.recv(connection, 1, socket.MSG_PEEK)
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
    if isinstance(error, Unauthenticated):
        headers = {"WWW-Authenticate": "Bearer"}
    return Answer(error.status, document, headers)


def _as_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()
