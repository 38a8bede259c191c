"""Groups that a table declares: who belongs to which, what is refused, and that no model can meet them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meridian.errors import InvalidProduct, InvalidTrainingData, LeakyColumns
from meridian.products import Product, find_product
from meridian.products.own import load_product
from meridian.products.training_table import ROW
from meridian.training.folder import read_folder
from meridian.training.frame import frame_of
from meridian.training.table import read_table
from tests.own_products import LOANS, Maker, frame_and_file, maker, plain_table, written

SEXES = ["F", "M", "", "X"] * (LOANS // 4)
AGES = [str(20 + i % 60) for i in range(LOANS)]
DOCUMENT = (Path(__file__).parents[2] / "docs" / "gates.md").read_text()
COMPARE = "\n" + DOCUMENT.split("```toml")[2].split("```")[0]
"""As documented: women beside men by `sex`, 62 and older beside under 62 by `age`."""


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
