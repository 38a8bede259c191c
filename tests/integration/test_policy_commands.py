"""A policy's life on the command line: changed in a spreadsheet, put forward, signed for, in force, taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meridian.cases.saved import cases_file
from meridian.products import find_product
from meridian.rulebook import differences
from meridian.service import Wanted
from meridian.simulator import requests
from tests.commands import meridian
from tests.registered import MAKER, PASSWORD, SIGNER
from tests.services import Service, copied_database, service
from tests.training_fixtures import TrainedModels

LOAN = "personal-loan"


@pytest.fixture
def running(template: str, demo_models: TrainedModels, tmp_path: Path) -> Iterator[Service]:
    with (
        copied_database(template) as database,
        service(tmp_path / "home", database, demo_models.models_dir, BROKER_URL="memory://") as it,
    ):
        for person in (MAKER, SIGNER):
            it.wiring.keys.set_password(person, PASSWORD)
        yield it


def said(service: Service, *arguments: str, code: int = 0, password: str = PASSWORD) -> str:
    done = meridian(["policy", *arguments], service.env, password + "\n")
    assert done.returncode == code, done.stdout + done.stderr
    return " ".join((done.stdout if "--json" in arguments else done.stdout + done.stderr).split())


def test_a_limit_is_changed_signed_for_and_taken_back(running: Service, tmp_path: Path) -> None:
    declared = find_product(LOAN).terms.version
    said(running, "export", LOAN, str(tmp_path / "tables"))
    rules = tmp_path / "tables" / "rules.csv"
    text = rules.read_text()
    line = next(line for line in text.splitlines() if line.startswith("debt-to-income"))
    rules.write_text(text.replace(line, line.replace("0.43", "0.4").replace("43 %", "40 %")))
    draft = tmp_path / "draft.yaml"
    said(running, "import", LOAN, str(tmp_path / "tables"), "--to", str(draft), "--name", "personal-loan-2")
    failing = said(running, "cases", LOAN, "--file", str(draft), code=1)
    assert "expected approve, got decline by rule debt-to-income (debt_to_income 0.43, limit 0.4" in failing
    held = json.loads(
        said(running, "submit", LOAN, "--file", str(draft), "--because", "x", "--as", MAKER, "--json", code=1)
    )
    assert [check["name"] for check in held["checks"] if not check["passed"]] == ["cases"]
    assert "did not pass: cases" in said(running, "approve", held["version"], "--as", SIGNER, code=2)
    # The case at the edge of the limit moves with it, beside the draft.
    saved = cases_file(find_product(LOAN), None)
    assert saved is not None
    (tmp_path / "cases.yaml").write_text(saved.read_text().replace("debt_to_income: 43 %", "debt_to_income: 40 %"))
    changed = said(running, "diff", LOAN, "in-force", str(draft))
    assert "debt-to-income, was: Declines where debt to income is above 43 %" in changed
    assert "Is: Declines where debt to income is above 40 %" in changed
    assert changed.count("was:") == 1
    assert "They say the same" in said(running, "diff", LOAN, declared, "in-force")

    submit = ("submit", LOAN, "--file", str(draft), "--because", "losses above 40 %")
    assert "not the password of maker" in said(running, *submit, "--as", MAKER, code=1, password="no")
    put = json.loads(said(running, *submit, "--as", MAKER, "--json"))
    version = put["version"]
    assert version.startswith("personal-loan-2-")
    assert [check["passed"] for check in put["checks"]] == [True, True, True]
    assert "submitted this policy" in said(running, "approve", version, "--as", MAKER, code=1)
    assert "nobody has signed" in said(running, "publish", version, "--because", "x", "--as", SIGNER, code=2)
    assert "no backtest of this very policy" in said(running, "approve", version, "--as", SIGNER, code=2)
    backtest = ("backtest", LOAN, version, "--last", "1h", "--as", MAKER)
    assert "has no fast decisions of personal-loan" in said(running, *backtest, code=2)
    for request in requests(12, 5, datetime.now(UTC).date()):
        running.wiring.decisions.decide(Wanted("tests", json.dumps(request).encode()))
    assert "Kept for personal-loan-2" in said(running, *backtest)
    shown = said(running, "approve", version, "--note", "read", "--as", SIGNER)
    assert "above 40 %" in shown
    assert "is past" in said(
        running, "publish", version, "--from", "2026-01-01", "--because", "x", "--as", SIGNER, code=2
    )
    assert "decides from" in said(running, "publish", version, "--because", "as agreed", "--as", SIGNER)
    (listed,) = json.loads(said(running, "versions", LOAN, "--json"))["versions"]
    assert listed["is"].startswith("in force since")
    assert version in said(running, "versions")
    running.wiring.products.look()
    rule = next(one for one in running.wiring.products[LOAN].policy.rules if one.name == "debt-to-income")
    assert rule.cell.text == "> 0.4"
    assert "above 40 %" in said(running, "show", LOAN, "--version", "in-force")
    assert "above 43 %" in said(running, "show", LOAN)
    assert "above 43 %" in said(running, "show", LOAN, "--version", declared)
    assert "Give --file or --version" in said(running, "show", LOAN, "--version", "x", "--file", "y", code=2)

    # Back to what is declared, which is put forward as any other.
    put = json.loads(said(running, "submit", LOAN, "--because", "the first", "--as", MAKER, "--json"))
    assert put["version"] == declared
    backtest = ("backtest", LOAN, declared, "--last", "1h", "--as", MAKER)
    assert "neither decides now nor is to come" in said(running, *backtest, "--against", declared, code=2)
    said(running, *backtest)
    said(running, "approve", declared, "--as", SIGNER)
    said(running, "publish", declared, "--because", "to begin with", "--as", SIGNER)
    back = json.loads(said(running, "rollback", LOAN, "--because", "no", "--as", SIGNER, "--json"))
    assert (back["version"], back["back"]) == (version, True)
    assert "no policy before" in said(running, "rollback", LOAN, "--because", "no", "--as", SIGNER, code=1)


def test_what_rules_say_otherwise_is_told_by_their_names() -> None:
    product = find_product(LOAN)
    policy = product.policy
    vocabulary = product.vocabulary

    def told(**changes: Any) -> list[str]:
        from dataclasses import replace

        text = lambda code: product.reasons[code].text  # noqa: E731
        return differences(policy, replace(policy, **changes), vocabulary, text, text)

    assert told() == []
    (dropped,) = told(rules=policy.rules[1:])
    assert dropped.startswith("age-of-majority, dropped: Declines where age years is below 18 years")
    was, now = told(prices=policy.prices[:2])
    assert was.startswith("was: Prices a year: 7.9 %")
    assert now.startswith("is: Prices a year: 7.9 %")
