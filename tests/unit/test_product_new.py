"""A lender's own table becomes a product: whatever its names, marks and dates are, it gets through or says why not."""

from __future__ import annotations

import gzip
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meridian.errors import InvalidInput, InvalidTrainingData
from meridian.products.own.values import MISSING_MARKS
from meridian.training.drafting import Wishes, make_draft
from tests.own_products import (
    LOANS,
    Maker,
    Table,
    check_served_as_trained,
    drafted,
    maker,
    plain_table,
    written,
)

NASTY_NAMES = (
    "annual income", "Доход", "收入", 'quo"te', "it's", "dot.name", "a,b", "semi;colon", "back\\slash", "[bracket]",
    "{brace}", "$where", "'; DROP TABLE loans;--", "class", "import", "1st_column", "", "copy", "json", "model_config",
    "applicant_id", "date_of_birth_", "new\nline", "#hash", "=1+1", "true", "<b>", "😀", "a_missing", "A missing", "é",
    "e", "__class__", "x" * 300, "inf", "null", "@day", "product", "schema", "%s", "*", "?", "tab\there", "match",
)  # fmt: skip


@pytest.fixture(scope="module")
def table() -> Table:
    return plain_table()


@pytest.fixture
def own(tmp_path: Path) -> Maker:
    """Drafts a product from the plain table with columns changed."""
    return maker(tmp_path)


def found(draft: Any, column: str) -> Any:
    return next(one for one in draft.findings if one.column == column)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-32"])
def test_every_encoding_and_separator_gives_the_same_product(
    tmp_path: Path, table: Table, encoding: str, delimiter: str
) -> None:
    changed = {**table, "Größe €": [f"Stufe {'äöü'[i % 3]}" for i in range(LOANS)]}
    file = written(tmp_path / "loans.csv", changed, delimiter, encoding)
    product, draft = drafted(tmp_path / "products", file, time="applied")
    assert draft.product.table.delimiter == delimiter
    assert "grosse" in product.request.model_fields["application"].annotation.model_fields  # type: ignore[union-attr]
    check_served_as_trained(tmp_path / "products", product, file)


