"""A bundle is loaded as it was saved, or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meridian.errors import NotReady, UntrustedModel
from meridian.features import Direction, FeatureSet
from meridian.registry import Purpose, bundle_folder, load_manifest, load_scorer, read_files, save_bundle
from meridian.registry.bundle import model_files
from meridian.scoring import make_tables, parse_xgboost_json


@pytest.fixture
def bundle(demo_models: Any, tmp_path: Path) -> Path:
    """A copy of the compact demo model, to be spoilt."""
    folder = bundle_folder(tmp_path / "models", "personal-loan", Purpose.COMPACT)
    shutil.copytree(demo_models.folder(Purpose.COMPACT), folder)
    return folder


def state_hash(bundle: Path, name: str) -> None:
    """Make the manifest state the hash that a file has now."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_a_saved_model_loads_with_the_hash_of_its_manifest(demo_models: Any) -> None:
    for manifest in demo_models.manifests:
        scorer = demo_models.scorer(manifest.purpose)
        assert scorer.sha256 == manifest.sha256 == load_manifest(demo_models.folder(manifest.purpose)).sha256
        assert scorer.name == f"personal-loan-{manifest.purpose}-demo"
        assert scorer.features == manifest.features


def test_a_missing_model_names_the_command_that_makes_one(tmp_path: Path, personal_loan: Any) -> None:
    with pytest.raises(NotReady, match="meridian train personal-loan"):
        load_scorer(bundle_folder(tmp_path, "personal-loan", Purpose.BATCH), personal_loan)


@pytest.mark.parametrize("name", ["model.json", "reference.npy", "tables.npz"])
def test_a_changed_file_is_refused_before_it_is_parsed(bundle: Path, personal_loan: Any, name: str) -> None:
    """One byte is enough, and so is a file that is gone."""
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(UntrustedModel, match=name):
        load_scorer(bundle, personal_loan)
    (bundle / name).unlink()
    with pytest.raises(UntrustedModel, match=name):
        load_scorer(bundle, personal_loan)


