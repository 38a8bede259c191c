"""Frames: past loans as the very features that serve, with their outcome and their month."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidTrainingData, LeakyColumns
from meridian.extra import need
from meridian.features.events import EventHistory
from meridian.products import Product, Split
from meridian.registry import features_for, purposes_of
from meridian.training.fairness import Membership
from meridian.training.table import Columns, TableFile
from meridian.training.unroll import unrolled
from meridian.training.vectors import Floats32, Looked, matrix_of

TELLTALE_AUC = 0.95
"""No honest feature of an application tells defaults from repayments this well by itself."""


@dataclass(frozen=True)
class Frame:
    """Loans ready to train on.

    `matrix` has shape (loans, features) in the order of `names`, NaN where missing; `target` is 1.0
    for a default; `period` orders the loans as the split says; `trains` marks the loans that may train.
    `groups` say who belongs to which of two compared groups, apart from the matrix: no model reads them. `exact` has
    features that were asked for besides, in the precision in which rules read them.
    """

    names: tuple[str, ...]
    matrix: Floats32
    target: NDArray[np.float64]
    period: NDArray[np.int64]
    split: Split
    groups: tuple[Membership, ...] = ()
    exact: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @cached_property
    def trains(self) -> NDArray[np.bool_]:
        """Which loans may train; the others test."""
        return self.period < self.split.first_test

    def inputs(self, names: Sequence[str]) -> Floats32:
        """The columns of some features, in the order of the names; shape (loans, len(names))."""
        return np.ascontiguousarray(self.matrix[:, [self.names.index(name) for name in names]])


def make_frame(
    product: Product,
    fields: Mapping[str, Mapping[str, Any]],
    target: NDArray[np.float64],
    period: NDArray[np.int64],
    split: Split,
    looked: Looked | None = None,
    progress: Callable[[float], None] = lambda _share: None,
    also: Sequence[str] = (),
) -> Frame:
    """Compute the inputs of all the product's models, from the fields that come with an application, as columns,
    and from the events of the sources that are looked up.

    Raises `InvalidTrainingData` where a source is not there, the target is not 0 or 1, or a
    side of the split has no loans, no defaults or nothing but defaults; `LeakyColumns` for a feature
    that knows the outcome.
    """
    frame = _frame(product, fields, target, period, split, looked, progress, also)
    _check_outcomes(frame)
    check_telltales(frame)
    return frame


def frame_of(
    product: Product,
    file: TableFile,
    wanted: Sequence[str] = (),
    events: Path | None = None,
    progress: Callable[[float], None] = lambda _share: None,
    also: Sequence[str] = (),
) -> Frame:
    """The frame of a training table; `events` is the folder of the sources' events, where the table has none itself,
    `also` names features that are wanted besides the models' inputs.

    Raises what `make_frame` does, `InvalidTrainingData` for values that cannot be read, or a loan that is in two groups
    which are compared, and `LeakyColumns` where the outcome's column is read by a feature, or wanted as an input, or a
    protected column is.
    """
    table = file.table
    inputs, outcome = _Watched(file.columns, table.protected), _Watched(file.columns)
    fields = _read(table.fields, inputs, file)
    target = _read(table.target, outcome, file)
    with unrolled(file, inputs) as unrolled_to:
        looked = _looked(file, inputs, unrolled_to or events)
        telling = sorted((inputs.read | set(wanted)) & outcome.read)
        if telling:
            raise LeakyColumns(f"{', '.join(telling)} is the outcome itself, which no input may be.")
        period = table.split.parts(file.rows) if table.period is None else _read(table.period, file.columns, file)
        frame = make_frame(product, fields, target, period, table.split, looked, progress, also)
    return replace(frame, groups=_groups(file))


def _groups(file: TableFile) -> tuple[Membership, ...]:
    """Who belongs to which of the groups that the table compares; nobody where the loans do not say."""
    if file.membership is None:
        return ()
    columns = {**file.columns, **file.membership}
    groups = tuple(Membership(of.group, of.control, *_read(of.members, columns, file)) for of in file.table.compared)
    for one in groups:
        both = int((one.in_group & one.in_control).sum())
        if both:
            raise InvalidTrainingData(
                f"{file.name} has {both} loans both in {one.group} and in {one.control}, which are compared: say of "
                "each loan that it is in one of them, or in neither."
            )
    return groups


def frame_of_declined(
    product: Product, file: TableFile, events: Path, progress: Callable[[float], None] = lambda _share: None
) -> Frame:
    """The frame of applications that were declined: what came of them nobody knows, and the target is NaN."""
    table = file.table
    if table.period is None:
        raise InvalidTrainingData(f"{table.name} has no time: who was declined in the training period is not known.")
    return _frame(
        product,
        _read(table.fields, file.columns, file),
        np.full(file.rows, np.nan),
        _read(table.period, file.columns, file),
        table.split,
        _looked(file, file.columns, events),
        progress,
    )


def _frame(
    product: Product,
    fields: Mapping[str, Mapping[str, Any]],
    target: NDArray[np.float64],
    period: NDArray[np.int64],
    split: Split,
    looked: Looked | None,
    progress: Callable[[float], None],
    also: Sequence[str] = (),
) -> Frame:
    read = (features_for(product, purpose) for purpose in purposes_of(product))
    names = tuple(dict.fromkeys(chain.from_iterable(read)))
    given = set(fields) | ({source.name for source in product.sources} if looked else set())
    absent = sorted({product.features[name].source for name in names} - given)
    if absent:
        raise InvalidTrainingData(f"The training table gives nothing for the sources {', '.join(absent)}.")
    exact = {name: np.empty(len(target)) for name in also}
    matrix = matrix_of(product, fields, names, len(target), looked, progress, exact)
    return Frame(names, matrix, target, period, split, exact=exact)


def _looked(file: TableFile, inputs: Columns, events: Path | None) -> Looked | None:
    table = file.table
    if table.applicant is None or table.cut_off is None:
        return None
    if events is None:
        raise InvalidTrainingData(f"{table.name} needs the events of its applicants: give a folder that has them.")
    return Looked(_read(table.applicant, inputs, file), _read(table.cut_off, inputs, file), EventHistory(events))


def check_telltales(frame: Frame) -> None:
    """Refuse a feature that alone tells defaults from repayments, by its value or by being missing.

    Raises `LeakyColumns` with the feature's name and its AUC on the loans that may train.
    """
    roc_auc_score = need("sklearn.metrics").roc_auc_score
    target = frame.target[frame.trains]
    found = []
    for name, column in zip(frame.names, frame.matrix[frame.trains].T, strict=True):
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
    """Columns that note which of them were read, and give none that is barred."""

    def __init__(self, columns: Columns, barred: Sequence[str] = ()):
        super().__init__(columns)
        self.read: set[str] = set()
        self.barred = frozenset(barred)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name in self.barred:
            raise LeakyColumns(f"{name} is protected: it may tell how a model treats groups, and is no input of one.")
        self.read.add(name)
        return super().__getitem__(name)


def _read(function: Callable[[Columns], Any], columns: Columns, file: TableFile) -> Any:
    try:
        return function(columns)
    except ValueError as error:
        raise InvalidTrainingData(f"{file.name} has a value that cannot be read: {error}.") from None


def _check_outcomes(frame: Frame) -> None:
    if not np.isin(frame.target, (0.0, 1.0)).all():
        wrong = frame.target[~np.isin(frame.target, (0.0, 1.0))][0]
        raise InvalidTrainingData(f"The outcome of a loan is 0 or 1; {wrong} is neither. Leave open loans out.")
    words = frame.split.describe()
    for rows, what in ((frame.trains, "train"), (~frame.trains, "test")):
        defaults, loans = int(frame.target[rows].sum()), int(rows.sum())
        if not loans:
            raise InvalidTrainingData(f"There is no loan to {what} on ({words[what]}).")
        if not 0 < defaults < loans:
            raise InvalidTrainingData(
                f"Of the {loans} loans to {what} on, {defaults} defaulted; both outcomes are needed."
            )
