"""The README's commands, run as they stand: every `sh` block, in order, in a folder where nothing is."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meridian.local.placement import placement_for
from tests.services import free_port
from tests.training_fixtures import loans_table, write_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)
START, *REST = BLOCKS


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty folder with the checkout's virtual environment, and nothing in the environment."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    loans = write_table(tmp_path / "loans.csv", loans_table())
    (tmp_path / "loans.csv.gz").write_bytes(gzip.compress(loans.read_bytes()))
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("MERIDIAN_", "DATABASE", "BROKER"))
    }
    home = tmp_path / ".meridian"
    yield tmp_path, env | {"MERIDIAN_HOME": str(home), "MERIDIAN_PORT": str(free_port()), "HOME": str(tmp_path)}
    shutil.rmtree(placement_for(home).folder, ignore_errors=True)


def test_the_first_screen_says_what_it_is_and_starts_it_with_one_command() -> None:
    first_screen = "\n".join(README.splitlines()[:45])
    assert START.strip() == "make up"
    assert "```sh\nmake up\n```" in first_screen
    example = json.loads(re.search(r"^```json\n(.*?)^```", first_screen, re.M | re.S).group(1))  # type: ignore[union-attr]
    assert example["outcome"] == "decline"
    assert len(example["reasons"]) == 4


def test_every_command_works(newcomer: tuple[Path, dict[str, str]]) -> None:
    folder, env = newcomer
    log = folder / "make-up.log"
    with log.open("wb") as out:
        up = subprocess.Popen(
            ["make", "up", f"VENV={sys.prefix}"], cwd=ROOT, env=env, stdout=out, stderr=out, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 300
        while "Ctrl-C stops everything" not in log.read_text():
            assert up.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        script = "set -euxo pipefail\n" + "\n".join(REST).replace("127.0.0.1:8000", f"127.0.0.1:{env['MERIDIAN_PORT']}")
        done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert '"outcome":"approve"' in done.stdout, done.stdout
        assert "AUC test" in done.stdout
        summary, _ = json.JSONDecoder().raw_decode(done.stdout[done.stdout.rindex('{\n  "decisions"') :])
        assert (summary["assessments"], summary["errors"]) == (100, 0)
        assert up.wait(timeout=60) == 0
    finally:
        if up.poll() is None:
            os.killpg(up.pid, signal.SIGTERM)
            up.wait(timeout=60)


@pytest.mark.parametrize("target", re.findall(r"`make (\w+)`", README))
def test_every_make_target_it_names_exists(target: str) -> None:
    """`make test` and `make check` are run by the build itself, `make up` by the test above."""
    subprocess.run(["make", "--dry-run", target, f"VENV={sys.prefix}"], cwd=ROOT, capture_output=True, check=True)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists(), link
