"""What an experiment tells: figures known from elsewhere, and what cannot be told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from meridian.errors import InvalidInput
from meridian.experiments import Groups, Said, Seen, Swaps, paired, side_by_side
from meridian.experiments.estimates import (
    FEWEST,
    mean_of,
    means_apart,
    paired_shares_apart,
    ratio_of,
    share_of,
    shares_apart,
)


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_share_has_wilsons_interval(counted: tuple[int, int]) -> None:
    count, of = counted
    found, theirs = share_of(count, of), stats.binomtest(count, of).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_shares_are_as_far_apart_as_in_newcombes_table() -> None:
    """56 of 70 and 48 of 80: 0.2, between 0.0524 and 0.3339."""
    found = shares_apart(share_of(56, 70), share_of(48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert found.tells
    assert not shares_apart(share_of(5, 10), share_of(4, 10)).tells


def test_means_and_their_difference() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(0.2, 0.1, 400), rng.normal(0.1, 0.05, 300)
    mean = mean_of(one.tolist())
    assert mean is not None
    assert (mean.low, mean.high) == pytest.approx(stats.norm.interval(0.95, one.mean(), stats.sem(one)))
    apart = means_apart(one.tolist(), other.tolist())
    assert apart is not None
    spread = float(np.sqrt(stats.sem(one) ** 2 + stats.sem(other) ** 2))
    assert (apart.low, apart.high) == pytest.approx(stats.norm.interval(0.95, one.mean() - other.mean(), spread))
    assert mean_of([0.1] * (FEWEST - 1)) is None
    assert means_apart([0.1] * FEWEST, [0.1, 0.2]) is None


def test_a_ratio_has_the_interval_that_was_published() -> None:
    """Aspirin in the Physicians' Health Study (1989): 139 of 11,037 against 239 of 11,034 fell ill; 0.58, from 0.47
    to 0.72, by the log method.
    """
    found = ratio_of(139 / 11_037, 11_037, 239 / 11_034, 11_034)
    assert found is not None
    assert [round(figure, 2) for figure in (found.value, found.low, found.high)] == [0.58, 0.47, 0.72]
    assert ratio_of(0.0, 200, 0.4, 100) is None


def test_pairs_that_seldom_differ_are_within_their_interval() -> None:
    """Of the intervals nine in ten or more have the true difference; with none added 64 of 100 had it."""
    rng = np.random.default_rng(4)
    for of, gain in ((50, 0.02), (200, 0.005), (2000, 0.001)):
        within = 0
        for gained in rng.binomial(of, gain, 300).tolist():
            found = paired_shares_apart(gained, 0, of)
            assert found is not None
            within += found.low <= gain <= found.high
        assert within >= 270
    nobody_differs = paired_shares_apart(0, 0, 50)
    assert nobody_differs is not None
    assert nobody_differs.low < 0 < nobody_differs.high


WAS = [Seen("a", "approve", 0.1), Seen("b", "decline", 0.4), Seen("c", "decline", 0.5), Seen("d", "refer", 0.2)]
WOULD_BE = [Seen("a", "approve", 0.2), Seen("b", "approve", 0.1), Seen("c", "decline", 0.6), Seen("d", "refer", 0.3)]
MANY = FEWEST


def test_of_the_same_applicants_each_is_held_against_itself() -> None:
    found = paired(("one", WAS * MANY), ("other", WOULD_BE * MANY), Swaps())
    assert found.approvals is not None
    assert found.approvals.value == pytest.approx(0.25)
    assert found.approvals.tells
    assert found.pd is not None
    assert found.pd.value == pytest.approx(0.0)
    assert found.champion.outcomes["decline"].value == 0.5
    assert found.document()["other"]["outcomes"]["approve"]["value"] == 0.5


def test_outcomes_and_reasons_that_differ_are_counted() -> None:
    swaps = Swaps()
    swaps.note(Said("approve", ()), Said("approve", ()))
    swaps.note(Said("decline", ("R1",)), Said("approve", ()))
    swaps.note(Said("decline", ("R1",)), Said("decline", ("R2",)))
    swaps.note(Said("refer", ("R2",)), Said("refer", ("R2",)))
    assert swaps.outcomes == {
        ("approve", "approve"): 1, ("decline", "approve"): 1, ("decline", "decline"): 1, ("refer", "refer"): 1
    }  # fmt: skip
    assert (swaps.changed, swaps.other_reasons) == (1, 1)


def test_of_nobody_there_is_nothing_to_tell() -> None:
    for found in (paired(("one", []), ("other", []), Swaps()), side_by_side(("one", []), ("other", WAS), Swaps())):
        assert found.approvals is None
        assert found.pd is None
        assert found.champion.outcomes == {}
        assert found.champion.document()["pd"] is None


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    path = tmp_path / "groups.csv"
    path.write_text("applicant_id,sex\na,F\nb,M\nc,F\nd,M\n")
    return path


def test_groups_are_compared_by_what_was_approved(groups: Path) -> None:
    found = paired(("one", WAS), ("other", WOULD_BE), Swaps(), Groups.read(groups, "sex:F/M"))
    was, would_be = found.champion.impact, found.other.impact
    assert was is not None
    assert would_be is not None
    # Of two women one was approved, of two men none, and then one.
    assert (was.of_group, was.of_control, was.air) == (2, 2, None)
    assert would_be.air is not None
    assert would_be.air.value == 1.0
    assert found.document()["champion"]["fairness"]["air"] is None


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("sex", "compares nothing"),
        ("sex:F", "compares nothing"),
        ("sex:F/F", "compares nothing"),
        ("age:young/old", "has no column age"),
        ("sex:F/X", "has sex X"),
    ],
)
def test_a_comparison_of_nobody_is_refused(groups: Path, wanted: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        Groups.read(groups, wanted)


def test_a_file_of_groups_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        Groups.read(tmp_path / "none.csv", "sex:F/M")
    for rows, told in (("a,F\na,M\n", "line 3: 'a' is 'M' here and 'F' above"), ("a,F\nb\n", "line 3: it has not")):
        (tmp_path / "rows.csv").write_text("applicant_id,sex\n" + rows)
        with pytest.raises(InvalidInput, match=told):
            Groups.read(tmp_path / "rows.csv", "sex:F/M")
    (tmp_path / "image.csv").write_bytes(b"\xff\xfe\x00applicant_id")
    with pytest.raises(InvalidInput, match="cannot be read"):
        Groups.read(tmp_path / "image.csv", "sex:F/M")
