"""A bundle: one model in a folder of its own, `<models>/<product>/<purpose>/`.

`model.json` holds the trees as XGBoost writes them, `reference.npy` the reference population (float32, rows by
features), `tables.npz` what was made of the two to score with, `manifest.json` the rest; a model card lies beside them.
A model file can be hostile, so that nothing is parsed before its hash is the manifest's, and nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from meridian.errors import NotReady, UntrustedModel
from meridian.products import Product
from meridian.registry.manifest import Manifest, Purpose
from meridian.scoring import LeafTables, Scorer, make_tables, parse_xgboost_json

MODEL, REFERENCE, TABLES, MANIFEST = "model.json", "reference.npy", "tables.npz", "manifest.json"
RETIRED = "retired"


def bundle_folder(models_dir: Path, product: str, purpose: Purpose) -> Path:
    """Where the model of a product for a purpose lies."""
    return models_dir / product / purpose.value


def load_manifest(folder: Path) -> Manifest:
    """The manifest in a folder. Raises `NotReady` where there is none, `UntrustedModel` where it cannot be read."""
    try:
        content = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        product = folder.parent.name
        raise NotReady(
            f"There is no {folder.name} model for {product} in {folder}. Make one: "
            f"`meridian train {product} --data FILE`, or `meridian train {product} --demo` to try things out."
        ) from None
    except OSError as error:
        raise UntrustedModel(f"{folder / MANIFEST} cannot be read: {error}. Train the model again.") from None
    return manifest_of({MANIFEST: content}, folder)


def manifest_of(files: Mapping[str, bytes], where: PurePath) -> Manifest:
    """The manifest among these files; `where` is for the error messages. Raises `UntrustedModel`."""
    try:
        document = json.loads(files[MANIFEST])
    except (KeyError, ValueError) as error:
        raise UntrustedModel(f"{where / MANIFEST} cannot be read: {error}. Train the model again.") from None
    if not isinstance(document, dict):
        raise UntrustedModel(f"{where / MANIFEST} is not a JSON object. Train the model again.")
    return Manifest.from_document(document)


def load_scorer(folder: Path, product: Product) -> Scorer:
    """The model in a folder, ready to score for a product.

    Raises `NotReady` where there is no model, or where it was trained on other definitions of its
    features than the product has now; `UntrustedModel` where a file is not the one the manifest names.
    """
    load_manifest(folder)  # where there is none, its error says how to make one
    return usable_scorer(read_files(folder), product, folder)


def usable_scorer(files: Mapping[str, bytes], product: Product, where: PurePath) -> Scorer:
    """The same of a model's files, wherever they were read."""
    manifest = manifest_of(files, where)
    _check_features(manifest, product, where)
    scorer = scorer_of(manifest, files, where)
    _check_reference(scorer, product, manifest.purpose, where)
    return scorer


def read_files(folder: Path) -> dict[str, bytes]:
    """The files of the model in a folder, as they are. Raises `UntrustedModel` where one cannot be read."""
    # Models of before the tables were stored have none.
    tables = [TABLES] if (folder / TABLES).exists() else []
    try:
        return {name: (folder / name).read_bytes() for name in (MANIFEST, MODEL, REFERENCE, *tables)}
    except OSError as error:
        raise UntrustedModel(f"{error.filename} cannot be read ({error.strerror}). Train the model again.") from None


def scorer_of(manifest: Manifest, files: Mapping[str, bytes], where: PurePath) -> Scorer:
    """The scorer that these files hold; `where` is for the error messages. Raises `UntrustedModel`."""
    for name in (MODEL, REFERENCE, *({TABLES} & set(manifest.files))):
        _check_trusted(where / name, files, manifest)
    return Scorer(
        name=manifest.name,
        sha256=manifest.sha256,
        reference_sha256=manifest.files[REFERENCE],
        tables=_tables(where, manifest, files),
        calibration=manifest.calibration,
        scale=manifest.scale,
    )


def find_bundle(models_dir: Path, product: str, sha256: str) -> Path | None:
    """The folder of the model with that hash, in use or retired; None where it is not kept here."""
    for folder in sorted((models_dir / product).glob("*")) + sorted((models_dir / product / RETIRED).glob("*")):
        with suppress(NotReady):
            if load_manifest(folder).sha256 == sha256:
                return folder
    return None


