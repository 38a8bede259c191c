"""Rules as plain functions: made once, called for every applicant; and the same for columns of many.

A cell's edges are decimals, and a value stands for the decimal that it is written as. Both are compared as doubles all
the same, and exactly: an edge has at most fifteen significant digits, so that it is what its double is written as, and
doubles stand in the order of what they are written as.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from meridian.policy.cells import AnyCell, Cell, NumberCell, WordCell, unknown

R_co = TypeVar("R_co", covariant=True)
Judge = Callable[[Mapping[str, Any], Mapping[str, Any]], R_co]
"""(the evidence's values, earlier ones) -> the result."""
Meets = Callable[[Any], bool]


class Found(IntEnum):
    """What a rule found, as a number in a column."""

    PASSES = 0
    HITS = 1
    UNKNOWN = 2


def compiled(field: str, cell: Cell, guards: Sequence[tuple[str, Cell]], result: Callable[..., R_co]) -> Judge[R_co]:
    """What judges a row: `result` is called with (value, margin, hit, earlier, applies, blank)."""
    plain = _limit(cell)
    if plain is not None and not guards:
        return _of_limit(field, *plain, result)
    return _of_cells(field, cell, guards, result)


def _limit(cell: Cell) -> tuple[float, bool] | None:
    """(limit, whether what is below it is meant) of a cell `< 18` or `> 18`; None for every other."""
    if not isinstance(cell, NumberCell) or len(cell.spans) != 1 or len(cell.edges) != 1:
        return None
    (span,) = cell.spans
    below = span.high.is_finite()
    return None if (span.high_in if below else span.low_in) else (cell.edges[0], below)


def _of_limit(field: str, limit: float, below: bool, result: Callable[..., R_co]) -> Judge[R_co]:
    not_known = result(None, None, None)

    def judge(values: Mapping[str, Any], earlier: Mapping[str, Any]) -> R_co:
        value, stands_in = values.get(field), False
        if value is None or value != value:
            value, stands_in = earlier.get(field), True
            if value is None or value != value:
                return not_known
        # Two doubles that differ have a difference that is not zero, so that its sign says whether the rule hits.
        margin = value - limit if below else limit - value
        return result(value, margin, margin < 0, stands_in)

    return judge


def _of_cells(field: str, cell: Cell, guards: Sequence[tuple[str, Cell]], result: Callable[..., R_co]) -> Judge[R_co]:
    meets, always = meets_of(cell), isinstance(cell, AnyCell)
    asked = [(name, meets_of(one)) for name, one in guards]

    def judge(values: Mapping[str, Any], earlier: Mapping[str, Any]) -> R_co:
        value, blank, then = values.get(field), "", ""
        for name, holds in asked:
            of_guard = values.get(name)
            if unknown(of_guard):
                of_guard = earlier.get(name)
                if unknown(of_guard):
                    blank = blank or name
                    continue
                then = then or name
            if not holds(of_guard):
                return result(None if unknown(value) else value, None, False, False, False)
        if unknown(value):
            value = earlier.get(field)
            if not unknown(value):
                then = then or field
            elif not always:
                return result(None, None, None, False, True, blank or field)
            else:
                value = None
        hit = meets(value)
        margin = None if value is None else _margin(value, cell.edges, hit)
        if not hit:
            return result(value, margin, False, bool(then))
        if blank:
            return result(value, margin, None, False, True, blank)
        return result(value, margin, True, bool(then), True, then)

    return judge


def _margin(value: Any, edges: Sequence[float], hit: bool) -> float | None:
    """How far from the nearest edge: negative where the rule hits. Zero, on an edge, is without a sign."""
    if not edges:
        return None
    distance: float = min(abs(value - edge) for edge in edges)
    return 0.0 - distance if hit else distance


def meets_of(cell: Cell) -> Meets:
    """What says whether a known value meets the cell."""
    if isinstance(cell, WordCell):
        words, negated = cell.words, cell.negated
        return lambda value: (value in words) != negated
    if isinstance(cell, AnyCell):
        return lambda _: True
    bounds = _bounds(cell)
    if len(bounds) == 1:
        (low, low_in, high, high_in) = bounds[0]
        return lambda value: (value >= low if low_in else value > low) and (value <= high if high_in else value < high)
    return lambda value: any(
        (value >= low if low_in else value > low) and (value <= high if high_in else value < high)
        for low, low_in, high, high_in in bounds
    )


def _bounds(cell: NumberCell) -> list[tuple[float, bool, float, bool]]:
    return [(float(span.low), span.low_in, float(span.high), span.high_in) for span in cell.spans]


Columns = Mapping[str, NDArray[Any]]
"""By field, a column of numbers (NaN: not known) or of texts (None or empty: not known)."""


def found_in(cell: Cell, column: NDArray[Any] | None, rows: int) -> NDArray[np.int8]:
    """What a cell finds in a column; where there is no such column, nothing is known."""
    if isinstance(cell, AnyCell):
        return np.full(rows, Found.HITS, np.int8)
    if column is None:
        return np.full(rows, Found.UNKNOWN, np.int8)
    if isinstance(cell, WordCell):
        texts = np.array(["" if unknown(one) else str(one) for one in column], dtype=str)
        return _coded(np.isin(texts, list(cell.words)) != cell.negated, texts == "")
    numbers = (
        np.array([math.nan if one is None else one for one in column], float) if column.dtype == object else column
    )
    numbers = numbers.astype(np.float64)
    meets = np.zeros(rows, bool)
    for low, low_in, high, high_in in _bounds(cell):
        meets |= (numbers >= low if low_in else numbers > low) & (numbers <= high if high_in else numbers < high)
    return _coded(meets, np.isnan(numbers))


def _coded(meets: NDArray[np.bool_], blank: NDArray[np.bool_]) -> NDArray[np.int8]:
    codes = np.where(meets, Found.HITS, Found.PASSES).astype(np.int8)
    codes[blank] = Found.UNKNOWN
    return codes


def judged_columns(
    field: str, cell: Cell, guards: Sequence[tuple[str, Cell]], columns: Columns, rows: int
) -> NDArray[np.int8]:
    """What a row of a table finds in columns of many applicants: one `Found` for each."""
    return met_by_columns([(field, cell), *guards], columns, rows)


def met_by_columns(cells: Sequence[tuple[str, Cell]], columns: Columns, rows: int) -> NDArray[np.int8]:
    """Whether all of these cells are met by columns of many applicants: one `Found` for each."""
    found = [found_in(cell, columns.get(name), rows) for name, cell in cells]
    codes = np.full(rows, Found.HITS, np.int8)
    for one in found:
        codes = np.where(one == Found.UNKNOWN, Found.UNKNOWN, codes)
    for one in found:
        # What is certainly not met decides, whatever else is not known.
        codes = np.where(one == Found.PASSES, Found.PASSES, codes)
    return codes.astype(np.int8)
