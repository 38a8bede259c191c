"""The connections of a stub: how many there are at once, how they begin, and how they end."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Event
from typing import Any

from meridian.simulator.stubs.faults import Faults
from meridian.simulator.stubs.source import StubSource

SPARE = 16
"""Threads beyond those that answer or stay idle, so that a fault can be undone while all of those hang."""
LOOK_S = 0.05
"""How often one who waits looks whether the caller is still there, and whether the server stops."""
STOP_S = 2.0


class Server(ThreadingHTTPServer):
    """One thread a connection; so many at once, and the others queue in the kernel.

    At most `threads` questions are answered at once, and as many connections stay open between answers. So neither
    those who hang nor the idle ones of a caller's pool take the last thread, and a fault can be undone.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        source: StubSource,
        faults: Faults,
        *,
        threads: int,
        tls: ssl.SSLContext | None,
        api_key: str | None,
    ):
        self.source = source
        self.faults = faults
        self.api_key = api_key
        self.stopping = Event()
        self.questions = BoundedSemaphore(threads)
        self.idle = BoundedSemaphore(threads)
        self._most = 2 * threads + SPARE
        self._connections = BoundedSemaphore(self._most)
        self._open: set[socket.socket] = set()
        self._tls = tls
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection."""
        request, address = super().get_request()
        if self._tls is None:
            return request, address
        # The handshake waits for the caller, so it is the connection's thread that does it.
        return self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False), address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, once there is one."""
        while not self._connections.acquire(timeout=LOOK_S):
            if self.stopping.is_set():
                self.shutdown_request(request)
                return
        self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve the connection to its end, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong here; a caller who gave up, or with whom no TLS was agreed, is no error of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError | ssl.SSLError):
            super().handle_error(request, client_address)

    def finish(self) -> None:
        """Have no caller say more, which ends the idle connections at once, and give answers a moment to end."""
        for connection in self._open.copy():
            with contextlib.suppress(OSError):
                # As a plain socket: its thread may be reading from it, and TLS is not to be taken from under it.
                socket.socket.shutdown(connection, socket.SHUT_RD)
        until = time.monotonic() + STOP_S
        for _ in range(self._most):
            if not self._connections.acquire(timeout=max(0.0, until - time.monotonic())):
                return
