"""Fairness: figures known by hand, membership that no model can read, and a gate that a lender sets."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from meridian.cli.models import check as check_command
from meridian.errors import InvalidInput, InvalidProduct, InvalidTrainingData, LeakyColumns
from meridian.products import Comparison, Product, find_product
from meridian.products.own import load_product
from meridian.products.training_table import ROW
from meridian.registry import Lineage, Purpose, save_bundle
from meridian.settings import Settings
from meridian.training.card import make_card
from meridian.training.demo import demo_frame
from meridian.training.fairness import NOT_MEASURED, Membership, compare, interval_of_ratio
from meridian.training.fit import Fitted, fit
from meridian.training.folder import read_folder
from meridian.training.frame import Frame, frame_of
from meridian.training.gates import Gate, pass_gates
from meridian.training.limits import LIMITS, Limits, limits_in_force
from meridian.training.table import read_table
from meridian.training.train import describe_model
from tests.own_products import LOANS, Maker, frame_and_file, maker, plain_table, written

TEN = np.arange(10)
PD = np.array([0.1, 0.1, 0.1, 0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0.3])
"""Of the first five, three are approved below 0.2; of the last five, four."""
TARGET = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
FIVES = Membership("first", "last", TEN < 5, TEN >= 5)


def test_a_case_by_hand() -> None:
    """Shares 3/5 and 4/5; mean PDs 0.18 and 0.14 with a deviation of 0.0917; of six pairs five and a half ranked."""
    found = compare(FIVES, TARGET, PD, 0.2)
    assert (found.group.loans, found.control.loans, found.smaller) == (5, 5, 5)
    assert (found.group.approved, found.control.approved) == (0.6, 0.8)
    assert found.air == pytest.approx(0.75)
    assert found.adverse
    assert found.smd == pytest.approx(0.04 / math.sqrt(0.0084))
    # Defaults at 0.1, 0.3, 0.3 and repaid at 0.1, 0.1: four pairs ranked right, two ties.
    assert found.group.auc == pytest.approx(5 / 6)
    assert found.control.auc is None
    # Variance of the log: 0.4 / 3 + 0.2 / 4.
    off = 1.959964 * math.sqrt(0.4 / 3 + 0.2 / 4)
    assert found.interval == pytest.approx((0.75 * math.exp(-off), 0.75 * math.exp(off)), rel=1e-6)


def test_an_interval_that_is_in_the_books() -> None:
    """Aspirin in the Physicians' Health Study (1989): 139 of 11,037 against 239 of 11,034 fell ill; 0.58, from 0.47
    to 0.72, by the log method.
    """
    low, high = interval_of_ratio(139 / 11_037, 11_037, 239 / 11_034, 11_034) or (0.0, 0.0)
    assert (round(low, 2), round(high, 2)) == (0.47, 0.72)


@pytest.mark.parametrize(
    ("pd", "air", "interval"),
    [
        ([0.9] * 5 + [0.1] * 5, 0.0, None),
        ([0.1] * 5 + [0.9] * 5, None, None),
        ([0.9] * 10, None, None),
        ([0.1] * 10, 1.0, (1.0, 1.0)),
    ],
)
def test_what_cannot_be_had_is_none(pd: list[float], air: float | None, interval: Any) -> None:
    """No interval where nobody of either is approved, no ratio where nobody of the control is."""
    found = compare(FIVES, TARGET, np.array(pd), 0.2)
    assert (found.air, found.interval) == (air, interval)
    assert found.adverse is (air == 0.0)
    assert (found.smd is None) is (len(set(pd)) == 1)


@given(st.floats(0.01, 0.99), st.integers(2, 40))
def test_pds_that_are_all_alike_differ_in_nothing(pd: float, n: int) -> None:
    who = np.arange(n) % 2 == 0
    found = compare(Membership("a", "b", who, ~who), np.zeros(n), np.full(n, pd), 0.5)
    assert found.smd is None
    assert found.air == (1.0 if pd < 0.5 else None)


@pytest.mark.parametrize("empty", ["group", "control"])
def test_a_group_without_loans_is_compared_with_nobody(empty: str) -> None:
    none = np.zeros(10, np.bool_)
    of = replace(FIVES, in_group=none) if empty == "group" else replace(FIVES, in_control=none)
    found = compare(of, TARGET, PD, 0.2)
    assert (found.air, found.interval, found.smd, found.smaller) == (None, None, None, 0)
    assert not found.adverse
    assert json.loads(json.dumps(found.document()))[empty] == {
        "name": "first" if empty == "group" else "last", "loans": 0, "approved": None, "auc": None
    }  # fmt: skip


loans = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from([0, 1, 2]), min_size=n, max_size=n),
        st.lists(st.floats(0.01, 0.99), min_size=n, max_size=n),
        st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n),
    )
)


@given(loans)
def test_the_other_way_round_is_the_other_way_round(drawn: tuple[list[int], list[float], list[float]]) -> None:
    """With group and control swapped the ratio and its interval are turned over, and the difference changes sign."""
    who, pd, target = (np.array(one) for one in drawn)
    of = Membership("a", "b", who == 0, who == 1)
    there = compare(of, target, pd, 0.4)
    back = compare(Membership("b", "a", of.in_control, of.in_group), target, pd, 0.4)
    assert (there.group, there.control) == (back.control, back.group)
    assert (there.interval is None) == (back.interval is None)
    if there.interval and back.interval and there.air and back.air:
        assert there.air * back.air == pytest.approx(1)
        assert there.interval == pytest.approx((1 / back.interval[1], 1 / back.interval[0]))
        assert there.interval[0] <= there.air * (1 + 1e-12)
        assert there.air <= there.interval[1] * (1 + 1e-12)
    if there.smd is not None:
        assert there.smd == pytest.approx(-(back.smd or 0.0), abs=1e-9)


# What a table says of who belongs where


SEXES = ["F", "M", "", "X"] * (LOANS // 4)
AGES = [str(20 + i % 60) for i in range(LOANS)]
COMPARE = """
[[table.compare]]
group = "women"
control = "men"
column = "sex"
values = ["F"]
control_values = ["M"]

