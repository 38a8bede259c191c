"""Reject inference: an assumption that is labelled, and changes nothing of whom it does not concern."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meridian.errors import InvalidTrainingData
from meridian.registry import Purpose
from meridian.training.fit import Options, fit
from meridian.training.rejects import Inference, Rejects, infer
from meridian.training.train import describe_model, read_declined, read_loans, with_accepts_only

INPUTS = np.arange(12, dtype=np.float32).reshape(6, 2)
PDS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.9])


def rejects(inference: Inference, factor: float = 1.0) -> Rejects:
    return Rejects(inference, lambda _names: INPUTS, factor)


def granted(loans: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    pds = random.uniform(0.05, 0.6, loans)
    return pds, (random.random(loans) < pds).astype(np.float64)


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_fuzzy_each_stands_twice_and_weighs_one(factor: float) -> None:
    found = infer(rejects(Inference.FUZZY, factor), INPUTS, PDS, granted(), 1)
    np.testing.assert_array_equal(found.inputs, np.vstack([INPUTS, INPUTS]))
    bad, good = found.weight[:6], found.weight[6:]
    np.testing.assert_allclose(bad, np.minimum(PDS * factor, 1.0))
    np.testing.assert_allclose(bad + good, 1.0)
    assert found.target.tolist() == [1.0] * 6 + [0.0] * 6


def test_parcelling_draws_at_the_rate_of_granted_loans_alike() -> None:
    many = np.repeat(np.array([0.1, 0.5]), 4000)
    rows = np.zeros((8000, 1), dtype=np.float32)
    found = infer(rejects(Inference.PARCELLING), rows, many, granted(), 1)
    assert found.target[:4000].mean() == pytest.approx(0.1, abs=0.04)
    assert found.target[4000:].mean() == pytest.approx(0.5, abs=0.06)
    assert set(found.weight.tolist()) == {1.0}
    worse = infer(rejects(Inference.PARCELLING, 1.5), rows, many, granted(), 1)
    assert worse.target.mean() == pytest.approx(1.5 * found.target.mean(), rel=0.1)
    again = infer(rejects(Inference.PARCELLING), rows, many, granted(), 1)
    np.testing.assert_array_equal(again.target, found.target)


@pytest.fixture(scope="module")
def past(loan_models: Any) -> Path:
    """The folder of a lender's past that the consumer loan's models were trained on."""
    return loan_models.models_dir.parent / "past"


@pytest.mark.parametrize("inference", [Inference.FUZZY, Inference.PARCELLING])
def test_the_declined_are_taken_in_and_the_granted_stand_beside(
    loan_models: Any, past: Path, inference: Inference
) -> None:
    product = loan_models.product
    loans = read_loans(product, past)
    declined = read_declined(product, past, inference, 1.2)
    options = Options(rejects=declined)
    fitted = fit(product, loans.frame, Purpose.APPLICATION, options)
    assert fitted.files["model.json"] != fit(product, loans.frame, Purpose.APPLICATION).files["model.json"]
    assert fit(product, loans.frame, Purpose.APPLICATION, options).files == fitted.files
    plain = describe_model(product, Purpose.APPLICATION, loans.frame, fitted, loans.lineage, 1)
    told = with_accepts_only(product, loans.frame, plain, options).training["rejects"]
    assert told["inference"] == inference.value
    assert told["declined"] > 300
    assert "assumed" in told["assumption"]
    assert told["accepts_only"]["loans"] == plain.metrics["test"]["loans"]
    assert abs(told["accepts_only"]["auc"] - plain.metrics["test"]["auc"]) < 0.05


def test_who_was_declined_must_be_known(loan_models: Any, past: Path, tmp_path: Path, personal_loan: Any) -> None:
    with pytest.raises(InvalidTrainingData, match="one file of loans"):
        read_declined(personal_loan, tmp_path / "loans.csv", Inference.FUZZY, 1.0)
    product = loan_models.product
    silent = replace(product, training=(replace(product.training[0], declined=None),))
    with pytest.raises(InvalidTrainingData, match="does not say which"):
        read_declined(silent, past, Inference.FUZZY, 1.0)
    nobody = replace(product, training=(replace(product.training[0], declined=("decision", "refused")),))
    with pytest.raises(InvalidTrainingData, match="no declined application"):
        read_declined(nobody, past, Inference.FUZZY, 1.0)
