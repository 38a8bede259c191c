"""A file of cases read: every finding has its line, what it is about, and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from meridian.cases.case import Case
from meridian.evidence import Rung
from meridian.outcome import Outcome
from meridian.policy import Policy
from meridian.policy.cells import Kind
from meridian.policy.grammar import BadCell, parse_number
from meridian.products import Product
from meridian.rulebook import Field, Finding, Row
from meridian.rulebook.book import MOST_ROWS, Place
from meridian.rulebook.cells_of_rows import Reader
from meridian.rulebook.finding import nearest, shown
from meridian.rulebook.reading import RUNGS, plain_number
from meridian.rulebook.yaml_text import cell_text, map_in
from meridian.rulebook.yaml_tree import Listed, Mapped, Node, Scalar

TYPICAL, CASES, WITH = "typical", "cases", "with"
SHARED = ("pd", "rung", "day", WITH)
"""What the typical applicant may state; a case states what differs."""
COLUMNS = ("case", *SHARED, "failed", "expect", "reasons", "hits")
NOT_KNOWN, NO_SCORE, NONE = "not known", "no score", "none"
BIRTH = "date_of_birth"
RUNG_NAMES = {**RUNGS, "stale": Rung.STALE, "policy-only": Rung.POLICY_ONLY}
AGES = frozenset({BIRTH, "age_years"})
OLDEST = 130

ANY_DAY = date(2026, 1, 1)
"""The day of a case, where the policy has no rule with dates and the case none that matters."""


@dataclass(frozen=True)
class _Stated:
    """What a map of the file states: its cells, and what it says of the applicant, with the line of each."""

    place: Place
    cells: Mapping[str, str]
    applicant: Mapping[str, Scalar]


def read_cases(content: bytes, file: str, product: Product, policy: Policy) -> tuple[tuple[Case, ...], list[Finding]]:
    """The cases of a file, and all that is wrong with it; where anything is, no case is to be run."""
    tree = map_in(content, file, "begin it with `typical:` and `cases:`")
    if isinstance(tree, Finding):
        return (), [tree]
    found: list[Finding] = []
    typical, rows = _Stated(Place(file, TYPICAL), {}, {}), None
    for key, node in tree.items:
        place = Place(file, key.text, line=key.line)
        if key.text == TYPICAL and isinstance(node, Mapped):
            typical = _stated(node, Place(file, TYPICAL, line=node.line), SHARED, found)
        elif key.text == CASES and isinstance(node, Listed):
            rows = node
        elif key.text in (TYPICAL, CASES):
            remedy = "write a map of what it states" if key.text == TYPICAL else "begin each case with `- case: NAME`"
            found.append(place.finding("", "", f"{key.text} is written otherwise than it is read", remedy))
        else:
            problem, remedy = f"{shown(key.text)} is no part of the file", nearest(key.text, (TYPICAL, CASES))
            found.append(Place(file, line=key.line).finding("", key.text, problem, remedy))
    if rows is None or not rows.items:
        if not found:
            found.append(
                Finding(file, "there are no cases", "write `cases:` and a case, or take the file away", line=1)
            )
        return (), found
    if len(rows.items) > MOST_ROWS:
        problem = f"there are {len(rows.items)} cases"
        found.append(Finding(file, problem, f"no more than {MOST_ROWS} are read", line=rows.line))
        return (), found
    made = [_case(number, node, typical, product, policy, file, found) for number, node in enumerate(rows.items, 1)]
    cases = tuple(one for one in made if one is not None)
    first: dict[str, int] = {}
    for case in cases:
        if case.name in first:
            problem = f"{shown(case.name)} is the name of the case in line {first[case.name]} too"
            found.append(
                Finding(file, problem, "give each its own", CASES, None, case.name, "case", case.name, case.line)
            )
        first.setdefault(case.name, case.line)
    # What is wrong with the typical applicant is found once for each case, and said once.
    return (() if found else cases), list(dict.fromkeys(found))


def _stated(node: Mapped, place: Place, columns: tuple[str, ...], found: list[Finding]) -> _Stated:
    cells: dict[str, str] = {}
    applicant: dict[str, Scalar] = {}
    for key, value in node.items:
        here = Place(place.file, place.table, place.row, place.name, value.line)
        if key.text not in columns:
            problem = f"{shown(key.text)} is nothing that is stated here"
            found.append(here.finding(key.text, "", problem, nearest(key.text, columns)))
        elif key.text == WITH:
            applicant = _applicant(value, here, found)
        elif text := cell_text(value, key.text, here, found):
            cells[key.text] = text
    return _Stated(place, cells, applicant)


def _applicant(node: Node, place: Place, found: list[Finding]) -> dict[str, Scalar]:
    if not isinstance(node, Mapped):
        found.append(place.finding(WITH, "", "what is known is no map", "write it as `with: {field: value}`"))
        return {}
    read = {}
    for key, value in node.items:
        here = Place(place.file, place.table, place.row, place.name, value.line)
        if text := cell_text(value, key.text, here, found):
            read[key.text] = Scalar(text, value.line)
    return read


def _case(
    number: int, node: Node, typical: _Stated, product: Product, policy: Policy, file: str, found: list[Finding]
) -> Case | None:
    if not isinstance(node, Mapped):
        place = Place(file, CASES, number, line=node.line)
        found.append(place.finding("", "", "the case is no map", "write it as `- case: NAME`"))
        return None
    before = len(found)
    name = next((one.text for key, one in node.items if key.text == "case" and isinstance(one, Scalar)), "")
    own = _stated(node, Place(file, CASES, number, name, node.line), COLUMNS, found)
    reader = Reader(Row(number, {**typical.cells, **own.cells}), own.place, product.vocabulary, found)
    reader.text("case")
    outcome = reader.one_of("expect", tuple(one.value for one in Outcome))
    rung = RUNG_NAMES.get(reader.one_of("rung", tuple(RUNG_NAMES), "full"), Rung.FULL)
    no_score = reader.row.cells.get("pd") == NO_SCORE
    pd = None if no_score else reader.number("pd", Kind.SHARE, 0, 1)
    if pd is not None and rung is Rung.POLICY_ONLY:
        reader.wrong("pd", "no model scores on the rung policy-only", f"write pd: {NO_SCORE}")
    if no_score and rung is Rung.PRE_COMPUTED:
        reader.wrong("pd", "the rung pre-computed is that of an earlier score", "state its PD, or another rung")
    failed = _among(reader, "failed", dict.fromkeys(one.source for one in product.features), "source")
    reasons = _among(reader, "reasons", product.vocabulary.reasons, "reason")
    hits = _among(reader, "hits", [rule.name for rule in policy.rules], "rule")
    day = reader.day("day")
    values, born = _values({**typical.applicant, **own.applicant}, own, day or ANY_DAY, product, found)
    if day is None and "day" not in reader.row.cells and any(rule.since or rule.until for rule in policy.rules):
        reader.wrong("day", "the policy has rules with dates, and the case no day", "state the day of receipt")
    if born is None and policy.derived:
        reader.wrong(WITH, "how old the applicant is, is not stated", f"state age_years or {BIRTH}")
    for needed in ("amount", "term_months") if policy.prices and outcome == Outcome.APPROVE else ():
        if needed not in values:
            reader.wrong(WITH, f"an approval has an offer, and {needed} is not stated", "state it, in typical or here")
    if len(found) > before:
        return None
    return Case(
        name, node.line, values, born, None if pd is None else float(pd), rung, day or ANY_DAY, frozenset(failed or ()),
        Outcome(outcome), reasons, None if hits is None else frozenset(hits),
    )  # fmt: skip


def _among(reader: Reader, column: str, known: Any, what: str) -> tuple[str, ...] | None:
    """The names that a cell lists with commas; `none` is an empty list, and no cell None."""
    text = reader.row.cells.get(column)
    if text is None or text == NONE:
        return None if text is None else ()
    names = tuple(one.strip() for one in text.split(","))
    for name in names:
        if name not in known:
            reader.wrong(column, f"{shown(name)} is no {what} here", nearest(name, known))
    return names


def _values(
    stated: Mapping[str, Scalar], own: _Stated, day: date, product: Product, found: list[Finding]
) -> tuple[dict[str, Any], date | None]:
    """What is known of the applicant, and the day of birth."""
    values: dict[str, Any] = {}
    born: date | None = None
    for name, scalar in stated.items():
        # A case that states an age is not to have the typical day of birth, nor the other way round.
        if name in AGES and name not in own.applicant and AGES & own.applicant.keys():
            continue
        where = own.place if name in own.applicant else Place(own.place.file, TYPICAL)
        place = Place(where.file, where.table, where.row, where.name, scalar.line)
        reader = Reader(Row(0, {name: scalar.text}), place, product.vocabulary, found)
        if name == BIRTH:
            born = reader.day(name)
        elif (field := reader.field(name, name)) is not None and scalar.text != NOT_KNOWN:
            value = _value(reader, field, scalar.text)
            if name in AGES and value is not None:
                born = _born(day, int(value))
            elif value is not None:
                values[name] = value
    return values, born


def _value(reader: Reader, field: Field, text: str) -> Any:
    if field.kind is Kind.WORD:
        if (cell := reader.cell(text, field, field.name)) is None:
            return None
        if text in getattr(cell, "words", ()):
            return text
        reader.wrong(field.name, f"{shown(text)} is no single text", "write what this one applicant states")
        return None
    if field.kind is Kind.FLAG and text in ("yes", "no"):
        return (text == "yes") if field.stated else float(text == "yes")
    if field.kind is Kind.FLAG:
        reader.wrong(field.name, f"{shown(text)} is neither yes nor no", "write one of them")
        return None
    try:
        number = plain_number(parse_number(text, field.kind))
    except BadCell as bad:
        reader.wrong(field.name, bad.problem, bad.remedy)
        return None
    if field.name in AGES:
        # Policies look no further than the age of majority; a reader of cases does.
        if 0 <= number <= OLDEST:
            return number
        reader.wrong(field.name, f"{shown(text)} is no age", f"write whole years, up to {OLDEST}")
        return None
    if not field.domain.meets(number):
        reader.wrong(
            field.name, f"{shown(text)} is not within {field.domain.text}", "write one that the field can hold"
        )
        return None
    return number


def _born(day: date, years: int) -> date:
    """A day of birth that makes the applicant so old on that day."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year - years, day=28)
