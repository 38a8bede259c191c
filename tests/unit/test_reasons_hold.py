"""Reasons of real models: they made the difference, and nothing beside the point changes them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from meridian.reasons import ReasonCode, Reasons, ReasonSource, cited, cure
from meridian.registry import Purpose
from meridian.scoring import Calibration, PointsScale, Scorer, make_tables, parse_xgboost_json


@pytest.fixture(scope="module")
def compact(demo_models: Any) -> Scorer:
    return demo_models.scorer(Purpose.COMPACT)


@pytest.fixture(scope="module")
def unseen(demo_models: Any, demo_inputs: np.ndarray, compact: Scorer) -> np.ndarray:
    """Applicants that the models have not seen, with the compact model's features."""
    order = [demo_models.product.batch_features.index(name) for name in compact.features]
    return np.ascontiguousarray(demo_inputs[:, order])


@pytest.fixture(scope="module")
def reference(demo_models: Any) -> np.ndarray:
    return np.load(demo_models.folder(Purpose.COMPACT) / "reference.npy", allow_pickle=False)


def test_cured_of_the_cited_reasons_a_decline_moves_toward_approval(
    demo_models: Any, compact: Scorer, unseen: np.ndarray, reference: np.ndarray
) -> None:
    product = demo_models.product
    bands = product.policy.at(Purpose.COMPACT.rung).bands
    declines = unseen[compact.pds(unseen) >= bands.approve_below][:300]
    codes = cited(product.reasons, compact, declines)
    found = cure(product.reasons, compact, declines, codes, reference, bands.approve_below)
    assert found.declines == len(declines) > 100
    assert found.toward_share >= 0.99
    assert 0 < found.flipped_share < 1
    # Reasons that are none of theirs make no such difference.
    helped = [sorted({product.reasons.group_of(name) for name in compact.features} - set(of)) for of in codes]
    others = cure(product.reasons, compact, declines, helped, reference, bands.approve_below)
    assert others.toward_share < 0.5
    assert others.flipped < found.flipped


def test_no_decline_is_nothing_to_cure(demo_models: Any, compact: Scorer, reference: np.ndarray) -> None:
    nobody = reference[:0]
    found = cure(demo_models.product.reasons, compact, nobody, [], reference, 0.1)
    assert (found.toward_share, found.flipped_share) == (1.0, 0.0)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_input_that_gets_better_never_worsens_the_score(
    demo_models: Any, compact: Scorer, unseen: np.ndarray, data: st.DataObject
) -> None:
    """In the direction that its definition states, from any applicant, by any step."""
    features = demo_models.product.features
    declared = [i for i, name in enumerate(compact.features) if features[name].direction]
    row = unseen[data.draw(st.integers(0, len(unseen) - 1))].copy()
    place = data.draw(st.sampled_from(declared))
    if np.isnan(row[place]):
        return
    better = row.copy()
    step = data.draw(st.floats(0, 1e6, width=32))
    better[place] -= np.float32(int(features[compact.features[place]].direction) * step)
    before, after = compact.margins(np.stack([row, better]))
    assert after <= before + 1e-9


def test_tiny_noise_reorders_nothing_but_ties(demo_models: Any, compact: Scorer, unseen: np.ndarray) -> None:
    """Noise of a millionth: whoever's ranges stay the same has the same reasons, to the last bit."""
    random = np.random.default_rng(7)
    # What is counted has no noise: a term of 36 months is not one of 35.99.
    measured = unseen % 1 != 0
    noisy = np.where(measured, unseen * (1 + 1e-6 * random.standard_normal(unseen.shape)), unseen).astype(np.float32)
    assert (noisy != unseen)[~np.isnan(unseen)].mean() > 0.01
    same = np.abs(compact.margins(noisy) - compact.margins(unseen)) == 0
    assert same.mean() > 0.9
    reasons = demo_models.product.reasons
    plain, moved = (cited(reasons, compact, rows) for rows in (unseen, noisy))
    apart = [i for i, (one, other) in enumerate(zip(plain, moved, strict=True)) if one != other]
    assert not [i for i in apart if same[i]]
    assert len(apart) < 0.02 * len(unseen)


def test_a_column_that_stands_twice_changes_no_reason_that_matters() -> None:
    """Its double speaks for the same reason: wherever the splits fall, the two together say what the one did."""
    random = np.random.default_rng(3)
    data = random.normal(size=(4000, 5)).astype(np.float32)
    target = ((data[:, 0] + 0.6 * data[:, 1] - 0.8 * data[:, 2] + random.normal(size=4000)) > 0.5) * 1.0
    names = [f"f{i}" for i in range(5)]
    codes = [ReasonCode(f"R{i}", f"Text {i}", ReasonSource.MODEL) for i in range(5)]
    reasons = Reasons(codes, {**{f"f{i}": f"R{i}" for i in range(5)}, "twin": "R0"})
    told = {"objective": "binary:logistic", "max_depth": 4, "eta": 0.1, "nthread": 1, "seed": 1}
    booster = xgboost.train(told, xgboost.DMatrix(data, target, feature_names=names), 60)
    document = json.loads(booster.save_raw("json"))
    alone = _scorer(document, data[:200])
    # The same trees, with every other split on the first column asked of its double instead.
    turn = 0
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        for node, feature in enumerate(tree["split_indices"]):
            if feature == 0 and tree["left_children"][node] != -1:
                turn += 1
                tree["split_indices"][node] = 5 if turn % 2 else 0
    document["learner"]["feature_names"] = [*names, "twin"]
    doubled = np.column_stack([data, data[:, 0]])
    with_twin = _scorer(document, doubled[:200])
    np.testing.assert_allclose(with_twin.margins(doubled), alone.margins(data), rtol=0, atol=1e-9)
    rows = slice(1000, 2000)
    plain, twins = cited(reasons, alone, data[rows]), cited(reasons, with_twin, doubled[rows])
    assert turn > 100
    # What differs lies at the edge: a share that is just a twentieth of the most harmful, or just above nothing.
    assert sum(one[:1] == other[:1] for one, other in zip(plain, twins, strict=True)) >= 995
    assert sum(one == other for one, other in zip(plain, twins, strict=True)) >= 980


def _scorer(document: dict[str, Any], reference: np.ndarray) -> Scorer:
    tables = make_tables(parse_xgboost_json(document), reference)
    return Scorer("twins", "", "", tables, Calibration(), PointsScale())
