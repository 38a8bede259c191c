"""The architecture is a failing check: the contracts on imports hold, and they would not hold for an import upward."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sysconfig.get_path("scripts")) / "lint-imports"

# A file of the copy, what it imports, and the contract that must break.
BREACHES = [
    ("meridian/policy/rules.py", "import meridian.api", "Imports run from the roof down"),
    ("meridian/decision/decide.py", "import meridian.record", "Imports run from the roof down"),
    ("meridian/api/routes.py", "import meridian.desk", "neighbours on a floor do not know each other"),
    ("meridian/evidence/capture.py", "import sqlalchemy", "The core knows no web"),
    ("meridian/offers/funnel.py", "import flask", "The core knows no web"),
    ("meridian/offers/funnel.py", "import meridian.decision", "Imports run from the roof down"),
    ("meridian/record/version.py", "import flask", "The core knows no web"),
    ("meridian/api/routes.py", "import sqlalchemy", "SQL stands in db"),
    ("workers/app.py", "import psycopg2", "SQL stands in db"),
    ("meridian/scoring/__init__.py", "import xgboost", "Only training knows XGBoost"),
    ("workers/app.py", "import distributed", "Only training knows XGBoost"),
]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of the packages in a folder, and of no installed ones."""
    return subprocess.run(
        [LINT_IMPORTS, "--config", "setup.cfg", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def test_the_contracts_hold() -> None:
    result = lint_imports(TOP)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken\.", result.stdout)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source without its tests, to break things in."""
    folder = tmp_path_factory.mktemp("copy")
    ignore = shutil.ignore_patterns("__pycache__", "static", "templates")
    for package in ("meridian", "workers"):
        shutil.copytree(TOP / package, folder / package, ignore=ignore)
    shutil.copy(TOP / "setup.cfg", folder)
    return folder


@pytest.mark.parametrize(("file", "line", "contract"), BREACHES)
def test_an_import_that_must_not_be_breaks_its_contract(copy: Path, file: str, line: str, contract: str) -> None:
    source = copy / file
    text = source.read_text()
    source.write_text(f"{text}\n{line}\n")
    try:
        result = lint_imports(copy)
    finally:
        source.write_text(text)
    assert result.returncode == 1, result.stdout + result.stderr
    assert [title for title in re.findall(r"^(.*) BROKEN$", result.stdout, re.M) if contract in title]


def test_every_package_stands_on_a_floor() -> None:
    config = (TOP / "setup.cfg").read_text()
    floors = config.partition("layers =")[2].partition("[importlinter")[0]
    placed = set(re.findall(r"meridian\.(\w+)", floors))
    there = {
        path.stem
        for path in (TOP / "meridian").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }  # fmt: skip
    assert there - {"__init__"} == placed
