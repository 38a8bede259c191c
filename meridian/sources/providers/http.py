"""One provider's address: pooled connections, TLS, and an answer in full by a deadline or none at all."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3 import exceptions as failures

from meridian.errors import InvalidInput
from meridian.forks import renew_in_child
from meridian.sources.deadline import Deadline
from meridian.sources.providers.config import ProviderSettings
from meridian.sources.reply import NotTrusted, NotUnderstood, RefusesUs, TooLarge, TooSlow, Unreachable

MOST_BYTES = 4 * 2**20
AT_ONCE = 64 * 1024
JSON = "application/json"
PROBLEM = "application/problem+json"
IN_ORDER = (200, 202)


@dataclass(frozen=True)
class Answer:
    """An answer that is in order: a JSON document, or that there is none."""

    status: int
    body: bytes


class Http:
    """Asks one address. Follows no redirects, so that no key and no question goes where nobody meant it to.

    Raises `InvalidInput` where the certificates that are named cannot be read.
    """

    def __init__(self, settings: ProviderSettings):
        self._settings = settings
        self._headers = {"Accept": f"{JSON}, {PROBLEM}", "User-Agent": "meridian"}
        if settings.api_key:
            self._headers["Authorization"] = f"Bearer {settings.api_key}"
        self._trust = _trust(settings) if settings.url.startswith("https:") else None
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """In a child: the parent's connections stay the parent's."""
        how: dict[str, Any] = {} if self._trust is None else {"ssl_context": self._trust}
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=self._settings.threads, retries=False, **how)

    def get(self, path: str, deadline: Deadline, *, no_file: str = "") -> Answer:
        """The answer to a path: 200 or 202 with JSON, or 404 with a problem document of the type `no_file`.

        Any other 404 may be the wrong address as well as the wrong applicant, so it is an error: nobody may look like
        one of whom there is nothing because a path is misspelt. Raises `ProviderFailed`.
        """
        with _failing(), self._asked(path, deadline) as response:
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if response.status in IN_ORDER and kind != JSON:
                raise NotUnderstood
            if response.status not in IN_ORDER and (response.status, kind) != (404, PROBLEM):
                raise RefusesUs
            body = _read(response, deadline)
            if response.status == 404 and not (no_file and _type(body) == no_file):
                raise RefusesUs
            return Answer(response.status, body)

    @contextmanager
    def _asked(self, path: str, deadline: Deadline) -> Iterator[urllib3.BaseHTTPResponse]:
        left = deadline.left()
        if not left:
            raise TooSlow
        timeout = urllib3.Timeout(total=left)
        url = self._settings.url + path
        response = self._pool.request(
            "GET", url, headers=self._headers, timeout=timeout, redirect=False, preload_content=False
        )  # fmt: skip
        try:
            yield response
        except BaseException:
            # What was not read to its end would be taken for the next answer's beginning.
            response.close()
            raise
        response.release_conn()


def _type(problem: bytes) -> str | None:
    """The type of a problem document (RFC 9457)."""
    try:
        document = json.loads(problem)
    except ValueError:
        return None
    return document.get("type") if isinstance(document, dict) else None


def _read(response: urllib3.BaseHTTPResponse, deadline: Deadline) -> bytes:
    """All of the body. It may come in drops: the time of each is limited by the socket, and their sum here."""
    body = bytearray()
    while chunk := response.read1(AT_ONCE):
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge
        if not deadline.left():
            raise TooSlow
    return bytes(body)


@contextmanager
def _failing() -> Iterator[None]:
    """The library's errors as ours. They name hosts and paths, and paths name people: nothing of them is kept."""
    try:
        yield
    except failures.SSLError:
        raise NotTrusted from None
    except failures.NewConnectionError:  # also where the name leads nowhere; the library counts it among the time-outs
        raise Unreachable from None
    except (failures.TimeoutError, TimeoutError):
        raise TooSlow from None
    except (failures.HTTPError, OSError):
        raise Unreachable from None
    except ValueError:  # what no request or no header may have in it
        raise NotUnderstood from None


def _trust(settings: ProviderSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.cert_file is not None:
            # A password, be it empty: without one, a key that needs one would be asked for at the terminal.
            context.load_cert_chain(settings.cert_file, settings.key_file, password="")
    except OSError as error:
        named = [str(one) for one in (settings.ca_file, settings.cert_file, settings.key_file) if one is not None]
        raise InvalidInput(f"{settings.name}: {', '.join(named)} cannot be used: {error}; give PEM files") from None
    return context
