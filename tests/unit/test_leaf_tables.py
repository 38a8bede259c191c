"""The leaf tables are XGBoost, and their contributions are the interventional Shapley values."""

from __future__ import annotations

import json
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from meridian.errors import NotReady
from meridian.registry import Purpose
from meridian.scoring import LeafTables, make_tables, parse_xgboost_json

TOLERANCE = 1e-5


def grow(seed: int, width: int, depth: int, rounds: int, rows: int = 160) -> tuple[Any, np.ndarray]:
    """A small random model on data with few distinct values, so that rows fall on thresholds, and gaps."""
    random = np.random.default_rng(seed)
    data = random.integers(-4, 5, (rows, width)).astype(np.float32)
    data[:, 0] *= random.choice([0.1, 1.0, 1e6])
    data[random.random(data.shape) < random.choice([0.0, 0.2])] = np.nan
    target = (np.nan_to_num(data[:, 0]) / max(np.nanmax(np.abs(data[:, 0])), 1e-6) + random.normal(size=rows) > 0) * 1.0
    names = [f"f{i}" for i in range(width)]
    settings_ = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.5, "nthread": 1, "seed": seed}
    settings_ |= {"base_score": float(random.choice([0.1, 0.5, 0.7])), "min_child_weight": 0.1}
    return xgboost.train(settings_, xgboost.DMatrix(data, target, feature_names=names), rounds), data


def tables_of(booster: Any, reference: np.ndarray) -> LeafTables:
    return make_tables(parse_xgboost_json(json.loads(booster.save_raw("json"))), reference)


def margins(booster: Any, rows: np.ndarray) -> np.ndarray:
    return np.asarray(booster.inplace_predict(rows, predict_type="margin", validate_features=False), dtype=np.float64)


def trees_of(booster: Any) -> list[dict[str, Any]]:
    return list(json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"])


def hard_rows(booster: Any, data: np.ndarray, seed: int) -> np.ndarray:
    """Rows of the data, of every threshold and its two neighbours, of NaN, infinities and the largest floats."""
    random = np.random.default_rng(seed)
    limits = np.array([limit for tree in trees_of(booster) for limit in tree["split_conditions"]], dtype=np.float32)
    largest = np.finfo(np.float32).max
    special = np.array([np.nan, np.inf, -np.inf, largest, -largest, 0.0, -0.0], dtype=np.float32)
    pool = np.concatenate([limits, np.nextafter(limits, np.float32(-np.inf)), np.nextafter(limits, np.float32(np.inf)),
                           np.repeat(special, 1 + len(limits) // 8)])  # fmt: skip
    return np.vstack([data, random.choice(pool, (200, data.shape[1])).astype(np.float32)])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), width=st.integers(1, 9), depth=st.integers(1, 5), rounds=st.integers(1, 12))
def test_the_margin_is_xgboosts_for_any_model_and_row(seed: int, width: int, depth: int, rounds: int) -> None:
    """Base plus contributions is XGBoost's margin to 1e-5: missing, infinite, and on the very thresholds too."""
    booster, data = grow(seed, width, depth, rounds)
    tables = tables_of(booster, data[:40])
    rows = hard_rows(booster, data, seed)
    assert np.abs(tables.base + tables.contributions_of(rows).sum(axis=1) - margins(booster, rows)).max() <= TOLERANCE


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), width=st.integers(1, 5), depth=st.integers(1, 4))
def test_contributions_are_the_interventional_shapley_values(seed: int, width: int, depth: int) -> None:
    """Each contribution equals the sum over all coalitions, each valued by averaging over the reference population."""
    booster, data = grow(seed, width, depth, 6)
    reference, rows = data[:12], hard_rows(booster, data, seed)[-10:]
    contributions = tables_of(booster, reference).contributions_of(rows)
    for row, found in zip(rows, contributions, strict=True):
        value = {}
        for size in range(width + 1):
            for coalition in combinations(range(width), size):
                mixed = reference.copy()
                mixed[:, list(coalition)] = row[list(coalition)]
                value[coalition] = margins(booster, mixed).mean()
        for feature in range(width):
            expected = 0.0
            for coalition in value:
                if feature not in coalition:
                    weight = factorial(len(coalition)) * factorial(width - len(coalition) - 1) / factorial(width)
                    expected += weight * (value[tuple(sorted((*coalition, feature)))] - value[coalition])
            assert found[feature] == pytest.approx(expected, abs=TOLERANCE)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_many_rows_are_scored_as_each_alone(seed: int) -> None:
    """One row and a block of rows give the same bits: the same code decides one applicant and a million."""
    booster, data = grow(seed, 5, 4, 8)
    tables = tables_of(booster, data[:30])
    rows = hard_rows(booster, data, seed)
    np.testing.assert_array_equal(tables.contributions_of(rows), np.stack([tables.contributions(row) for row in rows]))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), depth=st.integers(1, 5))
