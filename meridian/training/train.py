"""Training a product: a file of past loans in, a bundle for each purpose out, with its proof and its card."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

import meridian
from meridian.errors import InvalidTrainingData
from meridian.extra import check_extra, need
from meridian.products import Product
from meridian.registry import Lineage, Manifest, Purpose, bundle_folder, purposes_of, save_bundle
from meridian.registry.bundle import hashes
from meridian.training.card import make_card
from meridian.training.fairness import NOT_MEASURED
from meridian.training.fit import DEFAULTS, Fitted, Options, fit
from meridian.training.folder import EVENTS, read_folder
from meridian.training.frame import Frame, frame_of, frame_of_declined
from meridian.training.measure import measure
from meridian.training.rejects import Inference, Rejects
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
    options: Options = DEFAULTS,
    rejects: Inference = Inference.NONE,
    factor: float = 1.0,
) -> list[Manifest]:
    """Train the product's models on a file of past loans, and put them in place.

    `events` is the folder with the events of the sources that are looked up, where the product has any.
    `columns` are columns of the file that the caller wants used; they are checked, see
    `table.check_wanted`. `rejects` takes those in that were declined, assumed to default `factor` times as often as
    granted loans of the same score. The same file and options give the same model files, byte for
    byte. Raises `InvalidTrainingData`, `LeakyColumns`, `NotReady` (the extra is missing); then the
    models that were there stay.
    """
    loans = read_loans(product, path, columns, lambda what, share: progress(what, 0.2 * share))
    if rejects is not Inference.NONE:
        options = replace(options, rejects=read_declined(product, path, rejects, factor, progress))
    return train_frame(product, loans.frame, loans.lineage, models_dir, progress, options, started=0.2)


@dataclass(frozen=True)
class Loans:
    """Past loans ready to train on, and where they are from."""

    frame: Frame
    lineage: Lineage


def read_declined(
    product: Product, path: Path, inference: Inference, factor: float, progress: Progress = quiet
) -> Rejects:
    """The applications of a folder that were declined in the training period.

    Raises `InvalidTrainingData` where there are none, or nothing says which they are.
    """
    if not path.is_dir():
        raise InvalidTrainingData(f"{path} is one file of loans that were granted; who was declined is in a folder.")
    file = read_folder(product, path, declined=True)
    frame = frame_of_declined(product, file, path / EVENTS, partial(progress, "computing features of the declined"))
    if not frame.trains.any():
        raise InvalidTrainingData(f"{path} has no application that was declined in the training period.")
    return Rejects(inference, lambda names: frame.inputs(names)[frame.trains], factor)


def read_loans(product: Product, path: Path, columns: Sequence[str] = (), progress: Progress = quiet) -> Loans:
    """Read a file or a folder of past loans, with the features of all the product's models.

    Raises `InvalidTrainingData`, `LeakyColumns`, `NotReady` (the extra is missing).
    """
    check_extra()
    progress(f"reading {path.name}", 0.0)
    file = read_folder(product, path) if path.is_dir() else read_table(product, path, columns)
    progress("computing features", 0.5)
    events = path / EVENTS if path.is_dir() else None
    frame = frame_of(
        product, file, columns, events, lambda share: progress("computing features", 0.5 + share / 2)
    )  # fmt: skip
    return Loans(
        frame,
        Lineage(
            table=file.table.name,
            file=file.name,
            sha256=file.sha256,
            rows=count_rows(frame),
            split=file.table.split.describe(),
        ),
    )


def train_frame(
    product: Product,
    frame: Frame,
    lineage: Lineage,
    models_dir: Path,
    progress: Progress = quiet,
    options: Options = DEFAULTS,
    started: float = 0.0,
) -> list[Manifest]:
    """Train all of the product's models on a frame. Nothing is put in place before all are proved and described."""
    made = []
    purposes = purposes_of(product)
    step = (1 - started) / len(purposes)
    for i, purpose in enumerate(purposes):
        begun, what = started + i * step, f"growing the {purpose} model"
        progress(what, begun)
        fitted = fit(product, frame, purpose, options, partial(_part_of, progress, what, begun, 0.6 * step))
        progress(f"writing the card of the {purpose} model", begun + 0.6 * step)
        manifest = describe_model(product, purpose, frame, fitted, lineage, options.seed)
        if options.rejects is not None:
            manifest = with_accepts_only(product, frame, manifest, options)
        made.append((manifest, fitted.files, make_card(product, frame, fitted, manifest)))
    saved = [
        save_bundle(bundle_folder(models_dir, product.name, manifest.purpose), manifest, files, card)
        for manifest, files, card in made
    ]
    progress("done", 1.0)
    return saved


def _part_of(progress: Progress, what: str, begun: float, whole: float, share: float) -> None:
    progress(what, begun + share * whole)


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
        training=fitted.training,
        versions={
            "meridian": meridian.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "xgboost": need("xgboost").__version__,
        },
        limits=_limits(product, frame, fitted, lineage),
        files=hashes(fitted.files),
    )


def with_accepts_only(product: Product, frame: Frame, manifest: Manifest, options: Options) -> Manifest:
    """The manifest of a model that took the declined in, with the figures of the same without them beside."""
    rejects = options.rejects
    assert rejects is not None  # noqa: S101  # for the type checker
    plain = fit(product, frame, manifest.purpose, replace(options, rejects=None))
    told = {
        "inference": rejects.inference.value,
        "factor": rejects.factor,
        "declined": len(rejects.inputs(manifest.features)),
        "assumption": "Of the declined nobody knows the outcome: theirs was assumed from the model of granted loans.",
        "accepts_only": measure(frame.target[~frame.trains], plain.pds[~frame.trains]),
    }
    limit = (
        "What the declined would have done was assumed, not seen: hold it against the figures of granted loans alone."
    )
    return replace(manifest, training={**manifest.training, "rejects": told}, limits=(*manifest.limits, limit))


def _limits(product: Product, frame: Frame, fitted: Fitted, lineage: Lineage) -> tuple[str, ...]:
    """What the model must not be used for, or be trusted in."""
    of_data = (
        "Trained on simulated applicants: for trying Meridian out. It must decide about nobody."
        if lineage.simulated
        else f"Trained on {lineage.table}, loans that were granted: of applicants whom that lender declined it knows "
        "nothing, and other times and lenders need their own training and validation."
    )
    sources = ", ".join(sorted({product.features[name].source for name in fitted.features}))
    compared = ", ".join(f"{one.group} beside {one.control}" for one in frame.groups)
    of_fairness = (
        f"Fairness was measured of {compared}, on loans that were granted; of other groups, and of the declined, "
        "nothing is known."
        if compared
        else NOT_MEASURED
    )
    return (
        of_data,
        f"It scores applications for {product.title.lower()} whose sources {sources} are known; without them it "
        "gives no score, and the policy alone speaks.",
        "Contributions compare with training applicants just approved by score; against others they would differ.",
        of_fairness,
    )