def without_tables(bundle: Path) -> Path:
    """The bundle as it was written before tables were stored."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    del manifest["files"]["tables.npz"]
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    (bundle / "tables.npz").unlink()
    return bundle


def test_a_model_without_stored_tables_scores_to_the_same_bits(bundle: Path, personal_loan: Any) -> None:
    stored = load_scorer(bundle, personal_loan).tables
    made = load_scorer(without_tables(bundle), personal_loan).tables
    assert made.to_npz() == stored.to_npz()


def test_what_is_pickled_is_never_read(bundle: Path, personal_loan: Any) -> None:
    """Even where the manifest states its hash: numpy is told to refuse objects."""
    np.savez(bundle / "tables.npz", base=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    state_hash(bundle, "tables.npz")
    with pytest.raises(UntrustedModel, match="allow_pickle=False"):
        load_scorer(bundle, personal_loan)
    np.save(bundle / "reference.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    state_hash(bundle, "reference.npy")
    with pytest.raises(UntrustedModel, match="allow_pickle=False"):
        load_scorer(without_tables(bundle), personal_loan)


@pytest.mark.parametrize("content", [b"PK no zip", b"not numpy", b""])
def test_a_file_that_holds_no_tables_is_refused(bundle: Path, personal_loan: Any, content: bytes) -> None:
    (bundle / "tables.npz").write_bytes(content)
    state_hash(bundle, "tables.npz")
    with pytest.raises(UntrustedModel, match="no model that Meridian wrote"):
        load_scorer(bundle, personal_loan)


@pytest.mark.parametrize(
    ("name", "content"),
    [("model.json", b"{}"), ("model.json", b"not json"), ("model.json", b"[1]"), ("reference.npy", b"not numpy")],
)
def test_files_that_hold_no_model_are_refused(bundle: Path, personal_loan: Any, name: str, content: bytes) -> None:
    """The hash says that a file is the one that was meant, not that it makes sense."""
    (bundle / name).write_bytes(content)
    state_hash(bundle, name)
    with pytest.raises(UntrustedModel, match="no model that Meridian wrote"):
        load_scorer(without_tables(bundle), personal_loan)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.pop("seed"),
        lambda document: document.update(format=2),
        lambda document: document.update(name="another"),
        lambda document: document["calibration"].update(slope=-1.0),
        lambda document: document.update(extra=1),
        lambda document: document.update(files=None),
    ],
)
def test_a_manifest_that_was_not_written_here_is_refused(bundle: Path, personal_loan: Any, spoil: Any) -> None:
    document = json.loads((bundle / "manifest.json").read_text())
    spoil(document)
    (bundle / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(UntrustedModel):
        load_scorer(bundle, personal_loan)


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff"])
def test_a_manifest_that_is_no_document_is_refused(bundle: Path, personal_loan: Any, text: str) -> None:
    (bundle / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(UntrustedModel, match="manifest"):
        load_scorer(bundle, personal_loan)


def test_an_edited_manifest_is_another_model(bundle: Path, personal_loan: Any) -> None:
    """The hash covers every word of it, so that a decision names the calibration it was made with."""
    before = load_scorer(bundle, personal_loan).sha256
    document = json.loads((bundle / "manifest.json").read_text())
    document["calibration"]["intercept"] += 0.001
    (bundle / "manifest.json").write_text(json.dumps(document))
    assert load_scorer(bundle, personal_loan).sha256 != before


def test_a_model_of_other_definitions_is_refused(bundle: Path, personal_loan: Any) -> None:
    """A feature that was defined otherwise when the model was trained would be read with another meaning."""
    changed = FeatureSet(
        replace(feature, direction=Direction.FREE, unit="cents") if feature.name == "loan_amount" else feature
        for feature in personal_loan.features
    )
    with pytest.raises(NotReady, match="have changed"):
        load_scorer(bundle, replace(personal_loan, features=changed))
    fewer = FeatureSet(feature for feature in personal_loan.features if feature.name != "loan_amount")
    with pytest.raises(NotReady, match="loan_amount"):
        load_scorer(bundle, replace(personal_loan, features=fewer))


def test_a_model_of_another_product_is_refused(bundle: Path, personal_loan: Any) -> None:
    with pytest.raises(NotReady, match="personal-loan"):
        load_scorer(bundle, replace(personal_loan, name="car-loan"))


def test_a_bundle_is_replaced_as_a_whole(bundle: Path, personal_loan: Any) -> None:
    """Nothing of the older bundle stays in its place; it is kept whole elsewhere, for past decisions name it."""
    manifest = load_manifest(bundle)
    (bundle / "left-over.txt").write_text("old")
    model = (bundle / "model.json").read_bytes()
    reference = np.load(bundle / "reference.npy", allow_pickle=False)[:100]
    tables = make_tables(parse_xgboost_json(json.loads(model)), reference)
    saved = save_bundle(bundle, manifest, model_files(model, reference, tables), {"card.md": b"# card"})
    assert {path.name for path in bundle.iterdir()} == {"card.md", *read_files(bundle)}
    retired = bundle.parent / "retired" / f"{bundle.name}-{manifest.sha256}"
    assert {path.name for path in bundle.parent.iterdir()} == {bundle.name, "retired"}
    assert load_scorer(retired, personal_loan).sha256 == manifest.sha256
    assert load_scorer(bundle, personal_loan).sha256 == saved.sha256 != manifest.sha256


def test_a_failed_save_leaves_the_older_bundle(bundle: Path, personal_loan: Any) -> None:
    manifest = load_manifest(bundle)
    with pytest.raises(OSError, match="no/such/folder"):
        save_bundle(bundle, manifest, {"model.json": b"{}"}, {"no/such/folder": b""})
    assert load_scorer(bundle, personal_loan).sha256 == manifest.sha256
    assert [path.name for path in bundle.parent.iterdir()] == [bundle.name]


def test_the_registry_does_not_need_xgboost() -> None:
    """Serving loads models without the library that grew them."""
    script = (
        "import sys; import meridian.registry, meridian.products, meridian.simulator; "
        "heavy = {'xgboost', 'sklearn', 'matplotlib', 'duckdb'} & set(sys.modules); sys.exit(heavy or 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
