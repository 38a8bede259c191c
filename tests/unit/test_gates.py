"""Gates: a sound model passes them all, and each one stops what it is there to stop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meridian.features import Direction, FeatureSet
from meridian.products import Product
from meridian.reasons import Reasons
from meridian.registry import Lineage, Manifest, Purpose, load_scorer, save_bundle
from meridian.scoring import make_tables, parse_xgboost_json
from meridian.training.demo import demo_frame
from meridian.training.fit import Fitted, fit
from meridian.training.frame import Frame
from meridian.training.gates import Gate, pass_gates
from meridian.training.limits import LIMITS
from meridian.training.train import describe_model

PATIENT = replace(LIMITS, usual_ms=1000.0)
"""How quick a machine is, is not for a test to say."""
GATES = (
    "files", "discrimination", "leakage", "calibration", "stability", "fairness", "monotonicity", "reasons",
    "tested reasons", "latency",
)  # fmt: skip
Change = Callable[[Manifest], Manifest]


@pytest.fixture(scope="module")
def frame(personal_loan: Product) -> Frame:
    return demo_frame(personal_loan, 12_000, 3)[0]


@pytest.fixture(scope="module")
def fitted(personal_loan: Product, frame: Frame) -> Fitted:
    return fit(personal_loan, frame, Purpose.COMPACT)


def saved(
    place: Path, product: Product, frame: Frame, fitted: Fitted, change: Change = lambda manifest: manifest
) -> Path:
    lineage = Lineage("test loans", "none", "0" * 64, {"all": 1, "train": 1, "test": 0}, {}, simulated=True)
    manifest = describe_model(product, Purpose.COMPACT, frame, fitted, lineage, 1)
    save_bundle(place / "model", change(manifest), fitted.files)
    return place / "model"


def failed(product: Product, folder: Path, frame: Frame) -> dict[str, str]:
    return {gate.name: gate.found for gate in pass_gates(product, folder, frame, PATIENT) if not gate.passed}


def test_a_sound_model_passes_every_gate(personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path) -> None:
    gates: list[Gate] = list(pass_gates(personal_loan, saved(tmp_path, personal_loan, frame, fitted), frame, PATIENT))
    assert tuple(gate.name for gate in gates) == GATES
    assert [gate for gate in gates if not gate.passed] == []
    assert all(gate.found for gate in gates)


def test_a_model_that_knows_the_outcome_is_stopped(personal_loan: Product, frame: Frame, tmp_path: Path) -> None:
    matrix = frame.matrix.copy()
    knows = frame.target + np.random.default_rng(1).normal(0, 0.35, len(frame.target))
    matrix[:, frame.names.index("revolving_utilisation")] = knows
    leaky = replace(frame, matrix=matrix)
    model = fit(personal_loan, leaky, Purpose.COMPACT)
    assert "leakage" in failed(personal_loan, saved(tmp_path, personal_loan, leaky, model), leaky)


def test_a_model_against_a_stated_direction_is_stopped(personal_loan: Product, frame: Frame, tmp_path: Path) -> None:
    free = FeatureSet((replace(one, direction=Direction.FREE) for one in personal_loan.features), personal_loan.sources)
    model = fit(replace(personal_loan, features=free), frame, Purpose.COMPACT)
    found = failed(personal_loan, saved(tmp_path, personal_loan, frame, model), frame)
    assert set(found) == {"monotonicity"}
    assert any(name in found["monotonicity"] for name in personal_loan.compact_features)


def with_reasons(product: Product, reasons: Reasons) -> Product:
    return replace(product, terms=replace(product.terms, reasons=reasons))


def test_a_feature_without_a_reason_to_give_stops_its_model(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    document = personal_loan.reasons.document()
    folder = saved(tmp_path, personal_loan, frame, fitted)
    lacking = Reasons.from_document(
        {
            "codes": [code for code in document["codes"] if code["code"] != "R09"],
            "groups": {name: code for name, code in document["groups"].items() if code != "R09"},
        }
    )
    found = failed(with_reasons(personal_loan, lacking), folder, frame)
    assert "revolving_utilisation" in found["reasons"]
    assert "tested reasons" in found
    vague = [
        {**code, "text": "Insufficient points on our internal model"} if code["code"] == "R09" else code
        for code in document["codes"]
    ]
    found = failed(with_reasons(personal_loan, Reasons.from_document({**document, "codes": vague})), folder, frame)
    assert "internal model" in found["reasons"]


def test_a_model_of_applicants_who_have_changed_is_stopped(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    matrix = frame.matrix.copy()
    matrix[~frame.trains, frame.names.index("revolving_utilisation")] = 0.97
    moved = replace(frame, matrix=matrix)
    found = failed(personal_loan, saved(tmp_path, personal_loan, frame, fitted), moved)
    assert "stability" in found


def test_a_model_that_ranks_nobody_is_stopped(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    shuffled = replace(frame, target=np.random.default_rng(1).permutation(frame.target))
    found = failed(personal_loan, saved(tmp_path, personal_loan, frame, fitted), shuffled)
    assert {"discrimination", "calibration"} <= set(found)


def test_probabilities_that_are_none_stop_a_model(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    def bent(manifest: Manifest) -> Manifest:
        return replace(
            manifest, calibration=replace(manifest.calibration, intercept=manifest.calibration.intercept - 1)
        )

    assert "calibration" in failed(personal_loan, saved(tmp_path, personal_loan, frame, fitted, bent), frame)


def test_a_file_that_was_tampered_with_stops_everything(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    folder = saved(tmp_path, personal_loan, frame, fitted)
    content = bytearray((folder / "model.json").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.json").write_bytes(content)
    gates = list(pass_gates(personal_loan, folder, frame, PATIENT))
    assert [(gate.name, gate.passed) for gate in gates] == [("files", False)]
    assert "was changed" in gates[0].found


def restate(folder: Path, name: str, content: bytes) -> None:
    """Change a file, and have the manifest state its new hash."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_trees_that_are_none_of_the_manifests_fail_the_gate_and_raise_nothing(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    folder = saved(tmp_path, personal_loan, frame, fitted)
    restate(folder, "model.json", b"{}")
    assert "no model that Meridian wrote" in failed(personal_loan, folder, frame)["files"]
    document: Any = json.loads(fitted.files["model.json"])
    names = document["learner"]["feature_names"]
    names[0], names[1] = names[1], names[0]
    restate(folder, "model.json", json.dumps(document).encode())
    assert failed(personal_loan, folder, frame) == {
        "files": "the model's trees read other features than its manifest says"
    }
    restate(folder, "model.json", fitted.files["model.json"])
    restate(folder, "reference.npy", b"nothing")
    assert set(failed(personal_loan, folder, frame)) == {"files"}


def test_tables_of_other_trees_are_found_though_their_hash_is_stated(
    personal_loan: Product, frame: Frame, fitted: Fitted, tmp_path: Path
) -> None:
    folder = saved(tmp_path, personal_loan, frame, fitted)
    document: Any = json.loads(fitted.files["model.json"])
    trees = document["learner"]["gradient_booster"]["model"]["trees"]
    document["learner"]["gradient_booster"]["model"]["trees"] = trees[:-1]
    other = make_tables(parse_xgboost_json(document), fitted.reference).to_npz()
    restate(folder, "tables.npz", other)
    assert load_scorer(folder, personal_loan)
    assert "not those of the model's trees" in failed(personal_loan, folder, frame)["files"]