[[table.compare]]
group = "62 and older"
control = "under 62"
column = "age"
at_least = 62
"""


@pytest.fixture
def own(tmp_path: Path) -> Maker:
    return maker(tmp_path)


@pytest.fixture
def comparing(own: Maker, tmp_path: Path) -> Callable[..., Product]:
    """Loads a product of the lender's own with comparisons written in by hand."""

    def make(compare: str = COMPARE, sex: list[str] = SEXES, age: list[str] = AGES) -> Product:
        own(sex=sex, age=age, wishes={"protected": ("sex", "age")})
        file = tmp_path / "products" / "own-loan" / "product.toml"
        file.write_text(file.read_text() + compare)
        return load_product(file.parent)

    return make


def test_a_lender_declares_groups_and_no_model_meets_them(comparing: Callable[..., Product], tmp_path: Path) -> None:
    """Known by text or by number; whose value is missing, or of neither, is in neither; nothing of it is an input."""
    product = comparing()
    frame, table = frame_and_file(product, tmp_path / "loans.csv")
    women, elderly = frame.groups
    assert (women.group, women.control) == ("women", "men")
    np.testing.assert_array_equal(women.in_group, np.array(SEXES) == "F")
    np.testing.assert_array_equal(women.in_control, np.array(SEXES) == "M")
    np.testing.assert_array_equal(elderly.in_group, np.array(AGES).astype(int) >= 62)
    np.testing.assert_array_equal(elderly.in_control, np.array(AGES).astype(int) < 62)
    assert not {"sex", "age"} & {*table.columns, *frame.names}
    assert set(table.membership or ()) == {ROW, "sex", "age"}


def test_the_matrix_is_the_same_without_comparisons(comparing: Callable[..., Product], tmp_path: Path) -> None:
    with_groups, _ = frame_and_file(comparing(), tmp_path / "loans.csv")
    plain = load_product(_without_comparisons(tmp_path))
    without, _ = frame_and_file(plain, tmp_path / "loans.csv")
    np.testing.assert_array_equal(with_groups.matrix, without.matrix)
    assert without.groups == ()


def _without_comparisons(tmp_path: Path) -> Path:
    file = tmp_path / "products" / "own-loan" / "product.toml"
    file.write_text(file.read_text().split("\n[[table.compare]]")[0])
    return file.parent


def test_loans_that_never_ended_take_their_membership_with_them(
    comparing: Callable[..., Product], tmp_path: Path
) -> None:
    product = comparing()
    table = {**plain_table(), "sex": SEXES, "age": AGES}
    table["bad"] = ["" if i % 3 == 0 else one for i, one in enumerate(table["bad"])]
    frame, _ = frame_and_file(product, written(tmp_path / "loans.csv", table))
    ended = np.arange(LOANS) % 3 != 0
    np.testing.assert_array_equal(frame.groups[0].in_group, np.array(SEXES)[ended] == "F")


