"""The stubs over TLS: with which certificates they answer, and that a failed handshake is nobody else's trouble."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from meridian.errors import InvalidInput
from meridian.simulator.stubs import Tls
from meridian.simulator.stubs import tls as stub_tls
from tests.papers import Authority, Paper, as_pem
from tests.services import eventually
from tests.stub_parts import Stub, hang, said, small_lender, started

MERIDIAN = Path(sys.executable).with_name("meridian")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lender(tmp_path_factory.mktemp("tls") / "lender")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours", "ours")


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "strangers", "strangers")


@pytest.fixture(scope="module")
def tls(ours: Authority) -> Tls:
    paper = ours.paper("stub")
    return Tls(paper.cert, paper.key)


def trusting(authority: Authority, shown: Paper | None = None, least: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.cert))
    if shown is not None:
        context.load_cert_chain(shown.cert, shown.key)
    if least is not None:
        context.minimum_version = context.maximum_version = least
    return context


@pytest.fixture
def bureau(folder: Path, tls: Tls, ours: Authority) -> Iterator[Stub]:
    with started(folder, "bureau", tls=tls, trust=trusting(ours)) as stub:
        yield stub


@pytest.fixture
def picky(folder: Path, tls: Tls, ours: Authority) -> Iterator[Stub]:
    """A bureau that wants to see a certificate of ours."""
    asking = Tls(tls.cert_file, tls.key_file, client_ca_file=ours.cert)
    with started(folder, "bureau", tls=asking, trust=trusting(ours, ours.paper("caller"))) as stub:
        yield stub


def test_it_answers_over_tls_and_connections_stay_open(bureau: Stub) -> None:
    assert bureau.url.startswith("https://127.0.0.1:")
    with closing(bureau.connection()) as connection:
        for _ in range(3):
            assert said(connection, "GET", bureau.target()).status == 200
            assert connection.sock is not None
        assert isinstance(connection.sock, ssl.SSLSocket)
        assert connection.sock.version() in ("TLSv1.2", "TLSv1.3")


def test_who_does_not_know_its_authority_gets_nothing(bureau: Stub, strangers: Authority) -> None:
    stranger = Stub("bureau", bureau.url, bureau.known, bureau.path, trusting(strangers))
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.ask()
    assert bureau.ask().status == 200


def test_with_a_certificate_that_is_wanted_a_caller_is_answered(picky: Stub) -> None:
    assert picky.ask().status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shows", [False, True])
def test_without_one_or_with_a_strangers_it_is_told_so(
    picky: Stub, ours: Authority, strangers: Authority, shows: bool, version: ssl.TLSVersion
) -> None:
    """As TLS tells it, and not as a connection that breaks, which may mean anything."""
    trust = trusting(ours, strangers.paper("caller") if shows else None, version)
    for _ in range(5):
        with pytest.raises(ssl.SSLError, match="alert"):
            Stub("bureau", picky.url, picky.known, picky.path, trust).ask()
    assert picky.ask().status == 200


def silence(connection: socket.socket) -> None:
    """Say nothing."""


def plain(connection: socket.socket) -> None:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: stub\r\n\r\n")


def hang_up(connection: socket.socket) -> None:
    connection.close()


@pytest.mark.parametrize("do", [silence, plain, hang_up])
def test_a_handshake_that_fails_keeps_nobody_waiting_and_prints_nothing(
    bureau: Stub,
    do: Callable[[socket.socket], None],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stub_tls, "HANDSHAKE_S", 0.5)
    with ExitStack() as stack:
        callers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", bureau.port), timeout=5)) for _ in range(10)
        ]
        for caller in callers:
            do(caller)
        begun = time.monotonic()
        assert bureau.ask(timeout=5).status == 200
        assert time.monotonic() - begun < 0.4
        if do is not hang_up:
            assert all(ends(caller) for caller in callers)
    assert capfd.readouterr().err == ""


def ends(caller: socket.socket) -> bool:
    """Whether the stub closes the connection, whatever it says before."""
    while caller.recv(1000):
        pass
    return True


def test_handshakes_under_way_end_at_once_with_the_server(folder: Path, tls: Tls) -> None:
    with ExitStack() as stack:
        with started(folder, "bureau", tls=tls) as stub:
            silent = stack.enter_context(socket.create_connection(("127.0.0.1", stub.port), timeout=5))
            time.sleep(0.1)
            ending = time.monotonic()
        assert time.monotonic() - ending < 1
        assert ends(silent)


def test_a_caller_who_hangs_up_over_tls_frees_the_thread(folder: Path, tls: Tls, ours: Authority) -> None:
    """The farewell that TLS sends before is no sign of life."""
    with started(folder, "bureau", tls=tls, trust=trusting(ours), threads=1) as stub:
        stub.fail("hung")
        with closing(stub.connection()) as connection:
            hang(stub, connection)
            stub.fail("none")
            assert isinstance(connection.sock, ssl.SSLSocket)
            connection.sock.settimeout(0.1)
            with pytest.raises(OSError, match="timed out"):
                connection.sock.unwrap()
        assert eventually(lambda: stub.ask(timeout=2).status == 200)


def test_as_a_program_it_is_given_the_files_by_name(folder: Path, tls: Tls, ours: Authority) -> None:
    files = ["--cert-file", tls.cert_file, "--key-file", tls.key_file, "--client-ca-file", ours.cert]
    command = [MERIDIAN, "simulate", "serve", "bureau", "--folder", folder, "--scale", "0", *files]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("https://127.0.0.1:")
            stub = Stub("bureau", url, "", "/v1/bureau", trusting(ours, ours.paper("caller")))
            assert stub.call("GET", "/healthz").status == 200
            with pytest.raises(ssl.SSLError):
                Stub("bureau", url, "", "/v1/bureau", trusting(ours)).call("GET", "/healthz")
            process.terminate()
            assert process.wait(timeout=5) == 0
        finally:
            process.kill()


def test_files_that_make_no_tls_are_refused_by_name(ours: Authority, strangers: Authority, tmp_path: Path) -> None:
    paper, other = ours.paper("one"), strangers.paper("other")
    secret = tmp_path / "secret.key"
    key = ec.generate_private_key(ec.SECP256R1())
    secret.write_bytes(as_pem(key, serialization.BestAvailableEncryption(b"password")))
    for wrong, named in (
        (Tls(tmp_path / "none.pem", paper.key), "none.pem"),
        (Tls(paper.cert, other.key), "other.key"),
        (Tls(paper.key, paper.cert), "one.key"),
        (Tls(paper.cert, secret), "secret.key"),
        (Tls(paper.cert, paper.key, client_ca_file=paper.key), "one.key cannot"),
        (Tls(paper.cert, paper.key, client_ca_file=tmp_path / "ca.pem"), "ca.pem"),
    ):
        with pytest.raises(InvalidInput, match=named):
            wrong.context()
    assert Tls.of(None, None, None) is None
    for files in ((paper.cert, None, None), (None, paper.key, None), (None, None, paper.cert)):
        with pytest.raises(InvalidInput, match="key file"):
            Tls.of(*files)
