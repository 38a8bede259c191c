"""Places outside the database: a file, an HTTP server, a bucket. Real ones, with the troubles that real ones have."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from meridian.anchors import AnchorPlace, FileAnchors, HttpAnchors, S3Anchors, anchor_place, keep
from meridian.errors import NotReady
from meridian.evidence import canonical_json
from tests.faults import silent_port
from tests.services import free_port

LIMIT_S = 0.3


def line(number: int, root: str = "00") -> str:
    """A seal's line, as far as a place is concerned."""
    return canonical_json({"number": number, "root": root * 32, "key": "11" * 32, "rows": number * 7}).decode()


@dataclass
class Store:
    """A server of objects: PUT and GET below any path. `trouble` answers instead where it gives a status."""

    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    trouble: Callable[[str], tuple[int, bytes] | None] = lambda _method: None
    as_bucket: bool = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        self.asked.append((method, path))
        self.headers.append(headers)
        if refused := self.trouble(method):
            return refused
        if method == "GET":
            return (200, self.objects[path]) if path in self.objects else (404, self._error("NoSuchKey"))
        if headers.get("if-none-match") == "*" and path in self.objects:
            return 412, self._error("PreconditionFailed")
        self.objects[path] = body
        return 200, b""

    def _error(self, code: str) -> bytes:
        return s3_error(code) if self.as_bucket else b"not here"


def s3_error(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def handler(store: Store) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            if self.headers.get("Expect") == "100-continue" and not self.handle_expect_100():
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, content = store.answer(self.command, urlsplit(self.path).path, body, headers)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


@contextmanager
def serving(store: Store) -> Iterator[Store]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(store))
    server.daemon_threads = True
    store.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def store() -> Iterator[Store]:
    with serving(Store()) as it:
        yield it


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """A server that speaks S3's PutObject and GetObject, and the environment that points there."""
    with serving(Store(as_bucket=True)) as it:
        point_to(monkeypatch, it.address, tmp_path)
        yield it


