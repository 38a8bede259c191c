"""A keep-alive connection over HTTP/1.1, as bare as can be."""

from __future__ import annotations

import re
import socket

Address = tuple[str, int]
NO_REPLY_S = 30.0
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection:
    """One request under way at most."""

    def __init__(self, address: Address):
        self._address = address
        self.open()

    def open(self) -> None:
        """Connect, or connect anew."""
        self._socket = socket.create_connection(self._address, timeout=NO_REPLY_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._got = b""

    def fileno(self) -> int:
        """The socket's number, to wait for it."""
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        """Send one whole message."""
        self._socket.sendall(request)

    def receive(self) -> bytes | None:
        """The reply, once all of it is there. Raises `OSError` where it will never be."""
        piece = self._socket.recv(65536)
        if not piece:
            raise ConnectionError("closed by the service")
        self._got += piece
        head = self._got.find(b"\r\n\r\n")
        length = CONTENT_LENGTH.search(self._got, 0, head + 2) if head >= 0 else None
        if not length or len(self._got) < head + 4 + int(length[1]):
            return None
        reply, self._got = self._got, b""
        return reply

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
