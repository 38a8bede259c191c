"""`meridian audit`: does the record hold? Said on the screen, as JSON, and by the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from meridian.cli.main import main
from tests.entries import entries, record_entries
from tests.services import Service

MERIDIAN = Path(sys.executable).with_name("meridian")


@pytest.fixture
def running(running: Service) -> Service:
    """Two seals of a few decisions, and two decisions that wait."""
    for n in (3, 2):
        record_entries(running, n)
        running.worker.seals.seal()
    record_entries(running, 2)
    return running


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def audit(running: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs `meridian audit ...` with these variables otherwise; an empty one is not set."""

    def run(*words: str, **env: str) -> Said:
        with monkeypatch.context() as patch:
            for name, value in {**running.env, **env}.items():
                patch.setenv(name, value) if value else patch.delenv(name, raising=False)
            patch.setattr(sys, "argv", ["meridian", "audit", *words])
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


def test_as_a_program_it_says_the_same(running: Service) -> None:
    """In a process of its own, as a schedule or a pipeline runs it."""
    command = [str(MERIDIAN), "audit", "verify", "--json"]
    result = subprocess.run(command, env=running.env, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["holds"] is True


def test_a_good_record_is_said_to_hold(running: Service, audit: Callable[..., Said]) -> None:
    result = audit("verify")
    assert result.code == 0, result.err
    assert "The record holds: 22 rows, 2 seals, 6 rows not sealed yet" in result.out
    said = audit("verify", "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert document | {"seconds": 0, "rows_per_s": 0} == {
        "rows": 22, "seals": 2, "unsealed": 6, "seconds": 0, "rows_per_s": 0, "holds": True, "findings": [],
    }  # fmt: skip
    assert document["seconds"] > 0


def test_a_record_that_does_not_hold_is_exit_code_1_and_what_was_tampered_with_is_named(
    running: Service, audit: Callable[..., Said]
) -> None:
    (row,) = running.query("SELECT id FROM record.version ORDER BY id LIMIT 1")
    running.execute(f"UPDATE record.version SET decided_by = 'somebody else' WHERE id = '{row.id}'")
    result = audit("verify")
    assert result.code == 1
    assert f"!! record.version {row.id} was changed" in result.out
    assert "1 findings: 22 rows, 2 seals" in result.out
    said = audit("verify", "--json")
    assert said.code == 1
    document = json.loads(said.out)
    assert document["holds"] is False
    assert [finding["where"] for finding in document["findings"]] == [f"record.version {row.id}"]


def test_an_auditor_needs_the_public_key_alone_and_no_secret(running: Service, audit: Callable[..., Said]) -> None:
    key = audit("key").out.strip()
    assert key == running.wiring.seal_keys.public
    result = audit("verify", MERIDIAN_SEAL_KEY="", MERIDIAN_SEAL_PUBLIC_KEYS=key, MERIDIAN_SECRET_KEY="")
    assert result.code == 0, result.out + result.err


def test_seals_by_a_key_that_is_not_trusted_do_not_hold(running: Service, audit: Callable[..., Said]) -> None:
    result = audit("verify", MERIDIAN_SEAL_KEY="", MERIDIAN_SEAL_PUBLIC_KEYS="ab" * 32)
    assert result.code == 1
    assert all(f"!! seal {number} it is signed with the key" in result.out for number in (1, 2))


@pytest.mark.parametrize("words", [("verify",), ("seal",), ("key",)], ids=" ".join)
def test_without_a_key_the_exit_code_is_3_and_the_message_names_the_variable(
    audit: Callable[..., Said], words: tuple[str, ...]
) -> None:
    result = audit(*words, MERIDIAN_SEAL_KEY="")
    assert (result.code, result.out) == (3, "")
    assert "MERIDIAN_SEAL_" in result.err
    assert "Traceback" not in result.err


def test_without_its_anchors_the_exit_code_is_3(audit: Callable[..., Said], tmp_path: Path) -> None:
    """Nothing is said to hold that could not be looked at."""
    (tmp_path / "folder").mkdir()
    result = audit("verify", MERIDIAN_ANCHOR=str(tmp_path / "folder"))
    assert result.code == 3
    assert "cannot be read" in "".join(result.err.split("\n"))
    assert "holds" not in result.out


def test_without_a_database_the_exit_code_is_3(audit: Callable[..., Said], tmp_path: Path) -> None:
    nothing = {name: "" for name in os.environ if name.endswith("DATABASE_URL")}
    home = str(tmp_path / "empty")
    result = audit("verify", DATABASE_URL="", ADMIN_DATABASE_URL="", MERIDIAN_HOME=home, **nothing)
    assert result.code == 3
    assert "No database is configured" in result.err


def test_sealing_by_hand_says_how_many_seals_were_made(running: Service, audit: Callable[..., Said]) -> None:
    entries(running, 1)
    said = [audit("seal") for _ in range(2)]
    assert [(one.code, one.out.strip()) for one in said] == [(0, "1 seals made."), (0, "0 seals made.")]
    assert "3 seals, 0 rows not sealed yet" in audit("verify").out
