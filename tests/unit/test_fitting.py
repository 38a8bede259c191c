"""How a model is made: when to stop, which recipe, which features, which probabilities; and how it treats groups."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from meridian.errors import InvalidTrainingData
from meridian.products import Product
from meridian.registry import Purpose
from meridian.training.calibrate import LEAST_DEFAULTS, Method, calibrate
from meridian.training.demo import demo_frame
from meridian.training.fit import Options, fit, split_for_calibration
from meridian.training.frame import Frame
from meridian.training.growing.recipes import COMPACT
from meridian.training.growing.search import MARGIN, candidates, folds, search
from meridian.training.measure import psi
from meridian.training.selecting import select


@pytest.fixture(scope="module")
def frame(personal_loan: Product) -> Frame:
    return demo_frame(personal_loan, 6000, 2)[0]


def bent(seed: int = 1, loans: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Margins whose log-odds bend: half as steep above zero."""
    random = np.random.default_rng(seed)
    margins = random.normal(-1.0, 1.5, loans)
    log_odds = np.where(margins < 0, margins, margins / 2) - 0.3
    return margins, (random.random(loans) < 1 / (1 + np.exp(-log_odds))).astype(np.float64)


def test_an_isotonic_calibration_follows_a_bend_that_a_line_cannot() -> None:
    margins, target = bent()
    line, steps = (calibrate(margins, target, method) for method in Method)
    unseen, outcomes = bent(2)

    def loss(pds: np.ndarray) -> float:
        return float(-(outcomes * np.log(pds) + (1 - outcomes) * np.log(1 - pds)).mean())

    assert not line.knots
    assert len(steps.knots) > 5
    assert loss(steps.pds(unseen)) < loss(line.pds(unseen))
    ordered = np.sort(unseen)
    assert (np.diff(steps.log_odds_of(ordered)) >= 0).all()
    assert len(np.unique(steps.pds(ordered))) == len(np.unique(ordered))


def test_where_defaults_are_few_an_isotonic_calibration_is_the_line() -> None:
    margins, target = bent(loans=200)
    assert target.sum() < 4 * LEAST_DEFAULTS
    found = calibrate(margins, target, Method.ISOTONIC)
    assert len(found.knots) <= target.sum() / LEAST_DEFAULTS
    one = calibrate(margins[:60], target[:60], Method.ISOTONIC)
    assert one == calibrate(margins[:60], target[:60], Method.LOGISTIC)


def test_of_loans_with_one_margin_their_order_in_the_file_says_nothing() -> None:
    random = np.random.default_rng(4)
    margins = np.sort(random.choice([-3.0, -2.0, -1.0, 0.0], 20_000))
    # The rate rises through the file, within each margin too.
    rate = np.array([0.04, 0.1, 0.2, 0.3])[np.searchsorted([-3, -2, -1, 0], margins)]
    target = (random.random(20_000) < rate * np.tile(np.linspace(0.5, 1.5, 20), 1000)).astype(np.float64)
    order = random.permutation(20_000)
    found = calibrate(margins, target, Method.ISOTONIC)
    assert found.knots == calibrate(margins[order], target[order], Method.ISOTONIC).knots
    assert len(found.knots) == 4
    for margin in (-3.0, -2.0, -1.0, 0.0):
        assert found.pd(margin) == pytest.approx(target[margins == margin].mean(), abs=1e-6)


def test_margins_that_rank_the_wrong_way_are_refused() -> None:
    margins, target = bent()
    with pytest.raises(InvalidTrainingData, match="does not rank"):
        calibrate(-margins, target, Method.ISOTONIC)


def test_a_search_is_the_same_again_and_never_worse_than_the_recipe(personal_loan: Product, frame: Frame) -> None:
    names = personal_loan.compact_features
    earlier, _, _ = split_for_calibration(frame)
    parts = folds(frame.inputs(names)[earlier], frame.target[earlier], frame.period[earlier])
    assert len(parts) == 3
    assert all(len(learns[1]) + len(watched[1]) == earlier.sum() for learns, watched in parts)
    shares: list[float] = []
    found = search(personal_loan.features, COMPACT, names, parts, 6, 4, shares.append)
    assert found == search(personal_loan.features, COMPACT, names, parts, 6, 4)
    assert found.tried == 6
    assert shares == [i / 6 for i in range(1, 7)]
    assert found.log_loss <= found.log_loss_before
    assert found.log_loss == found.log_loss_before or found.log_loss < found.log_loss_before - MARGIN
    assert found.recipe.rounds <= COMPACT.rounds
    assert candidates(COMPACT, 6, 4)[0] == COMPACT
    assert candidates(COMPACT, 6, 4) != candidates(COMPACT, 6, 5)


