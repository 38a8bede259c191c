"""What cannot be read is refused with the field, the value and what was expected; it is never a fault of ours."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from meridian.products import find_product
from tests.record_rows import count_rows
from tests.services import Answer, Service

PROBLEM = "application/problem+json"
SAMPLE = find_product("personal-loan").sample()
TEXT = json.dumps(SAMPLE)


def changed(field: str, raw: str) -> bytes:
    """The sample with the first `"field": value` holding this text, as it stands, for its value."""
    value = json.dumps(SAMPLE["application"].get(field, SAMPLE.get(field)))
    marked = f'"{field}": {value}'
    assert marked in TEXT
    return TEXT.replace(marked, f'"{field}": {raw}', 1).encode()


def without(field: str) -> bytes:
    """The sample less one field of the application."""
    return json.dumps({**SAMPLE, "application": {**SAMPLE["application"], field: ...}}, default=str).replace(
        f'"{field}": "Ellipsis", ', ""
    ).encode()  # fmt: skip


def nested(levels: int) -> bytes:
    """Lists in lists, where a field is expected."""
    return changed("amount", "[" * levels + "]" * levels)


# A name, the body, the status, and where a field is at fault its pointer.
BODIES: list[tuple[str, bytes, int, str | None]] = [
    ("NaN", changed("amount", "NaN"), 422, "/application/amount"),
    ("Infinity", changed("amount", "Infinity"), 422, "/application/amount"),
    ("minus Infinity", changed("amount", "-Infinity"), 422, "/application/amount"),
    ("1e400", changed("amount", "1e400"), 422, "/application/amount"),
    ("an integer of 400 digits", changed("amount", "9" * 400), 422, "/application/amount"),
    ("an integer of 5,000 digits", changed("amount", "9" * 5000), 400, None),
    ("an integer beyond 64 bits", changed("term_months", str(2**70)), 422, "/application/term_months"),
    ("a text for a number", changed("amount", '"9000"'), 422, "/application/amount"),
    ("a number for a text", changed("applicant_id", "17"), 422, "/application/applicant_id"),
    ("a truth value for a number", changed("amount", "true"), 422, "/application/amount"),
    ("a truth value for a count", changed("term_months", "true"), 422, "/application/term_months"),
    ("a fraction for a count", changed("term_months", "36.5"), 422, "/application/term_months"),
    ("a float for a count", changed("term_months", "36.0"), 422, "/application/term_months"),
    ("null for a number", changed("amount", "null"), 422, "/application/amount"),
    ("an object for a number", changed("amount", "{}"), 422, "/application/amount"),
    ("a negative amount", changed("amount", "-9000.0"), 422, "/application/amount"),
    ("a negative income", changed("annual_income", "-1.0"), 422, "/application/annual_income"),
    ("a negative count", TEXT.replace('"inquiries_6m": 1', '"inquiries_6m": -1').encode(), 422,
     "/application/credit_report/inquiries_6m"),
    ("an unknown choice", changed("housing", '"tent"'), 422, "/application/housing"),
    ("the 30th of February", changed("date_of_birth", '"1988-02-30"'), 422, "/application/date_of_birth"),
    ("a month 13", changed("date_of_birth", '"1988-13-01"'), 422, "/application/date_of_birth"),
    ("a date with a time", changed("date_of_birth", '"1988-04-17T00:00:00"'), 422, "/application/date_of_birth"),
    ("a date as seconds", changed("date_of_birth", "577238400"), 422, "/application/date_of_birth"),
    ("a date as seconds in a text", changed("date_of_birth", '"577238400"'), 422, "/application/date_of_birth"),
    ("a date without dashes", changed("date_of_birth", '"19880417"'), 422, "/application/date_of_birth"),
    ("a date in other digits", changed("date_of_birth", '"١٩٨٨-٠٤-١٧"'), 422, "/application/date_of_birth"),
    ("an unknown field above", TEXT.replace("{", '{"colour": 1, ', 1).encode(), 422, "/colour"),
    ("an unknown field below", changed("amount", '9000.0, "colour": 1'), 422, "/application/colour"),
    ("a field with slashes", changed("amount", '9000.0, "a/b~c": 1'), 422, "/application/a~1b~0c"),
    ("a missing field", without("amount"), 422, "/application/amount"),
    ("an unknown product", changed("product", '"yacht"'), 422, "/product"),
    ("a long product", changed("product", f'"{"y" * 50_000}"'), 422, "/product"),
    ("no product", b'{"application": {}}', 422, "/product"),
    ("a number for the product", changed("product", "1"), 422, "/product"),
    ("no application", b'{"product": "personal-loan"}', 422, "/application"),
    ("a list for the application", b'{"product": "personal-loan", "application": []}', 422, "/application"),
    ("nothing", b"", 400, None),
    ("white space", b" \n ", 400, None),
    ("words", b"please lend me money", 400, None),
    ("a form", b"product=personal-loan", 400, None),
    ("half a document", TEXT[:200].encode(), 400, None),
    ("two documents", TEXT.encode() * 2, 400, None),
    ("a list", b"[]", 422, ""),
    ("null", b"null", 422, ""),
    ("a text", b'"personal-loan"', 422, ""),
    ("a number", b"1", 422, ""),
    ("bytes that are no UTF-8", changed("applicant_id", '"Jos\u00e9"').decode().encode("latin-1"), 400, None),
    ("UTF-16", TEXT.encode("utf-16"), 400, None),
    ("a byte order mark", b"\xef\xbb\xbf" + TEXT.encode(), 400, None),
    ("a field twice", changed("amount", '9000.0, "amount": 500.0'), 422, "/application/amount"),
    ("a field twice, alike", changed("amount", '9000.0, "amount": 9000.0'), 422, "/application/amount"),
    ("a field twice, spelt otherwise", changed("amount", r'9000.0, "\u0061mount": 1'), 422, "/application/amount"),
    ("the product twice", changed("product", '"yacht", "product": "personal-loan"'), 422, "/product"),
    ("the application twice", TEXT.replace("{", '{"application": {}, ', 1).encode(), 422, "/application"),
    ("a NUL in a text", changed("applicant_id", r'"a\u0000b"'), 422, "/application/applicant_id"),
    ("a NUL in a reference", TEXT.replace("{", r'{"application_ref": "a\u0000", ', 1).encode(), 422,
     "/application_ref"),
    ("a NUL in a field's name", changed("amount", r'9000.0, "\u0000": 1'), 422, "/application/\x00"),
    ("a NUL in the product", changed("product", r'"\u0000"'), 422, "/product"),
    ("half a character", changed("applicant_id", r'"\ud800"'), 400, None),
    ("half a character in a field's name", changed("amount", r'9000.0, "\udfff": 1'), 400, None),
    ("a line break at the end", changed("applicant_id", r'"applicant\n"'), 422, "/application/applicant_id"),
    ("a long reference", TEXT.replace("{", f'{{"application_ref": "{"r" * 65}", ', 1).encode(), 422,
     "/application_ref"),
    ("an empty reference", TEXT.replace("{", '{"application_ref": "", ', 1).encode(), 422, "/application_ref"),
    ("a path for a reference", TEXT.replace("{", '{"application_ref": "../keys", ', 1).encode(), 422,
     "/application_ref"),
    ("1,000 levels", nested(1_000), 400, None),
    ("30,000 levels", nested(30_000), 400, None),
    ("100,000 levels", nested(100_000), 413, None),
]  # fmt: skip


@pytest.fixture
def unharmed(server: Service) -> Iterator[Service]:
    """The service; after the test its database has not one row more."""
    before = count_rows(server)
    yield server
    assert count_rows(server) == before


def refused(answer: Answer, status: int, pointer: str | None = None) -> dict[str, Any]:
    """The problem document of an answer that must be one."""
    assert (answer.status, answer.headers["content-type"]) == (status, PROBLEM), answer.body[:500]
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= problem.keys()
    assert len(answer.body) < 10_000, "what was sent is shown cut, not in full"
    if pointer is not None:
        faults = [fault for fault in problem["errors"] if fault["pointer"] == pointer]
        assert faults, problem
        assert all(fault["value"] and fault["expected"] for fault in faults)
    return problem


@pytest.mark.parametrize(("body", "status", "pointer"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_a_body_that_cannot_be_accepted(unharmed: Service, body: bytes, status: int, pointer: str | None) -> None:
    refused(unharmed.call("POST", "/v1/decisions", body), status, pointer)


def test_every_field_that_is_wrong_is_named(unharmed: Service) -> None:
    stated = {**SAMPLE["application"], "amount": "9000", "term_months": 0, "housing": "tent"}
    problem = refused(unharmed.decide({**SAMPLE, "application": stated, "colour": "red"}), 422)
    assert {fault["pointer"] for fault in problem["errors"]} == {
        "/application/amount", "/application/term_months", "/application/housing", "/colour",
    }  # fmt: skip


def send_long(service: Service, body: bytes | Iterator[bytes]) -> Answer:
    """POST what may be too long: as usual clients do, go on to read the answer where the rest is not taken."""
    connection = http.client.HTTPConnection(service.settings.host, service.settings.port, timeout=30)
    headers = {"Authorization": f"Bearer {service.api_key}", "Content-Type": "application/json"}
    with contextlib.closing(connection):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", "/v1/decisions", body, headers, encode_chunked=not isinstance(body, bytes))
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def test_a_body_of_10_megabytes_is_refused_and_the_caller_hears_it(unharmed: Service) -> None:
    refused(send_long(unharmed, b" " * 10_000_000), 413)


@pytest.mark.parametrize("chunks", [4, 200])
def test_a_body_in_chunks_is_held_to_the_same_limit_and_never_cut(unharmed: Service, chunks: int) -> None:
    # White space, so that a reader who would stop at the limit finds a good application.
    refused(send_long(unharmed, iter([TEXT.encode(), *[b" " * 50_000] * chunks])), 413)


def test_a_body_in_chunks_is_read_like_any_other(server: Service, application: dict[str, Any]) -> None:
    text = json.dumps(application).encode()
    assert send_long(server, iter([text[:100], text[100:]])).status == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": ""},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/keys"])
def test_a_body_of_another_kind_is_refused_and_told_what_to_send(
    unharmed: Service, path: str, headers: dict[str, str]
) -> None:
    body = gzip.compress(TEXT.encode()) if "Content-Encoding" in headers else TEXT
    problem = refused(unharmed.call("POST", path, body, headers), 415)
    assert "send " in problem["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[" * 30_000, 400),
        (b'{"name": "a", "scopes": [' + b"[" * 30_000, 400),
        (b'{"name": NaN, "scopes": ["read"]}', 422),
        (rb'{"name": "\u0000", "scopes": ["read"]}', 422),
        (rb'{"name": "\ud800", "scopes": ["read"]}', 400),
        (rb'{"name": "a", "scopes": ["\ud800"]}', 400),
        (rb'{"name": "a", "scopes": ["\u0000"]}', 422),
        (b'{"name": "a", "scopes": ["everything"]}', 422),
        (b'{"name": "a", "scopes": []}', 422),
        (b'{"name": "", "scopes": ["read"]}', 422),
        (b'{"name": "a", "scopes": "read"}', 422),
        (b'{"name": "a", "scopes": ["read"], "id": "mine"}', 422),
    ],
    ids=str,
)
def test_a_key_that_cannot_be_made(unharmed: Service, body: bytes, status: int) -> None:
    refused(unharmed.call("POST", "/v1/keys", body), status)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/decisions/7", 404),
        ("GET", "/v1/decisions/019a0000-0000-7000-8000-00000000000g", 404),
        ("GET", "/v1/decisions/019a0000-0000-7000-8000-000000000000", 404),
        ("GET", "/v1/applications/nobody", 404),
        ("GET", "/v1/applications/%00", 422),
        ("GET", "/v1/applications/%ff%fe", 422),
        ("GET", "/v1/applications/" + "x" * 65, 422),
        ("GET", "/v1/applications/%27%20OR%201=1--", 422),
        ("DELETE", "/v1/keys/%00", 422),
        ("DELETE", "/v1/keys/nobody", 404),
        ("GET", "/v1/decisions?limit=0", 422),
        ("GET", "/v1/decisions?limit=101", 422),
        ("GET", "/v1/decisions?limit=abc", 422),
        ("GET", "/v1/decisions?limit=" + "9" * 300, 422),
        ("GET", "/v1/decisions?starting_after=7", 422),
        ("GET", "/v1/decisions?starting_after=%00", 422),
        ("GET", "/v1/decisions?colour=red", 422),
        ("GET", "/v1/nowhere", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/applications/a/b", 404),
    ],
)
def test_a_path_or_query_that_leads_nowhere(unharmed: Service, method: str, path: str, status: int) -> None:
    problem = refused(unharmed.call(method, path), status)
    assert ("errors" in problem) == (status == 422)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/decisions", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("DELETE", "/v1/decisions/019a0000-0000-7000-8000-000000000000", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/v1/reviews", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_method_that_a_path_does_not_have(unharmed: Service, method: str, path: str, allowed: set[str]) -> None:
    answer = unharmed.call(method, path, "{}")
    refused(answer, 405)
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("date_of_birth", "2999-01-01", "a day not after today"),
        ("date_of_birth", "0001-01-01", "a day from 1900-01-01 on"),
        ("credit_report/earliest_credit_line", "2999-01-01", "a day not after the report's own"),
    ],
)
def test_days_that_cannot_be_are_a_slip_of_the_pen_and_not_a_reason_to_decline(
    server: Service, application: dict[str, Any], field: str, value: str, expected: str
) -> None:
    *path, name = field.split("/")
    part = application["application"]
    for step in path:
        part = part[step]
    part[name] = value
    answer = server.decide(application)
    assert answer.status == 422
    (problem,) = answer.json()["errors"]
    assert problem["pointer"] == f"/application/{field}"
    assert expected in problem["expected"]
