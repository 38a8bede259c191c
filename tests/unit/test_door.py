"""The door reads what is plain, and leaves everything else to the server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.shedding.door import LONGEST, Kind, Seen, look

TARGET = b"POST /v1/decisions"
PLAIN = b"POST /v1/decisions HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"


def request(*headers: str, body: bytes = b"body", start: str = "POST /v1/decisions HTTP/1.1") -> bytes:
    return "\r\n".join([start, "Host: a", *headers, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("data", "last"),
    [
        (PLAIN, False),
        (request("content-length:4"), False),
        (request("CONTENT-LENGTH: 0", body=b""), False),
        (request("Content-Length: 4", "Connection: keep-alive"), False),
        (request("Content-Length: 4", "Connection: Close"), True),
        (request("Content-Length: 4", "Connection: TE, close"), True),
        (request("Content-Length: 4", start="POST /v1/decisions HTTP/1.0"), True),
    ],
)
def test_a_whole_plain_request_may_be_refused(data: bytes, last: bool) -> None:
    assert look(data, TARGET) == Seen(Kind.REFUSABLE, len(data), last)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        request("Content-Length: 4", start="GET /v1/decisions HTTP/1.1"),
        request("Content-Length: 4", start="POST /v1/decisions/x HTTP/1.1"),
        request("Content-Length: 4", start="POST /v1/decisionsx HTTP/1.1"),
        request("Content-Length: 4", start="POST /v1/keys HTTP/1.1"),
        request("Content-Length: 4", start="POST /v1/decisions HTTP/2.0"),
        request(),
        request("Transfer-Encoding: chunked"),
        request("Content-Length: 4", "Transfer-Encoding: chunked"),
        request("Content-Length: 4", "Content-Length: 4"),
        request("Content-Length: 4", "Content-Length : 9"),
        request("Content-Length: +4"),
        request("Content-Length: 4, 4"),
        request("Content-Length: 4x"),
        request("X: y\r\n Content-Length: 4"),
        request("X: y\nContent-Length: 4", "Content-Length: 4"),
        request("Content-Length: 4", "X: a\nb"),
        request("Content-Length: 4", "X: a\rb"),
        request("Content-Length: 4", "X: a\0b"),
        request("Content-Length: 4", "Expect: 100-continue"),
        request("Content-Length: 4", "Upgrade: h2c"),
        request("Content-Length: 99999"),
        PLAIN + b"POST",
        b"POST /v1/decisions HTTP/1.1\r\n" + b"X" * LONGEST,
    ],
)
def test_all_else_is_let_in(data: bytes) -> None:
    assert look(data, TARGET).kind is Kind.OTHER


@given(st.integers(0, len(PLAIN) - 1))
def test_what_is_cut_off_anywhere_is_waited_for(end: int) -> None:
    assert look(PLAIN[:end], TARGET).kind is Kind.PARTIAL


@given(st.binary(max_size=200), st.integers(0, len(PLAIN)))
def test_nothing_makes_it_stumble_or_take_more_than_is_there(noise: bytes, at: int) -> None:
    data = PLAIN[:at] + noise + PLAIN[at:]
    assert look(data, TARGET).length in (0, len(data))