def test_too_few_loans_to_judge_a_recipe_by_are_refused(personal_loan: Product) -> None:
    few = demo_frame(personal_loan, 1200, 2)[0]
    with pytest.raises(InvalidTrainingData, match="too few loans to search"):
        fit(personal_loan, few, Purpose.COMPACT, Options(search=3))
    assert fit(personal_loan, few, Purpose.COMPACT).training["recipe"]["rounds"] == COMPACT.rounds


def test_no_more_trees_are_grown_than_help(personal_loan: Product, frame: Frame) -> None:
    """Where the outcome is chance, hardly any does."""
    names = personal_loan.compact_features
    earlier, _, _ = split_for_calibration(frame)
    chance = np.random.default_rng(1).permutation(frame.target[earlier])
    parts = folds(frame.inputs(names)[earlier], chance, frame.period[earlier])[-1:]
    assert search(personal_loan.features, COMPACT, names, parts, 1, 1).recipe.rounds < 20
    told = folds(frame.inputs(names)[earlier], frame.target[earlier], frame.period[earlier])[-1:]
    assert search(personal_loan.features, COMPACT, names, told, 1, 1).recipe.rounds > 20


def test_what_was_chosen_is_in_the_model(personal_loan: Product, frame: Frame) -> None:
    options = Options(seed=3, calibration=Method.ISOTONIC, search=3)
    fitted = fit(personal_loan, frame, Purpose.COMPACT, options)
    assert fitted.training["calibration"] == "isotonic"
    assert fitted.training["search"]["tried"] == 3
    assert fitted.training["recipe"]["rounds"] <= COMPACT.rounds
    scorer = fitted.scorer
    rows = frame.inputs(scorer.features)[:50]
    shares = scorer.contributions_of(rows)
    log_odds = np.log(fitted.pds[:50] / (1 - fitted.pds[:50]))
    base = scorer.calibration.log_odds(scorer.tables.base)
    np.testing.assert_allclose(base + shares.sum(axis=1), log_odds, rtol=0, atol=1e-5)
    one = scorer.score(dict(zip(scorer.features, rows[0].tolist(), strict=True)))
    np.testing.assert_allclose(list(one.contributions.values()), shares[0], rtol=0, atol=1e-9)
    assert fit(personal_loan, frame, Purpose.COMPACT, options).files == fitted.files


def test_fewer_features_are_chosen_and_what_that_costs_is_said(personal_loan: Product, frame: Frame) -> None:
    chosen = select(personal_loan.features, frame, frame.names, 6, COMPACT)
    sizes = [len(step.features) for step in chosen.steps]
    assert sizes[0] == len(frame.names)
    assert sizes[-1] == 6
    assert sizes == sorted(sizes, reverse=True)
    assert set(chosen.kept) < set(frame.names)
    assert chosen.cost == pytest.approx(chosen.steps[0].auc - chosen.steps[-1].auc)
    assert abs(chosen.cost) < 0.05
    assert chosen == select(personal_loan.features, frame, frame.names, 6, COMPACT)
    worst = [name for name in frame.names if name not in chosen.kept][:6]
    assert select(personal_loan.features, frame, worst, 6, COMPACT).steps[0].auc < chosen.steps[-1].auc
    with pytest.raises(InvalidTrainingData, match="budget of 0"):
        select(personal_loan.features, frame, frame.names, 0, COMPACT)


def test_noise_is_left_out_first(personal_loan: Product, frame: Frame) -> None:
    """A column that tells nothing goes before those that do."""
    place = frame.names.index("loan_to_income")
    matrix = frame.matrix.copy()
    matrix[:, place] = np.random.default_rng(1).random(len(matrix))
    chosen = select(personal_loan.features, replace(frame, matrix=matrix), frame.names, 8, COMPACT)
    assert "loan_to_income" not in chosen.kept


def test_scores_that_move_are_seen_by_the_index() -> None:
    random = np.random.default_rng(1)
    base, same, moved = random.beta(2, 8, 20_000), random.beta(2, 8, 20_000), random.beta(3, 8, 20_000)
    assert psi(base, same) < 0.01
    assert psi(base, moved) > 0.1
    assert psi(base, np.full(100, 0.999)) > 1
    assert math.isfinite(psi(np.full(100, 0.2), np.array([0.1, 0.2, 0.3])))
