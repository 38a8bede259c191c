"""Fairness: figures known by hand, a card that shows them, and a gate that a lender sets."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.products import Comparison, Product
from meridian.registry import Lineage, Purpose, save_bundle
from meridian.training.card import make_card
from meridian.training.demo import demo_frame
from meridian.training.fairness import NOT_MEASURED, Membership, compare
from meridian.training.fit import Fitted, fit
from meridian.training.frame import Frame
from meridian.training.gates import Gate, pass_gates
from meridian.training.limits import LIMITS, Limits
from meridian.training.train import describe_model

TEN = np.arange(10)
PD = np.array([0.1, 0.1, 0.1, 0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0.3])
"""Of the first five, three are approved below 0.2; of the last five, four."""
TARGET = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
FIVES = Membership("first", "last", TEN < 5, TEN >= 5)


def test_a_case_by_hand() -> None:
    """Shares 3/5 and 4/5; mean PDs 0.18 and 0.14 with a deviation of 0.0917; of six pairs five and a half ranked."""
    found = compare(FIVES, TARGET, PD, 0.2)
    assert (found.group.loans, found.control.loans, found.smaller) == (5, 5, 5)
    assert (found.group.approved, found.control.approved) == (0.6, 0.8)
    assert found.air == pytest.approx(0.75)
    assert found.adverse
    assert found.smd == pytest.approx(0.04 / math.sqrt(0.0084))
    # Defaults at 0.1, 0.3, 0.3 and repaid at 0.1, 0.1: four pairs ranked right, two ties.
    assert found.group.auc == pytest.approx(5 / 6)
    assert found.control.auc is None
    # Variance of the log: 0.4 / 3 + 0.2 / 4.
    off = 1.959964 * math.sqrt(0.4 / 3 + 0.2 / 4)
    assert found.interval == pytest.approx((0.75 * math.exp(-off), 0.75 * math.exp(off)), rel=1e-6)


@pytest.mark.parametrize(
    ("pd", "air", "interval"),
    [
        ([0.9] * 5 + [0.1] * 5, 0.0, None),
        ([0.1] * 5 + [0.9] * 5, None, None),
        ([0.9] * 10, None, None),
        ([0.1] * 10, 1.0, (1.0, 1.0)),
    ],
)
def test_what_cannot_be_had_is_none(pd: list[float], air: float | None, interval: Any) -> None:
    """No interval where nobody of either is approved, no ratio where nobody of the control is."""
    found = compare(FIVES, TARGET, np.array(pd), 0.2)
    assert (found.air, found.interval) == (air, interval)
    assert found.adverse is (air == 0.0)
    assert (found.smd is None) is (len(set(pd)) == 1)


@given(st.floats(0.01, 0.99), st.integers(2, 40))
def test_pds_that_are_all_alike_differ_in_nothing(pd: float, n: int) -> None:
    who = np.arange(n) % 2 == 0
    found = compare(Membership("a", "b", who, ~who), np.zeros(n), np.full(n, pd), 0.5)
    assert found.smd is None
    assert found.air == (1.0 if pd < 0.5 else None)


@pytest.mark.parametrize("empty", ["group", "control"])
def test_a_group_without_loans_is_compared_with_nobody(empty: str) -> None:
    none = np.zeros(10, np.bool_)
    of = replace(FIVES, in_group=none) if empty == "group" else replace(FIVES, in_control=none)
    found = compare(of, TARGET, PD, 0.2)
    assert (found.air, found.interval, found.smd, found.smaller) == (None, None, None, 0)
    assert not found.adverse
    assert json.loads(json.dumps(found.document()))[empty] == {
        "name": "first" if empty == "group" else "last", "loans": 0, "approved": None, "auc": None
    }  # fmt: skip


loans = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from([0, 1, 2]), min_size=n, max_size=n),
        st.lists(st.floats(0.01, 0.99), min_size=n, max_size=n),
        st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n),
    )
)


@given(loans)
def test_the_other_way_round_is_the_other_way_round(drawn: tuple[list[int], list[float], list[float]]) -> None:
    """With group and control swapped the ratio and its interval are turned over, and the difference changes sign."""
    who, pd, target = (np.array(one) for one in drawn)
    of = Membership("a", "b", who == 0, who == 1)
    there = compare(of, target, pd, 0.4)
    back = compare(Membership("b", "a", of.in_control, of.in_group), target, pd, 0.4)
    assert (there.group, there.control) == (back.control, back.group)
    assert (there.interval is None) == (back.interval is None)
    if there.interval and back.interval and there.air and back.air:
        assert there.air * back.air == pytest.approx(1)
        assert there.interval == pytest.approx((1 / back.interval[1], 1 / back.interval[0]))
        assert there.interval[0] <= there.air * (1 + 1e-12)
        assert there.air <= there.interval[1] * (1 + 1e-12)
    if there.smd is not None:
        assert there.smd == pytest.approx(-(back.smd or 0.0), abs=1e-9)


@pytest.fixture(scope="module")
def frame(personal_loan: Product) -> Frame:
    """Simulated loans, with a group of whom the model approves few, and one that is like its control."""
    made = demo_frame(personal_loan, 6_000, 3)[0]
    draw = np.random.default_rng(2).random(len(made.target))
    used = made.inputs(["revolving_utilisation"])[:, 0]
    groups = (
        Membership("heavy <users>", "light users", used > 0.7, used <= 0.7),
        Membership("even $n^2$", "odd", draw < 0.5, draw >= 0.5),
    )
    return replace(made, groups=groups)


@pytest.fixture(scope="module")
def fitted(personal_loan: Product, frame: Frame) -> Fitted:
    return fit(personal_loan, frame, Purpose.COMPACT)


LINEAGE = Lineage("test loans", "none", "0" * 64, {"all": 1, "train": 1, "test": 0}, {}, simulated=True)


def shares(frame: Frame, fitted: Fitted, approve_below: float) -> list[tuple[float, float]]:
    """The share of the test loans approved in each group and in its control, counted anew."""
    approved = fitted.pds < approve_below
    return [
        tuple(float(approved[of & ~frame.trains].mean()) for of in (one.in_group, one.in_control))
        for one in frame.groups
    ]  # type: ignore[misc]


def test_the_card_shows_how_groups_are_treated(personal_loan: Product, frame: Frame, fitted: Fitted) -> None:
    manifest = describe_model(personal_loan, Purpose.COMPACT, frame, fitted, LINEAGE, 1)
    card = make_card(personal_loan, frame, fitted, manifest)
    told = json.loads(card["card.json"])["fairness"]
    cut = personal_loan.policy.at(Purpose.COMPACT.rung).bands.approve_below
    counted = shares(frame, fitted, cut)
    assert [(one["group"]["approved"], one["control"]["approved"]) for one in told] == counted
    assert [one["adverse"] for one in told] == [True, False]
    html, markdown = card["card.html"].decode(), card["card.md"].decode()
    airs = [f"{group / control:.3f}" for group, control in counted]
    assert f"{airs[0]} **below 0.8**" in markdown
    assert "| even $n^2$ | odd |" in markdown
    assert f"{airs[1]} |" in markdown
    assert "](fairness.svg)" in markdown
    # Dollar signs are no formula.
    assert b">even $n^2$ / odd</text>" in card["fairness.svg"]
    assert html.count('<tr class="adverse">') == 1
    assert "heavy &lt;users&gt;" in html
    assert ">heavy &lt;users&gt; / light users</text>" in html
    assert "<users>" not in html
    assert f"{airs[0]}, below 0.8" in html
    assert html.count("<svg") == 8
    for text in (html, markdown):
        assert NOT_MEASURED not in text
    assert "Fairness was measured of heavy <users> beside light users, even $n^2$ beside odd" in manifest.limits[-1]
    assert make_card(personal_loan, frame, fitted, manifest) == card


def test_without_groups_the_card_says_that_nothing_was_measured(
    personal_loan: Product, frame: Frame, fitted: Fitted
) -> None:
    plain = replace(frame, groups=())
    manifest = describe_model(personal_loan, Purpose.COMPACT, plain, fitted, LINEAGE, 1)
    card = make_card(personal_loan, plain, fitted, manifest)
    assert json.loads(card["card.json"])["fairness"] == []
    assert manifest.limits[-1] == NOT_MEASURED
    for name in ("card.html", "card.md"):
        # Once in its own section, once among the limits.
        assert card[name].decode().count(NOT_MEASURED) == 2
    assert "fairness.svg" not in card


def test_groups_that_nobody_is_in_have_a_line_and_no_plot(personal_loan: Product, frame: Frame, fitted: Fitted) -> None:
    nobody = np.zeros(len(frame.target), np.bool_)
    empty = replace(frame, groups=(Membership("some $x^2$", "none", ~nobody, nobody),))
    manifest = describe_model(personal_loan, Purpose.COMPACT, empty, fitted, LINEAGE, 1)
    card = make_card(personal_loan, empty, fitted, manifest)
    assert "| some $x^2$ | none |" in card["card.md"].decode()
    assert "/ – | – | – | – |" in card["card.md"].decode()
    assert "fairness.svg" not in card


def gate_of(place: Path, product: Product, frame: Frame, fitted: Fitted, limits: Limits = LIMITS) -> Gate:
    """What the gate says of the model."""
    folder = place / "model"
    if not folder.exists():
        save_bundle(folder, describe_model(product, Purpose.COMPACT, frame, fitted, LINEAGE, 1), fitted.files)
    return next(gate for gate in pass_gates(product, folder, frame, limits) if gate.name == "fairness")


def test_a_model_that_treats_a_group_worse_fails_until_the_lender_lets_it(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    cut = personal_loan.policy.at(Purpose.COMPACT.rung).bands.approve_below
    group, control = shares(frame, fitted, cut)[0]
    gate = gate_of(tmp_path, personal_loan, frame, fitted)
    assert not gate.passed
    assert f"heavy <users> beside light users AIR {group / control:.3f}" in gate.found
    assert gate.found.endswith("AIR at least 0.8")
    for limits in (Limits(least_air=0.01), Limits(least_air=None), Limits(least_group=100_000)):
        assert gate_of(tmp_path, personal_loan, frame, fitted, limits).passed
    assert "no limit is set" in gate_of(tmp_path, personal_loan, frame, fitted, Limits(least_air=None)).found
    strict = gate_of(tmp_path, personal_loan, frame, fitted, Limits(least_air=None, most_smd=0.2))
    assert not strict.passed
    assert strict.found.endswith("SMD at most 0.2")
    fair = replace(frame, groups=frame.groups[1:])
    assert gate_of(tmp_path, personal_loan, fair, fitted, Limits(most_smd=0.2)).passed


def test_who_scores_better_than_the_control_fails_nothing(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    worse = frame.groups[0]
    better = replace(frame, groups=(Membership("light", "heavy", worse.in_control, worse.in_group),))
    assert gate_of(tmp_path, personal_loan, better, fitted, Limits(most_smd=0.0)).passed


def test_few_loans_are_told_and_fail_nothing(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    """Of 29 that are all declined nothing is made; of 30 it is."""
    cut = personal_loan.policy.at(Purpose.COMPACT.rung).bands.approve_below
    declined = np.flatnonzero(~frame.trains & (fitted.pds >= cut))

    def of(number: int) -> Frame:
        members = np.zeros(len(frame.target), np.bool_)
        members[declined[:number]] = True
        return replace(frame, groups=(Membership("few", "others", members, ~members),))

    gate = gate_of(tmp_path, personal_loan, of(29), fitted)
    assert gate.passed
    assert "only 29 loans: too few to judge by" in gate.found
    gate = gate_of(tmp_path, personal_loan, of(30), fitted)
    assert not gate.passed
    assert "few beside others AIR 0.000" in gate.found


def test_where_nobody_says_who_is_who_the_gate_says_so(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    """It passes where no groups are declared; where they are, loans that do not tell them apart are not enough."""
    plain = replace(frame, groups=())
    gate = gate_of(tmp_path, personal_loan, plain, fitted)
    assert (gate.passed, gate.found) == (True, NOT_MEASURED)
    comparison = Comparison("women", "men", ("sex",), lambda columns: (columns["sex"] == "F", columns["sex"] == "M"))
    table = replace(personal_loan.training[0], protected=("sex",), compared=(comparison,))
    gate = gate_of(tmp_path, replace(personal_loan, training=(table,)), plain, fitted)
    assert not gate.passed
    assert "The product compares women: give loans that say." in gate.found
