"""The list of commands says what the commands say of themselves, and shows them without importing them."""

from __future__ import annotations

import subprocess
import sys
from inspect import cleandoc

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from meridian import __version__
from meridian.cli.commands import COMMANDS
from meridian.cli.main import app

HEAVY = ("alembic", "celery", "cryptography", "numpy", "pydantic", "sqlalchemy", "xgboost")
LIST = f"""
import sys
from typer.testing import CliRunner
from meridian.cli.main import app
assert "doctor" in CliRunner().invoke(app, ["--help"]).stdout
print(*[name for name in {HEAVY} if name in sys.modules])
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_as_it_says_of_itself(name: str) -> None:
    command = COMMANDS[name]
    loaded = command.load(name)
    assert loaded.name == name
    assert cleandoc(loaded.help).split("\n\n")[0] == command.help


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_tells_its_own_help(name: str) -> None:
    told = CliRunner().invoke(app, [name, "--help"], catch_exceptions=False)
    assert told.exit_code == 0
    assert f"Usage: meridian {name}" in told.stdout


def test_all_are_listed() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}, catch_exceptions=False)
    for name, command in COMMANDS.items():
        assert any(f" {name} " in line and command.help in line for line in told.stdout.splitlines()), name


def test_the_list_imports_no_command() -> None:
    """Who asks what there is, or the version, waits for no database library."""
    shown = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == []


def test_what_is_no_command_is_said_with_what_comes_close() -> None:
    told = CliRunner().invoke(app, ["doktor"])
    assert told.exit_code == 2
    assert "Did you mean 'doctor'?" in told.output


def test_the_version_is_no_command() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == __version__
    assert isinstance(get_command(app), typer.core.TyperGroup)
