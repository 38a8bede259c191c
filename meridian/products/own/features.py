"""Features from declarations: each `compute` takes the fields of one applicant or the columns of many."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence

import numpy as np

from meridian.evidence import FORM
from meridian.features import Direction, Feature, Fields, Number
from meridian.products.own.document import Column, FeatureLine

TODAY, THIS_MONTH = "@day", "@month"
"""Fields of the moment of the application: days since 1970, and months since year 0. No column is called so."""

DIRECTIONS = {
    "raises risk": Direction.RAISES_RISK,
    "lowers risk": Direction.LOWERS_RISK,
    "free": Direction.FREE,
}


def feature_of(line: FeatureLine, column: Column, siblings: Sequence[FeatureLine]) -> Feature:
    """The feature that a line declares; `siblings` are the lines of the same field."""
    return Feature(
        name=line.name,
        source=FORM,
        meaning=line.meaning,
        unit=line.unit,
        low=line.low,
        high=line.high,
        compute=_compute(line, column, siblings),
        group=line.reason,
        direction=DIRECTIONS[line.direction],
        actionable=line.actionable,
        default=line.default,
        formula=_formula(line, column, siblings),
    )


def _formula(line: FeatureLine, column: Column, siblings: Sequence[FeatureLine]) -> str:
    """All that the value follows from: a model that learnt another meaning of a feature must not be used."""
    told = [sibling.code for sibling in siblings if sibling.reads == "code"]
    of_column: list[object] = [
        column.codes,
        told,
        column.values,
        column.others,
        column.type == "date" and column.monthly,
    ]
    return json.dumps([line.reads, line.code, line.value, column.field, column.type, *of_column])


def _compute(line: FeatureLine, column: Column, siblings: Sequence[FeatureLine]) -> Callable[[Fields], Number]:
    match line.reads:
        case "value":
            return _number(line.field, tuple(column.codes))
        case "missing" if column.type == "category":
            return _no_category(line.field)
        case "missing":
            told = {sibling.code for sibling in siblings if sibling.reads == "code"}
            return _missing(line.field, tuple(code for code in column.codes if code not in told))
        case "code":
            return _equals(line.field, line.code)
        case "category":
            return _is_category(line.field, str(line.value))
        case _:
            return _age(line.field, THIS_MONTH if line.reads == "age in months" else TODAY)


def _number(field: str, codes: tuple[float, ...]) -> Callable[[Fields], Number]:
    """The number; a special code is no number."""

    def compute(fields: Fields) -> Number:
        value = fields[field]
        if isinstance(value, float):
            return math.nan if value in codes else value
        return np.where(np.isin(value, codes), np.nan, value)

    return compute


def _missing(field: str, codes: tuple[float, ...]) -> Callable[[Fields], Number]:
    """1 where there is no number, or a special code that no feature of its own tells."""

    def compute(fields: Fields) -> Number:
        value = fields[field]
        if isinstance(value, float):
            return float(math.isnan(value) or value in codes)
        return np.asarray((np.isnan(value) | np.isin(value, codes)) * 1.0)

    return compute


def _no_category(field: str) -> Callable[[Fields], Number]:
    def compute(fields: Fields) -> Number:
        value = fields[field]
        return float(not value) if isinstance(value, str) else np.asarray((value == "") * 1.0)

    return compute


def _equals(field: str, code: float | None) -> Callable[[Fields], Number]:
    def compute(fields: Fields) -> Number:
        value = fields[field]
        if isinstance(value, float):
            return value if math.isnan(value) else float(value == code)
        return np.where(np.isnan(value), np.nan, (value == code) * 1.0)

    return compute


def _is_category(field: str, category: str) -> Callable[[Fields], Number]:
    def compute(fields: Fields) -> Number:
        value = fields[field]
        if isinstance(value, str):
            return float(value == category) if value else math.nan
        return np.where(value == "", np.nan, (value == category) * 1.0)

    return compute


def _age(field: str, now: str) -> Callable[[Fields], Number]:
    def compute(fields: Fields) -> Number:
        age: Number = fields[now] - fields[field]
        return age

    return compute
