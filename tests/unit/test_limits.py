"""The lender's own limits of the gates: from a file, whole or not at all, as documented."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from meridian.cli.models import check as check_command
from meridian.errors import InvalidInput
from meridian.registry import Purpose
from meridian.settings import Settings
from meridian.training.fairness import NOT_MEASURED
from meridian.training.limits import LIMITS, Limits, limits_in_force

PRODUCTS = ("personal-loan", "credit-card")
GATES = """
[gates]
least_air = 0.9
most_psi = 0.2

[gates.personal-loan]
least_air = "off"
most_smd = 0.5
least_group = 50
"""


def limits_of(tmp_path: Path, text: str, product: str = "personal-loan") -> Limits:
    file = tmp_path / "gates.toml"
    file.write_text(text)
    return Limits.from_file(file, product, PRODUCTS)


def test_limits_are_of_all_products_and_of_one_before_them(tmp_path: Path) -> None:
    own = limits_of(tmp_path, GATES)
    assert own == replace(LIMITS, least_air=None, most_psi=0.2, most_smd=0.5, least_group=50)
    assert limits_of(tmp_path, GATES, "credit-card") == replace(LIMITS, least_air=0.9, most_psi=0.2)
    assert limits_of(tmp_path, "") == LIMITS
    assert LIMITS.least_air == 0.8


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[gates]\nleast_aire = 0.8", r"\[gates\], key least_aire is a key that nothing reads; check its spelling"),
        ("[gates]\nleast_air = '0.8'", r"\[gates\], key least_air is '0.8'; expected a valid number"),
        ("[gates]\nleast_air = true", r"key least_air is True; expected a valid number"),
        ("[gates]\nleast_air = -0.1", r"key least_air is -0.1; expected greater than or equal to 0"),
        ("[gates]\nleast_auc = 1.5", r"key least_auc is 1.5; expected less than or equal to 1"),
        ("[gates]\nmost_psi = inf", r"key most_psi is inf; expected a finite number"),
        ("[gates]\nmost_psi = nan", r"key most_psi is nan; expected a finite number"),
        ("[gates]\nleast_group = 2.5", r"key least_group is 2.5; expected a valid integer"),
        ("[gates]\nleast_auc = 'off'", r"key least_auc is 'off'; expected a valid number"),
        ("[gates]\nleast_auc = 0.95", r"least_auc is 0.95, above most_auc, 0.9; no model could pass"),
        ("[gates.credit-card]\nmost_gap = []", r"\[gates.credit-card\], key most_gap is \[\]; expected a valid number"),
        ("[gates.credit-cart]\nmost_gap = 0.1", r"\[gates.credit-cart\] is of no product; there are credit-card, pers"),
        ("gates = 3", r"key gates is 3; expected a table, \[gates\]"),
        ("least_air = 0.8", r"least_air is a key that nothing reads; limits stand under \[gates\]"),
        ("[gates\n", r"gates.toml is not TOML"),
    ],
)
def test_limits_that_are_none_are_refused_wherever_they_stand(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        limits_of(tmp_path, text)


def test_limits_that_cross_only_together_are_refused(tmp_path: Path) -> None:
    text = "[gates]\nleast_slope = 1.2\n[gates.personal-loan]\nmost_slope = 1.1"
    with pytest.raises(InvalidInput, match=r"gates.personal-loan.*least_slope is 1.2, above most_slope, 1.1"):
        limits_of(tmp_path, text)


def test_the_settings_name_the_file(tmp_path: Path) -> None:
    """By default it lies in the home and need not be there; one that is named must be."""
    at_home = Settings(MERIDIAN_HOME=tmp_path)  # type: ignore[call-arg]
    assert limits_in_force(at_home, "personal-loan") == LIMITS
    (tmp_path / "gates.toml").write_text("[gates]\nleast_air = 0.7")
    assert limits_in_force(at_home, "personal-loan").least_air == 0.7
    named = Settings(MERIDIAN_GATES=tmp_path / "other.toml", MERIDIAN_HOME=tmp_path)  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match=r"other.toml is missing; write it, or unset MERIDIAN_GATES"):
        limits_in_force(named, "personal-loan")
    (tmp_path / "other.toml").write_text("[gates.personal-loan]\nleast_air = 0.6")
    assert limits_in_force(named, "personal-loan").least_air == 0.6


def test_the_command_holds_models_against_the_lenders_limits(
    demo_models: Any, loans_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And complains of their file before it reads any loan."""
    app = Typer()
    app.command()(check_command)
    monkeypatch.setenv("MERIDIAN_HOME", str(tmp_path))
    (tmp_path / "gates.toml").write_text("[gates]\nleast_auc = 0.89")
    arguments = ["personal-loan", "--data", str(loans_file()), "--folder", str(demo_models.folder(Purpose.COMPACT))]
    told = CliRunner().invoke(app, [*arguments, "--json"])
    assert told.exit_code == 1, told.output
    gates = {gate["name"]: gate for gate in json.loads(told.stdout)["gates"]}
    assert not gates["discrimination"]["passed"]
    assert "least 0.89" in gates["discrimination"]["found"]
    assert gates["fairness"]["found"] == NOT_MEASURED
    (tmp_path / "gates.toml").write_text("[gates]\nleast = 1")
    refused = CliRunner().invoke(app, ["personal-loan", "--data", "nowhere.csv"])
    assert isinstance(refused.exception, InvalidInput)
    assert "key least is a key that nothing reads" in str(refused.exception)


DOCUMENT = (Path(__file__).parents[2] / "docs" / "gates.md").read_text()


def test_every_limit_is_documented_with_its_default() -> None:
    for name, default in vars(LIMITS).items():
        shown = '`"off"`' if default is None else default
        assert f"| `{name}` | {shown} |" in DOCUMENT, name


def test_what_is_documented_is_read(tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text(DOCUMENT.split("```toml")[1].split("```")[0])
    found = Limits.from_file(tmp_path / "gates.toml", "corner-shop", ["corner-shop"])
    assert found == replace(LIMITS, least_auc=0.6, least_air=None, most_smd=0.5)