def test_two_columns_can_tell_two_groups(comparing: Callable[..., Product], tmp_path: Path) -> None:
    """And whoever both of them claim is refused."""
    product = comparing(
        """
[[table.compare]]
group = "women"
control = "under 30"
column = "sex"
values = ["F"]
control_column = "age"
control_values = ["20", "21"]
"""
    )
    with pytest.raises(InvalidTrainingData, match=r"has 10 loans both in women and in under 30"):
        frame_and_file(product, tmp_path / "loans.csv")


def _line(**changes: Any) -> str:
    line = {
        "group": "women", "control": "men", "column": "sex", "values": ["F"], "control_values": ["M"], **changes
    }  # fmt: skip
    return "\n[[table.compare]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in line.items() if v is not None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_line(values=[]), "'women'.*values is empty; list what stands in 'sex' for 'women', or give at_least"),
        (_line(control_values=None), "control_values is empty; list what stands in 'sex' for 'men'"),
        (_line(values=["F", "M"]), "'M' is in values and in control_values; leave it in one of them"),
        (_line(control="women"), "group and control are both 'women'; give the two names of their own"),
        (_line(at_least=62), "at_least puts who has less into the control; take values"),
        (_line(group="a|b"), r"key group is 'a\|b'; expected"),
        (_line(kolumn="x"), r"\[\[table.compare\]\] number 1 \('women'\), key kolumn is a key that nothing reads"),
        (_line(values="F"), "key values is 'F'; expected a valid list"),
        (_line(column="income"), "'women', key column is 'income', which is not in protected of.*one of age, sex, or"),
        (_line(control_column="town"), "key control_column is 'town', which is not in protected"),
        (_line() + _line(), "compares 'women' with 'men' twice; leave one of the two"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(comparing: Callable[..., Product], text: str, told: str) -> None:
    with pytest.raises(InvalidProduct, match=told):
        comparing(text)


def test_without_a_protected_column_there_is_nothing_to_compare(own: Maker, tmp_path: Path) -> None:
    own()
    file = tmp_path / "products" / "own-loan" / "product.toml"
    file.write_text(file.read_text() + _line())
    with pytest.raises(InvalidProduct, match=r"'sex', which is not in protected of \[table\]; add it there"):
        load_product(file.parent)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            _line(values=["female"]),
            "No loan has 'female' in sex, which 'women' are known by; there is '', 'F', 'M'",
        ),
        (_line(control_values=["m", "male"]), "No loan has 'm' or 'male' in sex, which 'men'"),
    ],
)
def test_a_value_that_no_loan_has_is_a_value_misspelt(
    comparing: Callable[..., Product], tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(InvalidTrainingData, match=told):
        frame_and_file(comparing(text), tmp_path / "loans.csv")


def test_an_age_that_is_none_and_a_column_that_is_not_there(comparing: Callable[..., Product], tmp_path: Path) -> None:
    product = comparing(age=["sixty", *AGES[1:]])
    with pytest.raises(InvalidTrainingData, match=r"age.*'sixty'"):
        frame_and_file(product, tmp_path / "loans.csv")
    written(tmp_path / "loans.csv", {**plain_table(), "age": AGES})
    with pytest.raises(InvalidTrainingData, match=r"lacks columns of loans\.csv: sex"):
        read_table(product, tmp_path / "loans.csv")


def test_what_is_protected_is_refused_as_an_input_by_name_and_by_code(
    comparing: Callable[..., Product], tmp_path: Path
) -> None:
    product = comparing()
    with pytest.raises(LeakyColumns, match=r"sex: loans\.csv protects it"):
        read_table(product, tmp_path / "loans.csv", ["income", "sex"])
    table = product.training[0]

    def peeking(columns: Any) -> Any:
        return {source: {**fields, "income": columns["age"]} for source, fields in table.fields(columns).items()}

    peeks = replace(product, training=(replace(table, fields=peeking),))
    with pytest.raises(LeakyColumns, match="age is protected"):
        frame_of(peeks, read_table(peeks, tmp_path / "loans.csv"))


def test_what_is_drafted_says_how_to_compare_and_compares_nothing(own: Maker, tmp_path: Path) -> None:
    product, _ = own(sex=SEXES, wishes={"protected": ("sex",)})
    text = (tmp_path / "products" / "own-loan" / "product.toml").read_text()
    assert "[[table.compare]] with group" in text
    assert product.training[0].compared == ()
    assert product.training[0].protected == ("sex",)


# The tables that come with Meridian


def test_card_accounts_compare_women_and_men_and_the_elderly() -> None:
    """In the data's own description 2 is female."""
    (table,) = find_product("credit-card").training
    columns = {"SEX": np.array(["1", "2", "2"]), "AGE": np.array(["61", "62", "80"])}
    by_sex, by_age = (one.members(columns) for one in table.compared)
    assert [one.tolist() for one in by_sex] == [[False, True, True], [True, False, False]]
    assert [one.tolist() for one in by_age] == [[False, True, True], [True, False, False]]
    assert set(table.membership_columns) <= set(table.protected)
    assert not set(table.protected) & set(table.columns)


def test_who_turns_62_on_the_day_of_the_application_is_62() -> None:
    (table,) = find_product("consumer-loan").training
    by_age = next(one for one in table.compared if one.group == "62 and older")
    applied = np.array(["2025-03-01T12:00"] * 4, "datetime64[us]")
    born = np.array(["1963-03-01", "1963-03-02", "", "1963-02-28"])
    elderly, younger = by_age.members({"date_of_birth": born, "applied_at": applied})
    assert elderly.tolist() == [True, False, False, True]
    assert younger.tolist() == [False, True, False, False]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated lender's loans."""
    pytest.importorskip("pyarrow")
    from meridian.simulator.lender import LenderSettings, simulate

    folder = tmp_path_factory.mktemp("past")
    simulate(LenderSettings(applicants=2_000, seed=11), folder, processes=1)
    return folder


def test_in_a_folder_each_loan_finds_its_applicant(past: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    product = find_product("consumer-loan")
    file = read_folder(product, past)
    people = parquet.read_table(past / "protected").to_pydict()
    sexes = dict(zip(people["applicant_id"], people["sex"], strict=True))
    days = dict(zip(people["applicant_id"], people["date_of_birth"], strict=True))
    assert file.membership is not None
    assert file.membership["sex"].tolist() == [sexes[one] for one in file.columns["applicant_id"].tolist()]
    assert file.membership["date_of_birth"].tolist() == [str(days[one]) for one in file.columns["applicant_id"]]
    assert not set(product.training[0].protected) & set(file.columns)
    assert read_folder(product, past, declined=True).membership is None


def _with_people(past: Path, folder: Path, change: Callable[[Any], Any]) -> Path:
    """The folder with other protected attributes."""
    parquet = pytest.importorskip("pyarrow.parquet")
    for part in ("applications", "outcomes", "events"):
        (folder / part).symlink_to(past / part)
    people = change(parquet.read_table(past / "protected"))
    if people is not None:
        (folder / "protected").mkdir()
        parquet.write_table(people, folder / "protected" / "part-0.parquet")
    return folder


def test_whom_nothing_is_known_of_is_in_no_group(past: Path, tmp_path: Path) -> None:
    product = find_product("consumer-loan")
    whole = read_folder(product, past).membership or {}
    folder = _with_people(past, tmp_path, lambda people: people.slice(0, 500))
    some = read_folder(product, folder).membership or {}
    unknown = some["sex"] == ""
    assert 0 < unknown.sum() < len(unknown)
    assert (some["sex"] == whole["sex"])[~unknown].all()
    (tmp_path / "none").mkdir()
    nobody = read_folder(product, _with_people(past, tmp_path / "none", lambda people: people.slice(0, 0))).membership
    assert set((nobody or {})["sex"].tolist()) == {""}


def test_a_folder_that_says_nothing_of_groups_is_read_all_the_same(past: Path, tmp_path: Path) -> None:
    product = find_product("consumer-loan")
    assert read_folder(product, _with_people(past, tmp_path, lambda _people: None)).membership is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda people: people.append_column("x", people["sex"]).drop_columns(["sex"]), "cannot be read as groups"),
        (lambda people: people.take([0, 1, 1]), "has two rows of L11-00000001; leave one for each applicant"),
    ],
)
def test_attributes_that_cannot_be_read_are_refused(past: Path, tmp_path: Path, change: Any, told: str) -> None:
    with pytest.raises(InvalidTrainingData, match=told):
        read_folder(find_product("consumer-loan"), _with_people(past, tmp_path, change))


