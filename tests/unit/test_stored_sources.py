"""A stored source gives one applicant, and a table of them, the very same: values, defaults, and what is not known."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meridian.evidence import FORM, SourceReading, SourceStatus, capture
from meridian.features import FeatureSet, Silence, Source
from meridian.features.engine import Vectors
from meridian.products import find_product
from meridian.sources import Stored, reading_of
from meridian.sources.stored import APPLICATIONS_90D, columns_of
from meridian.training.vectors import vectors
from tests.captures import GREY, HIGH, LOW, graded_scorer

PRODUCT = find_product("consumer-loan")
SOURCES = {source.name: source for source in PRODUCT.sources}
NOW = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)

number = st.one_of(
    st.floats(-1e7, 1e7),
    st.integers(0, 40_000).map(float),
    st.sampled_from([0.0, 1.0, 1e300, -1e300, 5e-324, math.nan]),
)
form = st.fixed_dictionaries(
    {
        "amount": st.floats(500, 40_000),
        "term_months": st.integers(12, 60).map(float),
        "annual_income": st.sampled_from([0.0, 1.0, 45_000.0, 1e8]),
        "employment_years": st.one_of(st.floats(0, 70), st.just(math.nan)),
        "purpose": st.sampled_from(["car", "medical", "small_business"]),
        "housing": st.sampled_from(["rent", "own"]),
    }
)


def case(source: Source) -> st.SearchStrategy[dict[str, Any]]:
    """A form, a vector or none, when it was made and how old its newest event is."""
    return st.fixed_dictionaries(
        {
            "form": form,
            "values": st.one_of(st.none(), st.tuples(*(number for _ in source.fields))),
            "made_before_s": st.integers(0, 40 * 86_400),
            "newest_before_s": st.integers(0, 150 * 86_400),
            "applications": st.integers(0, 9).map(float),
        }
    )


def single(source: Source, one: dict[str, Any]) -> dict[str, float | None]:
    """As a look-up and a capture have it."""
    cut_off = NOW - timedelta(seconds=one["made_before_s"])
    newest = cut_off - timedelta(seconds=one["newest_before_s"])
    stored = None if one["values"] is None else Stored(one["values"], cut_off, newest)
    reading = reading_of(source, stored, cut_off, NOW)
    if reading.status.usable:
        fields = {**reading.fields, APPLICATIONS_90D: one["applications"]}
        reading = SourceReading(reading.name, reading.status, fields, reading.as_of, reading.known_at, reading.age_s)
    readings = (SourceReading(FORM, SourceStatus.FRESH, one["form"]), reading)
    evidence = capture(
        request={}, received_at=NOW, readings=readings, features=PRODUCT.features, model_sources=None, versions={}
    )
    found: dict[str, float | None] = evidence.document["features"][source.name]
    return found


def many(source: Source, cases: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    """As a training table has it."""
    moment = np.datetime64(NOW.replace(tzinfo=None), "us")
    cut_offs = np.array([moment - np.timedelta64(one["made_before_s"], "s") for one in cases])
    newest = cut_offs - np.array([np.timedelta64(one["newest_before_s"], "s") for one in cases])
    present = np.array([one["values"] is not None for one in cases])
    rows = np.array([source.of_nothing if one["values"] is None else one["values"] for one in cases])
    vectors = Vectors(
        dict(zip(source.fields, rows.T, strict=True)), np.where(present, newest, np.datetime64("NaT")), present
    )
    stated = {name: np.array([one["form"][name] for one in cases]) for name in cases[0]["form"]}
    applications = np.array([one["applications"] for one in cases])
    now = np.full(len(cases), moment)
    columns = columns_of(PRODUCT.features, source, vectors, cut_offs, now, stated, applications)
    return {name: [None if math.isnan(v) else v for v in column.tolist()] for name, column in columns.items()}


@pytest.mark.parametrize("name", SOURCES)
def test_one_look_up_and_a_table_give_the_same(name: str) -> None:
    source = SOURCES[name]

    @settings(max_examples=60, deadline=None)
    @given(cases=st.lists(case(source), min_size=1, max_size=4))
    def check(cases: list[dict[str, Any]]) -> None:
        columns = many(source, cases)
        for place, one in enumerate(cases):
            assert single(source, one) == {feature: column[place] for feature, column in columns.items()}

    check()


@settings(max_examples=60, deadline=None)
@given(forms=st.lists(form, min_size=1, max_size=6))
def test_one_form_and_a_table_of_them_give_the_same(forms: list[dict[str, Any]]) -> None:
    """With their defaults, as a capture and a training frame have them."""
    names = [feature.name for feature in PRODUCT.features.of_source(FORM)]
    columns = {name: np.array([one[name] for one in forms]) for name in forms[0]}
    matrix = vectors(PRODUCT, {FORM: columns}, names)
    for place, one in enumerate(forms):
        reading = SourceReading(FORM, SourceStatus.FRESH, one)
        evidence = capture(
            request={}, received_at=NOW, readings=(reading,), features=PRODUCT.features, model_sources=None, versions={}
        )
        np.testing.assert_array_equal(
            matrix[place], np.array([evidence.features[name] for name in names], dtype=np.float32)
        )


def reading(source: Source, age: timedelta, values: tuple[float, ...] | None) -> SourceReading:
    cut_off = NOW - timedelta(minutes=1)
    stored = None if values is None else Stored(values, cut_off, NOW - age)
    return reading_of(source, stored, cut_off, NOW)


@pytest.mark.parametrize("name", ["bureau", "bank"])
def test_a_vector_past_its_limit_is_never_handed_out_as_fresh(name: str) -> None:
    source, values = SOURCES[name], tuple(1.0 for _ in SOURCES[name].fields)
    moment = timedelta(seconds=1)
    statuses = [
        reading(source, age, values).status
        for age in (source.fresh_for, source.fresh_for + moment, source.too_old_after, source.too_old_after + moment)
    ]
    assert statuses == [SourceStatus.FRESH, SourceStatus.STALE, SourceStatus.STALE, SourceStatus.MISSING]


def test_what_no_event_means_is_the_sources_to_say() -> None:
    found = {name: reading(source, timedelta(), None) for name, source in SOURCES.items()}
    assert {name: one.status.value for name, one in found.items()} == {
        "bureau": "missing", "bank": "nothing", "employment": "nothing", "history": "fresh",
    }  # fmt: skip
    assert found["history"].fields["loans"] == 0.0
    assert SOURCES["bureau"].silence is Silence.NOT_KNOWN


def test_a_source_that_was_never_taken_in_says_nothing_of_anybody() -> None:
    for source in SOURCES.values():
        assert reading_of(source, None, None, NOW).status is SourceStatus.MISSING


def test_a_bank_that_is_not_linked_takes_its_defaults_and_the_evidence_says_so() -> None:
    readings = (
        SourceReading(FORM, SourceStatus.FRESH, PRODUCT.sample()["application"]),
        reading(SOURCES["bank"], timedelta(), None),
    )
    evidence = capture(
        request={}, received_at=NOW, readings=readings, features=PRODUCT.features, model_sources=None, versions={}
    )
    of_bank = PRODUCT.features.of_source("bank")
    assert evidence.document["features"]["bank"] == {feature.name: feature.default for feature in of_bank}
    assert evidence.defaults["bank"] == [feature.name for feature in of_bank]
    assert evidence.features["bank_linked"] == 0.0


@pytest.mark.parametrize(("linked", "code"), [(True, "R23"), (False, "R19")])
def test_what_stands_in_for_a_source_that_has_nothing_speaks_for_that_alone(linked: bool, code: str) -> None:
    """The same balance harms alike: told of it is who has it, and who linked no account is told that."""
    bank = SOURCES["bank"]
    default = PRODUCT.features["balance_low_90d"].default
    values = tuple(default if name == "balance_low_90d" else 1.0 for name in bank.fields)
    found = {name: reading(source, timedelta(), tuple(1.0 for _ in source.fields)) for name, source in SOURCES.items()}
    found["bank"] = reading(bank, timedelta(), values if linked else None)
    stated = {**PRODUCT.sample()["application"], "term_months": 36.0, "employment_years": 6.0}
    evidence = capture(
        request={"application": PRODUCT.sample()["application"]},
        received_at=NOW,
        readings=(SourceReading(FORM, SourceStatus.FRESH, stated), *(with_count(one) for one in found.values())),
        features=PRODUCT.features,
        model_sources=PRODUCT.model_sources,
        versions={},
    )
    low_is_bad = graded_scorer("balance_low_90d", (500.0, 1000.0), (HIGH, GREY, LOW), reference=5000.0)
    decision = PRODUCT.decide(evidence, low_is_bad)
    assert [one.code for one in decision.reasons] == [code]


def with_count(one: SourceReading) -> SourceReading:
    return replace(one, fields={**one.fields, APPLICATIONS_90D: 0.0}) if one.fields else one


def test_a_failed_look_up_takes_no_default() -> None:
    failed = SourceReading("bank", SourceStatus.FAILED, detail="no answer within 60 ms")
    evidence = capture(
        request={}, received_at=NOW, readings=(failed,), features=PRODUCT.features, model_sources=None, versions={}
    )
    assert set(evidence.document["features"]["bank"].values()) == {None}
    assert evidence.defaults == {}


def test_a_feature_may_have_a_limit_of_its_own() -> None:
    score = replace(PRODUCT.features["bureau_score"], too_old_after=timedelta(days=20), default=650.0)
    few = FeatureSet([score])
    fields = {"score": 700.0}
    assert few.compute("bureau", fields, 20 * 86_400.0) == {"bureau_score": 700.0}
    old = few.compute("bureau", fields, 20 * 86_400.0 + 1)
    assert math.isnan(float(old["bureau_score"]))
    assert few.filled(old) == {"bureau_score": 650.0}
