"""Frames: past loans as the very features that serve, with their outcome and their month."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.application import month_index
from meridian.errors import InvalidTrainingData, LeakyColumns
from meridian.products import Product
from meridian.training.extra import need
from meridian.training.table import Columns, TableFile

Floats32 = NDArray[np.float32]
TELLTALE_AUC = 0.95
"""No honest feature of an application tells defaults from repayments this well by itself."""


@dataclass(frozen=True)
class Frame:
    """Loans ready to train on.

    `matrix` has shape (loans, features) in the order of `names`, NaN where missing; `target` is 1.0
    for a default; `month` is `year * 12 + month - 1`; `in_time` marks the loans that may train.
    """

    names: tuple[str, ...]
    matrix: Floats32
    target: NDArray[np.float64]
    month: NDArray[np.int64]
    in_time: NDArray[np.bool_]

    def inputs(self, names: Sequence[str]) -> Floats32:
        """The columns of some features, in the order of the names; shape (loans, len(names))."""
        return np.ascontiguousarray(self.matrix[:, [self.names.index(name) for name in names]])


def make_frame(
    product: Product,
    fields: Mapping[str, Mapping[str, Any]],
    target: NDArray[np.float64],
    month: NDArray[np.int64],
    train_before: date,
) -> Frame:
    """Compute the inputs of all the product's models from the fields of each source, as columns.

    Raises `InvalidTrainingData` where a source is not in the fields, the target is not 0 or 1, or a
    side of the split has no loans, no defaults or nothing but defaults; `LeakyColumns` for a feature
    that knows the outcome.
    """
    names = tuple(dict.fromkeys(product.compact_features + product.batch_features))
    absent = sorted({product.features[name].source for name in names} - set(fields))
    if absent:
        raise InvalidTrainingData(f"The training table gives nothing for the sources {', '.join(absent)}.")
    frame = Frame(names, vectors(product, fields, names), target, month, month < month_index(train_before))
    _check_outcomes(frame, train_before)
    check_telltales(frame)
    return frame


def frame_of(product: Product, file: TableFile, wanted: Sequence[str] = ()) -> Frame:
    """The frame of a training file.

    Raises what `make_frame` does, `InvalidTrainingData` for values that cannot be read, and
    `LeakyColumns` where the outcome's column is read by a feature, or wanted as an input.
    """
    table = file.table
    inputs, outcome = _Watched(file.columns), _Watched(file.columns)
    fields = _read(table.fields, inputs, file)
    target = _read(table.target, outcome, file)
    telling = sorted((inputs.read | set(wanted)) & outcome.read)
    if telling:
        raise LeakyColumns(f"{', '.join(telling)} is the outcome itself, which no input may be.")
    return make_frame(product, fields, target, _read(table.month, file.columns, file), table.train_before)


def vectors(product: Product, fields: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> Floats32:
    """Feature vectors of shape (loans, len(names)): the same functions as serving, in the same precision.

    What is not finite is missing, as in a capture.
    """
    computed: dict[str, Any] = {}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for source, of_source in fields.items():
            computed |= product.features.compute(source, of_source)
    columns = [np.asarray(computed[name], dtype=np.float64) for name in names]
    return np.stack([np.where(np.isfinite(c), c, np.nan) for c in columns], axis=1).astype(np.float32)


def check_telltales(frame: Frame) -> None:
    """Refuse a feature that alone tells defaults from repayments, by its value or by being missing.

    Raises `LeakyColumns` with the feature's name and its AUC on the loans that may train.
    """
    roc_auc_score = need("sklearn.metrics").roc_auc_score
    target = frame.target[frame.in_time]
    found = []
    for name, column in zip(frame.names, frame.matrix[frame.in_time].T, strict=True):
        known = ~np.isnan(column)
        for values, outcomes in ((column[known], target[known]), (known, target)):
            if 0 < outcomes.sum() < len(outcomes):
                auc = roc_auc_score(outcomes, values)
                if max(auc, 1 - auc) > TELLTALE_AUC:
                    found.append(f"{name} (AUC {max(auc, 1 - auc):.3f})")
                    break
    if found:
        raise LeakyColumns(
            f"{', '.join(found)} alone nearly tells defaults from repayments, above the {TELLTALE_AUC} that any "
            "honest feature reaches: its data was written after the outcome. Take it from a time before."
        )


class _Watched(dict[str, NDArray[Any]]):
    """Columns that note which of them were read."""

    def __init__(self, columns: Columns):
        super().__init__(columns)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> NDArray[Any]:
        self.read.add(name)
        return super().__getitem__(name)


def _read(function: Callable[[Columns], Any], columns: Columns, file: TableFile) -> Any:
    try:
        return function(columns)
    except ValueError as error:
        raise InvalidTrainingData(f"{file.name} has a value that cannot be read: {error}.") from None


def _check_outcomes(frame: Frame, train_before: date) -> None:
    if not np.isin(frame.target, (0.0, 1.0)).all():
        wrong = frame.target[~np.isin(frame.target, (0.0, 1.0))][0]
        raise InvalidTrainingData(f"The outcome of a loan is 0 or 1; {wrong} is neither. Leave open loans out.")
    for rows, when, what in ((frame.in_time, "before", "train"), (~frame.in_time, "from", "test")):
        defaults, loans = int(frame.target[rows].sum()), int(rows.sum())
        if not loans:
            raise InvalidTrainingData(f"No loan was made {when} {train_before} on: there is none to {what} on.")
        if not 0 < defaults < loans:
            raise InvalidTrainingData(
                f"Of the {loans} loans to {what} on, {defaults} defaulted; both outcomes are needed."
            )