# The card and the gate


@pytest.fixture(scope="module")
def frame(personal_loan: Product) -> Frame:
    """Simulated loans, with a group of whom the model approves few, and one that is like its control."""
    made = demo_frame(personal_loan, 6_000, 3)[0]
    draw = np.random.default_rng(2).random(len(made.target))
    used = made.inputs(["revolving_utilisation"])[:, 0]
    groups = (
        Membership("heavy <users>", "light users", used > 0.7, used <= 0.7),
        Membership("even $n^2$", "odd", draw < 0.5, draw >= 0.5),
    )
    return replace(made, groups=groups)


@pytest.fixture(scope="module")
def fitted(personal_loan: Product, frame: Frame) -> Fitted:
    return fit(personal_loan, frame, Purpose.COMPACT)


LINEAGE = Lineage("test loans", "none", "0" * 64, {"all": 1, "train": 1, "test": 0}, {}, simulated=True)


def shares(frame: Frame, fitted: Fitted, approve_below: float) -> list[tuple[float, float]]:
    """The share of the test loans approved in each group and in its control, counted anew."""
    approved = fitted.pds < approve_below
    return [
        tuple(float(approved[of & ~frame.trains].mean()) for of in (one.in_group, one.in_control))
        for one in frame.groups
    ]  # type: ignore[misc]


