"""Rule tables: what a cell means, exactly; one judge for one and for many; nothing lost between YAML and CSV."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.evidence import Rung, canonical_json
from meridian.outcome import Outcome
from meridian.policy import Bands, Found, Guard, Policy, Rule, Segment, Step
from meridian.policy.cells import ANY, Cell, Kind, unknown
from meridian.policy.grammar import cell_document, cell_of, parse_cell
from meridian.products import Product, find_product, products
from meridian.rulebook import Book, book_of_csvs, check, read_yaml, write_csv, write_yaml
from tests.rule_tables import EDGES, LOAN, books, guards, loan_books, number_cells, rules, values, word_cells

APPROVE, REFER, DECLINE = Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE
NUMBER, SHARE, FLAG, WORD = Kind


@pytest.mark.parametrize(
    ("text", "kind", "met", "missed"),
    [
        ("< 18", NUMBER, [17.999, -5], [18, 18.001]),
        ("<= 18", NUMBER, [18.0], [math.nextafter(18, 19)]),
        (">= 43 %", SHARE, [0.43, 1.0], [math.nextafter(0.43, 0)]),
        ("> 500.1", NUMBER, [500.2, math.nextafter(500.1, 501)], [500.1]),
        ("[1..3)", NUMBER, [1, 2.999], [3, 0.999]),
        ("(0.1..0.3]", NUMBER, [0.3, 0.2], [0.1, math.nextafter(0.3, 1)]),
        ("12, 24.5", NUMBER, [12, 24.5], [12.5, 24]),
        ("not([1..3))", NUMBER, [0.5, 3], [1, 2]),
        ("not(12)", NUMBER, [11, 13], [12]),
        ("-5", NUMBER, [-5], [5]),
        ("yes", FLAG, [1.0, True], [0.0, False]),
        ("no", FLAG, [0.0, False], [1.0, True]),
        ("rent, own", WORD, ["rent", "own"], ["mortgage"]),
        ("not(rent)", WORD, ["own"], ["rent"]),
        ("Müller & Co., 北京, 3-5 years", WORD, ["Müller & Co.", "北京", "3-5 years"], ["Müller"]),
        ("-", NUMBER, [1, "x", None], []),
        ("", WORD, [1, "x", None], []),
    ],
)
def test_a_cell_is_met_by_what_it_says(text: str, kind: Kind, met: list[Any], missed: list[Any]) -> None:
    rule = Rule("any", REFER, "x", None, None, "P", "D", "any", hits=parse_cell(text, kind))
    assert [rule.judge({"x": value}).hit for value in met] == [True] * len(met)
    assert [rule.judge({"x": value}).hit for value in missed] == [False] * len(missed)


@given(number_cells | word_cells)
def test_a_cell_is_read_back_as_it_was_written(cell: Cell) -> None:
    """And from one text to the next, so that a stored policy keeps its version."""
    again = cell_of(json.loads(json.dumps(cell_document(cell))))
    assert again == cell
    assert cell_document(again) == cell_document(cell)


@given(number_cells, st.sampled_from([float(edge) for edge in EDGES]) | st.floats(allow_nan=False))
def test_doubles_are_compared_as_the_decimals_that_they_are_written_as(cell: Cell, value: float) -> None:
    rule = Rule("any", REFER, "x", None, None, "P", "D", "any", hits=cell)
    for near in (value, math.nextafter(value, math.inf), math.nextafter(value, -math.inf)):
        assert rule.judge({"x": near}).hit == cell.meets(near), near  # the cell compares Decimal(repr(value))


@given(number_cells, st.floats(-1e6, 1e6))
def test_the_margin_is_the_way_to_the_nearest_edge(cell: Cell, value: float) -> None:
    result = Rule("any", REFER, "x", None, None, "P", "D", "any", hits=cell).judge({"x": value})
    if not cell.edges:
        assert (result.limit, result.margin) == (None, None)
        return
    assert result.margin is not None
    assert result.limit is not None
    assert abs(result.margin) == min(abs(value - edge) for edge in cell.edges) == abs(value - result.limit)
    if result.margin:
        assert (result.margin < 0) == result.hit
    assert math.copysign(1, result.margin) == 1 or result.margin < 0  # zero has no sign


def kleene(rule: Rule, applicant: dict[str, Any]) -> bool | None:
    """Whether a rule hits, in three-valued logic, by the words of its cells alone."""
    found = [
        True if cell is ANY else None if unknown(value := applicant.get(field)) else cell.meets(value)
        for field, cell in [(rule.field, rule.cell), *((guard.field, guard.cell) for guard in rule.guards)]
    ]
    return False if False in found else None if None in found else True


@given(rules(), values)
def test_a_rule_hits_in_three_valued_logic(rule: Rule, applicant: dict[str, Any]) -> None:
    result = rule.judge(applicant)
    expected = kleene(rule, applicant)
    assert result.hit is expected
    assert result.outcome is {True: rule.effect, False: APPROVE, None: rule.unknown}[expected]
    if not result.applies:
        assert result.hit is False
    if expected is None:
        assert unknown(applicant.get(result.wanting))


@given(rules(), values)
def test_what_is_not_known_never_approves_in_silence(rule: Rule, applicant: dict[str, Any]) -> None:
    """It only does where the rule says so; and taking a value away never undoes a hit by more than the rule says."""
    for field in applicant:
        without = rule.judge({**applicant, field: None})
        if without.hit is None and rule.unknown is not APPROVE:
            assert without.outcome is rule.unknown
            assert without.reason == "D01"
        if rule.judge(applicant).hit and without.hit is False:
            raise AssertionError("a rule that hits passes where less is known")


@given(st.lists(rules(), min_size=1, max_size=4), st.lists(values, min_size=1, max_size=6))
def test_columns_are_judged_as_each_applicant_is(drawn: list[Rule], applicants: list[dict[str, Any]]) -> None:
    policy = Policy("p", tuple(replace(rule, name=str(n)) for n, rule in enumerate(drawn)), Bands(), ())
    columns: dict[str, Any] = {
        name: np.array([one.get(name, math.nan) for one in applicants], dtype=float) for name in ("x", "y", "renter")
    }
    columns["housing"] = np.array([one.get("housing") for one in applicants], dtype=object)
    judged, codes = policy.judge_columns(columns, len(applicants))
    assert judged == policy.rules
    code = {True: Found.HITS, False: Found.PASSES, None: Found.UNKNOWN}
    for place, applicant in enumerate(applicants):
        assert [code[result.hit] for result in policy.judge(applicant)] == list(codes[:, place])


def test_a_column_that_is_not_there_is_not_known() -> None:
    cells = (parse_cell("< 5", NUMBER), parse_cell("rent", WORD), ANY)
    policy = Policy(
        "p", tuple(Rule("r", REFER, "x", None, None, "P", "D", "m", hits=cell) for cell in cells), Bands(), ()
    )
    _, codes = policy.judge_columns({}, 2)
    assert codes.tolist() == [[Found.UNKNOWN] * 2, [Found.UNKNOWN] * 2, [Found.HITS] * 2]


@given(st.lists(rules(), min_size=1, max_size=4))
def test_a_policy_is_read_back_from_its_document(drawn: list[Rule]) -> None:
    dated = replace(drawn[0], since=date(2026, 1, 1), until=date(2027, 1, 1))
    segment = Segment((Guard("housing", parse_cell("rent", WORD)),), Step(0, Bands(0.05, 0.3), 5000))
    policy = Policy("p", (dated, *drawn), Bands(), (), segments=(segment,), stated=("housing",))
    again = Policy.from_document(json.loads(canonical_json(policy.document())))
    assert again.document() == policy.document()
    for rule, other in zip(policy.rules, again.rules, strict=True):
        assert rule.cell == other.cell
        assert set(rule.guards) == set(other.guards)


def test_a_rule_holds_from_its_first_day_and_before_its_last() -> None:
    rule = Rule("r", REFER, "x", None, None, "P", "D", "m", hits=ANY, since=date(2026, 2, 1), until=date(2026, 3, 1))
    policy = Policy("p", (rule,), Bands(), ())
    days = [date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 28), date(2026, 3, 1)]
    assert [len(policy.judge({}, {}, day)) for day in days] == [0, 1, 1, 0]
    assert [len(policy.judge_columns({}, 1, day)[0]) for day in days] == [0, 1, 1, 0]
    with pytest.raises(ValueError, match="without a day"):
        policy.judge({})


def test_an_earlier_value_of_a_guard_refers_as_one_of_the_field_does() -> None:
    guard = Guard("y", parse_cell("> 1", NUMBER))
    rule = Rule("r", DECLINE, "x", None, None, "P", "D", "m", guards=(guard,), hits=parse_cell("< 5", NUMBER))
    result = rule.judge({"x": 1.0}, {"y": 2.0})
    assert (result.hit, result.earlier, result.outcome, result.reason, result.wanting) == (True, True, REFER, "D", "y")


def test_what_hit_earlier_refers_for_a_reason_also_where_no_answer_is_needed() -> None:
    rule = Rule("r", DECLINE, "x", None, None, "P", "", "m", APPROVE, hits=parse_cell("< 5", NUMBER))
    assert (rule.judge({}).outcome, rule.judge({}).reason) == (APPROVE, None)
    assert (rule.judge({}, {"x": 1.0}).outcome, rule.judge({}, {"x": 1.0}).reason) == (REFER, "P")


SEGMENTED = Policy(
    "p",
    (),
    Bands(0.12, 0.35),
    (),
    segments=(
        Segment((Guard("housing", parse_cell("rent", WORD)),), Step(0, Bands(0.05, 0.30), 5000)),
        Segment((Guard("x", parse_cell("> 10", NUMBER)),), Step(0, Bands(0.20, 0.50))),
    ),
)


@pytest.mark.parametrize(
    ("applicant", "bands", "cap"),
    [
        ({"housing": "rent", "x": 20.0}, Bands(0.05, 0.30), 5000),
        ({"housing": "own", "x": 20.0}, Bands(0.20, 0.50), None),
        ({"housing": "own", "x": 1.0}, Bands(0.12, 0.35), None),
        ({"housing": None, "x": 20.0}, Bands(0.05, 0.50), 5000),
        ({"housing": "own"}, Bands(0.12, 0.50), None),
        ({}, Bands(0.05, 0.50), 5000),
    ],
)
def test_the_first_segment_holds_and_where_that_is_not_known_the_narrowest(
    applicant: dict[str, Any], bands: Bands, cap: float | None
) -> None:
    for rung in (Rung.FULL, Rung.STALE):
        step = SEGMENTED.at(rung, applicant)
        assert (step.rung, step.bands, step.limit_cap) == (rung, bands, cap)
    assert SEGMENTED.at(Rung.FULL).bands == Bands(0.12, 0.35)


segments = st.builds(
    lambda guard, approve, decline, cap: Segment((guard,), Step(0, Bands(approve, decline), cap)),
    guards, st.floats(0.01, 0.3), st.floats(0.3, 1), st.none() | st.integers(1, 100_000),
)  # fmt: skip


@given(st.lists(segments, max_size=3), values, st.data())
def test_a_value_that_is_withheld_buys_no_better_terms(
    drawn: list[Segment], applicant: dict[str, Any], data: st.DataObject
) -> None:
    """Whatever it is: nobody is approved, declined or offered more for it than with it."""
    policy = Policy("p", (), Bands(0.12, 0.35), (), segments=tuple(drawn))
    with_it = policy.at(Rung.FULL, applicant)
    hidden = data.draw(st.sets(st.sampled_from(sorted(applicant)))) if applicant else set()
    without = policy.at(Rung.FULL, {name: value for name, value in applicant.items() if name not in hidden})
    assert without.bands.approve_below <= with_it.bands.approve_below
    assert without.bands.decline_above >= with_it.bands.decline_above
    assert (without.limit_cap or math.inf) <= (with_it.limit_cap or math.inf)


@given(books())
def test_nothing_is_lost_between_yaml_and_csv(book: Book) -> None:
    """Whatever the cells say."""
    again, found = read_yaml(write_yaml(book).encode(), "policy.yaml")
    assert (again, found) == (book, [])
    files = {table: (f"{table}.csv", write_csv(book, table).encode()) for table in book.tables}
    from_csv, found = book_of_csvs(book.name, files)
    assert found == []
    assert from_csv == book


@given(loan_books())
def test_a_policy_that_went_through_a_spreadsheet_is_the_same_policy(book: Book) -> None:
    policy, found = check(book, LOAN.vocabulary, "policy.yaml")
    assert policy is not None, [one.sentence() for one in found]
    from_yaml, _ = read_yaml(write_yaml(book).encode(), "policy.yaml")
    assert from_yaml is not None
    files = {table: (f"{table}.csv", write_csv(from_yaml, table).encode()) for table in from_yaml.tables}
    from_csv, _ = book_of_csvs(from_yaml.name, files)
    again, _ = read_yaml(write_yaml(from_csv).encode(), "policy.yaml")
    assert again is not None
    same, _ = check(again, LOAN.vocabulary, "policy.yaml")
    assert same is not None
    assert canonical_json(same.document()) == canonical_json(policy.document())
    assert Policy.from_document(policy.document()).document() == policy.document()


VERSIONS = {
    "personal-loan": "7e37ce648e59f2dcc4968a8ca7c22b9a5b199db524db2d77313ffad6188d01fc",
    "consumer-loan": "86dede8b1eda847df1dff66c97c782d2912878aee21db372d36c6b4cd1cd9cc7",
    "credit-card": "05016dcb981f4cddef8aa5d87d39d73a3d6e104235660509b8b85279968ca911",
}
"""The hashes of the terms, which recorded decisions name: as they were when the policies were Python, but for the
consumer loan's, which has had offers since."""


@pytest.mark.parametrize("name", VERSIONS)
def test_a_policy_moved_to_tables_is_the_same_version(name: str) -> None:
    assert find_product(name).terms.sha256 == VERSIONS[name]


@pytest.mark.parametrize("product", products().values(), ids=lambda product: product.name)
def test_every_field_of_a_built_in_policy_is_in_its_vocabulary(product: Product) -> None:
    assert product.policy.fields <= set(product.vocabulary.fields)


def test_fields_of_the_application_are_read_as_they_were_stated() -> None:
    field = LOAN.vocabulary.fields["housing"]
    assert (field.kind, field.stated) == (WORD, True)
    assert LOAN.vocabulary.fields["debt_to_income"].kind is SHARE
    assert LOAN.vocabulary.fields["is_renter"].kind is FLAG
    amount = LOAN.vocabulary.fields["amount"].domain
    assert (amount.meets(500), amount.meets(499.99), amount.meets(40_000.01)) == (True, False, False)
    assert Decimal("500.1") == parse_cell("500.1", NUMBER).spans[0].low  # type: ignore[union-attr]
