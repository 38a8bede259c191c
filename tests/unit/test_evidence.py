"""The capture: canonical, hashed, marked with its rung; what is not known is null and nothing else."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from meridian.evidence import (
    Evidence,
    Rung,
    SourceReading,
    SourceStatus,
    canonical_json,
    capture,
    sha256_of,
)
from meridian.features import Feature, FeatureSet
from meridian.products import Product
from tests.captures import NO_ANSWER, RECEIVED, captured, request_with

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53) + 1, 2**53 - 1)
documents = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_keys_are_sorted_and_numbers_written_one_way() -> None:
    document = {"b": 1.0, "a": [True, None, "é\n"], "c": 1e-7, "d": 1e21, "e": -0.0}
    assert canonical_json(document) == '{"a":[true,null,"é\\n"],"b":1,"c":1e-7,"d":1e+21,"e":0}'.encode()
    assert sha256_of(document) == hashlib.sha256(canonical_json(document)).hexdigest()


@given(documents)
def test_a_document_read_back_has_the_same_hash(document: Any) -> None:
    assert sha256_of(json.loads(json.dumps(document))) == sha256_of(document)
    assert sha256_of(json.loads(canonical_json(document))) == sha256_of(document)


@given(st.dictionaries(st.text(max_size=8), numbers, max_size=8))
def test_the_order_of_keys_does_not_matter(document: dict[str, Any]) -> None:
    assert sha256_of(dict(reversed(document.items()))) == sha256_of(document)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_large_number_that_lost_its_point_has_the_same_hash(number: float) -> None:
    """JSONB keeps 1e16 as 10000000000000000, which comes back as an integer."""
    plain = int(Decimal(repr(number))) if number.is_integer() else number
    assert canonical_json([plain]) == canonical_json([number])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_never_hashed(number: float) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical_json({"x": number})


def test_an_integer_that_no_double_holds_is_refused_and_not_rounded() -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical_json([2**53 + 1])


SOME = FeatureSet([Feature("x", "bureau", "any", "count", 0, 1, lambda fields: fields["x"], "R01")])


@pytest.mark.parametrize(("value", "stored"), [(math.nan, None), (math.inf, None), (-math.inf, None), (0.0, 0.0)])
def test_what_cannot_be_computed_is_stored_as_null(value: float, stored: float | None) -> None:
    evidence = one_source(SourceReading("bureau", SourceStatus.FRESH, {"x": value}))
    assert evidence.document["features"]["bureau"] == {"x": stored}
    assert math.isnan(evidence.features["x"]) == (stored is None)


@pytest.mark.parametrize("status", [SourceStatus.MISSING, SourceStatus.FAILED])
def test_a_source_that_gave_nothing_has_only_nulls_even_where_it_sent_fields(status: SourceStatus) -> None:
    assert one_source(SourceReading("bureau", status, {"x": 1.0})).document["features"]["bureau"] == {"x": None}


def one_source(reading: SourceReading) -> Evidence:
    return capture(
        request={}, received_at=RECEIVED, readings=[reading], features=SOME, model_sources=frozenset(), versions={}
    )


FRESH, STALE, MISSING, FAILED = SourceStatus.FRESH, SourceStatus.STALE, SourceStatus.MISSING, SourceStatus.FAILED


@pytest.mark.parametrize(
    ("bureau", "history", "rung"),
    [
        (FRESH, FRESH, Rung.FULL),
        (STALE, FRESH, Rung.STALE),
        (FRESH, STALE, Rung.STALE),
        (FRESH, MISSING, Rung.APPLICATION_ONLY),
        (FRESH, FAILED, Rung.APPLICATION_ONLY),
        (STALE, FAILED, Rung.APPLICATION_ONLY),
        (MISSING, FRESH, Rung.POLICY_ONLY),
        (FAILED, FRESH, Rung.POLICY_ONLY),
        (MISSING, FAILED, Rung.POLICY_ONLY),
        (FAILED, STALE, Rung.POLICY_ONLY),
    ],
)
def test_the_rung_says_how_much_was_known(bureau: SourceStatus, history: SourceStatus, rung: Rung) -> None:
    evidence = capture(
        request={},
        received_at=RECEIVED,
        readings=[SourceReading("bureau", bureau, {"x": 1.0}), SourceReading("history", history)],
        features=SOME,
        model_sources=frozenset({"bureau"}),
        versions={},
    )
    assert evidence.rung is rung


@pytest.mark.parametrize(
    ("days_old", "status", "rung", "detail"),
    [
        (0, FRESH, Rung.FULL, ""),
        (29, FRESH, Rung.FULL, ""),
        (31, STALE, Rung.STALE, "the credit report is 31 days old"),
        (89, STALE, Rung.STALE, "the credit report is 89 days old"),
        (91, MISSING, Rung.POLICY_ONLY, "the credit report is 91 days old; at most 90 will do"),
        (-2, FAILED, Rung.POLICY_ONLY, "the credit report is dated in the future"),
    ],
)
def test_a_credit_report_grows_stale_and_then_too_old(
    personal_loan: Product, days_old: int, status: SourceStatus, rung: Rung, detail: str
) -> None:
    report = {"as_of": (RECEIVED - timedelta(days=days_old)).date().isoformat()}
    evidence = captured(personal_loan, request_with(personal_loan, report))
    bureau = next(source for source in evidence.sources if source["name"] == "bureau")
    assert (bureau["status"], evidence.rung, bureau["detail"]) == (status, rung, detail)
    assert bureau["as_of"] == f"{report['as_of']}T00:00:00+00:00"
    assert bureau["age_s"] == pytest.approx(days_old * 86_400 + 10.5 * 3600)
    assert (evidence.features["debt_to_income"] > 0) == status.usable


def test_a_day_ahead_of_ours_is_no_future(personal_loan: Product) -> None:
    """East of us it is tomorrow already."""
    report = {"as_of": (RECEIVED + timedelta(days=1)).date().isoformat()}
    assert captured(personal_loan, request_with(personal_loan, report)).rung is Rung.FULL


def test_what_failed_says_so_in_the_evidence(personal_loan: Product) -> None:
    evidence = captured(personal_loan, request_with(personal_loan), NO_ANSWER)
    history = next(source for source in evidence.sources if source["name"] == "history")
    assert history == {
        "name": "history",
        "status": "failed",
        "as_of": None,
        "known_at": None,
        "age_s": None,
        "detail": "no answer within 60 ms",
    }
    assert set(evidence.document["features"]["history"].values()) == {None}


def test_features_read_back_are_the_same_to_the_last_bit(personal_loan: Product) -> None:
    evidence = captured(personal_loan, request_with(personal_loan, {"revolving_utilisation": 0.1 + 0.2}))
    stored = Evidence(json.loads(json.dumps(evidence.document)))
    for name, value in evidence.features.items():
        assert struct.pack("d", stored.features[name]) == struct.pack("d", value), name


def test_another_value_or_another_model_is_another_hash(personal_loan: Product) -> None:
    first = captured(personal_loan, request_with(personal_loan))
    assert captured(personal_loan, request_with(personal_loan)).sha256 == first.sha256
    assert captured(personal_loan, request_with(personal_loan, amount=9000.01)).sha256 != first.sha256
    versions = {**first.document["versions"], "compact_model": "0" * 64}
    assert Evidence({**first.document, "versions": versions}).sha256 != first.sha256