def save_bundle(
    folder: Path, manifest: Manifest, files: Mapping[str, bytes], documents: Mapping[str, bytes] | None = None
) -> Manifest:
    """Write a bundle of `model_files` and give its manifest with their hashes.

    `documents` are further files (the model card), which are not part of the model's identity. All
    is written into a folder beside and renamed into place, so that a reader never meets half a model;
    a bundle that lies there is replaced as a whole, and put back should the renaming fail.
    """
    manifest = replace(manifest, files=hashes(files))
    written = json.dumps(manifest.document(), indent=2, sort_keys=True, allow_nan=False) + "\n"
    contents = {**files, MANIFEST: written.encode(), **(documents or {})}
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-new-", dir=folder.parent))
    try:
        for name, content in contents.items():
            (beside / name).write_bytes(content)
        beside.chmod(0o755)
        _swap(beside, folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return manifest


def population_of(content: bytes) -> NDArray[np.float32]:
    """The reference population in a file's bytes; never unpickled. Raises `ValueError` for what is none."""
    population: NDArray[np.float32] = np.load(io.BytesIO(content), allow_pickle=False)
    return population


def model_files(model: bytes, reference: NDArray[np.float32], tables: LeafTables) -> dict[str, bytes]:
    """The files that make up a model, by name: the same model and population give the same bytes."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(reference, dtype=np.float32), allow_pickle=False)
    return {MODEL: model, REFERENCE: buffer.getvalue(), TABLES: tables.to_npz()}


def hashes(contents: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 of each file's bytes."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def _swap(new: Path, folder: Path) -> None:
    """Rename `new` to `folder`; a model in the way is kept beside, for past decisions name it by its hash."""
    old = _retired(folder)
    with suppress(FileNotFoundError):
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        with suppress(FileNotFoundError):
            old.rename(folder)
        raise


def _retired(folder: Path) -> Path:
    """Where a replaced model is kept: `retired/<purpose>-<hash>`."""
    retired = folder.parent / RETIRED
    retired.mkdir(exist_ok=True)
    try:
        name = load_manifest(folder).sha256
    except NotReady:
        name = f"unreadable-{time.time_ns()}"
    place = retired / f"{folder.name}-{name}"
    shutil.rmtree(place, ignore_errors=True)
    return place


def _check_trusted(file: PurePath, files: Mapping[str, bytes], manifest: Manifest) -> None:
    if file.name not in files:
        raise UntrustedModel(f"{file} is not there, but its manifest names it. Restore it, or train the model again.")
    found, stated = hashlib.sha256(files[file.name]).hexdigest(), manifest.files.get(file.name)
    if found != stated:
        raise UntrustedModel(
            f"{file} has the SHA-256 {found}, but its manifest states {stated}: the file was changed "
            "after the training. It is not used; restore it, or train the model again."
        )


def _tables(folder: PurePath, manifest: Manifest, files: Mapping[str, bytes]) -> LeafTables:
    """The tables of files whose hashes were right; what they hold may still be no model of ours."""
    try:
        if TABLES in manifest.files:
            return LeafTables.from_npz(manifest.features, files[TABLES])
        return _made_tables(folder, manifest, files)
    except (EOFError, IndexError, KeyError, OSError, TypeError, ValueError, BadZipFile, zlib.error) as error:
        raise UntrustedModel(f"{folder} holds no model that Meridian wrote: {error!r}. Train it again.") from None


def _made_tables(folder: PurePath, manifest: Manifest, files: Mapping[str, bytes]) -> LeafTables:
    ensemble = parse_xgboost_json(json.loads(files[MODEL]))
    population = population_of(files[REFERENCE])
    if ensemble.features != manifest.features:
        raise UntrustedModel(f"The model in {folder} reads other features than its manifest says. Train it again.")
    if population.dtype != np.float32:
        raise UntrustedModel(f"{folder / REFERENCE} has the type {population.dtype}, not float32. Train it again.")
    return make_tables(ensemble, population)


def _check_features(manifest: Manifest, product: Product, folder: PurePath) -> None:
    if manifest.product != product.name:
        raise NotReady(f"The model in {folder} is for {manifest.product}, not for {product.name}.")
    gone = [name for name in manifest.features if name not in product.features]
    if gone or product.features.select(manifest.features).fingerprint != manifest.feature_fingerprint:
        what = f"reads features that are gone ({', '.join(gone)})" if gone else "was trained on other definitions"
        raise NotReady(
            f"The model {manifest.name} in {folder} {what}: the features of {product.name} have changed since. "
            f"Train it again: `meridian train {product.name} --data FILE`."
        )


def reference_fits(scorer: Scorer, product: Product, purpose: Purpose) -> bool:
    """Whether the product's policy approves the population that a model's reasons compare with."""
    segments = [one.step for one in product.policy.segments if one.step.rung == purpose.rung]
    lowest = min(step.bands.approve_below for step in (product.policy.at(purpose.rung), *segments))
    return scorer.calibration.pd(scorer.tables.base) < lowest


def _check_reference(scorer: Scorer, product: Product, purpose: Purpose, folder: PurePath) -> None:
    """Against a reference that would not be approved, somebody could be refused without any reason."""
    if not reference_fits(scorer, product, purpose):
        pd = scorer.calibration.pd(scorer.tables.base)
        raise NotReady(
            f"The reference population of {folder} has a PD of {pd:.3f}, which {product.name} does not approve (below "
            f"{product.policy.at(purpose.rung).bands.approve_below}, or less in a segment): what it is not approved "
            "for would have no reasons. Train it again."
        )
