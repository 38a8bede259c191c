"""`meridian up`, as a newcomer runs it: real processes in an empty home, nothing configured."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from meridian.api.schemas import DecisionOut
from meridian.local.placement import placement_for
from tests.services import free_port

MERIDIAN = [sys.executable, "-m", "meridian.cli"]


@pytest.fixture(scope="module")
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A home where nothing is, and no word of any server."""
    home = tmp_path_factory.mktemp("newcomer")
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("MERIDIAN_", "DATABASE", "BROKER"))
    }
    yield env | {"HOME": str(home), "MERIDIAN_HOME": str(home / ".meridian"), "MERIDIAN_PORT": str(free_port())}
    shutil.rmtree(placement_for(home / ".meridian").folder, ignore_errors=True)


def start(env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """`meridian up` until it says that it is up."""
    with log.open("wb") as err:
        process = subprocess.Popen([*MERIDIAN, "up"], env=env, stderr=err, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 90
    while "Ctrl-C stops everything" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return process


def own_processes(home: str) -> list[str]:
    """Processes that still have this installation in their environment or command."""
    found = []
    for process in psutil.process_iter():
        try:
            told = " ".join([*process.cmdline(), process.environ().get("MERIDIAN_HOME", "")])
        except psutil.Error:
            continue
        if home in told and process.pid != os.getpid():
            found.append(told)
    return found


@pytest.fixture(scope="module")
def once(clean_environment: dict[str, str]) -> dict[str, object]:
    """The summary of the first run on a machine."""
    done = subprocess.run([*MERIDIAN, "up", "--once"], env=clean_environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return dict(json.loads(done.stdout))


def test_one_round_decides_and_assesses_a_hundred(once: dict[str, object]) -> None:
    assert (once["decisions"], once["assessments"], once["errors"]) == (100, 100, 0)
    outcomes = once["outcomes"]
    assert isinstance(outcomes, dict)
    assert sum(outcomes.values()) == 100
    assert outcomes["approve"] > 30


def test_nothing_is_left_running_after_a_round(once: dict[str, object], clean_environment: dict[str, str]) -> None:
    assert own_processes(clean_environment["MERIDIAN_HOME"]) == []


def test_a_second_start_has_kept_the_data_and_ctrl_c_leaves_nothing(
    once: dict[str, object], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    process = start(clean_environment, tmp_path / "up.log")
    try:
        said = (tmp_path / "up.log").read_text()
        assert "training" not in said
        assert "demo models" not in said
        rows = subprocess.run(
            [*MERIDIAN, "sql", "select count(*) as n from audit.decisions", "--json"],
            env=clean_environment,
            capture_output=True,
            check=True,
        )
        assert json.loads(rows.stdout) == [{"n": 200}]
        curl = next(line for line in said.splitlines() if line.startswith("curl "))
        pasted = subprocess.run(["bash", "-c", curl], capture_output=True, check=True)
        assert DecisionOut.model_validate_json(pasted.stdout).stage == "fast"
        psql = next(line for line in said.splitlines() if line.startswith("Auditors"))
        assert "meridian_audit:" in psql
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    assert own_processes(clean_environment["MERIDIAN_HOME"]) == []


def test_a_second_up_on_the_same_home_is_refused(
    once: dict[str, object], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    process = start(clean_environment, tmp_path / "up.log")
    try:
        second = subprocess.run([*MERIDIAN, "up"], env=clean_environment, capture_output=True, check=False)
        assert second.returncode == 3
        assert b"Traceback" not in second.stderr
    finally:
        down = subprocess.run([*MERIDIAN, "down"], env=clean_environment, capture_output=True, check=False)
        assert down.returncode == 0, down.stderr.decode()
        assert process.wait(timeout=60) == 0


def test_the_doctor_names_what_is_missing_and_what_to_do(
    once: dict[str, object], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    stopped = subprocess.run([*MERIDIAN, "doctor", "--json"], env=clean_environment, capture_output=True, check=False)
    assert stopped.returncode == 3
    findings = {finding["what"]: finding for finding in json.loads(stopped.stdout)}
    assert [what for what, finding in findings.items() if not finding["good"]] == [
        "database",
        "record",
        "broker",
        "vectors",
    ]
    assert "meridian up" in findings["database"]["text"]
    process = start(clean_environment, tmp_path / "up.log")
    try:
        running = subprocess.run([*MERIDIAN, "doctor"], env=clean_environment, capture_output=True, check=False)
        assert running.returncode == 0, running.stdout.decode()
        assert b"PostgreSQL 18" in running.stdout
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
