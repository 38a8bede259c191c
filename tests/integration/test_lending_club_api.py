"""Three hundred real loans of 2011 as applications over HTTP, decided by models trained on the years before."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meridian.products import Product
from meridian.products.personal_loan.lending_club import request_of
from meridian.registry import Purpose
from meridian.training.frame import frame_of
from meridian.training.table import read_table
from tests.services import fresh_database, service
from tests.training_fixtures import TrainedModels

pytestmark = pytest.mark.real_data

SAMPLED, SEED = 300, 2011


@dataclass(frozen=True)
class Decided:
    """The sampled loans: what was answered, what the model says of the training frame's vector, what came of it."""

    statuses: list[int]
    decisions: list[dict[str, Any]]
    pds: np.ndarray[Any, np.dtype[np.float64]]
    bad: np.ndarray[Any, np.dtype[np.float64]]


@pytest.fixture(scope="module")
def decided(
    embedded_server: str,
    lending_club_models: TrainedModels,
    lending_club_file: Path,
    personal_loan: Product,
    tmp_path_factory: pytest.TempPathFactory,
) -> Decided:
    frame = frame_of(personal_loan, read_table(personal_loan, lending_club_file))
    with gzip.open(lending_club_file, "rt", newline="") as opened:
        loans = list(csv.DictReader(opened))
    late = np.flatnonzero(~frame.trains)
    chosen = np.sort(np.random.default_rng(SEED).choice(late, SAMPLED, replace=False))
    today = datetime.now(UTC).date()
    scorer = lending_club_models.scorer(Purpose.COMPACT)
    home, models = tmp_path_factory.mktemp("lending-club-api"), lending_club_models.models_dir
    patient = {"MERIDIAN_ONLINE_TIMEOUT_MS": "2000"}
    with fresh_database(embedded_server) as url, service(home, url, models, **patient) as running:
        running.start_api()
        answers = [running.decide(request_of(loans[i], today)) for i in chosen.tolist()]
    return Decided(
        [one.status for one in answers],
        [one.json() for one in answers],
        scorer.pds(frame.inputs(scorer.features)[chosen]),
        frame.target[chosen],
    )


def test_every_loan_is_decided(decided: Decided) -> None:
    assert set(decided.statuses) == {201}
    assert {one["evidence"]["rung"] for one in decided.decisions} == {0}
    assert all(1 <= len(one["reasons"]) <= 4 for one in decided.decisions if one["outcome"] != "approve")


def test_the_pd_over_http_is_that_of_the_training_frames_vector(decided: Decided) -> None:
    served = [one["score"]["pd"] for one in decided.decisions]
    np.testing.assert_allclose(served, decided.pds, rtol=0, atol=1e-6)


def test_the_outcomes_are_mixed(decided: Decided) -> None:
    """All were granted once, so most are approved or looked at; few are declined, and not none."""
    mix = Counter(one["outcome"] for one in decided.decisions)
    assert 0.2 < mix["approve"] / SAMPLED < 0.8
    assert 0.1 < mix["refer"] / SAMPLED < 0.8
    assert 0 < mix["decline"] / SAMPLED < 0.3


def test_the_higher_the_pd_the_more_did_not_pay(decided: Decided) -> None:
    """The observed share of bad loans rises from each third of the PDs to the next."""
    thirds = np.array_split(decided.bad[np.argsort(decided.pds, kind="stable")], 3)
    low, middle, high = (float(third.mean()) for third in thirds)
    assert low < middle < high
    assert high > 1.5 * low
