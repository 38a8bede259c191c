"""The fast canonical form is RFC 8785's, byte for byte, whatever the document."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meridian.evidence import canonical_json

EXACT = 2**53
# Around the places where the way of writing changes: exponents, whole numbers, the last that a double holds.
EDGES = (1e-7, 1e-6, 1e-5, 1e-4, 1e15, 1e16, 1e17, 1e20, 1e21, 1e22, float(EXACT), 5e-324, 2.2250738585072014e-308,
         1.7976931348623157e308, 0.1, 1 / 3)  # fmt: skip
near_edges = st.builds(
    lambda edge, steps, sign: sign * step(edge, steps),
    st.sampled_from(EDGES), st.integers(-3, 3), st.sampled_from((1.0, -1.0)),
)  # fmt: skip
floats = (
    st.floats(allow_nan=False, allow_infinity=False)
    | near_edges
    | st.sampled_from((0.0, -0.0))
    | st.floats(1e-9, 1e-3)
    | st.floats(1e14, 1e23).map(math.floor).map(float)
)
integers = st.integers(-EXACT + 1, EXACT - 1) | st.sampled_from((EXACT - 1, 1 - EXACT, 0))
# Everything but surrogates; often of the planes in which UTF-16 and code points are of different orders.
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.text(
    st.sampled_from('\x00\x08\x1f "/\\\x7f\x80\u2028\ud7ff\ue000\uf8ff\ufb33\uffff\U00010000\U0001f600\U0010ffffaé'),
    max_size=4,
)
documents = st.recursive(
    st.none() | st.booleans() | floats | integers | texts,
    lambda inner: (
        st.lists(inner, max_size=5) | st.lists(inner, max_size=5).map(tuple) | st.dictionaries(texts, inner, max_size=6)
    ),
    max_leaves=20,
)


def step(number: float, steps: int) -> float:
    """The double so many doubles further on, or back."""
    for _ in range(abs(steps)):
        number = math.nextafter(number, math.copysign(math.inf, steps))
    return number if math.isfinite(number) else 1.7976931348623157e308


@settings(max_examples=400)
@given(documents)
@example({"\ufb33": 1, "\U0001f600": 2, "\ue000": {"\U00010000": -0.0}})
@example([1e-7, 1e21, 9007199254740991.0, 9007199254740992.0, 5e-324, -1.7976931348623157e308])
@example({"": {}, "a": [], "\x00": ""})
def test_any_document_is_written_as_the_reference_writes_it(document: Any) -> None:
    assert canonical_json(document) == rfc8785.dumps(document)


@settings(max_examples=400)
@given(st.binary(min_size=8, max_size=8).map(lambda eight: struct.unpack("<d", eight)[0]).filter(math.isfinite))
def test_any_double_is_written_as_the_reference_writes_it_and_read_back(number: float) -> None:
    written = canonical_json(number)
    assert written == rfc8785.dumps(number)
    assert float(json.loads(written)) == number


@given(st.dictionaries(texts, integers, max_size=8))
def test_keys_are_in_the_order_of_utf_16_as_a_browser_has_it(document: Mapping[str, int]) -> None:
    keys = list(json.loads(canonical_json(document)))
    assert keys == sorted(document, key=lambda key: key.encode("utf-16-be"))


@given(documents)
def test_canonical_text_is_its_own_canonical_form(document: Any) -> None:
    written = canonical_json(document)
    assert canonical_json(json.loads(written)) == written


class Grade(IntEnum):
    HIGH = 3


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize("value", [Grade.HIGH, Colour.RED, {Colour.RED: Grade.HIGH}, True, [False]])
def test_an_enumeration_is_written_as_its_value(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "document",
    [math.nan, [math.inf], {"x": -math.inf}, "\ud800", {"\udfff": 1}, ["\U0001f600", "\ud83d"], {1: 2}, {None: 1},
     {"a": {2.0: 1}}, object(), {1, 2}, b"bytes"],
    ids=lambda document: "object()" if type(document) is object else repr(document),
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused_as_the_reference_refuses_it(document: Any) -> None:
    with pytest.raises((rfc8785.CanonicalizationError, UnicodeEncodeError)) as theirs:
        rfc8785.dumps(document)
    with pytest.raises(type(theirs.value)):
        canonical_json(document)
