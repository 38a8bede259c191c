"""The consumer loan on a simulated lender: trained on its past loans and events, it decides about who applies today."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meridian.products import find_product
from meridian.registry import Purpose
from tests.lender import Lender, lender_service
from tests.training_fixtures import TrainedModels

PRODUCT = find_product("consumer-loan")


@pytest.fixture(scope="module")
def decided(
    loan_models: TrainedModels, lender_folder: Path, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lender, list[dict[str, Any]]]]:
    """Everybody who applies today, decided."""
    with lender_service(lender_folder, template, tmp_path_factory.mktemp("served"), loan_models.models_dir) as lender:
        lender.materialise()
        yield lender, [json.loads(reply.body) for reply in lender.decide(len(lender.requests))]


def test_it_ranks_loans_of_the_last_months(loan_models: TrainedModels) -> None:
    """Out of time, on few loans; the figures on many are in the simulator's card."""
    assert [manifest.name for manifest in loan_models.manifests] == [
        "consumer-loan-compact",
        "consumer-loan-reduced",
        "consumer-loan-application-only",
        "consumer-loan-batch",
    ]
    for manifest in loan_models.manifests:
        least = 0.58 if manifest.purpose is Purpose.APPLICATION else 0.72
        assert least < manifest.metrics["test"]["auc"] < 0.92


def test_it_decides_and_what_it_decided_from_is_in_the_events(decided: tuple[Lender, list[dict[str, Any]]]) -> None:
    lender, bodies = decided
    outcomes = Counter(body["outcome"] for body in bodies)
    assert set(outcomes) == {"approve", "refer", "decline"}
    assert outcomes["approve"] > len(bodies) / 3
    checked = lender.verify()
    assert (checked.decisions, checked.differences) == (len(bodies), ())


def test_no_reason_is_given_from_a_source_that_has_nothing(decided: tuple[Lender, list[dict[str, Any]]]) -> None:
    """Who linked no bank account is never told of salary or overdrafts in it, nor of work that nobody could verify."""
    _, bodies = decided
    of_source = {
        name: {feature.group for feature in PRODUCT.features.of_source(name)} for name in ("bank", "employment")
    }
    elsewhere = {feature.group for feature in PRODUCT.features if feature.source not in ("bank", "employment")}
    seen = 0
    for body in bodies:
        silent = [one["name"] for one in body["evidence"]["sources"] if one["status"] == "nothing"]
        given = {reason["code"] for reason in body["reasons"]}
        for name in silent:
            untrue = of_source[name] - elsewhere - {PRODUCT.terms.nothing_reasons[name]}
            assert not given & untrue, body["id"]
            seen += bool(given)
    assert seen > 5


def test_who_is_in_no_bureaus_file_is_referred(decided: tuple[Lender, list[dict[str, Any]]]) -> None:
    _, bodies = decided
    unknown = [body for body in bodies if any(one["status"] == "missing" for one in body["evidence"]["sources"])]
    assert unknown
    assert {body["outcome"] for body in unknown} <= {"refer", "decline"}
    assert {body["score"]["model"] for body in unknown if body["score"]} == {"consumer-loan-application-only"}
    assert {body["evidence"]["rung"] for body in unknown} == {3}


def test_the_compact_score_is_the_trained_model(
    loan_models: TrainedModels, decided: tuple[Lender, list[dict[str, Any]]]
) -> None:
    _, bodies = decided
    known = [body for body in bodies if body["evidence"]["rung"] <= 1]
    pds = np.array([body["score"]["pd"] for body in known])
    assert len(np.unique(pds)) > 100
    assert {body["score"]["model_sha256"] for body in known} == {loan_models.of(Purpose.COMPACT).sha256}


def test_the_batch_model_decides_again_on_the_same_evidence(
    loan_models: TrainedModels, decided: tuple[Lender, list[dict[str, Any]]]
) -> None:
    """Its two hundred features were captured with the first answer: nothing is looked up again."""
    lender, _ = decided
    jobs = [row.id for row in lender.service.query("SELECT id FROM work.job ORDER BY id LIMIT 40")]
    for job in jobs:
        lender.service.worker.assessments.assess(job)
    made = lender.service.query("SELECT v.document FROM record.version v WHERE v.stage = 'batch' AND v.pd IS NOT NULL")
    assert len(made) > 30
    models = {json.loads(row.document)["score"]["model_sha256"] for row in made}
    assert models == {loan_models.of(Purpose.BATCH).sha256}