def test_the_card_shows_how_groups_are_treated(personal_loan: Product, frame: Frame, fitted: Fitted) -> None:
    manifest = describe_model(personal_loan, Purpose.COMPACT, frame, fitted, LINEAGE, 1)
    card = make_card(personal_loan, frame, fitted, manifest)
    told = json.loads(card["card.json"])["fairness"]
    cut = personal_loan.policy.at(Purpose.COMPACT.rung).bands.approve_below
    counted = shares(frame, fitted, cut)
    assert [(one["group"]["approved"], one["control"]["approved"]) for one in told] == counted
    assert [one["adverse"] for one in told] == [True, False]
    html, markdown = card["card.html"].decode(), card["card.md"].decode()
    airs = [f"{group / control:.3f}" for group, control in counted]
    assert f"{airs[0]} **below 0.8**" in markdown
    assert "| even $n^2$ | odd |" in markdown
    assert f"{airs[1]} |" in markdown
    assert "](fairness.svg)" in markdown
    # Dollar signs are no formula.
    assert b">even $n^2$ / odd</text>" in card["fairness.svg"]
    assert html.count('<tr class="adverse">') == 1
    assert "heavy &lt;users&gt;" in html
    assert ">heavy &lt;users&gt; / light users</text>" in html
    assert "<users>" not in html
    assert f"{airs[0]}, below 0.8" in html
    assert html.count("<svg") == 8
    for text in (html, markdown):
        assert NOT_MEASURED not in text
    assert "Fairness was measured of heavy <users> beside light users, even $n^2$ beside odd" in manifest.limits[-1]
    assert make_card(personal_loan, frame, fitted, manifest) == card


def test_without_groups_the_card_says_that_nothing_was_measured(
    personal_loan: Product, frame: Frame, fitted: Fitted
) -> None:
    plain = replace(frame, groups=())
    manifest = describe_model(personal_loan, Purpose.COMPACT, plain, fitted, LINEAGE, 1)
    card = make_card(personal_loan, plain, fitted, manifest)
    assert json.loads(card["card.json"])["fairness"] == []
    assert manifest.limits[-1] == NOT_MEASURED
    for name in ("card.html", "card.md"):
        # Once in its own section, once among the limits.
        assert card[name].decode().count(NOT_MEASURED) == 2
    assert "fairness.svg" not in card


def test_groups_that_nobody_is_in_have_a_line_and_no_plot(personal_loan: Product, frame: Frame, fitted: Fitted) -> None:
    nobody = np.zeros(len(frame.target), np.bool_)
    empty = replace(frame, groups=(Membership("some $x^2$", "none", ~nobody, nobody),))
    manifest = describe_model(personal_loan, Purpose.COMPACT, empty, fitted, LINEAGE, 1)
    card = make_card(personal_loan, empty, fitted, manifest)
    assert "| some $x^2$ | none |" in card["card.md"].decode()
    assert "/ – | – | – | – |" in card["card.md"].decode()
    assert "fairness.svg" not in card