def test_a_compressed_file_is_read(tmp_path: Path, table: Table) -> None:
    plain = written(tmp_path / "loans.csv", table)
    packed = tmp_path / "loans.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    product, _ = drafted(tmp_path / "products", packed)
    check_served_as_trained(tmp_path / "products", product, packed)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"   \n\n", "is empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"PAR1rest", "Parquet"),
        (b"a,b\x00,c\n1,2,3\n", "no text"),
        (b"onlyone\n1\n2\n", "one column"),
        (b"a,b,a\n1,2,0\n", "'a' at 1, 3"),
        (b"1,2,3\n4,5,6\n", "numbers alone"),
        (b"sep=;\na;b\n1;2\n", "'sep=', a note to Excel"),
        (b"a,bad\n1,0\n1,0,7\n1,1\n" * 30, "Row 3 of loans.csv has 3 cells, the header 2"),
        (b'a,bad\n"1,0\n', "Row"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "loans.csv"
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as error:
        make_draft(Wishes("own-loan", file, "bad"))
    assert said in str(error.value)


def test_any_column_name_becomes_a_field(tmp_path: Path, table: Table) -> None:
    rng = np.random.default_rng(1)
    nasty = {name: [f"{v:.3f}" for v in rng.normal(size=LOANS)] for name in NASTY_NAMES}
    file = written(tmp_path / "loans.csv", {**table, **nasty})
    product, draft = drafted(tmp_path / "products", file, included=("date_of_birth_",))
    fields = product.request.model_fields["application"].annotation.model_fields  # type: ignore[union-attr]
    assert len(fields) == 2 + len(draft.product.column)
    assert {column.column for column in draft.product.column} >= {" ".join(n.split()) for n in NASTY_NAMES if n}
    check_served_as_trained(tmp_path / "products", product, file)


def test_what_sounds_protected_is_left_out_until_it_is_asked_for(own: Maker) -> None:
    ages = [str(20 + i % 50) for i in range(LOANS)]
    _, draft = own(AGE=ages, sex=["1", "2"] * (LOANS // 2), wishes={"protected": ("sex",)})
    assert found(draft, "AGE").role == "left out"
    assert "--include 'AGE'" in found(draft, "AGE").why
    assert draft.product.table.protected == ["sex"]
    _, draft = own(AGE=ages, wishes={"included": ("AGE",), "name": "other-loan"})
    assert found(draft, "AGE").role == "used"


@pytest.mark.parametrize("mark", [*MISSING_MARKS, "NA", "N/A", "None", "NULL", "NaN", "#N/A"])
def test_what_stands_for_nothing_is_missing(own: Maker, table: Table, mark: str) -> None:
    income = [mark if i % 7 == 0 else text for i, text in enumerate(table["income"])]
    product, draft = own(income=income)
    column = next(one for one in draft.product.column if one.column == "income")
    assert column.type == "number"
    assert column.missing_share == pytest.approx(1 / 7, abs=0.01)
    names = [feature.name for feature in product.features]
    assert "income_missing" in names
    assert product.features["income"].default == column.typical


def test_a_slip_among_numbers_is_said_with_row_and_column(own: Maker, table: Table) -> None:
    income = [*table["income"][:40], "12O0", *table["income"][41:]]
    with pytest.raises(InvalidTrainingData, match=r"row 42 of column 'income' is '12O0'.*--missing '12O0'"):
        own(income=income)
    product, _ = own(income=income, wishes={"missing": ("12O0",)})
    assert product.features["income"].default is not None


def test_a_slip_among_days_is_said_with_row_and_column(own: Maker, table: Table) -> None:
    opened = [*table["opened"][:40], "2020-02-30", *table["opened"][41:]]
    with pytest.raises(InvalidTrainingData, match="row 42 of column 'opened' is '2020-02-30'"):
        own(opened=opened, wishes={"time": "applied"})


def test_a_frequent_code_has_a_feature_of_its_own(own: Maker, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    late = [
        "-9" if one < 0.1 else "-8" if one < 0.103 else "" if one < 0.2 else str(int(one * 50))
        for one in rng.random(LOANS)
    ]
    product, _ = own(months_late=late)
    names = [feature.name for feature in product.features if feature.name.startswith("months_late")]
    assert names == ["months_late", "months_late_is_minus_9", "months_late_missing"]
    check_served_as_trained(tmp_path / "products", product, tmp_path / "loans.csv", range(60))


def test_a_default_may_be_named(own: Maker, table: Table) -> None:
    _, draft = own(bad=["2" if one == "1" else "1" for one in table["bad"]], wishes={"bad": "2"})
    assert draft.product.table.target.bad == ["2"]


def test_loans_without_an_outcome_are_left_out_and_counted(own: Maker, table: Table, tmp_path: Path) -> None:
    bad = ["" if i < 100 else text for i, text in enumerate(table["bad"])]
    product, draft = own(bad=bad)
    assert draft.summary.without_outcome == 100
    frame = check_served_as_trained(tmp_path / "products", product, tmp_path / "loans.csv")
    assert len(frame.target) == LOANS - 100


def test_what_knows_the_outcome_is_left_out(own: Maker, table: Table) -> None:
    rng = np.random.default_rng(2)
    bad = [text == "1" for text in table["bad"]]
    _, draft = own(
        repaid_share=[f"{0.1 * rng.random() if one else 0.9 + 0.1 * rng.random():.4f}" for one in bad],
        note=["call" if one else "" for one in bad],
        closing=["lawyer" if one else "usual" for one in bad],
        loss=[f"{rng.random() if one and rng.random() < 0.6 else 0:.3f}" for one in bad],
    )
    for column in ("repaid_share", "closing", "loss"):
        assert found(draft, column).leak, column
        assert column in draft.product.table.leaks
    assert {column.column for column in draft.product.column} == {"income", "housing"}


def test_whether_a_value_is_there_may_know_the_outcome(own: Maker, table: Table) -> None:
    _, draft = own(fee=[f"{5 + i % 9}" if text == "1" else "" for i, text in enumerate(table["bad"])])
    assert found(draft, "fee").leak
    assert "whether it is there alone" in found(draft, "fee").why


def test_a_day_after_the_application_is_a_leak(own: Maker, table: Table) -> None:
    later = [f"{int(text[:4]) + 3}{text[4:7]}-01" for text in table["applied"]]
    _, draft = own(seen_on=later, wishes={"time": "applied"})
    assert found(draft, "seen_on").leak


def test_a_copy_is_left_out_and_what_is_nearly_one_is_noted(own: Maker, table: Table) -> None:
    _, draft = own(
        income_again=table["income"],
        income_year=[f"{float(text) * 12 + 3000 * (i % 5):.0f}" for i, text in enumerate(table["income"])],
        tenure=["lets" if text == "rent" else "owns" for text in table["housing"]],
    )
    assert found(draft, "income_again").why == "it says the same as 'income'"
    assert found(draft, "tenure").why == "it says the same as 'housing'"
    assert "nearly as 'income'" in found(draft, "income_year").notes[0]
    reasons = {line.field: line.reason for line in draft.product.feature}
    assert reasons["income"] == reasons["income_year"] != reasons["housing"]


def test_out_of_time_where_there_is_a_time(own: Maker, table: Table, tmp_path: Path) -> None:
    product, _ = own(wishes={"time": "applied"})
    assert not product.training[0].split.at_random
    frame = check_served_as_trained(tmp_path / "products", product, tmp_path / "loans.csv")
    assert 0.6 < frame.trains.mean() < 0.8
    assert "opened_age_days" in product.features


def test_a_day_without_a_time_to_count_from_is_left_out(own: Maker) -> None:
    _, draft = own()
    assert "--time" in found(draft, "opened").why


def test_loans_of_one_owner_stay_on_one_side(own: Maker, tmp_path: Path) -> None:
    owners = [f"K{i % 150}" for i in range(LOANS)]
    product, _ = own(owner=owners, wishes={"entity": "owner"})
    frame = check_served_as_trained(tmp_path / "products", product, tmp_path / "loans.csv")
    trains = {owner for owner, one in zip(owners, frame.trains, strict=True) if one}
    tests = {owner for owner, one in zip(owners, frame.trains, strict=True) if not one}
    assert not trains & tests


cells = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
    st.text("0123456789.,-/ %$()eE+'", max_size=10),
    st.integers(-999, 99_999).map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.sampled_from(
        ["NA", "?", "-9", "999", "1,234", "1.234,5", "31/12/2020", "Dec-2011", "20201231", "1e400", "٣", "½"]
    ),
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.text(max_size=9), st.lists(cells, min_size=1, max_size=25)), min_size=1, max_size=4),
    st.sampled_from([(",", "utf-8"), (";", "utf-16"), ("\t", "utf-8-sig"), ("|", "utf-8")]),
)
def test_whatever_stands_in_the_cells_it_gets_through_or_is_refused(
    columns: list[tuple[str, list[str]]], look: tuple[str, str]
) -> None:
    """And what gets through is served as it was trained."""
    rng = np.random.default_rng(0)
    table = {
        "bad": [str(int(one < 0.4)) for one in rng.random(LOANS)],
        "x": [f"{v:.3f}" for v in rng.normal(size=LOANS)],
    }
    for name, pool in columns:
        clean = "".join(c for c in name if c.isprintable())
        table |= {clean: [pool[i] for i in rng.integers(0, len(pool), LOANS)]} if clean not in table else {}
    with tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder) / "loans.csv", table, *look)
        with suppress(InvalidInput):
            product, _ = drafted(Path(folder) / "products", file)
            check_served_as_trained(Path(folder) / "products", product, file, (0, 1, 50))
