"""What a provider may do to whoever asks it: bytes from a real socket, certificates, and the file that names it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meridian.errors import InvalidInput, NotReady
from meridian.products import find_product
from meridian.simulator.stubs import FaultName, Tls
from meridian.sources import Deadline
from meridian.sources.providers import Provider, ProviderSettings, make_provider, read_providers
from meridian.sources.providers.http import MOST_BYTES, Http
from meridian.sources.reply import (
    Checker,
    Implausible,
    Later,
    NotTrusted,
    NotUnderstood,
    RefusesUs,
    Reply,
    TooLarge,
    TooSlow,
    Unreachable,
)
from tests.outside import OUTSIDE, stubs
from tests.papers import Authority

BUREAU = next(one for one in find_product("consumer-loan").sources if one.name == "bureau")
JSON = "Content-Type: application/json\r\n"


def now() -> datetime:
    return datetime.now(UTC)


def settings(url: str, **how: Any) -> ProviderSettings:
    return ProviderSettings(name="bureau-one", source="bureau", url=url, **how)


def made(url: str, **how: Any) -> Provider:
    return make_provider(settings(url, **how), Checker([BUREAU]), now)


@contextmanager
def saying(*answers: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that takes one connection after another and says to each what it is told to; its address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            for answer in answers:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with closing(connection):
                    connection.recv(65_536)
                    try:
                        answer(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def whole(head: str, body: bytes = b"{}", length: int | None = None) -> Callable[[socket.socket], None]:
    def say(connection: socket.socket) -> None:
        size = len(body) if length is None else length
        connection.sendall(f"HTTP/1.1 {head}Content-Length: {size}\r\n\r\n".encode() + body)

    return say


def dripping(connection: socket.socket) -> None:
    """A byte every 50 ms: each comes in time, and all of them never."""
    connection.sendall(f"HTTP/1.1 200 OK\r\n{JSON}Content-Length: 1000\r\n\r\n".encode())
    for _ in range(40):
        connection.sendall(b" ")
        time.sleep(0.05)


def endless(connection: socket.socket) -> None:
    connection.sendall(f"HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n".encode())
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for _ in range(2 * MOST_BYTES // 0x10000):
        connection.sendall(chunk)


BAD = {
    "an error": (whole(f"500 Oh\r\n{JSON}"), RefusesUs),
    "a problem that is not that there is no file": (
        whole("404 No\r\nContent-Type: application/problem+json\r\n", b'{"type": "about:blank"}'), RefusesUs,
    ),
    "no key": (whole(f"401 Who\r\n{JSON}"), RefusesUs),
    "a page that says there is no such address": (whole("404 No\r\nContent-Type: text/html\r\n"), RefusesUs),
    "elsewhere": (whole("302 Found\r\nLocation: http://127.0.0.1:1/\r\n"), RefusesUs),
    "a page": (whole("200 OK\r\nContent-Type: text/html\r\n", b"<html>"), NotUnderstood),
    "no kind": (whole("200 OK\r\n"), NotUnderstood),
    "another document": (whole(f"200 OK\r\n{JSON}", b'{"a": 1}'), NotUnderstood),
    "half of it": (whole(f"200 OK\r\n{JSON}", b"{", 100), Unreachable),
    "nothing": (lambda _: None, Unreachable),
    "another protocol": (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n"), Unreachable),
    "drops": (dripping, TooSlow),
    "no end": (endless, TooLarge),
    "a pending answer without a name": (whole(f"202 Later\r\n{JSON}"), NotUnderstood),
    "an answer elsewhere": (
        whole(f"202 Later\r\n{JSON}", b'{"result": "//evil.example/x", "ready_in_s": 1}'), NotUnderstood,
    ),
    "an answer under a name with a NUL": (
        whole(f"202 Later\r\n{JSON}", b'{"result": "/x\\u0000", "ready_in_s": 1}'), NotUnderstood,
    ),
    "an answer next year": (whole(f"202 Later\r\n{JSON}", b'{"result": "/x", "ready_in_s": 3e7}'), NotUnderstood),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_answer_has_a_name(what: str) -> None:
    answer, error = BAD[what]
    with saying(answer) as url, pytest.raises(error) as raised:
        made(url).ask("A-1", Deadline.after(1.0))
    assert raised.value.args == ()
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_drip_ends_at_the_deadline_and_not_with_the_drip() -> None:
    with saying(dripping) as url:
        started = time.monotonic()
        with pytest.raises(TooSlow):
            made(url).ask("A-1", Deadline.after(0.2))
        assert time.monotonic() - started < 1.0


def test_later_is_an_answer() -> None:
    with saying(whole(f"202 Later\r\n{JSON}", b'{"result": "/x", "ready_in_s": 1.5}')) as url:
        assert made(url).ask("A-1", Deadline.after(2)) == Later("/x", 1.5)


def test_no_file_is_an_answer_where_it_is_said_in_so_many_words() -> None:
    no_file = whole("404 No\r\nContent-Type: application/problem+json\r\n", b'{"type": "urn:meridian:problem:no-file"}')
    with saying(no_file) as url:
        told = made(url).ask("A-1", Deadline.after(2))
    assert isinstance(told, Reply)
    assert not any(told.events.values())


def test_that_there_is_no_such_result_says_nothing_of_the_applicant(lender_folder: Path) -> None:
    bank = next(one for one in find_product("consumer-loan").sources if one.name == "bank")
    with stubs(lender_folder, "bank") as running:
        provider = make_provider(settings(running["bank"].url), Checker([bank]), now)
        with pytest.raises(RefusesUs):
            provider.fetch("L11-00000003", Later("/v1/bank/results/1", 0.0), Deadline.after(5))


def test_with_another_path_nobody_looks_like_one_with_nothing(lender_folder: Path) -> None:
    with stubs(lender_folder, "bureau") as running, pytest.raises(RefusesUs):
        made(running["bureau"].url + "/v2").ask("L11-00000003", Deadline.after(5))


def test_without_time_nobody_is_asked() -> None:
    with pytest.raises(TooSlow):
        made("http://127.0.0.1:1").ask("A-1", Deadline.after(0))


def test_the_key_is_shown_and_names_cannot_leave_the_path(lender_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUREAU_KEY", "s3cret")
    with stubs(lender_folder, "bureau", api_key="s3cret") as running:
        url = running["bureau"].url
        assert isinstance(made(url, api_key_env="BUREAU_KEY").ask("L11-00000003", Deadline.after(5)), Reply)
        with pytest.raises(RefusesUs):
            made(url).ask("L11-00000003", Deadline.after(5))
        told = made(url, api_key_env="BUREAU_KEY").ask("../../faults?x=/", Deadline.after(5))
        assert isinstance(told, Reply)
        assert not any(told.events.values())


def test_connections_are_kept(lender_folder: Path) -> None:
    with stubs(lender_folder, "bureau") as running:
        http = Http(settings(running["bureau"].url))
        for _ in range(5):
            http.get("/v1/bureau/L11-00000003", Deadline.after(5))
        (pool,) = [http._pool.pools[key] for key in http._pool.pools.keys()]  # noqa: SIM118
        assert (pool.num_connections, pool.num_requests) == (1, 5)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("papers") / "ours", "ours")


def test_certificates(lender_folder: Path, ours: Authority, tmp_path: Path) -> None:
    """Trusted are those that are named, and a provider that wants to see ours is shown it."""
    strangers = Authority(tmp_path / "strangers", "strangers")
    paper, caller = ours.paper("stub"), ours.paper("caller")
    picky = Tls(paper.cert, paper.key, client_ca_file=ours.cert)
    with stubs(lender_folder, "bureau", tls=picky) as running:
        url = running["bureau"].url

        def ask(url: str = url, **how: Any) -> Any:
            return made(url, **how).ask("L11-00000003", Deadline.after(5))

        shown = {"cert_file": caller.cert, "key_file": caller.key}
        assert isinstance(ask(ca_file=ours.cert, **shown), Reply)
        for wrong in (
            {"ca_file": strangers.cert, **shown},
            shown,
            {"ca_file": ours.cert},
        ):
            with pytest.raises(NotTrusted):
                ask(**wrong)
        with pytest.raises(NotTrusted):
            # The certificate is for 127.0.0.1, and its name is not the one that was asked for.
            ask(url.replace("127.0.0.1", "localhost"), ca_file=ours.cert, **shown)


@pytest.mark.parametrize("which", ["ca_file", "cert_file"])
def test_a_certificate_that_cannot_be_read_is_named(which: str, tmp_path: Path) -> None:
    file = tmp_path / "no.pem"
    with pytest.raises(InvalidInput, match=r"bureau-one: .*no\.pem cannot be used"):
        made("https://127.0.0.1:1", **{which: file})


FILE = '[[provider]]\nname = "b"\nsource = "bureau"\nurl = "https://bureau.example"\n'
WRONG = {
    "no TOML": ("[[provider", r"sources\.toml: .*write \[\[provider\]\] tables"),
    "an unknown key": (FILE + "port = 1\n", r"provider\.0\.port: 1; Extra inputs"),
    "no address": (FILE.replace("https://bureau.example", "bureau"), r"provider\.0\.url: 'bureau'; an address such as"),
    "people's data in the clear": (FILE.replace("https", "http"), r"https:// for another machine"),
    "a key in the address": (FILE.replace("bureau.", "me:key@bureau."), r"an address such as"),
    "no time": (FILE + "timeout_ms = 0\n", r"timeout_ms: 0; Input should be greater"),
    "a name twice": (FILE + FILE, r"name: 'b' stands twice"),
    "the online store's name": (FILE.replace('"b"', '"online"'), r"'online' is the online store's own"),
    "a name that is no name": (FILE.replace('"b"', '"B 1"'), r"provider\.0\.name: 'B 1'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_in_the_file_is_named_with_what_is_expected(what: str, tmp_path: Path) -> None:
    text, told = WRONG[what]
    (tmp_path / "sources.toml").write_text(text)
    with pytest.raises(InvalidInput, match=told):
        read_providers(tmp_path / "sources.toml")


def test_no_file_no_providers(tmp_path: Path) -> None:
    assert read_providers(tmp_path / "sources.toml") == ()


def test_a_key_that_is_not_set_and_an_adapter_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUREAU_KEY", raising=False)
    with pytest.raises(NotReady, match="BUREAU_KEY is to have the key"):
        made("https://bureau.example", api_key_env="BUREAU_KEY")
    monkeypatch.setenv("BUREAU_KEY", "s3cret\n")
    with pytest.raises(NotReady, match="a line break at its end") as raised:
        made("https://bureau.example", api_key_env="BUREAU_KEY")
    assert "s3cret" not in str(raised.value)
    with pytest.raises(InvalidInput, match="adapter: 'third_bureau' is none"):
        made("https://bureau.example", adapter="third_bureau")
    with pytest.raises(InvalidInput, match=r"adapter: 'json\.decoder' is none"):
        made("https://bureau.example", adapter="json.decoder")


@pytest.mark.parametrize("name", OUTSIDE)
def test_another_unit_is_found_out_and_the_right_one_is_not(lender_folder: Path, name: str) -> None:
    """Dollars for cents, months for days, over HTTP as a provider would send them; and all that is true passes."""
    source = next(one for one in find_product("consumer-loan").sources if one.name == name)
    with stubs(lender_folder, name) as running:
        provider = make_provider(settings(running[name].url), Checker([source]), now)
        applicants = [f"L11-{number:08d}" for number in range(0, 300, 3)]
        true = [provider.ask(applicant, Deadline.after(5)) for applicant in applicants]
        running[name].fails(FaultName.LYING)
        for applicant, told in zip(applicants, true, strict=True):
            assert isinstance(told, Reply)
            if any(told.events.values()):
                with pytest.raises(Implausible):
                    provider.ask(applicant, Deadline.after(5))
