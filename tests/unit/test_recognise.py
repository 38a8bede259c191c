"""What columns of texts are taken for: numbers, days, categories, outcomes, codes, and what their names give away."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.application import Application
from meridian.errors import InvalidTrainingData
from meridian.products import Split
from meridian.products.own.values import DATES, MISSING_MARKS, Numbers
from meridian.training.drafting.names import FieldNames, smells_afterwards, smells_protected
from meridian.training.drafting.outcome import find_target
from meridian.training.drafting.recognise import recognise
from meridian.training.drafting.special import special_codes

MARKS = frozenset(MISSING_MARKS)


@given(st.lists(st.text(max_size=60), max_size=20))
def test_names_of_fields_are_python_s_and_each_its_own(names: list[str]) -> None:
    maker = FieldNames()
    made = [maker.make(name, f"column_{i}") for i, name in enumerate(names)]
    assert len(set(made)) == len(made)
    for name in made:
        assert name.isidentifier()
        assert len(name) <= 64
        assert not hasattr(Application, name)


@pytest.mark.parametrize(
    ("name", "protected"),
    [("SEX", True), ("Gender", True), ("age", True), ("MARRIAGE", True), ("applicantAge", True), ("agegte62", True),
     ("credit_age", True), ("date_of_birth", True), ("marital_status", True), ("wages", False), ("mortgage", False),
     ("page", False), ("average", False), ("embrace", False), ("essex", False), ("loan_amount", False)],
)  # fmt: skip
def test_names_that_sound_protected(name: str, protected: bool) -> None:
    assert smells_protected(name) is protected


@pytest.mark.parametrize(
    ("name", "late"),
    [("recoveries", True), ("total_pymnt", True), ("last_pymnt_d", True), ("loan_status", True),
     ("PaymentStatus", True), ("out_prncp_inv", True), ("verification_status", False), ("open_acc", False),
     ("delinq_2yrs", False), ("glossary", False)],
)  # fmt: skip
def test_names_that_sound_like_afterwards(name: str, late: bool) -> None:
    assert smells_afterwards(name) is late


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1234.5", "0.25"], [1234.5, 0.25]),
        (["1234,5", "0,25"], [1234.5, 0.25]),
        (["1,234.5", "12"], [1234.5, 12]),
        (["1.234,5", "12"], [1234.5, 12]),
        (["1 234,5", "12"], [1234.5, 12]),
        (["1\u00a0234,5", "12"], [1234.5, 12]),
        (["1'234.5", "12"], [1234.5, 12]),
        (["1,00,000", "12,345"], [100_000, 12_345]),
        (["$1,234.50", "$7"], [1234.5, 7]),
        (["1.234,50 €", "7 €"], [1234.5, 7]),
        (["12.5%", "7 %"], [12.5, 7]),
        (["(1,234.5)", "12"], [-1234.5, 12]),
        (["($1,234.5)", "$12"], [-1234.5, 12]),
        (["−5", "12"], [-5, 12]),
        (["100-", "12"], [-100, 12]),
        (["1e5", "2E-3"], [100_000, 0.002]),
        ([".5", "5."], [0.5, 5]),
    ],
)
def test_numbers_as_they_are_written_in_the_wild(texts: list[str], values: list[float]) -> None:
    recognised = recognise("amount", texts, MARKS)
    assert recognised.kind == "number"
    assert [recognised.style.parse(text) for text in texts] == values


@given(st.floats(-1e12, 1e12), st.sampled_from([",", "."]), st.sampled_from(["", ",", ".", " ", "'"]))
def test_a_number_written_in_a_style_is_read_in_it(value: float, decimal: str, grouping: str) -> None:
    if grouping == decimal:
        return
    text = f"{value:,.3f}".replace(",", "G").replace(".", decimal).replace("G", grouping)
    assert Numbers(decimal, grouping).parse(text) == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize("form", DATES)
def test_every_form_of_a_day_is_recognised(form: str) -> None:
    days = [datetime(2011, month, day, tzinfo=UTC) for month in range(1, 13) for day in (3, 14, 28)]
    written_as = {
        "epoch seconds": lambda d: str(int(d.timestamp())),
        "epoch milliseconds": lambda d: str(int(d.timestamp() * 1000)),
    }
    pattern = (
        form.replace("YYYY", "%Y").replace("YY", "%y").replace("DD", "%d").replace("Month", "%B").replace("Mon", "%b")
        .replace("MM", "%m")
    )  # fmt: skip
    texts = [written_as.get(form, lambda d: d.strftime(pattern))(day) for day in days]
    recognised = recognise("open_date", texts, MARKS)
    assert recognised.kind == "date"
    read_as = [DATES[recognised.form].parse(text) for text in texts]
    expected = [day.date().replace(day=1) if DATES[form].monthly else day.date() for day in days]
    assert read_as == expected


@pytest.mark.parametrize("text", ["2020-01-31T10:30:00Z", "2020-01-31 10:30", "2020-01-31 10:30:59.123456+02:00"])
def test_the_time_of_day_is_no_hindrance(text: str) -> None:
    assert recognise("d", [text, text.replace("2020", "2019")], MARKS).form == "YYYY-MM-DD"


def test_days_that_could_be_months_are_asked_about() -> None:
    with pytest.raises(InvalidTrainingData, match="--dates DD/MM/YYYY"):
        recognise("d", ["01/02/2020", "03/04/2020"], MARKS)
    assert recognise("d", ["01/02/2020", "03/04/2020"], MARKS, ".", ["MM/DD/YYYY"]).form == "MM/DD/YYYY"
    assert recognise("d", ["01.02.2020", "03.04.2020"], MARKS).form == "DD.MM.YYYY"


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["x"] * 60, "constant"),
        (["", "NA"] * 30, "empty"),
        ([str(1000 + i) for i in range(60)], "identifier"),
        ([f"C{i:04d}" for i in range(60)], "identifier"),
        ([f"{i}.5" for i in range(60)], "number"),
        (["00501", "10001", "90210"] * 20, "category"),
        (["a", "b", "c"] * 20, "category"),
        ([f"The applicant number {i} says that the dog ate the payslip." for i in range(60)], "free text"),
    ],
)
def test_what_a_column_is(texts: list[str], kind: str) -> None:
    assert recognise("x", texts, MARKS).kind == kind


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([0, 1, 2, 3, 13] * 50 + [96] * 5 + [98] * 20, [96, 98]),
        (list(range(18, 96)) * 3 + [97, 98, 99] * 5, []),
        ([0, 50, 700, 850] * 30 + [-7] * 4 + [-8] * 9 + [-9] * 40, [-9, -8, -7]),
        ([-2, -1, 0, 1, 2, 3] * 50, []),
        (list(range(-17_000, 0, 50)) + [365_243] * 60, [365_243]),
        (list(range(300)) + [-1] * 30, [-1]),
        (list(range(300)) + [999] * 30, [999]),
        ([0, 1] * 100, []),
        ([1.5, 2.5, 3.5, -4.2] * 30, []),
        ([], []),
    ],
)
def test_numbers_that_are_no_numbers(values: list[float], codes: list[float]) -> None:
    assert special_codes(np.array(values, dtype=np.float64)) == codes


@pytest.mark.parametrize(
    ("values", "bad"),
    [
        (["0", "1"], "1"), (["0.0", "1.0"], "1.0"), (["No", "Yes"], "Yes"), (["N", "Y"], "Y"), (["good", "bad"], "bad"),
        (["Good", "Bad"], "Bad"), (["Fully Paid", "Charged Off"], "Charged Off"), (["False", "True"], "True"),
        (["paid", "default"], "default"),
    ],
)  # fmt: skip
def test_which_outcome_is_a_default(values: list[str], bad: str) -> None:
    target = find_target("y", [*values, "", "NA"], MARKS, None)
    assert (target.bad, target.good) == ([bad], [values[0]])


def test_one_and_one_point_nought_are_one_value() -> None:
    target = find_target("y", ["0", "1", "1.0", "0.0"], MARKS, None)
    assert (target.bad, target.good) == (["1", "1.0"], ["0", "0.0"])


@pytest.mark.parametrize(
    ("values", "bad", "said"),
    [
        (["1", "2"], None, "--bad"),
        (["a", "b", "c"], None, "it has 3: 'a' \\(1\\)"),
        (["1"], None, "it has 1"),
        (["", ""], None, "no value"),
        (["1", "2"], "3", "'3' is no value"),
    ],
)
def test_outcomes_that_nobody_can_tell(values: list[str], bad: str | None, said: str) -> None:
    with pytest.raises(InvalidTrainingData, match=said):
        find_target("y", values, MARKS, bad)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200), st.integers(0, 9))
def test_parts_of_owners(owners: list[int], seed: int) -> None:
    parts = Split.by_lot(seed).parts_of(np.array(owners))
    assert all(
        len({part for o, part in zip(owners, parts.tolist(), strict=True) if o == owner}) == 1 for owner in owners
    )
