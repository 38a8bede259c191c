"""The models on real loans: good enough, not too good, and fed in service as they were in training."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meridian.application import parse_request
from meridian.evidence import Rung, SourceReading, SourceStatus, capture
from meridian.products import Product
from meridian.products.personal_loan.lending_club import request_of
from meridian.registry import Purpose
from meridian.training.frame import frame_of
from meridian.training.table import read_table

pytestmark = pytest.mark.real_data

LEAST_AUC = {Purpose.COMPACT: 0.685, Purpose.BATCH: 0.685, Purpose.APPLICATION: 0.6}
LEAK_AUC = 0.72
SAMPLED = 300


@pytest.mark.parametrize("purpose", list(LEAST_AUC))
def test_trained_to_2010_it_ranks_the_loans_of_2011(lending_club_models: Any, purpose: Purpose) -> None:
    """AUC at least 0.685 without the lender's own outputs, 0.6 by the form alone; above 0.72 it would know something
    it cannot know.
    """
    (manifest,) = (m for m in lending_club_models.manifests if m.purpose is purpose)
    test = manifest.metrics["test"]
    assert manifest.lineage.rows == {"all": 42_535, "train": 20_814, "test": 21_721}
    assert LEAST_AUC[purpose] <= test["auc"] < LEAK_AUC
    assert 0.85 < test["calibration_slope"] < 1.15
    assert abs(test["mean_pd"] - test["base_rate"]) < 0.03


def test_an_application_is_read_as_the_loan_was_trained(personal_loan: Product, lending_club_file: Path) -> None:
    """300 loans of 2011, sent as applications: every float32 that reaches the model is the training frame's."""
    frame = frame_of(personal_loan, read_table(personal_loan, lending_club_file))
    with gzip.open(lending_club_file, "rt", newline="") as opened:
        loans = list(csv.DictReader(opened))
    late = np.flatnonzero(~frame.trains)
    received = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    own = {"loans": 0.0, "worst_days_late": 0.0, "applications_90d": 0.0}
    for i in np.random.default_rng(0).choice(late, SAMPLED, replace=False).tolist():
        body = json.dumps(request_of(loans[i], received.date())).encode()
        request = parse_request(body, {personal_loan.name: personal_loan.request})
        history = SourceReading("history", SourceStatus.FRESH, own, received, received, 0.0)
        evidence = capture(
            request=request.document(),
            received_at=received,
            readings=(*personal_loan.read_application(request, received), history),
            features=personal_loan.features,
            model_sources=personal_loan.model_sources,
            versions={},
        )
        assert evidence.rung is Rung.FULL
        served = np.array([evidence.features[name] for name in frame.names], dtype=np.float32)
        np.testing.assert_array_equal(served, frame.matrix[i], err_msg=loans[i]["loan_ref"])


@pytest.mark.parametrize("purpose", list(LEAST_AUC))
def test_scores_in_service_are_the_scores_of_training(
    lending_club_models: Any, personal_loan: Product, lending_club_file: Path, purpose: Purpose
) -> None:
    """The saved model gives the PD from which its manifest's figures were computed."""
    frame = frame_of(personal_loan, read_table(personal_loan, lending_club_file))
    scorer = lending_club_models.scorer(purpose)
    pds = scorer.pds(frame.inputs(scorer.features)[~frame.trains])
    (manifest,) = (m for m in lending_club_models.manifests if m.purpose is purpose)
    assert float(pds.mean()) == pytest.approx(manifest.metrics["test"]["mean_pd"], abs=1e-5)
