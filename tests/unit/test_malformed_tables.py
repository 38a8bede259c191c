"""A hundred tables as people and spreadsheets spoil them: each is refused with its place, its value and a remedy."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.products import find_product
from meridian.products.shelf import policy_file
from meridian.rulebook import Finding, book_of_csvs, check_yaml, checked

LOAN = find_product("consumer-loan")
HEADER = "rule,if housing,field,hits,effect,reason,unknown,unknown_reason,since,until,meaning"
BANDS = "rung,approve_below,decline_above,limit_cap,valid_for_days\nfull,12 %,35 %,,\n"
SOUND = {
    "rule": "limit", "if housing": "", "field": "annual_income", "hits": "< 500", "effect": "refer", "reason": "P02",
    "unknown": "", "unknown_reason": "D03", "since": "", "until": "", "meaning": "Income",
}  # fmt: skip


def of_csv(rules: bytes, bands: bytes = BANDS.encode()) -> list[Finding]:
    book, found = book_of_csvs("p", {"rules": ("rules.csv", rules), "bands": ("bands.csv", bands)})
    policy, found = checked(book, found, LOAN.vocabulary, "rules.csv")
    assert (policy is None) == bool(found)
    return found


def of_yaml(content: bytes) -> list[Finding]:
    policy, found = check_yaml(content, LOAN.vocabulary, "policy.yaml")
    assert (policy is None) == bool(found)
    return found


def of_cells(**cells: str) -> list[Finding]:
    """The findings of one row with these cells, between two sound ones, through CSV."""
    rows = [{"rule": "before", "hits": "< 100"}, {key.replace("__", " "): value for key, value in cells.items()}]
    lines = [HEADER, *(_line({**SOUND, **row}) for row in rows)]
    return of_csv("\n".join(lines).encode())


def _line(row: dict[str, str]) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in row.values())


def test_the_table_that_the_others_spoil_is_sound() -> None:
    assert of_cells(field="bankruptcies", hits="> 3") == []


# the spoilt cells -> column, a part of the problem, a part of the remedy
CELLS = [
    ({"hits": "< 1,000"}, "hits", "thousands separators", "1000"),
    ({"hits": "< 1,000,000"}, "hits", "thousands separators", "1000000"),
    ({"hits": "< 1,000.50"}, "hits", "thousands separators", "1000.50"),
    ({"hits": "< 1.000,5"}, "hits", "decimal comma", "1000.5"),
    ({"hits": "< 0,5"}, "hits", "decimal comma", "0.5"),
    ({"hits": "< 1 000"}, "hits", "thousands separators", "1000"),
    ({"hits": "< 1'000"}, "hits", "thousands separators", "1000"),
    ({"hits": "< 1.000.000"}, "hits", "thousands separators", "1000000"),
    ({"hits": "< < 500"}, "hits", "two signs", "500"),
    ({"hits": "<< 500"}, "hits", "two signs", "500"),
    ({"hits": "<"}, "hits", "no number after the sign", "< 500"),
    ({"hits": ">="}, "hits", "no number after the sign", ">= 500"),
    ({"hits": "=> 500"}, "hits", "formula", "without"),
    ({"hits": "= 500"}, "hits", "formula", "without"),
    ({"hits": "=A1+B2"}, "hits", "formula", "without"),
    ({"hits": "+500"}, "hits", "formula", "without"),
    ({"hits": "@SUM(A1)"}, "hits", "formula", "without"),
    ({"hits": "#REF!"}, "hits", "spreadsheet's error", "itself"),
    ({"hits": "#N/A"}, "hits", "spreadsheet's error", "itself"),
    ({"hits": "#NAME?"}, "hits", "spreadsheet's error", "itself"),
    ({"hits": "#DIV/0!"}, "hits", "spreadsheet's error", "itself"),
    ({"hits": "< #REF!"}, "hits", "spreadsheet's error", "itself"),
    ({"hits": "< 1E+05"}, "hits", "exponent", "100000"),
    ({"hits": "< 1e999"}, "hits", "exponent", "write it out"),
    ({"hits": "< %"}, "hits", "percent sign without a number", "43 %"),
    ({"hits": "< 43 %"}, "hits", "is a share", "write 43"),
    ({"hits": "[1..3"}, "hits", "not closed", "(1..3)"),
    ({"hits": "1..3]"}, "hits", "not opened", "(1..3)"),
    ({"hits": "[1..]"}, "hits", "no interval", "two numbers"),
    ({"hits": "[1-3]"}, "hits", "no interval", "two points"),
    ({"hits": "[1,3]"}, "hits", "no interval", "two points"),
    ({"hits": "[3..1]"}, "hits", "nothing can meet", "should be met"),
    ({"hits": "(3..3)"}, "hits", "nothing can meet", "should be met"),
    ({"hits": "[1..x]"}, "hits", "no number", "digits"),
    ({"hits": "not(rent"}, "hits", "not closed", "both"),
    ({"hits": "not()"}, "hits", "says nothing", "not meant"),
    ({"hits": "not(not(< 5))"}, "hits", "says nothing", "not meant"),
    ({"hits": "“500”"}, "hits", "quotation marks", "out"),
    ({"hits": "'500'"}, "hits", "quotation marks", "out"),
    ({"hits": "< ‚500‘"}, "hits", "quotation marks", "out"),
    ({"hits": "≤ 500"}, "hits", "a sign that is none", "<="),
    ({"hits": "< −500"}, "hits", "a sign that is none", "-"),
    ({"hits": "<\u00a0500"}, "hits", "U+00A0", "plain space"),
    ({"hits": "<\u2009500"}, "hits", "U+2009", "plain space"),
    ({"hits": "< 5\u200b00"}, "hits", "U+200B", "nothing"),
    ({"hits": "\ufeff< 500"}, "hits", "U+FEFF", "nothing"),
    ({"hits": "< 5\ufffd0"}, "hits", "lost in an encoding", "UTF-8"),
    ({"hits": "<\t500"}, "hits", "tab or a line break", "one line"),
    ({"hits": "< 500\n"}, "hits", "tab or a line break", "one line"),
    ({"hits": "2026-01-15"}, "hits", "is a date", "format to text"),
    ({"hits": "15/01/2026"}, "hits", "is a date", "format to text"),
    ({"hits": "1/3"}, "hits", "no number", "decimal point"),
    ({"hits": "Jan-15"}, "hits", "no number", "digits"),
    ({"hits": "five hundred"}, "hits", "no number", "digits"),
    ({"hits": "< .5"}, "hits", "no number", "digits"),
    ({"hits": "< 5."}, "hits", "no number", "digits"),
    ({"hits": "< $500"}, "hits", "no number", "digits"),
    ({"hits": "< ٥٠٠"}, "hits", "no number", "digits"),
    ({"hits": "< NaN"}, "hits", "no number", "digits"),
    ({"hits": "< Infinity"}, "hits", "no number", "digits"),
    ({"hits": "< 0.1234567890123456"}, "hits", "15 digits", "round"),
    ({"hits": "< 9999999999999999"}, "hits", "15 digits", "round"),
    ({"hits": "12, 12"}, "hits", "twice", "once"),
    ({"hits": "12,,13"}, "hits", "no number", "digits"),
    ({"hits": "< -5"}, "hits", "nothing can meet", "[0..1e+08]"),
    ({"hits": ">= 0"}, "hits", "hits everybody", "guard"),
    ({"hits": "-"}, "hits", "hits everybody", "guard"),
    ({"hits": ""}, "hits", "hits is empty", "merged"),
    ({"hits": "x" * 501}, "hits", "501 characters", "500"),
    ({"field": "is_renter", "hits": "Yes"}, "hits", "neither yes nor no", "yes, no"),
    ({"field": "is_renter", "hits": "1"}, "hits", "neither yes nor no", "yes, no"),
    ({"field": "housing", "hits": "rents"}, "hits", "nothing that housing can be", "write rent"),
    ({"field": "housing", "hits": "rent; own"}, "hits", "no value", "comma"),
    ({"field": "housing", "hits": "rent,"}, "hits", "comma with nothing beside it", "a, b"),
    ({"field": "housing", "hits": "“rent”"}, "hits", "no value", "without marks"),
    ({"field": "housing", "hits": "> 5"}, "hits", "no value", "comma"),
    ({"field": "housing", "hits": "rent, own, mortgage, other"}, "hits", "hits everybody", "narrow"),
    ({"field": "housing", "hits": "not(rent, own, mortgage, other)"}, "hits", "nothing can meet", "should be met"),
    ({"field": "anual_income"}, "field", "no field of this product", "write annual_income"),
    ({"field": "Annual_Income"}, "field", "no field of this product", "write annual_income"),
    ({"field": "date_of_birth"}, "field", "nothing that a row may read", "feature"),
    ({"field": ""}, "field", "field is empty", "fill it in"),
    ({"rule": ""}, "rule", "rule is empty", "merged"),
    ({"field": "bankruptcies", "hits": "> 3", "rule": "before"}, "rule", "in row 1 too", "name of its own"),
    ({"effect": "declines"}, "effect", "none of what effect may be", "write decline"),
    ({"effect": "approve"}, "effect", "none of what effect may be", "decline"),
    ({"effect": ""}, "effect", "effect is empty", "merged"),
    ({"reason": ""}, "reason", "reason is empty", "fill it in"),
    ({"reason": "p02"}, "reason", "no reason of this product", "write P02"),
    ({"reason": "D07", "effect": "decline"}, "reason", "passing reason", "refer"),
    ({"unknown_reason": ""}, "unknown_reason", "unknown_reason is empty", "fill it in"),
    ({"unknown_reason": "Z99"}, "unknown_reason", "no reason of this product", "write"),
    ({"unknown": "approve"}, "unknown_reason", "gives no reason", "leave it empty"),
    ({"unknown": "maybe"}, "unknown", "none of what unknown may be", "refer"),
    ({"since": "01/02/2026"}, "since", "no day as YYYY-MM-DD", "format to text"),
    ({"since": "46023"}, "since", "no day as YYYY-MM-DD", "format to text"),
    ({"since": "2026-02-30"}, "since", "no day as YYYY-MM-DD", "write it so"),
    ({"since": "20260201"}, "since", "no day as YYYY-MM-DD", "write it so"),
    ({"until": "2026-02-01 00:00"}, "until", "no day as YYYY-MM-DD", "write it so"),
    ({"since": "2026-02-01", "until": "2026-01-01"}, "until", "before it begins", "later day"),
    ({"since": "2026-02-01", "until": "2026-02-01"}, "until", "before it begins", "later day"),
    ({"meaning": ""}, "meaning", "meaning is empty", "fill it in"),
    ({"meaning": "=HYPERLINK(1)"}, "meaning", "formula", "without"),
    ({"meaning": "-cmd"}, "meaning", "formula", "without"),
    ({"meaning": "bell\x07"}, "meaning", "U+0007", "nothing"),
    ({"if__housing": "rented"}, "if housing", "nothing that housing can be", "write rent"),
    ({"if__housing": "not(rent"}, "if housing", "not closed", "both"),
    ({"if__housing": "not(rent)", "field": "housing", "hits": "rent"}, "hits", "exclude each other", "change one"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "column", "problem", "remedy"), CELLS, ids=[ascii(list(row[0].values())[-1][:30]) for row in CELLS]
)
def test_a_spoilt_cell_is_named_with_its_row_and_column(
    cells: dict[str, str], column: str, problem: str, remedy: str
) -> None:
    found = of_cells(**cells)
    assert len(found) == 1, [one.sentence() for one in found]
    (one,) = found
    assert (one.file, one.table, one.row, one.column) == ("rules.csv", "rules", 2, column), one.sentence()
    assert one.line is not None
    assert one.line >= 3  # a cell of two lines ends on the fourth
    assert problem in one.problem
    assert remedy in one.remedy
    assert "row 2" in one.sentence()
    assert f"column {column}" in one.sentence()


RULE = "{rule: a, field: annual_income, hits: '< 5', effect: refer, reason: P02, unknown_reason: D03, meaning: x}"
ENDS = "bands: [{rung: full, approve_below: 12 %, decline_above: 35 %}]\n"
BOMB = "a: &a [x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20))

# the file -> its line, a part of the problem, a part of the remedy
FILES = [
    (b"", None, "empty", "tables"),
    (b" \n\n", None, "empty", "tables"),
    (b"# only a comment\n", 1, "nothing but comments", "tables"),
    (b"- a\n- b\n", 1, "the file is a list", "policy: NAME"),
    (b"just words\n", 1, "the file is a text", "policy: NAME"),
    (b"\xff\xfep\x00", None, "UTF-16", "UTF-8"),
    (b"policy: p\nrules: []\n# Pr\xfcfung\n", 3, "byte fc is no UTF-8", "UTF-8"),
    (b"policy: p\x00\n", 1, "NUL", "plain text"),
    (b"policy: p\nrules: []\x07\n", 1, "not YAML", "plain text"),
    (b"policy: " + b"x" * 1_000_001, None, "bytes", "1000000"),
    (BOMB.encode(), 1, "&a is an anchor", "the value itself"),
    (b"policy: p\nrules: *other\n", 2, "*other is an alias", "the value itself"),
    (b"policy: &p p\nrules: []\n", 1, "&p is an anchor", "the value itself"),
    (b"policy: p\nrules:\n  - &r {rule: a, if: *r}\n", 3, "&r is an anchor", "the value itself"),
    (b"policy: !!python/object/apply:os.system [ls]\n", 1, "is a tag", "in quotes"),
    (b"policy: !!str p\n", 1, "is a tag", "in quotes"),
    (b"policy: p\nrules:\n  - <<: {rule: a}\n", 3, "merges another map", "what is meant"),
    (b"policy: p\npolicy: q\n", 2, "stands here twice", "once"),
    (b"policy: p\nrules:\n  - rule: a\n    rule: b\n", 4, "stands here twice", "once"),
    (b"policy: p\n---\npolicy: q\n", 2, "second document", "---"),
    (b"%YAML 1.1\n---\npolicy: p\n", 2, "directive", "%"),
    (b"policy: p\nrules:\n  - hits: > 5\n", 3, "not YAML", "in quotes"),
    (b"policy: p\nrules:\n  - hits: >= 5 %\n", 3, "not YAML", "in quotes"),
    (b"policy: p\nrules:\n  - hits: [1..3)\n", 3, "not YAML", "in quotes"),
    (b"policy: p\nrules:\n  - hits: |\n      < 5\n", 3, "several lines", "in quotes"),
    (b"policy: p\nrules:\n\t- rule: a\n", 3, "not YAML", "tab"),
    (b"policy: p\nrules: [" * 3, 2, "not YAML", "in quotes"),
    (b"policy: p\nrules: " + b"[" * 5000, 2, "too deep", "in quotes"),
    (b"policy: p\nrules:\n  - {? [a] : b}\n", 3, "a key is a list", "in quotes"),
    (b"policy: p\nrule: []\n" + ENDS.encode(), 2, "'rule' is no table", "write rules"),
    (b"policy: p\nrules: {rule: a}\n" + ENDS.encode(), 2, "no list of rows", "- "),
    (b"policy: p\nrules: words\n" + ENDS.encode(), 2, "no list of rows", "- "),
    (b"policy: p\nrules:\n  - words\n" + ENDS.encode(), 3, "the row is no map", "- rule: ..."),
    (b"rules: []\n" + ENDS.encode(), 1, "no name", "policy: NAME"),
    (b"policy: [p]\n" + ENDS.encode(), 1, "the cell is a list", "in quotes"),
    (f"policy: p\nrules:\n  - {RULE[:-1]}, if: rent}}\n{ENDS}".encode(), 3, "guards are no map", "if:"),
    (f"policy: p\nrules:\n  - {RULE[:-1]}, effekt: x}}\n{ENDS}".encode(), 3, "'effekt' is no column", "write effect"),
    (f"policy: p\nrules:\n  - {RULE}\n".encode(), None, "no bands for the rung full", "add a row"),
    (f"policy: p\nrules: [{', '.join(['{rule: a}'] * 501)}]\n{ENDS}".encode(), 2, "501 rows", "500"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "line", "problem", "remedy"),
    FILES,
    ids=[f"{n}-{row[2]}".replace(" ", "-") for n, row in enumerate(FILES)],
)
def test_a_spoilt_file_is_named_with_its_line(content: bytes, line: int | None, problem: str, remedy: str) -> None:
    begun = time.monotonic()
    found = of_yaml(content)
    assert time.monotonic() - begun < 5
    assert len(found) == 1, [one.sentence() for one in found]
    assert (found[0].file, found[0].line) == ("policy.yaml", line), found[0].sentence()
    assert problem in found[0].problem
    assert remedy in found[0].remedy


# the header, the row -> the column, a part of the problem, a part of the remedy
CSVS = [
    ("rule,rule,field", "a,b,c", "rule", "stands there twice", "once"),
    ("rule,if housing,if  housing,hits", "a,rent,own,x", "if housing", "stands there twice", "once"),
    ("rule,feild,hits", "a,b,c", "feild", "no column", "write field"),
    ("Rule,field,hits", "a,b,c", "Rule", "no column", "write rule"),
    ("rule,,hits", "a,b,c", "2", "column 2 has no header", "name it"),
    ("rule,if ,hits", "a,b,c", "if", "no column", "write"),
    ("rule\tfield\thits", "a\tb\tc", "", "tabs", "commas"),
    ("field,hits", "a,b", "rule", "no column rule", "headers"),
    (HEADER, "a,b", "", "2 cells under 11 headers", "quotation marks"),
    (HEADER, "a,,annual_income,< 1,000,refer,P02,,D03,,,x", "", "12 cells under 11 headers", "quotation marks"),
    (HEADER, 'a,"b', "", "not CSV", "quotation mark"),
    (HEADER, _line(SOUND | {"hits": "< 5"}).replace("annual_income", "hous\x00ing"), "", "NUL", "plain text"),
    (HEADER + ",approve_below", _line(SOUND) + ",1", "approve_below", "no column", "write"),
]  # fmt: skip


@pytest.mark.parametrize(("header", "row", "column", "problem", "remedy"), CSVS, ids=[row[3] for row in CSVS])
def test_a_spoilt_sheet_is_named_with_its_line(header: str, row: str, column: str, problem: str, remedy: str) -> None:
    found = of_csv(f"{header}\n{row}\n".encode())
    assert len(found) == 1, [one.sentence() for one in found]
    assert (found[0].file, found[0].column) == ("rules.csv", column)
    assert found[0].line in (1, 2)
    assert problem in found[0].problem
    assert remedy in found[0].remedy


MARKS = [*":-[]{}>|&*!%@`'\"#,?<~ \n\t\r.0aZ=+é", "\ufeff", "\u2028", "\x85", "\x00", "😀", "---\n", "...\n",
         "%YAML 1.1\n", "%TAG ! tag:x,2000:\n", "<<: ", "!!str ", "? ", "- ", "\\x41", "\\uD800"]  # fmt: skip
TEXT = policy_file(LOAN.name).read_text()[:700]  # type: ignore[union-attr]


@given(
    st.integers(0, len(TEXT)),
    st.lists(st.sampled_from(MARKS), max_size=5).map("".join),
    st.integers(0, 3),
    st.booleans(),
)
def test_whatever_is_typed_into_a_file_ends_in_findings(place: int, typed: str, lost: int, ends: bool) -> None:
    content = (TEXT[:place] + typed + ("" if ends else TEXT[place + lost :])).encode()
    of_yaml(content)
    of_csv(content)


@pytest.mark.parametrize("content", [b",", b",,\n,,", b'"', b"\r"])
def test_a_sheet_without_any_cell_is_found(content: bytes) -> None:
    assert of_csv(content) != []


def test_a_byte_order_mark_and_semicolons_are_read() -> None:
    """What a spreadsheet saves where commas stand in numbers."""
    lines = f"{HEADER}\n{_line(SOUND)}\n".replace(",", ";")
    assert of_csv(b"\xef\xbb\xbf" + lines.encode()) == []
    assert of_yaml(b"\xef\xbb\xbf" + f"policy: p\nrules:\n  - {RULE}\n{ENDS}".encode()) == []


def test_a_byte_of_another_encoding_is_named_with_its_line() -> None:
    (one,) = of_csv(f"{HEADER}\n{_line(SOUND)}\n".encode() + "Prüfung".encode("cp1252"))
    assert (one.line, one.value) == (3, "fc")


def test_there_are_more_than_a_hundred() -> None:
    assert len(CELLS) + len(FILES) + len(CSVS) > 100
