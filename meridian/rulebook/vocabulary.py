"""What a product's tables may speak of: its fields with what they hold, and its reasons."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from meridian.application import Application
from meridian.features import FeatureSet
from meridian.policy.cells import ANY, Cell, Kind, NumberCell, WordCell, exact
from meridian.policy.derived import DERIVED, HIGHEST_AGE_OF_MAJORITY
from meridian.policy.spans import HIGHEST, LOWEST, Span
from meridian.reasons import ReasonCode

KINDS = {"ratio": Kind.SHARE, "0/1": Kind.FLAG}
"""What a feature holds, by its unit; a number otherwise."""


@dataclass(frozen=True)
class Field:
    """A field that a row may read. `domain` is what it can hold at all, and `stated` that the application has it."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    domain: Cell = ANY
    stated: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """The fields and the reason codes of a product.

    `passing` are those codes that may only refer, and `not_read` the fields of the application that no row reads.
    """

    fields: Mapping[str, Field]
    reasons: frozenset[str]
    passing: frozenset[str] = frozenset()
    not_read: frozenset[str] = frozenset()


def vocabulary_of(features: FeatureSet, application: type[Application], reasons: Iterable[ReasonCode]) -> Vocabulary:
    """What a product declares. A feature goes before a field of the form of the same name: it is what models read."""
    fields = {
        feature.name: Field(
            feature.name,
            kind := KINDS.get(feature.unit, Kind.NUMBER),
            feature.unit,
            feature.meaning,
            _between(kind, feature.low, feature.high),
        )
        for feature in features
    }
    age = _between(Kind.NUMBER, 0, HIGHEST_AGE_OF_MAJORITY)
    fields |= {name: Field(name, Kind.NUMBER, "years", "The applicant's age", age) for name in DERIVED}
    not_read = set(Application.model_fields)
    for name, info in application.model_fields.items():
        if name in fields or name in not_read:
            continue
        held = _held(info.annotation, info.metadata)
        if held is None:
            not_read.add(name)
        else:
            kind, domain = held
            fields[name] = Field(name, kind, "", info.description or "", domain, stated=True)
    codes = tuple(reasons)
    passing = frozenset(code.code for code in codes if not code.final)
    return Vocabulary(fields, frozenset(code.code for code in codes), passing, frozenset(not_read))


def _between(kind: Kind, low: float, high: float) -> NumberCell:
    span = Span(
        LOWEST if low == float("-inf") else exact(low),
        HIGHEST if high == float("inf") else exact(high),
    )
    return NumberCell(f"[{low:g}..{high:g}]", kind, (span,))


def _held(annotation: Any, metadata: Iterable[Any]) -> tuple[Kind, Cell] | None:
    """(kind, domain) of a type of pydantic's; None for what no row reads: days, lists, further forms."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _held(inner, [*metadata, *more])
    if origin in (Union, types.UnionType):
        kept = [one for one in get_args(annotation) if one is not type(None)]
        return _held(kept[0], metadata) if len(kept) == 1 else None
    if origin is Literal:
        words = [str(one) for one in get_args(annotation)]
        return Kind.WORD, WordCell(", ".join(words), frozenset(words))
    if annotation is bool:
        return Kind.FLAG, _between(Kind.FLAG, 0, 1)
    if annotation in (int, float):
        return Kind.NUMBER, _bounded(metadata)
    return (Kind.WORD, ANY) if annotation is str else None


def _bounded(metadata: Iterable[Any]) -> NumberCell:
    low, high = LOWEST, HIGHEST
    for one in metadata:
        for bound in one.metadata if isinstance(one, FieldInfo) else [one]:
            if (least := getattr(bound, "ge", None)) is not None:
                low = max(low, Decimal(str(least)))
            if (most := getattr(bound, "le", None)) is not None:
                high = min(high, Decimal(str(most)))
    return NumberCell(f"[{low:f}..{high:f}]", Kind.NUMBER, (Span(low, high),))
