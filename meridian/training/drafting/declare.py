"""Columns and features as a product folder declares them, from what the columns were found to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.products.own.document import OTHER, Column, FeatureLine
from meridian.products.own.features import THIS_MONTH, TODAY, feature_of
from meridian.products.own.table import fields_of
from meridian.products.own.values import EPOCH, months_of
from meridian.training.drafting.loans import Loans, Moments
from meridian.training.drafting.names import FieldNames, title_of
from meridian.training.drafting.recognise import Recognised
from meridian.training.drafting.special import special_codes

Floats = NDArray[np.float64]
NOTABLE = 0.01
"""What is missing, or a special code, at so many loans is told by a feature of its own."""
RARE = 0.005
"""A category of fewer loans has no feature: nothing could be learnt from it."""
MARGIN = 3.0


@dataclass(frozen=True)
class Declared:
    """A column with its features, and what each reads for every loan: NaN where missing, before any default."""

    column: Column
    lines: tuple[FeatureLine, ...]
    values: dict[str, Floats]
    raw: NDArray[Any]
    """The field itself: numbers, days or months, or texts."""

    @property
    def main(self) -> Floats | None:
        """The number or the age, where the column has one."""
        name = next((line.name for line in self.lines if line.reads in ("value", "age in days", "age in months")), None)
        return None if name is None else self.values[name]


def declare(
    name: str, found: Recognised, loans: Loans, moments: Moments | None, trains: NDArray[np.bool_], names: FieldNames,
    place: int,
) -> Declared:  # fmt: skip
    """The column and its features. Medians, codes and frequencies are of the loans that may train."""
    field = names.make(name, f"column_{place}")
    draft = Column(
        field=field, column=name, title=title_of(name), type=found.kind, unit=found.unit,  # type: ignore[arg-type]
        decimal=found.style.decimal, grouping=found.style.grouping, form=found.form,  # type: ignore[arg-type]
        values=list(found.values), others=found.others, typical=found.values[0] if found.kind == "category" else 0.0,
    )  # fmt: skip
    texts = {name: np.array(loans.texts[name], dtype=np.str_)}
    fields = fields_of([draft], texts, loans.marks, None if moments is None else moments.days)
    raw = fields[field]
    column = draft.model_copy(update=_described(draft, raw, moments, trains))
    lines = _lines(column, raw, trains, names)
    values = {line.name: np.asarray(feature_of(line, column, lines).compute(fields), np.float64) for line in lines}
    lines = tuple(_with_default(line, values[line.name], trains) for line in lines)
    return Declared(column, lines, values, raw)


def _described(column: Column, raw: NDArray[Any], moments: Moments | None, trains: NDArray[np.bool_]) -> dict[str, Any]:
    if column.type == "category":
        kinds, counts = np.unique(raw[trains & (raw != "")], return_counts=True)
        listed = [kind for kind in kinds[np.argsort(-counts, kind="stable")].tolist() if kind in column.values]
        return {"missing_share": _share(raw == ""), "typical": listed[0] if listed else column.values[0]}
    codes = special_codes(raw) if column.type == "number" else []
    known = raw[np.isfinite(raw) & ~np.isin(raw, codes)]
    typical = raw[trains & np.isfinite(raw) & ~np.isin(raw, codes)]
    if column.type == "date":
        ages = _age_days(column, raw, moments)[trains]
        ages = ages[np.isfinite(ages)]
        middle = float(np.median(ages)) if len(ages) else 0.0
        return {"missing_share": _share(np.isnan(raw)), "typical": float(round(max(middle, 0.0)))}
    return {
        "missing_share": _share(np.isnan(raw)),
        "codes": codes,
        "typical": _middle(typical),
        "lowest": float(known.min()) if len(known) else None,
        "highest": float(known.max()) if len(known) else None,
    }


def _age_days(column: Column, raw: Floats, moments: Moments | None) -> Floats:
    if moments is None:
        return np.full(len(raw), np.nan)
    if column.monthly:
        return (months_of(moments.days) - raw) * 30.44
    return moments.days - raw


def _middle(values: Floats) -> float:
    """The median, but one that a loan has: half a child is nobody's number."""
    return float(np.quantile(values, 0.5, method="inverted_cdf")) if len(values) else 0.0


def _share(which: NDArray[np.bool_]) -> float:
    return round(float(which.mean()), 6)


def _lines(column: Column, raw: NDArray[Any], trains: NDArray[np.bool_], names: FieldNames) -> tuple[FeatureLine, ...]:
    lines = []

    def add(name: str, reads: str, meaning: str, unit: str, low: float, high: float, **more: Any) -> None:
        unique = name if name == column.field else names.make(name, column.field)
        made = {"reads": reads, "meaning": meaning, "unit": unit, "low": low, "high": high, "reason": "", **more}
        lines.append(FeatureLine.model_validate({"name": unique, "field": column.field, **made}))

    if column.type == "number":
        low, high = column.lowest or 0.0, column.highest or 0.0
        add(column.field, "value", column.title, column.unit or "as in the table", low, high)
        for code in column.codes:
            if (raw[trains] == code).mean() >= NOTABLE:
                called = f"{code:g}".replace("-", "minus_")
                meaning = f"{column.title} is the special code {code:g}"
                add(f"{column.field}_is_{called}", "code", meaning, "0/1", 0, 1, code=code)
    elif column.type == "date":
        unit = "months" if column.monthly else "days"
        add(
            f"{column.field}_age_{unit}", f"age in {unit}", f"{unit.capitalize()} since {column.title}", unit, 0, 40_000
        )
    else:
        for value in _told(column, raw[trains]):
            add(f"{column.field}_is_{value}", "category", f"{column.title} is {value}", "0/1", 0, 1, value=value)
    untold = _untold(column, raw, {line.code for line in lines})
    if untold[trains].mean() >= NOTABLE and not untold.all():
        add(f"{column.field}_missing", "missing", f"{column.title} is not known", "0/1", 0, 1)
    return tuple(lines)


def _told(column: Column, raw: NDArray[Any]) -> list[str]:
    """The categories that have a feature: all that are frequent, of two the rarer one."""
    kinds = [*column.values, *([OTHER] if column.others and OTHER not in column.values else [])]
    frequent = [kind for kind in kinds if (raw == kind).mean() >= RARE]
    if len(kinds) == 2 and len(frequent) == 2:
        return [min(frequent, key=lambda kind: float((raw == kind).mean()))]
    return frequent or kinds[:1]


def _untold(column: Column, raw: NDArray[Any], told: set[float | None]) -> NDArray[np.bool_]:
    """Where there is no value, nor a code that a feature tells."""
    if column.type == "category":
        return np.asarray(raw == "")
    return np.asarray(np.isnan(raw) | np.isin(raw, [code for code in column.codes if code not in told]))


def _with_default(line: FeatureLine, values: Floats, trains: NDArray[np.bool_]) -> FeatureLine:
    """What is missing in the table takes the median, as it will when it is missing in service."""
    if np.isfinite(values).all():
        return line
    known = values[trains & np.isfinite(values)]
    middle = _middle(known) if line.reads in ("value", "age in days", "age in months") else 0.0
    return line.model_copy(update={"default": middle})


def filled(line: FeatureLine, values: Floats) -> Floats:
    """The feature as the models read it."""
    return values if line.default is None else np.where(np.isnan(values), line.default, values)


def day_of(since_1970: float) -> str:
    """A day in words."""
    return str(np.datetime64(EPOCH) + int(since_1970))


__all__ = ["NOTABLE", "THIS_MONTH", "TODAY", "Declared", "day_of", "declare", "filled"]
