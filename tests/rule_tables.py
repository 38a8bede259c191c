"""Rules and tables drawn at random, for what must hold of every policy."""

from __future__ import annotations

import math
import string
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from meridian.outcome import Outcome
from meridian.policy import Guard, Rule
from meridian.policy.cells import ANY, Cell, Kind
from meridian.policy.grammar import parse_cell
from meridian.products import find_product
from meridian.rulebook.book import BANDS, PRICES, RULES, TABLES, Book, Row, fault_of

LOAN = find_product("consumer-loan")
NUMBERS = ("x", "y")
WORD, FLAG = "housing", "renter"
WORDS = ("rent", "own", "mortgage")
EDGES = ("-1", "0", "0.1", "0.3", "1", "2", "500.1", "12345.678")
"""Few, so that values fall on them."""

edges = st.sampled_from(EDGES) | st.decimals(-1000, 1000, places=3, allow_nan=False).map(lambda one: f"{one:f}")


@st.composite
def intervals(draw: st.DrawFn) -> str:
    low, high = sorted(Decimal(one) for one in draw(st.lists(edges, min_size=2, max_size=2)))
    return f"{draw(st.sampled_from('[('))}{low:f}..{high:f}{draw(st.sampled_from('])'))}"


def _negated(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return texts | texts.map(lambda text: f"not({text})")


sets = st.lists(edges, min_size=1, max_size=3, unique_by=Decimal).map(", ".join)
number_texts = _negated(st.tuples(st.sampled_from(["<", "<=", ">", ">="]), edges).map(" ".join) | intervals() | sets)
word_texts = _negated(st.lists(st.sampled_from(WORDS), min_size=1, max_size=2, unique=True).map(", ".join))
number_cells: st.SearchStrategy[Cell] = number_texts.map(lambda text: parse_cell(text, Kind.NUMBER))
word_cells: st.SearchStrategy[Cell] = word_texts.map(lambda text: parse_cell(text, Kind.WORD))
flag_cells: st.SearchStrategy[Cell] = st.sampled_from(["yes", "no"]).map(lambda text: parse_cell(text, Kind.FLAG))

guards = st.one_of(
    st.builds(Guard, st.sampled_from(NUMBERS), number_cells),
    st.builds(Guard, st.just(WORD), word_cells),
    st.builds(Guard, st.just(FLAG), flag_cells),
)


@st.composite
def rules(draw: st.DrawFn, name: str = "any") -> Rule:
    field, cell = draw(
        st.one_of(
            st.tuples(st.sampled_from(NUMBERS), number_cells | st.just(ANY)),
            st.tuples(st.just(WORD), word_cells),
            st.tuples(st.just(FLAG), flag_cells),
        )
    )
    of_row = draw(st.lists(guards, max_size=2, unique_by=lambda guard: guard.field))
    unknown = draw(st.sampled_from(Outcome))
    effect = draw(st.sampled_from([Outcome.DECLINE, Outcome.REFER]))
    return Rule(name, effect, field, None, None, "P01", "D01", "any", unknown, tuple(of_row), cell)


numbers = st.sampled_from([float(one) for one in EDGES]) | st.floats(-1e6, 1e6) | st.just(math.nan)
values: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"x": numbers, "y": numbers, WORD: st.sampled_from([*WORDS, "other", None, ""]), FLAG: st.sampled_from([0.0, 1.0])}
) | st.dictionaries(st.sampled_from(["x", "y"]), numbers)

texts = (
    st.text(
        st.sampled_from(string.digits + string.ascii_letters + string.punctuation + " äß€收Д😀—„“é"),
        min_size=1,
        max_size=30,
    )
    .map(lambda text: text.strip(" "))
    .filter(lambda text: text and not fault_of(text, "meaning"))
)
"""What any cell may have, whatever it says."""
names = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Tables of any texts, most of which mean nothing."""
    tables = {}
    for table in draw(st.lists(st.sampled_from(sorted(TABLES)), unique=True).map(sorted)):
        of_guards = st.dictionaries(names, texts, max_size=2) if table != PRICES else st.just({})
        cells = st.dictionaries(st.sampled_from(TABLES[table]), texts, min_size=1)
        rows = draw(st.lists(st.tuples(cells, of_guards), max_size=4))
        tables[table] = tuple(Row(n, c, dict(sorted(g.items()))) for n, (c, g) in enumerate(rows, 1))
    return Book(draw(texts), {table: tables[table] for table in TABLES if table in tables})


@st.composite
def loan_books(draw: st.DrawFn) -> Book:
    """Tables that a consumer loan's policy may have, most of them sound."""
    hits = {
        "annual_income": st.integers(1, 90_000).map("< {}".format) | st.just("[100..2000)"),
        "debt_to_income": st.integers(20, 90).map("> {} %".format) | st.just(">= 43.5 %"),
        "housing": st.sampled_from(["rent", "rent, own", "not(own)"]),
        "is_renter": st.sampled_from(["yes", "no"]),
        "age_years": st.sampled_from(["< 18", "< 21"]),
    }
    rows = []
    for field in draw(st.lists(st.sampled_from(sorted(hits)), min_size=1, unique=True)):
        unknown = draw(st.sampled_from(["", "refer", "approve"]))
        cells = {
            "rule": f"rule-{len(rows)}",
            "field": field,
            "hits": draw(hits[field]),
            "effect": draw(st.sampled_from(["decline", "refer"])),
            "reason": "P02",
            "unknown": unknown,
            "unknown_reason": "" if unknown == "approve" else "D01",
            "since": draw(st.sampled_from(["", "2026-03-01"])),
            "meaning": draw(texts),
        }
        of_row = draw(st.sampled_from([{}, {"purpose": "car, moving"}, {"term_months": "[12..24)"}]))
        rows.append(Row(len(rows) + 1, {key: cell for key, cell in cells.items() if cell}, of_row))
    approve = draw(st.sampled_from(["5 %", "0.12"]))
    segment = ({"rung": "full", "approve_below": approve, "decline_above": "35 %"}, {"housing": "rent"})
    otherwise = ({"rung": "full", "approve_below": "12 %", "decline_above": "40 %", "limit_cap": "20000"}, {})
    drawn = draw(st.sampled_from([[otherwise], [segment, otherwise]]))
    bands = tuple(Row(number, *row) for number, row in enumerate(drawn, 1))
    prices = (Row(1, {"pd_below": "12 %", "apr": "7.95 %"}),)
    return Book("loan-2", {RULES: tuple(rows), BANDS: bands, PRICES: prices})
