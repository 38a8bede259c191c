"""The budget: what waiting for a turn has used up, look-ups do not get, but for the little that a healthy one takes."""

from __future__ import annotations

import pytest

from meridian.service import Budget
from meridian.service.budget import LEAST_S, RECORD_S


@pytest.mark.parametrize(
    ("waited_s", "left_s"),
    [
        (None, 0.060),
        (0.0, 0.060),
        (0.080, 0.060),
        (0.100, 0.200 - RECORD_S - 0.100),
        (0.140, LEAST_S),
        (0.500, LEAST_S),
    ],
)
def test_look_ups_get_what_is_left(waited_s: float | None, left_s: float) -> None:
    arrived = None if waited_s is None else 100.0 - waited_s
    deadline = Budget(0.200, 0.060, clock=lambda: 100.0).for_look_ups(arrived)
    assert deadline.left() == pytest.approx(left_s)


def test_a_small_wish_stays_small() -> None:
    assert Budget(0.200, 0.005, clock=lambda: 100.0).for_look_ups(0.0).left() == pytest.approx(0.005)
