"""Training a product: a file of past loans in, a bundle for each purpose out, with its proof and its card."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import meridian
from meridian.extra import check_extra, need
from meridian.products import Product
from meridian.registry import Lineage, Manifest, Purpose, bundle_folder, purposes_of, save_bundle
from meridian.registry.bundle import hashes, model_files
from meridian.training.card import make_card
from meridian.training.fit import Fitted, fit
from meridian.training.folder import EVENTS, read_folder
from meridian.training.frame import Frame, frame_of
from meridian.training.measure import measure
from meridian.training.recipes import SEED
from meridian.training.table import read_table

Progress = Callable[[str, float], None]
"""(what is being done, share done of the whole, 0 to 1)."""


def quiet(_what: str, _share: float) -> None:
    """Progress for who does not watch."""


def train_product(
    product: Product,
    path: Path,
    models_dir: Path,
    progress: Progress = quiet,
    columns: Sequence[str] = (),
    seed: int = SEED,
) -> list[Manifest]:
    """Train the product's models on a file of past loans, and put them in place.

    `events` is the folder with the events of the sources that are looked up, where the product has any.
    `columns` are columns of the file that the caller wants used; they are checked, see
    `table.check_wanted`. The same file and seed give the same `model.json` and `reference.npy`, byte
    for byte. Raises `InvalidTrainingData`, `LeakyColumns`, `NotReady` (the extra is missing); then the
    models that were there stay.
    """
    check_extra()
    progress(f"reading {path.name}", 0.0)
    file = read_folder(product, path) if path.is_dir() else read_table(product, path, columns)
    progress("computing features", 0.1)
    events = path / EVENTS if path.is_dir() else None
    frame = frame_of(product, file, columns, events, lambda share: progress("computing features", 0.1 + share / 10))
    lineage = Lineage(
        table=file.table.name,
        file=file.name,
        sha256=file.sha256,
        rows=count_rows(frame),
        split=file.table.split.describe(),
    )
    return train_frame(product, frame, lineage, models_dir, progress, seed, started=0.2)


def train_frame(
    product: Product,
    frame: Frame,
    lineage: Lineage,
    models_dir: Path,
    progress: Progress = quiet,
    seed: int = SEED,
    started: float = 0.0,
) -> list[Manifest]:
    """Train all of the product's models on a frame. Nothing is put in place before all are proved and described."""
    made = []
    purposes = purposes_of(product)
    for i, purpose in enumerate(purposes):
        step = (1 - started) / len(purposes)
        progress(f"growing the {purpose} model", started + i * step)
        fitted = fit(product, frame, purpose, seed)
        progress(f"writing the card of the {purpose} model", started + (i + 0.6) * step)
        manifest = describe_model(product, purpose, frame, fitted, lineage, seed)
        made.append((manifest, fitted, make_card(product, frame, fitted, manifest)))
    saved = [
        save_bundle(
            bundle_folder(models_dir, product.name, manifest.purpose), manifest, fitted.model, fitted.reference, card
        )
        for manifest, fitted, card in made
    ]
    progress("done", 1.0)
    return saved


def count_rows(frame: Frame) -> dict[str, int]:
    """Loans in all, to train and to test on."""
    train = int(frame.trains.sum())
    return {"all": len(frame.target), "train": train, "test": len(frame.target) - train}


def describe_model(
    product: Product, purpose: Purpose, frame: Frame, fitted: Fitted, lineage: Lineage, seed: int
) -> Manifest:
    """The manifest of a model, with its figures on the training and the test loans."""
    rows = {"train": frame.trains, "test": ~frame.trains}
    since = frame.split.since(fitted.calibrated_from)
    split = {**lineage.split, "calibration": f"{since}, unseen by the model calibrated on them"}
    return Manifest(
        product=product.name,
        purpose=purpose,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        features=fitted.features,
        feature_fingerprint=product.features.select(fitted.features).fingerprint,
        calibration=fitted.calibration,
        scale=fitted.scale,
        base_rate=round(float(frame.target[frame.trains].mean()), 6),
        metrics={part: measure(frame.target[of], fitted.pds[of]) for part, of in rows.items()},
        lineage=Lineage(lineage.table, lineage.file, lineage.sha256, lineage.rows, split, lineage.simulated),
        seed=seed,
        versions={
            "meridian": meridian.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "xgboost": need("xgboost").__version__,
        },
        limits=_limits(product, fitted, lineage),
        files=hashes(model_files(fitted.model, fitted.reference)),
    )


def _limits(product: Product, fitted: Fitted, lineage: Lineage) -> tuple[str, ...]:
    """What the model must not be used for, or be trusted in."""
    of_data = (
        "Trained on simulated applicants: for trying Meridian out. It must decide about nobody."
        if lineage.simulated
        else f"Trained on {lineage.table}, loans that were granted: of applicants whom that lender declined it knows "
        "nothing, and other times and lenders need their own training and validation."
    )
    sources = ", ".join(sorted({product.features[name].source for name in fitted.features}))
    return (
        of_data,
        f"It scores applications for {product.title.lower()} whose sources {sources} are known; without them it "
        "gives no score, and the policy alone speaks.",
        "Contributions compare with training applicants just approved by score; against others they would differ.",
        "Fairness was not measured here: no protected attribute is read by training.",
    )
