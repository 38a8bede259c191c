"""Faults, made on purpose: processes killed, ports where nobody listens, and a wire that can be cut or held."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import make_url

from tests.services import Service, free_port


def kill_9(service: Service, name: str) -> None:
    """Kill a child with all its own children, at once and without a word."""
    child = next(one for one in service.children._children if one.name == name)
    os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait(10)
    service.children.stop(name)


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield int(listener.getsockname()[1])


class Wire:
    """A port that leads to a database, as long as it is `whole`.

    `cut`: nobody listens, and what was connected is closed. `held`: it accepts, and nothing comes back,
    neither on new connections nor on old ones.
    """

    def __init__(self, database_url: str):
        parsed = make_url(database_url)
        self._target = (parsed.host or "127.0.0.1", parsed.port or 5432)
        self.port = free_port()
        self.url = parsed.set(host="127.0.0.1", port=self.port).render_as_string(hide_password=False)
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._flows = threading.Event()
        self._lock = threading.Lock()

    def whole(self) -> None:
        """Listen and pass everything on; what was held before is closed."""
        self._close_all()
        self._flows.set()
        self._listen()

    def held(self) -> None:
        """Listen, and pass nothing on."""
        self._flows.clear()
        self._listen()

    def cut(self) -> None:
        """Stop listening, and close every connection."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._close_all()

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = listener.accept()
                threading.Thread(target=self._lead, args=(caller,), daemon=True).start()

    def _lead(self, caller: socket.socket) -> None:
        server = socket.create_connection(self._target)
        with self._lock:
            self._open |= {caller, server}
        threading.Thread(target=self._pass, args=(caller, server), daemon=True).start()
        self._pass(server, caller)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self._flows.wait()
                sink.sendall(data)
        self._close(source, sink)

    def _close_all(self) -> None:
        with self._lock:
            sockets = list(self._open)
        self._close(*sockets)

    def _close(self, *sockets: socket.socket) -> None:
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        with self._lock:
            self._open -= set(sockets)
