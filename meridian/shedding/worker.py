"""gunicorn's threaded worker, with a door: notes when requests arrive, and refuses what would be answered too late.

A refusal is made by the loop that waits for requests, not by a thread: threads are what is short.
Over TLS and HTTP/2 only a thread can read what was asked; there the application itself refuses, once it is its turn.
"""

from __future__ import annotations

import errno
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from enum import Enum, auto
from functools import partial
from math import inf
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from meridian.shedding import ARRIVED
from meridian.shedding.door import LONGEST, Kind, Refusal, Seen, look
from meridian.shedding.line import Line

AT_ONCE = 8
"""How many connections are accepted in one go; all of them would leave nothing for the other workers."""
SILENT_S = 5.0
"""How long a new connection may say nothing, at the least."""
HELD_S, LOOK_AGAIN_S = 0.02, 0.002
"""Many clients send head and body one after the other. For so long the rest is waited for, and so often looked for."""
LULL_S = 0.004
"""After refusals the loop lets so long pass. It shares the interpreter with the threads: to wake for each single one
costs them more than the refusals do, and theirs is the work that counts."""
LINGER_S = 0.2
"""How long a caller is waited for that is to hang up."""
NOTHING = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)


class Fate(Enum):
    """What becomes of a connection that has something to say."""

    ENTERS = auto()
    STAYS = auto()
    """Refused, and kept for another try."""
    LEAVES = auto()
    IS_HELD = auto()
    """Not all of its request is there."""


class Connection(TConn):  # type: ignore[misc]
    """A connection that knows when its request arrived, and may be closed twice."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        # The loop hands over only what has something to read, so no thread waits for that.
        self.data_ready = True
        self.arrived: float | None = None
        self._closed = False

    def close(self, graceful: bool = False) -> None:
        """Hang up; `graceful`: wait a little until the caller has done so, lest it lose the end of the answer."""
        if self._closed:
            return
        self._closed = True
        if graceful:
            util.close_graceful(self.sock, timeout=LINGER_S)
        else:
            util.close(self.sock)


class SheddingWorker(ThreadWorker):  # type: ignore[misc]
    """Until `shed` is called it refuses nothing, and only notes when each request arrived."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._line = Line(self.cfg.threads, inf)
        self._refusal: Refusal | None = None
        self._held: deque[Connection] = deque()
        self._current = threading.local()
        self._has_refused = False

    def shed(self, refusal: Refusal) -> None:
        """From now on, refuse."""
        self._line = Line(self.cfg.threads, refusal.budget_s, refusal.enough_s)
        self._refusal = None if self.cfg.is_ssl else refusal

    def load_wsgi(self) -> None:
        """The application, told when each request arrived."""
        super().load_wsgi()
        application: Any = self.app.wsgi()

        def stamped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            environ[ARRIVED] = self._current.arrived
            result: Iterable[bytes] = application(environ, start_response)
            return result

        self.wsgi = stamped

    def accept(self, listener: socket.socket) -> None:
        """Take in who is at the gate. A thread is asked for once there is something to read, not before."""
        for _ in range(AT_ONCE):
            try:
                client, address = listener.accept()
            except OSError as error:
                if error.errno in NOTHING:
                    return
                raise
            self.nr_conns += 1
            self._expect(Connection(self.cfg, client, address, listener.getsockname()))
            if self.nr_conns >= self.worker_connections:
                return

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """Something has arrived on a connection that was waited for."""
        conn.arrived = time.monotonic()
        fate = self._fate(conn)
        if fate is Fate.STAYS:
            self.keepalived_conns.remove(conn)
            conn.set_timeout()
            self.keepalived_conns.append(conn)
        else:
            self.poller.unregister(client)
            self.keepalived_conns.remove(conn)
            self._part(conn, fate)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """One turn of the loop, and a look at what is held."""
        if self._has_refused:
            self._has_refused = False
            time.sleep(LULL_S)
        super().wait_for_and_dispatch_events(LOOK_AGAIN_S if self._held else timeout)
        for _ in range(len(self._held)):
            conn = self._held.popleft()
            fate = self._fate(conn)
            if fate is Fate.STAYS:
                self._expect(conn)
            else:
                self._part(conn, fate)

    def enqueue_req(self, conn: Connection) -> None:
        """Into the line."""
        now = time.monotonic()
        if conn.arrived is None:
            # It came together with the request before it.
            conn.arrived = now
        self._line.join(now)
        super().enqueue_req(conn)

    def handle(self, conn: Connection) -> Any:
        """In a thread: serve one request."""
        start = time.monotonic()
        self._line.begin()
        self._current.arrived, conn.arrived = conn.arrived, None
        try:
            keep = super().handle(conn)
            if not keep:
                # The wait for the caller's goodbye is a thread's: gunicorn has the loop wait, and everyone with it.
                conn.close(graceful=True)
            return keep
        finally:
            self._line.end(time.monotonic() - start)

    def handle_http2_request(self, req: Any, conn: Connection, h2_conn: Any) -> None:
        """One of many on a connection, whose arrival is not this one's."""
        self._current.arrived = time.monotonic()
        super().handle_http2_request(req, conn, h2_conn)

    def _fate(self, conn: Connection) -> Fate:
        """What becomes of a connection that has something to say. A refusal is sent here."""
        now, arrived = time.monotonic(), conn.arrived or 0.0
        if self._refusal is None or not self.alive or not self._line.lost(now, arrived):
            return Fate.ENTERS
        try:
            data = conn.sock.recv(LONGEST, socket.MSG_PEEK)
            seen = look(data, self._refusal.target)
            if data and seen.kind is Kind.REFUSABLE:
                return self._refuse(conn, self._refusal, seen)
        except BlockingIOError:
            return Fate.ENTERS
        except OSError:
            return Fate.LEAVES
        if not data:
            return Fate.LEAVES
        return Fate.IS_HELD if seen.kind is Kind.PARTIAL and now - arrived < HELD_S else Fate.ENTERS

    def _refuse(self, conn: Connection, refusal: Refusal, seen: Seen) -> Fate:
        # To the last byte: on a socket closed with something unread the kernel drops the answer too.
        conn.sock.recv(seen.length)
        stays = not seen.last and self.cfg.keepalive and len(self.keepalived_conns) < self.max_keepalived
        answer = refusal.keeping if stays else refusal.closing
        sent = conn.sock.send(answer)
        refusal.note()
        self._has_refused = True
        return Fate.STAYS if stays and sent == len(answer) else Fate.LEAVES

    def _expect(self, conn: Connection) -> None:
        """Wait for it in the loop, as for one that is kept alive; so it also ends like one when the service stops."""
        conn.timeout = time.monotonic() + max(self.cfg.keepalive, SILENT_S)
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

    def _part(self, conn: Connection, fate: Fate) -> None:
        """With a connection that the loop no longer waits for."""
        if fate is Fate.ENTERS:
            self.enqueue_req(conn)
        elif fate is Fate.IS_HELD:
            self._held.append(conn)
        else:
            self.nr_conns -= 1
            conn.close()