def test_stored_tables_give_the_same_bits(seed: int, depth: int) -> None:
    booster, data = grow(seed, 6, depth, 5)
    tables = tables_of(booster, data[:30])
    again = LeafTables.from_npz(tables.features, tables.to_npz())
    assert again.to_npz() == tables.to_npz() == tables_of(booster, data[:30]).to_npz()
    assert again.base == tables.base
    np.testing.assert_array_equal(again.contributions_of(data), tables.contributions_of(data))


def test_a_large_model_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the parts of a model give adds up to what the whole does."""
    booster, data = grow(5, 6, 4, 30)
    whole = tables_of(booster, data[:30])
    monkeypatch.setattr("meridian.scoring.leaf_tables.LEAVES_AT_ONCE", 7)
    parts = tables_of(booster, data[:30])
    rows = hard_rows(booster, data, 5)
    np.testing.assert_allclose(parts.contributions_of(rows), whole.contributions_of(rows), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(
        parts.contributions_of(rows[:9]), np.stack([parts.contributions(r) for r in rows[:9]])
    )


def test_a_reference_applicant_contributes_nothing_against_itself() -> None:
    booster, data = grow(3, 4, 4, 8)
    assert np.abs(tables_of(booster, data[:1]).contributions(data[0])).max() < 1e-12


def test_a_feature_that_no_tree_reads_contributes_nothing() -> None:
    booster, data = grow(3, 6, 1, 1)
    read = set(booster.get_score())
    shares = tables_of(booster, data[:20]).contributions_of(data)
    for i in range(6):
        assert f"f{i}" in read or not shares[:, i].any()


@pytest.mark.parametrize("purpose", [Purpose.COMPACT, Purpose.APPLICATION, Purpose.BATCH])
def test_the_trained_models_score_as_xgboost(demo_models: Any, demo_inputs: np.ndarray, purpose: Purpose) -> None:
    """The bundles as they are saved: 2000 applicants that the models have not seen."""
    scorer = demo_models.scorer(purpose)
    booster = xgboost.Booster(model_file=str(demo_models.folder(purpose) / "model.json"))
    order = [demo_models.product.batch_features.index(name) for name in scorer.features]
    rows = np.ascontiguousarray(demo_inputs[:, order])
    found = scorer.tables.base + scorer.tables.contributions_of(rows).sum(axis=1)
    assert np.abs(found - margins(booster, rows)).max() <= TOLERANCE
    single = [scorer.score(dict(zip(scorer.features, row.tolist(), strict=True))) for row in rows[:100]]
    np.testing.assert_allclose([score.pd for score in single], scorer.pds(rows[:100]), rtol=0, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=3, max_size=3))
def test_contributions_add_up_whatever_comes(values: list[float]) -> None:
    booster, data = grow(11, 3, 4, 10)
    tables = tables_of(booster, data[:25])
    row = np.array(values, dtype=np.float32)
    assert tables.base + tables.contributions(row).sum() == pytest.approx(
        margins(booster, row[None, :])[0], abs=TOLERANCE
    )


def test_what_cannot_be_reproduced_is_refused() -> None:
    """Other objectives, empty reference populations and paths too deep to table are errors, not approximations."""
    data = np.random.default_rng(0).normal(size=(400, 12)).astype(np.float32)
    target = (data.sum(axis=1) > 0) * 1.0
    regression = xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(data, target), 2)
    with pytest.raises(NotReady, match="binary:logistic"):
        parse_xgboost_json(json.loads(regression.save_raw("json")))
    booster, rows = grow(1, 3, 2, 2)
    with pytest.raises(NotReady, match="reference population"):
        tables_of(booster, rows[:0])
    noise = (np.random.default_rng(1).random(400) > 0.5) * 1.0
    named = xgboost.DMatrix(data, noise, feature_names=[f"f{i}" for i in range(12)])
    parameters = {"objective": "binary:logistic", "max_depth": 12, "min_child_weight": 0.0, "eta": 1.0}
    deep = xgboost.train(parameters, named, 3)
    with pytest.raises(NotReady, match="shallower"):
        tables_of(deep, data[:5])
    codes = np.repeat(np.arange(990, 1010, dtype=np.float32), 40)[:, None]
    of_codes = xgboost.DMatrix(codes, codes[:, 0] == 1005, feature_types=["c"], feature_names=["f0"],
                               enable_categorical=True)  # fmt: skip
    with pytest.raises(NotReady, match="at most 1000 can be tabled"):
        tables_of(xgboost.train({"objective": "binary:logistic", "max_cat_to_onehot": 5000}, of_codes, 2), codes[:5])


def grow_by_categories(seed: int, depth: int, onehot: int) -> tuple[Any, np.ndarray]:
    """A model with two categorical features, one of them of many codes, beside two numbers; with gaps."""
    random = np.random.default_rng(seed)
    types = ["c", "float", "c", "float"]
    data = np.stack(
        [random.integers(0, 4, 300), random.normal(size=300), random.integers(0, 25, 300), random.normal(size=300)],
        axis=1,
    ).astype(np.float32)
    data[random.random(data.shape) < 0.1] = np.nan
    effect = random.normal(size=25)
    target = (effect[np.nan_to_num(data[:, 2]).astype(int)] + np.nan_to_num(data[:, 1]) > random.normal(size=300)) * 1.0
    settings_ = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.5, "nthread": 1, "seed": seed,
                 "tree_method": "hist", "max_cat_to_onehot": onehot, "min_child_weight": 0.1}  # fmt: skip
    names = [f"f{i}" for i in range(4)]
    matrix = xgboost.DMatrix(data, target, feature_names=names, feature_types=types, enable_categorical=True)
    return xgboost.train(settings_, matrix, 8), data


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), depth=st.integers(1, 5), onehot=st.sampled_from([1, 30]))
def test_categories_go_where_xgboost_sends_them(seed: int, depth: int, onehot: int) -> None:
    """Codes that were seen, that were not, between two, below 0, infinite and missing: each as XGBoost does it."""
    booster, data = grow_by_categories(seed, depth, onehot)
    random = np.random.default_rng(seed)
    assert any(tree["categories_nodes"] for tree in trees_of(booster))
    odd = np.array([0, 1, 2.5, 3, 7, 24, 25, 26, 900, -1, -0.5, -0.0, np.inf, -np.inf, np.nan, 2**24], np.float32)
    rows = np.vstack([data, random.choice(odd, (200, 4)).astype(np.float32)])
    tables = tables_of(booster, data[:40])
    assert np.abs(tables.base + tables.contributions_of(rows).sum(axis=1) - margins(booster, rows)).max() <= TOLERANCE
    some = rows[-20:]
    np.testing.assert_array_equal(tables.contributions_of(some), [tables.contributions(row) for row in some])
    again = LeafTables.from_npz(tables.features, tables.to_npz())
    np.testing.assert_array_equal(again.contributions_of(rows), tables.contributions_of(rows))
