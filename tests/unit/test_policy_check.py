"""The check of a policy's tables: gaps, overlaps, rows that say nothing; and the commands that tell of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from meridian.cli.main import app
from meridian.errors import InvalidPolicy
from meridian.outcome import Outcome
from meridian.policy import Policy
from meridian.products.shelf import BROUGHT, policy_file
from meridian.rulebook import Finding, check_yaml, load_policy, sentences_of
from tests.rule_tables import LOAN

RULE = {
    "rule": "limit", "field": "annual_income", "hits": "< 500", "effect": "decline", "reason": "P02",
    "unknown_reason": "D03", "meaning": "Income",
}  # fmt: skip
FULL = {"rung": "full", "approve_below": "12 %", "decline_above": "35 %"}
RENT, OWN = {"housing": "rent"}, {"housing": "own"}


def checked(
    rules: list[dict] | None = None, bands: list[dict] | None = None, prices: list[dict] | None = None
) -> tuple[Policy | None, list[Finding]]:
    document = {"policy": "p", "rules": rules or [], "bands": bands or [FULL], "prices": prices or []}
    # JSON is YAML, and the rows' numbers are texts there as here.
    return check_yaml(json.dumps(document, indent=1).encode(), LOAN.vocabulary, "policy.yaml")


def rule(name: str, **cells: object) -> dict:
    return {**RULE, "rule": name, **cells}


@pytest.mark.parametrize(
    "rules",
    [
        [rule("a"), rule("b", hits="< 300", reason="P03")],
        [rule("a"), rule("b", hits="< 900", effect="refer")],
        [rule("a", effect="refer"), rule("b", hits="< 300")],
        [rule("a"), rule("b", field="bankruptcies", hits="> 3")],
        [rule("a", **{"if": RENT}), rule("b", hits="< 100")],
        [rule("a", **{"if": RENT}), rule("b", **{"if": OWN})],
        [rule("a", until="2026-01-01"), rule("b", since="2026-01-01")],
        [rule("a", unknown="approve", unknown_reason=""), rule("b", hits="< 300")],
        [rule("a", hits="-", field="housing", **{"if": {"purpose": "wedding"}})],
    ],
)
def test_rows_that_each_add_something_are_left_alone(rules: list[dict]) -> None:
    policy, found = checked(rules)
    assert found == []
    assert policy is not None


@pytest.mark.parametrize(
    ("rules", "row", "other"),
    [
        ([rule("a"), rule("b", hits="< 300")], 2, 1),
        ([rule("a", hits="< 300"), rule("b")], 1, 2),
        ([rule("a"), rule("b")], 2, 1),
        ([rule("a"), rule("b", hits="< 300", effect="refer", reason="P03")], 2, 1),
        ([rule("a"), rule("b", hits="[100..300]")], 2, 1),
        ([rule("a"), rule("b", **{"if": RENT})], 2, 1),
        ([rule("a"), rule("b", since="2026-01-01")], 2, 1),
        ([rule("a"), rule("b", unknown="approve", unknown_reason="")], 2, 1),
        ([rule("a", field="housing", hits="not(own)"), rule("b", field="housing", hits="rent")], 2, 1),
        (
            [
                rule("a", **{"if": {"housing": "rent, mortgage, other"}}),
                rule("b", **{"if": {"housing": "not(own, rent)"}}),
            ],
            2,
            1,
        ),
    ],
)
def test_a_rule_that_can_never_add_anything_is_found(rules: list[dict], row: int, other: int) -> None:
    policy, (one,) = checked(rules)
    assert policy is None
    assert (one.table, one.row, one.column) == ("rules", row, "hits")
    assert one.problem.endswith(f"in row {other}")


def band(guards: dict | None = None, **cells: str) -> dict:
    return {**FULL, **({"if": guards} if guards else {}), **cells}


PRE = {"rung": "pre-computed", "approve_below": "8 %", "valid_for_days": "30"}


@pytest.mark.parametrize(
    ("bands", "row", "column", "problem"),
    [
        ([PRE], None, "rung", "no bands for the rung full"),
        ([band(RENT)], 1, "rung", "whom no guard holds for"),
        ([band(), band(RENT)], 2, "rung", "never reached: row 1"),
        ([band(), band()], 2, "rung", "never reached: row 1"),
        ([band({"housing": "rent, own"}), band(RENT), band()], 2, "rung", "never reached: row 1"),
        ([band({"housing": "rent, own"}), band({"housing": "own, other"}), band()], 2, "rung", "both hold"),
        ([band(RENT), band({"age_years": "< 20"}), band()], 2, "rung", "both hold"),
        ([band({"annual_income": "< 500"}), band({"annual_income": "[400..600]"}), band()], 2, "rung", "both hold"),
        ([band(approve_below="35 %")], 1, "decline_above", "not above approve_below"),
        ([band(approve_below="12")], 1, "approve_below", "not from 0 to 100 %"),
        ([band(decline_above="")], 1, "decline_above", "is empty"),
        ([band(valid_for_days="30")], 1, "valid_for_days", "only the rung pre-computed"),
        ([band(limit_cap="1,000")], 1, "limit_cap", "thousands separators"),
        ([band(), band(rung="stale")], 2, "rung", "none of what rung may be"),
        ([band(), PRE | {"valid_for_days": ""}], 2, "valid_for_days", "is empty"),
        ([band(), PRE | {"decline_above": "35 %"}], 2, "decline_above", "declines nobody"),
        ([band(), PRE | {"if": RENT, "valid_for_days": "9"}, PRE], 2, "valid_for_days", "one for all"),
        ([band(), PRE | {"approve_below": "13 %"}], 2, "approve_below", "lower rung knows less"),
        # A renter would be declined with every source at hand, and approved without them.
        ([band(RENT, approve_below="2 %", decline_above="5 %"), band(), PRE], 3, "approve_below", "approves more"),
        ([band(limit_cap="1000"), PRE], 2, "limit_cap", "offers more"),
        ([band(limit_cap="1000"), PRE | {"limit_cap": "2000"}], 2, "limit_cap", "offers more"),
    ],
)
def test_bands_have_neither_gaps_nor_rows_that_are_never_reached(
    bands: list[dict], row: int | None, column: str, problem: str
) -> None:
    _, found = checked(bands=bands)
    assert (found[0].row, found[0].column) == (row, column), [one.sentence() for one in found]
    assert problem in found[0].problem


def test_a_segment_of_a_lower_rung_answers_for_its_own() -> None:
    narrow = {"approve_below": "2 %", "decline_above": "5 %"}
    _, found = checked(bands=[band(RENT, **narrow), band(), PRE | {"if": RENT, "approve_below": "2 %"}, PRE])
    assert found == []


def test_segments_from_narrow_to_wide_are_what_the_table_is_for() -> None:
    policy, found = checked(bands=[band(RENT), band({"housing": "rent, own"}), band(limit_cap="9000"),
                                    PRE | {"limit_cap": "9000"}])  # fmt: skip
    assert found == []
    assert policy is not None
    assert policy.at(0, {"housing": "mortgage"}).limit_cap == 9000  # type: ignore[arg-type]
    assert policy.at(1, {"housing": "own"}).limit_cap is None  # type: ignore[arg-type]
    assert policy.stated == ("housing",)


@pytest.mark.parametrize(
    ("bounds", "row", "problem"),
    [
        (["3 %", "3 %", "12 %"], 2, "never reached"),
        (["12 %", "3 %"], 2, "never reached"),
        (["3 %", "8 %"], 2, "from 0.08 to 0.12 has no price"),
        (["3"], 1, "not from 0 to 100 %"),
        (["12%x"], 1, "no number"),
    ],
)
def test_prices_rise_and_cover_every_approval(bounds: list[str], row: int, problem: str) -> None:
    _, found = checked(prices=[{"pd_below": bound, "apr": "9 %"} for bound in bounds])
    assert [(one.table, one.row, one.column) for one in found] == [("prices", row, "pd_below")]
    assert problem in found[0].problem


def test_a_policy_with_a_mistake_is_not_loaded(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("policy: p\nrules: [{rule: a, field: anual_income}]\n")
    with pytest.raises(InvalidPolicy, match=r"/policy.yaml, line 2, rules, row 1 'a', column field: 'anual_income'"):
        load_policy(file, LOAN.vocabulary)


def test_a_policy_is_told_in_sentences() -> None:
    rules = [
        rule("a", field="debt_to_income", hits="> 65 %", reason="P04", unknown_reason="D01"),
        rule("b", field="housing", hits="not(rent, own)", effect="refer", since="2026-02-01", until="2027-01-01"),
        rule("c", hits="[1..3)", unknown="approve", unknown_reason="", **{"if": {"is_renter": "yes"}}),
        rule("d", field="term_months", hits="12, 24.5", unknown="decline"),
    ]
    policy, found = checked(rules, [band(RENT, approve_below="9 %"), band(), PRE], [{"pd_below": "12 %", "apr": "7 %"}])
    assert policy is not None, found
    assert sentences_of(policy, LOAN.vocabulary, str.lower) == [
        "Declines where debt to income is above 65 % (reason P04: p04); where that is not known, refers (D01: d01).",
        "From 2026-02-01 on, before 2027-01-01, refers where housing is not own or rent (reason P02: p02); where "
        "that is not known, refers (D03: d03).",
        "Declines where is renter is yes and annual income is from 1 USD to below 3 USD (reason P02: p02); where "
        "that is not known, nothing follows.",
        "Declines where term months is 12 months or 24.5 months (reason P02: p02); where that is not known, declines "
        "(D03: d03).",
        "With every source at hand, where housing is rent: approves below a PD of 9 %, declines above 35 %, refers "
        "what is left.",
        "With every source at hand: approves below a PD of 12 %, declines above 35 %, refers what is left.",
        "While a source is away, by an earlier score: approves below a PD of 8 %, refers what is left, takes no score "
        "older than 30 days.",
        "Prices a year: 7 % below a PD of 12 %; beyond, the last.",
    ]


Command = Callable[..., Result]


@pytest.fixture
def command() -> Command:
    return lambda *arguments: CliRunner().invoke(app, ["policy", *map(str, arguments)])


def test_the_built_in_policies_hold_together(command: Command) -> None:
    result = command("check")
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.output.splitlines()] == list(BROUGHT)
    document = json.loads(command("check", "--json").output)
    assert [one["findings"] for one in document["policies"]] == [[], [], []]


def test_the_exit_code_says_that_something_is_wrong(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    text = policy_file(LOAN.name).read_text()  # type: ignore[union-attr]
    file.write_text(text.replace("field: debt_to_income", "field: debt_to_incme"))
    result = command("check", LOAN.name, "--file", file)
    assert result.exit_code == 1
    assert "row 4 'debt-to-income', column field: 'debt_to_incme' is no field" in result.output
    (found,) = json.loads(command("check", LOAN.name, "--file", file, "--json").output)["policies"][0]["findings"]
    assert (found["row"], found["column"], found["remedy"]) == (4, "field", "write debt_to_income")
    assert command("check", "--file", file).exit_code != 0
    assert command("check", LOAN.name, "--file", tmp_path / "none.yaml").exit_code != 0
    assert command("show", LOAN.name, "--file", file).exit_code != 0


def test_a_policy_goes_to_a_spreadsheet_and_back(command: Command, tmp_path: Path) -> None:
    assert command("export", LOAN.name, tmp_path / "sheets").exit_code == 0
    rules = tmp_path / "sheets" / "rules.csv"
    assert rules.read_bytes().startswith(b"\xef\xbb\xbfrule,")
    back = tmp_path / "policy.yaml"
    assert command("import", LOAN.name, tmp_path / "sheets", "--to", back).exit_code == 0
    assert load_policy(back, LOAN.vocabulary) == LOAN.policy
    rules.write_text(rules.read_text(encoding="utf-8-sig").replace("> 65 %", "> 60 %"), encoding="utf-8")
    checked = command("check", LOAN.name, "--file", rules)
    # The tables hold together, and the saved case at the old edge notices the new one.
    assert checked.exit_code == 1
    assert "expected rule debt-to-income not to hit" in checked.output
    assert "above 60 %" in command("show", LOAN.name, "--file", rules).output
    assert command("import", LOAN.name, tmp_path / "sheets", "--to", back, "--name", "consumer-loan-2").exit_code == 0
    changed = load_policy(back, LOAN.vocabulary)
    assert (changed.name, changed.rules[3].limit) == ("consumer-loan-2", 0.6)
    rules.write_text(rules.read_text().replace("> 60 %", "> 60,5 %"))
    assert command("import", LOAN.name, tmp_path / "sheets", "--to", back).exit_code != 0
    assert load_policy(back, LOAN.vocabulary) == changed


DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()


def test_the_documented_tables_hold_together() -> None:
    (tables,) = re.findall(r"^```yaml\n(.*?)^```", DOCUMENTATION, re.M | re.S)
    policy, found = check_yaml(tables.encode(), LOAN.vocabulary, "policy.md")
    assert policy is not None, [one.sentence() for one in found]
    assert (len(policy.rules), len(policy.segments), len(policy.ladder), len(policy.prices)) == (2, 1, 1, 2)


def test_the_documented_commands_answer_so(command: Command) -> None:
    (console,) = [
        block for block in re.findall(r"^```console\n(.*?)^```", DOCUMENTATION, re.M | re.S) if "show" in block
    ]
    for said in console.split("$ meridian policy ")[1:]:
        asked, _, answer = said.partition("\n")
        assert command(*asked.split()).output == answer


def test_show_tells_the_policy_in_force(command: Command) -> None:
    output = command("show", LOAN.name).output
    assert "- Declines where debt to income is above 65 % (reason P04: " in output
    assert Outcome.REFER in output
