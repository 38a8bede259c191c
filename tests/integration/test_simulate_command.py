"""`meridian simulate`: a lender in a folder, its requests on standard output, and a stub that runs until stopped."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meridian.application import DecisionRequest
from meridian.cli.main import main
from meridian.products import find_product
from meridian.simulator.lender import LenderSettings, simulate

pq = pytest.importorskip("pyarrow.parquet")

MERIDIAN = Path(sys.executable).with_name("meridian")


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `meridian simulate ...`."""

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["meridian", "simulate", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        # Long lines of talk are broken where the screen ends, which is anywhere.
        return Said(int(ended.value.code or 0), said.out, " ".join(said.err.split()))

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("simulate") / "lender"
    simulate(LenderSettings(applicants=30, seed=3), made)
    return made


def test_a_lender_is_made_and_described(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "lender"
    options = ["--applicants", 50, "--seed", 9, "--first-day", "2025-03-01", "--last-day", "2025-03-31"]
    said = run("lender", folder, *options, "--drift", 0.5, "--disparity", 1)
    assert said.code == 0
    assert re.search(r"^50 applicants, [\d,]+ events in ", said.out)
    assert re.search(r"approved +\d+\.\d%", said.out)
    card = (folder / "card.md").read_text()
    for line in ("days of application | 2025-03-01 to 2025-03-31", "seed | 9", "drift | 0.5", "disparity | 1.0"):
        assert f"| {line} |" in card
    applied = pq.read_table(folder / "applications")["applied_at"].to_pylist()
    assert {(at.year, at.month) for at in applied} == {(2025, 3)}


def test_a_lender_as_json(run: Run, tmp_path: Path) -> None:
    said = run("lender", tmp_path / "lender", "--applicants", 5, "--json")
    made = json.loads(said.out)
    assert made["applicants"] == 5
    assert made["total_events"] == sum(made["events"].values())
    assert Path(made["card"]).read_text().startswith("# A simulated lender")


def test_a_folder_that_holds_something_is_left_alone(run: Run, folder: Path) -> None:
    said = run("lender", folder)
    assert (said.code, said.out) == (2, "")
    assert "not empty" in said.err
    assert not (folder / "card.md").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [(["--first-day", "May"], "--first-day 'May'"), (["--applicants", "0"], "applicants: 0"),
     (["--disparity", "-1"], "-1.0")],
)  # fmt: skip
def test_what_makes_no_lender_is_refused_by_name(run: Run, tmp_path: Path, options: list[str], named: str) -> None:
    said = run("lender", tmp_path / "lender", *options)
    assert said.code == 2
    assert named in said.err


def test_as_a_program_it_makes_more_than_one_chunk_in_processes_of_their_own(tmp_path: Path) -> None:
    command: list[str | Path] = [MERIDIAN, "simulate", "lender", tmp_path / "lender", "--applicants", "10001", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["applicants"] == 10_001
    assert len(list((tmp_path / "lender" / "applications").iterdir())) == 2


def test_requests_are_lines_that_the_service_takes(run: Run, folder: Path) -> None:
    lines = run("requests", folder).out.splitlines()
    assert len(lines) == 30
    taken: type[DecisionRequest[Any]] = find_product("consumer-loan").request
    assert all(taken.model_validate_json(line) for line in lines)
    assert run("requests", folder, "--count", 4).out.splitlines() == lines[:4]


def test_requests_of_a_folder_without_a_lender(run: Run, tmp_path: Path) -> None:
    said = run("requests", tmp_path)
    assert said.code == 2
    assert "holds no applications" in said.err


def test_who_reads_only_some_of_the_requests_hears_no_complaint(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", pipe)
        said = run("requests", folder)
    assert (said.code, said.err) == (0, "")


def test_a_stub_serves_until_it_is_stopped_whoever_hangs(folder: Path) -> None:
    command = serving("bureau", folder, "--fault", "error")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as stub:
        assert stub.stdout is not None
        try:
            url = stub.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
            assert call(url, "GET", "/v1/bureau/L3-00000001") == 500
            assert call(url, "PUT", "/faults", '{"fault": "hung"}') == 200
            hung = threading.Thread(target=lambda: call(url, "GET", "/v1/bureau/L3-00000001"))
            hung.start()
            stub.terminate()
            assert stub.wait(timeout=5) == 0
            hung.join(timeout=5)
        finally:
            stub.kill()


def test_a_stub_speaks_the_second_dialect_and_wants_the_key_of_its_environment(folder: Path) -> None:
    command = serving("bureau", folder, "--dialect", "second", "--api-key-env", "BUREAU_KEY", "--fault", "tail")
    environment = {**os.environ, "BUREAU_KEY": "the-key"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as stub:
        assert stub.stdout is not None
        assert stub.stderr is not None
        try:
            url = stub.stdout.readline().strip()
            path = "/credit-files/L3-00000001"
            assert "/credit-files/<applicant_id>" in stub.stderr.readline()
            assert call(url, "GET", path) == 401
            assert call(url, "GET", path, headers={"Authorization": "Bearer the-key"}) == 200
            stub.terminate()
            assert stub.wait(timeout=5) == 0
        finally:
            stub.kill()


@pytest.mark.parametrize(
    ("words", "named"),
    [(["fico"], "'fico'"), (["bank", "--fault", "rain"], "'rain'"), (["bank", "--scale", "-1"], "scale -1.0"),
     (["bank", "--host", "192.0.2.1"], "192.0.2.1:0"), (["bank", "--dialect", "second"], "bank does not speak"),
     (["bank", "--api-key-env", "NO_SUCH_KEY"], "'NO_SUCH_KEY'"), (["bank", "--cert-file", "stub.pem"], "stub.pem"),
     (["bank", "--cert-file", "stub.pem", "--key-file", "stub.key"], "stub.key")],
)  # fmt: skip
def test_a_stub_that_cannot_be_is_refused_by_name(run: Run, folder: Path, words: list[str], named: str) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    try:
        said = run("serve", *words, "--folder", folder)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert said.code == 2
    assert named in said.err


def serving(source: str, folder: Path, *options: str) -> list[str]:
    """The command that runs a stub, which answers at once."""
    return [str(MERIDIAN), "simulate", "serve", source, "--folder", str(folder), "--scale", "0", *options]


def call(url: str, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None) -> int:
    """The status of an answer, 0 where there is none."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()
