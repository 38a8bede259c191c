"""Reading an application: what is wrong is named by field, with the value sent and what was expected."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.application import parse_request
from meridian.application.parse import SHOWN_CHARACTERS, SHOWN_PROBLEMS, shown
from meridian.errors import FieldProblem, InvalidApplication, InvalidInput, MalformedBody, UnknownProduct
from meridian.products import find_product, products
from tests.captures import request_with

SCHEMAS = {name: product.request for name, product in products().items()}
REMOVED: Any = object()


def changed(pointer: str, value: Any) -> bytes:
    """The sample with one field replaced, added or, where REMOVED, left out."""
    request: Any = request_with(find_product("personal-loan"))
    *way, last = pointer.strip("/").split("/")
    inner = request
    for part in way:
        inner = inner[part]
    if value is REMOVED:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(request).encode()


def problems_of(body: bytes) -> list[FieldProblem]:
    with pytest.raises(InvalidApplication) as refused:
        parse_request(body, SCHEMAS)
    assert refused.value.problems
    return list(refused.value.problems)


WRONG = [
    ("/application/amount", -5, "-5", "greater than or equal to 500"),
    ("/application/amount", "9000", "'9000'", "a valid number"),
    ("/application/amount", True, "True", "a valid number"),
    ("/application/amount", REMOVED, "nothing", "required"),
    ("/application/amount", None, "None", "a valid number"),
    ("/application/term_months", 36.5, "36.5", "a valid integer"),
    ("/application/term_months", 85, "85", "less than or equal to 84"),
    ("/application/purpose", "yacht", "'yacht'", "'car'"),
    ("/application/housing", "Rent", "'Rent'", "'rent'"),
    ("/application/annual_income", -1, "-1", "greater than or equal to 0"),
    ("/application/date_of_birth", "1988-02-30", "'1988-02-30'", "date"),
    ("/application/applicant_id", "Mary Jones", "'Mary Jones'", "match"),
    ("/application/applicant_id", "x" * 65, f"'{'x' * 65}'", "64"),
    ("/application/amuont", 1, "1", "no such field"),
    ("/application_ref", "a/b", "'a/b'", "match"),
    ("/application/credit_report/revolving_utilisation", 31, "31", "less than or equal to 10"),
    ("/application/credit_report/inquiries_6m", 1.0, "1.0", "a valid integer"),
    ("/application/credit_report/bankruptcies", REMOVED, "nothing", "required"),
    ("/application/credit_report/as_of", "yesterday", "'yesterday'", "date"),
    ("/application/credit_report/x~y", 1, "1", "no such field"),
]


@pytest.mark.parametrize(("pointer", "value", "said", "expected"), WRONG)
def test_a_wrong_field_is_named_with_its_value_and_what_was_expected(
    pointer: str, value: Any, said: str, expected: str
) -> None:
    body = changed(pointer, value)
    (problem,) = [one for one in problems_of(body) if one.pointer == pointer.replace("~", "~0")]
    assert problem.value == said
    assert expected in problem.expected
    with pytest.raises(InvalidApplication) as refused:
        parse_request(body, SCHEMAS)
    message = str(refused.value)
    assert problem.pointer in message
    assert problem.value in message
    assert problem.expected in message


def test_what_is_right_is_read_as_it_was_sent() -> None:
    request = request_with(find_product("personal-loan"))
    read = parse_request(json.dumps(request).encode(), SCHEMAS)
    assert read.document() == {"application_ref": None, **request}


def test_many_problems_are_all_listed() -> None:
    request = request_with(find_product("personal-loan"), amount=1, term_months=1, housing="cave", hat="red")
    del request["application"]["purpose"]
    body = json.dumps(request).encode()
    names = ("amount", "term_months", "housing", "hat", "purpose")
    assert {one.pointer for one in problems_of(body)} == {f"/application/{name}" for name in names}
    with pytest.raises(InvalidApplication, match=r"\(and 4 more\)"):
        parse_request(body, SCHEMAS)


def test_a_flood_of_problems_is_cut_and_counted() -> None:
    request = request_with(find_product("personal-loan"), **{f"extra_{i}": i for i in range(400)})
    body = json.dumps(request).encode()
    assert len(problems_of(body)) == SHOWN_PROBLEMS
    with pytest.raises(InvalidApplication, match=r"\(and 399 more\)"):
        parse_request(body, SCHEMAS)


def test_a_long_value_is_cut() -> None:
    (problem,) = problems_of(changed("/application/purpose", "x" * 10_000))
    assert problem.value == f"'{'x' * (SHOWN_CHARACTERS - 1)}… (10002 characters)"
    assert shown("x" * 78) == f"'{'x' * 78}'"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"not json", b'{"product": "personal-loan",}', b"\xff\xfe", b"{'product': 'personal-loan'}", b"[1,"],
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody, match="not JSON"):
        parse_request(body, SCHEMAS)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused(number: str) -> None:
    body = changed("/application/amount", 4711).replace(b"4711", number.encode())
    with pytest.raises(InvalidInput):
        parse_request(body, SCHEMAS)


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"personal-loan"', b"{}", b'{"product": 7}'])
def test_json_that_is_no_application_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidApplication):
        parse_request(body, SCHEMAS)


def test_an_unknown_product_is_told_with_those_there_are() -> None:
    with pytest.raises(UnknownProduct, match=r"'mortgage'; offered here: .*personal-loan") as refused:
        parse_request(changed("/product", "mortgage"), SCHEMAS)
    assert refused.value.problems[0].pointer == "/product"


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip  # noqa: E501
def test_whatever_is_sent_is_refused_in_our_words(value: Any) -> None:
    """For every document in the application's place: an error of ours with problems that fit in an answer."""
    body = json.dumps({"product": "personal-loan", "application": value}).encode()
    with pytest.raises(InvalidInput) as refused:
        parse_request(body, SCHEMAS)
    assert len(str(refused.value)) < 2000
    assert all(len(one.value) < 200 for one in refused.value.problems)
