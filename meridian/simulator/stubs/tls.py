"""TLS of a stub: the certificate that it shows, and the ones that it wants to see."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from meridian.errors import InvalidInput

HANDSHAKE_S = 5.0
LINGER_S = 1.0


class HandshakeFailed(ConnectionError):
    """The caller and the stub came to no connection."""


@dataclass(frozen=True)
class Tls:
    """PEM files: a certificate with those that vouch for it, its key, and the authorities of callers' certificates.

    With `client_ca_file` a caller has to show a certificate; without it, none is asked for.
    """

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None

    @classmethod
    def of(cls, cert_file: Path | None, key_file: Path | None, client_ca_file: Path | None) -> Tls | None:
        """What the files that were named make, none of them: no TLS. Raises `InvalidInput` where one is wanting."""
        if cert_file is not None and key_file is not None:
            return cls(cert_file, key_file, client_ca_file)
        if named := next((one for one in (cert_file, key_file, client_ca_file) if one is not None), None):
            raise InvalidInput(f"{named} alone makes no TLS; name a certificate file and its key file")
        return None

    def context(self) -> ssl.SSLContext:
        """What connections are made with. Raises `InvalidInput` where a file cannot be used."""
        named: tuple[Path, ...] = (self.cert_file, self.key_file)
        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            # A password, be it empty: without one, a key that needs one would be asked for at the terminal.
            context.load_cert_chain(self.cert_file, self.key_file, password="")
            if self.client_ca_file is not None:
                named = (self.client_ca_file,)
                context.load_verify_locations(self.client_ca_file)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as error:
            files = " with ".join(str(one) for one in named)
            raise InvalidInput(
                f"{files} cannot be used ({error}); give PEM files, the key without a password"
            ) from None
        return context


def shake_hands(connection: ssl.SSLSocket) -> None:
    """Agree with the caller on a connection. Raises `HandshakeFailed`, having told the caller why."""
    connection.settimeout(HANDSHAKE_S)
    try:
        connection.do_handshake()
    except OSError as error:
        with contextlib.suppress(OSError):
            _linger(connection)
        raise HandshakeFailed(str(error)) from None


def _linger(connection: ssl.SSLSocket) -> None:
    """Take what the caller still sends: to close on it would cut off the alert that tells what was wrong.

    In TLS 1.3 a caller sends its question before it can learn that its certificate was not wanted.
    """
    # As a plain socket: there is no connection that TLS could read from.
    socket.socket.shutdown(connection, socket.SHUT_WR)
    until = time.monotonic() + LINGER_S
    while (left := until - time.monotonic()) > 0:
        connection.settimeout(left)
        if not socket.socket.recv(connection, 65_536):
            return
