"""Models of simulated applicants, so that a fresh installation can decide something at once."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import numpy as np

from meridian.errors import InvalidTrainingData
from meridian.extra import check_extra
from meridian.products import Product, Split
from meridian.registry import Lineage, Manifest
from meridian.simulator import Applicants, draw
from meridian.training.fit import DEFAULTS, Options
from meridian.training.frame import Frame, make_frame
from meridian.training.train import Progress, count_rows, quiet, train_frame

APPLICANTS = 12_000
SEED = 7
SPLIT = Split.out_of_time(date(2024, 7, 1))
SIMULATED_PRODUCT = "personal-loan"


def train_demo(
    product: Product, models_dir: Path, progress: Progress = quiet, options: Options = DEFAULTS
) -> list[Manifest]:
    """Train the compact and the batch model on simulated applicants; the manifests and cards say so.

    Raises `InvalidTrainingData` for a product that nothing is simulated for, `NotReady` where the
    training extra is missing.
    """
    check_extra()
    progress("drawing applicants", 0.0)
    frame, applicants = demo_frame(product)
    lineage = Lineage(
        table="Simulated applicants",
        file=f"drawn by meridian.simulator: {APPLICANTS} applicants, seed {SEED}",
        sha256=columns_sha256(applicants),
        rows=count_rows(frame),
        split=SPLIT.describe(),
        simulated=True,
    )
    return train_frame(product, frame, lineage, models_dir, progress, options, started=0.05)


def demo_frame(product: Product, n: int = APPLICANTS, seed: int = SEED) -> tuple[Frame, Applicants]:
    """Simulated loans as a frame, and the applicants they are of. Without a credit report there was no loan."""
    if product.name != SIMULATED_PRODUCT:
        raise InvalidTrainingData(f"Nobody is simulated for {product.name} here; give past loans with --data.")
    applicants = draw(n, seed)
    lent = applicants.has_report
    fields = {
        source: {name: column[lent] for name, column in columns.items()}
        for source, columns in applicants.fields.items()
    }
    defaulted = applicants.defaulted[lent].astype(np.float64)
    return make_frame(product, fields, defaulted, applicants.month[lent], SPLIT), applicants


def columns_sha256(applicants: Applicants) -> str:
    """SHA-256 over the simulated columns and outcomes, in the order of their names."""
    digest = hashlib.sha256()
    for source in sorted(applicants.fields):
        for name in sorted(applicants.fields[source]):
            digest.update(f"{source}.{name}\n".encode())
            digest.update(np.ascontiguousarray(applicants.fields[source][name]).tobytes())
    digest.update(applicants.defaulted.tobytes())
    digest.update(applicants.month.tobytes())
    return digest.hexdigest()
