"""Points and calibration: 600 is odds of fifty to one, twenty more double them, and ranks never turn over."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.scoring import Calibration, PointsScale


def log_odds(good_to_bad: float) -> float:
    return -math.log(good_to_bad)


@pytest.mark.parametrize(("odds", "points"), [(50, 600), (100, 620), (25, 580), (200, 640), (1, 487), (0.5, 467)])
def test_points_of_known_odds(odds: float, points: int) -> None:
    assert PointsScale().points(log_odds(odds)) == points


def test_a_scale_may_be_another() -> None:
    assert PointsScale(base_points=500, base_odds=20, pdo=50).points(log_odds(40)) == 550


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_more_risk_never_has_more_points(one: float, other: float) -> None:
    scale = PointsScale()
    low, high = min(one, other), max(one, other)
    assert scale.points(low) >= scale.points(high)


def added_up(steps: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    margins = accumulate((x for x, _ in steps), initial=-3.0)
    return tuple(zip(margins, accumulate((y for _, y in steps), initial=-4.0), strict=True))


rising = st.lists(st.tuples(st.floats(0.01, 3), st.floats(0.01, 3)), min_size=1, max_size=8).map(added_up)


@given(st.floats(0.01, 10), rising, st.floats(-30, 30), st.floats(-30, 30))
def test_a_calibration_of_knots_rises_everywhere(slope: float, knots: Any, one: float, other: float) -> None:
    calibration = Calibration(slope, 0.0, knots)
    low, high = min(one, other), max(one, other)
    assert calibration.log_odds(low) <= calibration.log_odds(high)
    assert calibration.stretch(low, high) > 0
    for margin, log_odds in knots:
        assert calibration.log_odds(margin) == pytest.approx(log_odds)
    assert calibration.pds(np.array([low, high])).tolist() == pytest.approx([calibration.pd(low), calibration.pd(high)])
    assert Calibration.from_document(calibration.document()) == calibration


def test_knots_that_do_not_rise_are_refused() -> None:
    for knots in (((0.0, 1.0), (0.0, 2.0)), ((0.0, 1.0), (1.0, 1.0)), ((0.0, 1.0), (1.0, 0.5))):
        with pytest.raises(ValueError, match="ranks"):
            Calibration(1.0, 0.0, knots)


@given(st.floats(0.01, 10), st.floats(-5, 5), st.floats(-30, 30), st.floats(-30, 30))
def test_calibration_keeps_the_ranks(slope: float, intercept: float, one: float, other: float) -> None:
    calibration = Calibration(slope, intercept)
    low, high = min(one, other), max(one, other)
    assert 0 <= calibration.pd(low) <= calibration.pd(high) <= 1


def test_the_identity_calibration_is_the_logistic_function() -> None:
    assert Calibration().pd(0.0) == 0.5
    assert Calibration().pd(math.log(3)) == pytest.approx(0.75)


@pytest.mark.parametrize("slope", [0.0, -1.0, math.nan])
def test_a_slope_that_turns_the_ranks_over_is_refused(slope: float) -> None:
    with pytest.raises(ValueError, match="ranks"):
        Calibration(slope=slope)


@pytest.mark.parametrize("margin", [-5000.0, 5000.0])
def test_an_extreme_margin_still_has_a_probability(margin: float) -> None:
    assert Calibration().pd(margin) == pytest.approx(1.0 if margin > 0 else 0.0)
