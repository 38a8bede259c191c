"""Mortgages of 2018 with the published split: a product drafted from the training file, judged on the test file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from meridian.products import Product, Split
from meridian.products.own import load_product
from meridian.products.own.document import CompareLine
from meridian.training.drafting import Draft, Wishes, make_draft, write_product
from meridian.training.fairness import Membership
from meridian.training.frame import Frame
from meridian.training.train import Loans, read_loans

TARGET = "high_priced"
GROUPS = (
    "black", "asian", "white", "amind", "hipac", "hispanic", "non_hispanic", "male", "female", "agegte62", "agelt62",
)  # fmt: skip
COMPARED = (("black", "white"), ("asian", "white"), ("hispanic", "non_hispanic"), ("female", "male"))
MEMBER = ["1", "1.0"]
"""What stands in a group's column for who belongs to it."""
TEST_PERIOD = 20
"""The training file is drawn into twenty parts; the test file comes after them."""


@dataclass(frozen=True)
class Mortgages:
    """The product, and its loans in the published split."""

    product: Product
    loans: Loans


def mortgages(train: Path, test: Path, place: Path) -> Mortgages:
    """Draft the product and read both files with it."""
    drafted = _comparing(make_draft(Wishes("mortgage", train, TARGET, protected=GROUPS)))
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
        tuple(
            Membership(
                one.group,
                one.control,
                np.concatenate([one.in_group, other.in_group]),
                np.concatenate([one.in_control, other.in_control]),
            )
            for one, other in zip(frame.groups, unseen.groups, strict=True)
        ),
    )
    rows = {"all": len(both.target), "train": len(frame.target), "test": len(unseen.target)}
    return Mortgages(product, Loans(both, replace(learnt.lineage, rows=rows)))


def _comparing(draft: Draft) -> Draft:
    """The draft with the comparisons written in, as a lender writes them."""
    lines = [
        CompareLine(
            group=group, control=control, column=group, values=MEMBER, control_column=control, control_values=MEMBER
        )
        for group, control in COMPARED
    ]
    table = draft.product.table.model_copy(update={"compare": lines})
    return replace(draft, product=draft.product.model_copy(update={"table": table}))


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
