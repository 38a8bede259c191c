"""Mortgages of 2018 with the published split: a product drafted from the training file, judged on the test file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from meridian.products import Split
from meridian.products.own import load_product
from meridian.training.drafting import Wishes, make_draft, write_product
from meridian.training.fairness import Compared, compare
from meridian.training.frame import Frame
from meridian.training.train import Loans, read_loans

TARGET = "high_priced"
GROUPS = (
    "black", "asian", "white", "amind", "hipac", "hispanic", "non_hispanic", "male", "female", "agegte62", "agelt62",
)  # fmt: skip
COMPARED = (("black", "white"), ("asian", "white"), ("hispanic", "non_hispanic"), ("female", "male"))
TEST_PERIOD = 20
"""The training file is drawn into twenty parts; the test file comes after them."""


@dataclass(frozen=True)
class Mortgages:
    """The product, its loans in the published split, and who is in which group, by the test loans in order."""

    product: object
    loans: Loans
    groups: dict[str, np.ndarray]


def mortgages(train: Path, test: Path, place: Path) -> Mortgages:
    """Draft the product and read both files with it."""
    drafted = make_draft(Wishes("mortgage", train, TARGET, protected=GROUPS))
    product = load_product(write_product(drafted, place))
    learnt, judged = read_loans(product, train), read_loans(product, _written_alike(test, train, place / "test.csv"))
    frame, unseen = learnt.frame, judged.frame
    parts = Split.by_lot(1).parts(len(frame.target))
    both = Frame(
        frame.names,
        np.vstack([frame.matrix, unseen.matrix]),
        np.concatenate([frame.target, unseen.target]),
        np.concatenate([parts, np.full(len(unseen.target), TEST_PERIOD)]),
        Split(TEST_PERIOD, at_random=True, seed=1),
    )
    rows = {"all": len(both.target), "train": len(frame.target), "test": len(unseen.target)}
    return Mortgages(product, Loans(both, replace(learnt.lineage, rows=rows)), _groups(test))


def fairness(found: Mortgages, pds: np.ndarray, cut: float) -> list[Compared]:
    """The groups beside their controls; `pds` are of the test loans."""
    return [compare(one, other, found.groups[one], found.groups[other], pds, cut) for one, other in COMPARED]


def best_f1(target: np.ndarray, pds: np.ndarray) -> float:
    """The cut-off with the best F1, as the published study chose its own."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, cuts = precision_recall_curve(target, pds)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(cuts[int(np.argmax(f1[:-1]))])


def _written_alike(file: Path, other: Path, place: Path) -> Path:
    """A copy of a file with its numbers written as in the other: 1 for 1.0."""
    import duckdb

    with duckdb.connect() as connection:
        kinds = connection.read_csv(str(other))
        there = set(connection.read_csv(str(file)).columns)
        columns = ", ".join(
            f'CAST("{name}" AS {kind}) AS "{name}"'
            for name, kind in zip(kinds.columns, kinds.types, strict=True)
            if name in there
        )
        connection.read_csv(str(file)).project(columns).write_csv(str(place))
    return place


def _groups(file: Path) -> dict[str, np.ndarray]:
    import duckdb

    with duckdb.connect() as connection:
        read = connection.read_csv(str(file)).project(", ".join(GROUPS)).fetchnumpy()
    return {name: np.ma.filled(np.ma.asarray(read[name], dtype=np.float64), 0.0) == 1.0 for name in GROUPS}
