"""Feature vectors of past loans: the same functions as serving, for columns of many."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.evidence import FORM
from meridian.features import Source
from meridian.features.engine import Vectors, fields_at
from meridian.features.events import EventHistory, connect
from meridian.products import Product
from meridian.sources.stored import columns_of

Floats32 = NDArray[np.float32]
AT_ONCE = 50_000
"""Loans whose events are looked up together."""


@dataclass(frozen=True)
class Looked:
    """Whose events, up to which moment (UTC), and where they lie: for the sources that are looked up."""

    applicants: NDArray[np.str_]
    cut_offs: NDArray[np.datetime64]
    history: EventHistory


def matrix_of(
    product: Product,
    fields: Mapping[str, Mapping[str, Any]],
    names: tuple[str, ...],
    loans: int,
    looked: Looked | None,
    progress: Callable[[float], None],
    exact: Mapping[str, NDArray[np.float64]],
) -> Floats32:
    """All vectors, shape (loans, len(names)): with events, for some applicants after the other, in bounded memory.

    The columns of `exact` are filled.
    """
    if looked is None:
        return _kept(_computed(product, fields), names, exact, np.s_[:])
    matrix = np.empty((loans, len(names)), np.float32)
    order = np.argsort(looked.applicants, kind="stable")
    chunks = [order[start : start + AT_ONCE] for start in range(0, loans, AT_ONCE)]
    with closing(connect()) as connection:
        for done, rows in enumerate(chunks, start=1):
            some = {source: {name: column[rows] for name, column in of.items()} for source, of in fields.items()}
            applicants, cut_offs = looked.applicants[rows], looked.cut_offs[rows]
            stored = [
                (source, fields_at(connection, source, looked.history, applicants, cut_offs))
                for source in product.sources
            ]
            matrix[rows] = _kept(_computed(product, some, stored, cut_offs), names, exact, rows)
            progress(done / len(chunks))
    return matrix


def vectors(
    product: Product,
    fields: Mapping[str, Mapping[str, Any]],
    names: Sequence[str],
    stored: Sequence[tuple[Source, Vectors]] = (),
    cut_offs: NDArray[np.datetime64] | None = None,
) -> Floats32:
    """Feature vectors of shape (loans, len(names)): the same functions as serving, in the same precision.

    `fields` come with an application, `stored` was looked up at `cut_offs`. What is not finite is missing, or takes
    its default, as in a capture.
    """
    return _kept(_computed(product, fields, stored, cut_offs), names, {}, np.s_[:])


def _computed(
    product: Product,
    fields: Mapping[str, Mapping[str, Any]],
    stored: Sequence[tuple[Source, Vectors]] = (),
    cut_offs: NDArray[np.datetime64] | None = None,
) -> Mapping[str, Any]:
    form = fields.get(FORM, {})
    computed: dict[str, Any] = {}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for source, of_source in fields.items():
            found = product.features.compute(source, {**form, **of_source})
            computed |= product.features.filled({name: np.asarray(column) for name, column in found.items()})
        for looked, of_looked in stored:
            moments = np.asarray(cut_offs)
            computed |= columns_of(product.features, looked, of_looked, moments, moments, form)
    return computed


def _kept(
    computed: Mapping[str, Any], names: Sequence[str], exact: Mapping[str, NDArray[np.float64]], rows: Any
) -> Floats32:
    for name, column in exact.items():
        column[rows] = computed[name]
    return np.stack([np.asarray(computed[name], dtype=np.float64) for name in names], axis=1).astype(np.float32)
