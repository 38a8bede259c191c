"""`meridian up --chaos`, short: every source fails in every way, and nobody sees an error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meridian.local.placement import placement_for
from tests.services import free_port
from tests.training_fixtures import TrainedModels

SHORT = ("--applicants", "60", "--rate", "12", "--phase-s", "0.6", "--json")


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, loan_models: TrainedModels, demo_models: TrainedModels
) -> Iterator[Path]:
    """A home whose demonstration has its models already."""
    home = tmp_path_factory.mktemp("chaos") / "home"
    models = home / "chaos" / "models"
    models.mkdir(parents=True)
    for made in (loan_models, demo_models):
        (models / made.product.name).symlink_to(made.models_dir / made.product.name)
    yield home
    shutil.rmtree(placement_for(home / "chaos").folder, ignore_errors=True)


@pytest.fixture(scope="module")
def summary(home: Path) -> dict[str, Any]:
    """What a run says at its end."""
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("MERIDIAN_", "DATABASE", "BROKER"))
    }
    # A database that is not there: had the demonstration anything to do with it, it would fail.
    own = {
        "MERIDIAN_HOME": str(home),
        "MERIDIAN_PORT": str(free_port()),
        "DATABASE_URL": "postgresql://nobody@[::1]:1/",
    }
    command = [sys.executable, "-m", "meridian.cli", "up", "--chaos", *SHORT]
    done = subprocess.run(command, env=env | own, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()[:2_000] + done.stderr.decode()
    return dict(json.loads(done.stdout))


def test_no_applicant_sees_an_error(summary: dict[str, Any]) -> None:
    assert summary["errors"] == {"count": 0, "first": None}
    seconds = sum(phase["seconds"] for phase in summary["phases"])
    assert summary["decisions"] == pytest.approx(12 * seconds, abs=12)
    assert set(summary["outcomes"]) >= {"approve", "refer"}


def test_every_rung_down_to_the_form_alone_is_stood_on(summary: dict[str, Any]) -> None:
    assert set(summary["rungs"]) >= {"0 full", "1 stale", "2 pre computed", "3 application only"}
    assert sum(summary["rungs"].values()) == summary["decisions"]


def test_redecide_names_what_callers_were_told_was_decided_on_less(summary: dict[str, Any]) -> None:
    again = summary["redecide"]
    assert again["named"] + again["already"] == again["counted"] > 0
    assert again["recovered"] > again["named"] / 2


def test_breakers_open_and_let_through_again(summary: dict[str, Any]) -> None:
    turns = {(one["line"], one["now"]) for one in summary["breakers"]}
    assert {name for name, now in turns if now == "open"} >= {"bureau", "second-bureau"}
    assert {name for name, now in turns if now == "closed"} >= {"bureau"}


def test_all_of_it_stays_in_a_home_of_its_own(summary: dict[str, Any], home: Path) -> None:
    assert [one.name for one in home.iterdir()] == ["chaos"]
    assert f"MERIDIAN_HOME='{home / 'chaos'}'" in summary["redecide"]["command"]