def point_to(monkeypatch: pytest.MonkeyPatch, address: str, nowhere: Path) -> None:
    """Have the usual variables name this endpoint, and nothing else of this machine's be read."""
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(nowhere / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(nowhere / "credentials"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # it remembers who it was
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["file", "http", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> AnchorPlace:
    """Each kind of place, empty, as the setting names it."""
    if request.param == "file":
        return anchor_place(str(tmp_path / "not there yet" / "anchors.jsonl"))
    if request.param == "http":
        return anchor_place(f"{request.getfixturevalue('store').address}/anchors/")
    request.getfixturevalue("bucket")
    return anchor_place("s3://seals/of/meridian")


# Every place


def test_what_was_put_there_is_given_back_by_its_number(place: AnchorPlace) -> None:
    for number in range(1, 13):
        place.add(number, line(number))
    assert [place.get(number) for number in (1, 11, 12, 2)] == [line(number) for number in (1, 11, 12, 2)]


def test_a_number_that_is_not_there_is_none_and_no_error(place: AnchorPlace) -> None:
    assert place.get(1) is None
    place.add(1, line(1))
    assert (place.get(2), place.get(10), place.get(11)) == (None, None, None)


def test_a_seal_is_kept_once(place: AnchorPlace) -> None:
    for _ in range(3):
        keep(place, 1, line(1))
    keep(place, 2, line(2))
    assert [place.get(1), place.get(2), place.get(3)] == [line(1), line(2), None]


def test_another_seal_under_a_number_that_is_taken_is_refused_and_the_first_stays(place: AnchorPlace) -> None:
    keep(place, 1, line(1))
    with pytest.raises(NotReady, match=r"Another seal is anchored under number 1\b.*meridian audit verify"):
        keep(place, 1, line(1, root="ff"))
    assert place.get(1) == line(1)


@pytest.mark.parametrize(
    ("setting", "kind"),
    [("/var/anchors.jsonl", FileAnchors), ("anchors.jsonl", FileAnchors), ("file:///var/anchors.jsonl", FileAnchors),
     ("http://host/anchors", HttpAnchors), ("https://host/anchors/", HttpAnchors), ("s3://bucket", S3Anchors)],
)  # fmt: skip
def test_the_setting_names_the_kind_of_place(setting: str, kind: type) -> None:
    assert type(anchor_place(setting)) is kind


# A file


def test_a_file_is_appended_to_a_line_a_seal(tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    for number in (1, 2):
        before = path.read_bytes() if path.exists() else b""
        keep(FileAnchors(path), number, line(number))
        assert path.read_bytes() == before + f"{line(number)}\n".encode()
    assert [json.loads(one)["number"] for one in path.read_text().splitlines()] == [1, 2]


@pytest.mark.parametrize("left", [1, 20, 100, len(line(2)) - 1])
def test_a_line_that_a_full_disk_or_a_crash_cut_short_is_written_again_whole(tmp_path: Path, left: int) -> None:
    """Twice in a row; and what stands there stays, so that a file may be one that can only be appended to."""
    path = tmp_path / "anchors.jsonl"
    place = FileAnchors(path)
    keep(place, 1, line(1))
    for _ in range(2):
        with path.open("a") as file:
            file.write("\n" * (not path.read_text().endswith("\n")) + line(2)[:left])
        assert place.get(1) == line(1)
    before = path.read_text()
    for number in (2, 3):
        keep(place, number, line(number))
    assert path.read_text() == f"{before}\n{line(2)}\n{line(3)}\n"
    assert [place.get(number) for number in (1, 2, 3, 4)] == [line(1), line(2), line(3), None]


def test_in_a_long_file_first_middle_and_last_are_found(tmp_path: Path) -> None:
    """Of many blocks, and with numbers that begin alike."""
    path, n = tmp_path / "anchors.jsonl", 3000
    path.write_text("".join(f"{line(number)}\n" for number in range(1, n + 1)))
    place = FileAnchors(path)
    some = (1, 2, 10, 300, 301, 1000, n - 1, n)
    assert [place.get(number) for number in some] == [line(number) for number in some]
    assert (place.get(n + 1), place.get(0)) == (None, None)


def test_a_file_that_cannot_be_read_or_written_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(NotReady, match=r"The anchor file .*folder cannot be read: .*directory"):
        FileAnchors(tmp_path / "folder").get(1)
    with pytest.raises(NotReady, match=r"The anchor file .*folder cannot be written: .*directory"):
        FileAnchors(tmp_path / "folder").add(1, line(1))
    with pytest.raises(NotReady, match=r"cannot be written"):
        FileAnchors(tmp_path / "file" / "anchors.jsonl").add(1, line(1))


def test_a_file_that_holds_something_else_is_not_ready_or_has_no_seal(tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    path.write_text("not JSON\n\n[]\n")
    assert FileAnchors(path).get(1) is None
    path.write_bytes(b'{"number":1,"root":"\xff\xfe"}\n')
    with pytest.raises(NotReady, match="cannot be read"):
        FileAnchors(path).get(1)


# An HTTP server


def test_each_seal_is_an_object_of_its_own_below_the_address(store: Store) -> None:
    keep(anchor_place(f"{store.address}/anchors/"), 7, line(7))
    assert store.objects == {"/anchors/000000000007.json": line(7).encode()}
    assert store.asked == [("GET", "/anchors/000000000007.json"), ("PUT", "/anchors/000000000007.json")]
    assert store.headers[1]["content-type"] == "application/json"


@pytest.mark.parametrize("status", [400, 401, 403, 405, 500, 503])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_refusal_is_not_ready_and_named(store: Store, status: int, method: str) -> None:
    store.trouble = lambda asked: (status, b"no") if asked == method else None
    with pytest.raises(NotReady, match=rf"The anchors at {store.address} answered {status} to {method} of 3"):
        keep(HttpAnchors(store.address), 3, line(3))
    assert store.objects == {}


def test_a_put_that_is_not_found_is_no_success(store: Store) -> None:
    store.trouble = lambda asked: (404, b"no such folder") if asked == "PUT" else None
    with pytest.raises(NotReady, match="answered 404 to PUT"):
        keep(HttpAnchors(store.address), 1, line(1))


def test_where_nobody_listens_it_is_not_ready() -> None:
    with pytest.raises(NotReady, match=r"cannot be reached: .*refused"):
        HttpAnchors(f"http://127.0.0.1:{free_port()}").get(1)


def test_who_accepts_and_never_answers_is_waited_for_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meridian.anchors.WITHIN_S", LIMIT_S)
    with silent_port() as port, pytest.raises(NotReady, match=r"cannot be reached: .*timed out"):
        HttpAnchors(f"http://127.0.0.1:{port}").get(1)


@pytest.mark.parametrize(
    "said",
    [b"", b"this is no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
     b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe"],
    ids=["closes", "speaks no HTTP", "breaks off", "sends no text"],
)  # fmt: skip
def test_a_server_that_answers_nonsense_is_not_ready(said: bytes) -> None:
    with saying(said) as port, pytest.raises(NotReady, match="cannot be reached"):
        HttpAnchors(f"http://127.0.0.1:{port}").get(1)


@contextmanager
def saying(said: bytes) -> Iterator[int]:
    """A port where this is said to the first who asks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join()


# A bucket


def test_each_seal_is_an_object_below_the_prefix(bucket: Store) -> None:
    keep(anchor_place("s3://seals/of/meridian/"), 7, line(7))
    keep(anchor_place("s3://seals"), 8, line(8))
    assert bucket.objects == {
        "/seals/of/meridian/000000000007.json": line(7).encode(),
        "/seals/000000000008.json": line(8).encode(),
    }


def test_a_bucket_refuses_to_overwrite_even_where_two_come_at_once(bucket: Store) -> None:
    """Who looked first and saw nothing does not write over what came meanwhile."""
    place = S3Anchors("s3://seals")
    place.add(1, line(1))
    with pytest.raises(NotReady, match=r"The anchors at s3://seals cannot be written: .*PreconditionFailed"):
        place.add(1, line(1, root="ff"))
    assert place.get(1) == line(1)


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (404, "NoSuchBucket"), (503, "SlowDown")])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_bucket_that_refuses_is_not_ready_and_says_why(bucket: Store, status: int, code: str, method: str) -> None:
    bucket.trouble = lambda asked: (status, s3_error(code)) if asked == method else None
    with pytest.raises(NotReady, match=rf"The anchors at s3://seals cannot be (read|written): .*{code}"):
        keep(S3Anchors("s3://seals"), 1, line(1))
    assert bucket.objects == {}


def test_a_bucket_that_cannot_be_reached_is_not_ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point_to(monkeypatch, f"http://127.0.0.1:{free_port()}", tmp_path)
    for attempt in (lambda: S3Anchors("s3://seals").get(1), lambda: S3Anchors("s3://seals").add(1, line(1))):
        with pytest.raises(NotReady, match=r"The anchors at s3://seals cannot be (reached|written): .*connect"):
            attempt()


def test_a_bucket_that_accepts_and_never_answers_is_waited_for_so_long_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("meridian.anchors.WITHIN_S", LIMIT_S)
    started = time.monotonic()
    with silent_port() as port:
        point_to(monkeypatch, f"http://127.0.0.1:{port}", tmp_path)
        with pytest.raises(NotReady, match=r"The anchors at s3://seals cannot be reached: .*timeout"):
            S3Anchors("s3://seals").get(1)
    assert time.monotonic() - started < 10


def test_without_credentials_a_bucket_is_not_ready(bucket: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(NotReady, match="credentials"):
        S3Anchors("s3://seals").get(1)


@pytest.mark.parametrize("unset", ["AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"])
def test_a_setting_of_the_bucket_that_makes_no_sense_is_not_ready(
    bucket: Store, monkeypatch: pytest.MonkeyPatch, unset: str
) -> None:
    monkeypatch.setenv(unset, "no such thing")
    with pytest.raises(NotReady, match="s3://seals"):
        S3Anchors("s3://seals").get(1)
