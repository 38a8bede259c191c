"""One definition serves an applicant and a column of them: the results are the same to the last bit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meridian.features import Feature, FeatureSet, Silence
from meridian.products import find_product
from meridian.products.personal_loan.features import COUNTED, NEVER_MONTHS
from meridian.products.personal_loan.schema import PURPOSES

PRODUCT = find_product("personal-loan")

money = st.one_of(st.floats(0, 1e8), st.sampled_from([0.0, 0.01, 1.0, 1e8]))
maybe = st.one_of(money, st.integers(0, 1000).map(float), st.just(math.nan))
months = st.one_of(st.integers(0, 1200).map(float), st.just(math.nan), st.just(NEVER_MONTHS))

applicant = st.fixed_dictionaries(
    {
        "amount": st.floats(500, 100_000),
        "term_months": st.integers(6, 84).map(float),
        "purpose": st.sampled_from(PURPOSES),
        "annual_income": money,
        "employment_years": st.one_of(st.floats(0, 70), st.just(math.nan)),
        "housing": st.sampled_from(["rent", "mortgage", "own", "other"]),
        **dict.fromkeys(COUNTED, maybe),
        "as_of_month": st.integers(2000 * 12, 2100 * 12).map(float),
        "earliest_credit_month": st.one_of(st.integers(1940 * 12, 2100 * 12).map(float), st.just(math.nan)),
        "months_since_delinquency": months,
        "months_since_public_record": months,
        "loans": maybe,
        "worst_days_late": maybe,
        "applications_90d": maybe,
    }
)


@settings(max_examples=60, deadline=None)
@given(applicants=st.lists(applicant, min_size=1, max_size=8))
@pytest.mark.parametrize("feature", list(PRODUCT.features), ids=lambda feature: feature.name)
def test_one_applicant_and_a_column_give_the_same(feature: Feature, applicants: list[dict[str, Any]]) -> None:
    columns = {name: np.array([one[name] for one in applicants]) for name in applicants[0]}
    with np.errstate(all="ignore"):
        column = np.asarray(feature.compute(columns), dtype=np.float64)
        single = [float(feature.compute(one)) for one in applicants]
    np.testing.assert_array_equal(column, np.array(single))


def test_missing_stays_missing() -> None:
    """A feature whose every number is NaN is NaN: never zero, never a default."""
    blank: dict[str, Any] = dict.fromkeys(
        ("amount", "term_months", "annual_income", "employment_years", "as_of_month", "earliest_credit_month",
         "months_since_delinquency", "months_since_public_record", "loans", "worst_days_late", "applications_90d",
         *COUNTED), math.nan,
    )  # fmt: skip
    blank |= {"purpose": "other", "housing": "own"}
    for feature in PRODUCT.features:
        value = float(feature.compute(blank))
        assert math.isnan(value) or feature.unit == "0/1", feature.name


def test_no_income_gives_no_ratio() -> None:
    """A division by zero is 'not known', which refers; it is neither infinite risk nor none."""
    fields = {"amount": 5000.0, "annual_income": 0.0, "term_months": 36.0}
    assert math.isnan(float(PRODUCT.features["loan_to_income"].compute(fields)))
    assert math.isnan(float(PRODUCT.features["payment_to_income"].compute(fields)))


def test_a_changed_definition_changes_the_fingerprint() -> None:
    from meridian.features import Direction

    before = PRODUCT.features.select(PRODUCT.compact_features)
    first, *rest = list(before)
    turned = FeatureSet([replace(first, direction=Direction(-first.direction)), *rest])
    assert before.fingerprint == PRODUCT.features.select(PRODUCT.compact_features).fingerprint
    assert turned.fingerprint != before.fingerprint
    assert FeatureSet([*rest, first]).fingerprint != before.fingerprint


def test_a_feature_is_defined_once() -> None:
    feature = next(iter(PRODUCT.features))
    with pytest.raises(ValueError, match=feature.name):
        FeatureSet([feature, feature])


def test_a_source_that_computes_its_fields_otherwise_changes_the_fingerprint() -> None:
    """A model must not be fed from windows other than those it was trained on."""
    product = find_product("consumer-loan")
    bank = next(source for source in product.sources if source.name == "bank")
    longer = replace(bank, aggregates=(replace(bank.aggregates[0], days=31), *bank.aggregates[1:]))
    speaking = replace(bank, silence=Silence.NOTHING_HAPPENED)
    for other in (longer, speaking, replace(bank, too_old_after=bank.fresh_for)):
        others = [other if source.name == "bank" else source for source in product.sources]
        changed, low = FeatureSet(product.features, others), ["balance_low_90d"]
        assert changed.select(low).fingerprint != product.features.select(low).fingerprint
        assert changed.select(["loan_amount"]).fingerprint == product.features.select(["loan_amount"]).fingerprint
