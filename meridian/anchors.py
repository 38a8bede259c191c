"""Anchors: what is kept of each seal outside the database, where whoever rules the database cannot reach it.

A place is a file (the default, better on another machine's disk), any HTTP server that takes PUT and gives GET
below one address, or a bucket of S3's kind. One line of JSON a seal; what stands there is never overwritten.
"""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit

from meridian.errors import NotReady

WITHIN_S = 10.0
BLOCK = 64 * 1024
_LINE = re.compile(rb'\{.*"number":(\d+),.*\}')


class AnchorPlace(Protocol):
    """A place outside. Both raise `NotReady` where it cannot be reached."""

    def get(self, number: int) -> str | None:
        """The line of that seal; None where there is none."""

    def add(self, number: int, line: str) -> None:
        """Keep a line under a number that is free, durable when this returns."""


def keep(place: AnchorPlace, number: int, line: str) -> None:
    """Have a seal's line at the place. Raises `NotReady` where another one stands under its number."""
    kept = place.get(number)
    if kept is None:
        place.add(number, line)
    elif kept.strip() != line:
        raise NotReady(
            f"Another seal is anchored under number {number}: the record here is not the one that was anchored. "
            "Nothing is overwritten; run `meridian audit verify`."
        )


def anchor_place(place: str) -> AnchorPlace:
    """The place that a setting names."""
    scheme = urlsplit(place).scheme
    if scheme in ("http", "https"):
        return HttpAnchors(place.rstrip("/"))
    if scheme == "s3":
        return S3Anchors(place)
    return FileAnchors(Path(place.removeprefix("file://")))


class FileAnchors:
    """One file, appended to: a line a seal, in the order of their numbers."""

    def __init__(self, path: Path):
        self._path = path

    def get(self, number: int) -> str | None:
        """Read from the end, where what is looked for mostly is: a year of seals is gigabytes."""
        try:
            with self._path.open("rb") as file:
                for line in _from_the_end(file):
                    found = _LINE.fullmatch(line)
                    if found and int(found[1]) <= number:
                        return line.decode().strip() if int(found[1]) == number else None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise NotReady(f"The anchor file {self._path} cannot be read: {error}.") from error
        return None

    def add(self, number: int, line: str) -> None:  # noqa: ARG002  # the line holds it
        """Append and sync."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab+") as file:
                # After a line that a full disk or a crash cut short: it stays, and is none.
                file.write((b"\n" if _is_cut_short(file) else b"") + line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NotReady(f"The anchor file {self._path} cannot be written: {error}.") from error


def _is_cut_short(file: BinaryIO) -> bool:
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _from_the_end(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, the last one first; what a newline does not end is none."""
    place, rest, ended = file.seek(0, os.SEEK_END), b"", False
    while place:
        step = min(place, BLOCK)
        place -= step
        file.seek(place)
        rest, *lines = (file.read(step) + rest).split(b"\n")
        yield from reversed(lines if ended else lines[:-1])
        ended = ended or bool(lines)
    if ended:
        yield rest


class HttpAnchors:
    """One object a seal, at `<address>/<number>.json`."""

    def __init__(self, address: str):
        self._address = address

    def add(self, number: int, line: str) -> None:
        """PUT."""
        self._ask("PUT", number, line.encode())

    def get(self, number: int) -> str | None:
        """GET; 404 is none."""
        return self._ask("GET", number, None)

    def _ask(self, method: str, number: int, body: bytes | None) -> str | None:
        url = f"{self._address}/{number:012d}.json"
        headers = {"Content-Type": "application/json"} if body else {}
        request = urllib.request.Request(url, data=body, method=method, headers=headers)  # noqa: S310  # http(s) alone
        try:
            with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:  # noqa: S310
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            if method == "GET" and error.code == 404:
                return None
            raise NotReady(f"The anchors at {self._address} answered {error.code} to {method} of {number}.") from error
        except (OSError, HTTPException, UnicodeDecodeError) as error:
            raise NotReady(f"The anchors at {self._address} cannot be reached: {error}.") from error


class S3Anchors:
    """One object a seal, `s3://bucket/prefix/<number>.json`; where and who is in the usual AWS_... variables."""

    def __init__(self, place: str):
        parts = urlsplit(place)
        self._place, self._bucket, self._prefix = place, parts.netloc, parts.path.strip("/")

    def add(self, number: int, line: str) -> None:
        """PutObject, only if there is none."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(Bucket=self._bucket, Key=self._key(number), Body=line.encode(), IfNoneMatch="*")
        except (BotoCoreError, ClientError) as error:
            raise NotReady(f"The anchors at {self._place} cannot be written: {error}") from error

    def get(self, number: int) -> str | None:
        """GetObject."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._key(number))
            return str(found["Body"].read().decode())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise NotReady(f"The anchors at {self._place} cannot be read: {error}") from error
        except (BotoCoreError, UnicodeDecodeError) as error:
            raise NotReady(f"The anchors at {self._place} cannot be reached: {error}") from error

    def _key(self, number: int) -> str:
        return "/".join(part for part in (self._prefix, f"{number:012d}.json") if part)

    @cached_property
    def _client(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise NotReady("Anchors in a bucket need the extra: pip install 'meridian-credit[s3]'.") from error
        # Its own limits, a minute and five attempts, are longer than a worker's task may take.
        limits = Config(connect_timeout=WITHIN_S, read_timeout=WITHIN_S, retries={"total_max_attempts": 2})
        try:
            return boto3.client("s3", config=limits)
        except ValueError as error:
            raise NotReady(f"The AWS_... variables do not lead to {self._place}: {error}") from error