def gate_of(place: Path, product: Product, frame: Frame, fitted: Fitted, limits: Limits = LIMITS) -> Gate:
    """What the gate says of the model."""
    folder = place / "model"
    if not folder.exists():
        save_bundle(folder, describe_model(product, Purpose.COMPACT, frame, fitted, LINEAGE, 1), fitted.files)
    return next(gate for gate in pass_gates(product, folder, frame, limits) if gate.name == "fairness")


def test_a_model_that_treats_a_group_worse_fails_until_the_lender_lets_it(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    cut = personal_loan.policy.at(Purpose.COMPACT.rung).bands.approve_below
    group, control = shares(frame, fitted, cut)[0]
    gate = gate_of(tmp_path, personal_loan, frame, fitted)
    assert not gate.passed
    assert f"heavy <users> beside light users AIR {group / control:.3f}" in gate.found
    assert gate.found.endswith("AIR at least 0.8")
    for limits in (Limits(least_air=0.01), Limits(least_air=None), Limits(least_group=100_000)):
        assert gate_of(tmp_path, personal_loan, frame, fitted, limits).passed
    assert "no limit is set" in gate_of(tmp_path, personal_loan, frame, fitted, Limits(least_air=None)).found
    strict = gate_of(tmp_path, personal_loan, frame, fitted, Limits(least_air=None, most_smd=0.2))
    assert not strict.passed
    assert strict.found.endswith("SMD at most 0.2")
    fair = replace(frame, groups=frame.groups[1:])
    assert gate_of(tmp_path, personal_loan, fair, fitted, Limits(most_smd=0.2)).passed


def test_who_scores_better_than_the_control_fails_nothing(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    worse = frame.groups[0]
    better = replace(frame, groups=(Membership("light", "heavy", worse.in_control, worse.in_group),))
    assert gate_of(tmp_path, personal_loan, better, fitted, Limits(most_smd=0.0)).passed


def test_few_loans_are_told_and_fail_nothing(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    """Of 29 that are all declined nothing is made; of 30 it is."""
    cut = personal_loan.policy.at(Purpose.COMPACT.rung).bands.approve_below
    declined = np.flatnonzero(~frame.trains & (fitted.pds >= cut))

    def of(number: int) -> Frame:
        members = np.zeros(len(frame.target), np.bool_)
        members[declined[:number]] = True
        return replace(frame, groups=(Membership("few", "others", members, ~members),))

    gate = gate_of(tmp_path, personal_loan, of(29), fitted)
    assert gate.passed
    assert "only 29 loans: too few to judge by" in gate.found
    gate = gate_of(tmp_path, personal_loan, of(30), fitted)
    assert not gate.passed
    assert "few beside others AIR 0.000" in gate.found


def test_where_nobody_says_who_is_who_the_gate_says_so(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    """It passes where no groups are declared; where they are, loans that do not tell them apart are not enough."""
    plain = replace(frame, groups=())
    gate = gate_of(tmp_path, personal_loan, plain, fitted)
    assert (gate.passed, gate.found) == (True, NOT_MEASURED)
    comparison = Comparison("women", "men", ("sex",), lambda columns: (columns["sex"] == "F", columns["sex"] == "M"))
    table = replace(personal_loan.training[0], protected=("sex",), compared=(comparison,))
    gate = gate_of(tmp_path, replace(personal_loan, training=(table,)), plain, fitted)
    assert not gate.passed
    assert "The product compares women: give loans that say." in gate.found


# The lender's own limits


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
OF_LIMITS, OF_GROUPS = (block.split("```")[0] for block in DOCUMENT.split("```toml")[1:])


def test_every_limit_is_documented_with_its_default() -> None:
    for name, default in vars(LIMITS).items():
        shown = '`"off"`' if default is None else default
        assert f"| `{name}` | {shown} |" in DOCUMENT, name


def test_what_is_documented_is_read(comparing: Callable[..., Product], tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text(OF_LIMITS)
    found = Limits.from_file(tmp_path / "gates.toml", "corner-shop", ["corner-shop"])
    assert found == replace(LIMITS, least_auc=0.6, least_air=None, most_smd=0.5)
    compared = comparing("\n" + OF_GROUPS).training[0].compared
    assert [(one.group, one.control) for one in compared] == [("women", "men"), ("62 and older", "under 62")]
