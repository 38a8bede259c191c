"""A product's request as a table: which columns it has, and a row of cells as the JSON of a request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from types import NoneType
from typing import Any, cast, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

REF, PRODUCT, APPLICATION = "application_ref", "product", "application"
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"-?\d+", re.ASCII)


class Kind(StrEnum):
    """What stands in a column."""

    WHOLE = "whole number"
    NUMBER = "number"
    FLAG = "true or false"
    TEXT = "text"


@dataclass(frozen=True)
class Column:
    """A column: where its value stands in a request, what it is, and whether a row may be without it."""

    name: str
    path: tuple[str, ...]
    kind: Kind
    nullable: bool
    required: bool

    def of_text(self, cell: str) -> Any:
        """A cell of a text file as a JSON value; what is none of this kind stays as it is, and is refused by name."""
        if self.kind is Kind.WHOLE and WHOLE.fullmatch(cell):
            return int(cell)
        if self.kind is not Kind.TEXT and self.kind is not Kind.FLAG and NUMBER.fullmatch(cell):
            return float(cell)
        if self.kind is Kind.FLAG:
            return {"true": True, "false": False}.get(cell, cell)
        return cell

    def of_value(self, value: Any) -> Any:
        """A typed value as a JSON value. A table with gaps has its whole numbers as fractions, and days as moments."""
        if isinstance(value, datetime) and value.time() == time() and value.tzinfo is None:
            return value.date().isoformat()
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Decimal):
            value = float(value)
        if isinstance(value, float) and self.kind is Kind.WHOLE and value.is_integer():
            return int(value)
        return value


def columns_of(request: type[BaseModel]) -> dict[str, Column]:
    """The columns of a product's requests by name: `application_ref`, and the application's fields.

    Of a field within a field the name has both, with a point: `credit_report.inquiries_6m`.
    """
    application = cast(type[BaseModel], request.model_fields[APPLICATION].annotation)
    columns = {column.name: column for column in _columns(application, (APPLICATION,))}
    given = {
        REF: Column(REF, (REF,), Kind.TEXT, True, False),
        PRODUCT: Column(PRODUCT, (PRODUCT,), Kind.TEXT, True, False),
    }
    return {**given, **columns}


def _columns(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[Column]:
    for name, field in model.model_fields.items():
        kinds = get_args(field.annotation) or (field.annotation,)
        nested = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if nested is not None:
            yield from _columns(nested, (*path, name))
        else:
            yield _column((*path, name), field)


def _column(path: tuple[str, ...], field: FieldInfo) -> Column:
    kinds = _kinds(field.annotation)
    if bool in kinds:
        kind = Kind.FLAG
    elif float in kinds:
        kind = Kind.NUMBER
    else:
        kind = Kind.WHOLE if int in kinds else Kind.TEXT
    return Column(".".join(path[1:]), path, kind, NoneType in kinds, field.is_required())


def _kinds(annotation: Any) -> set[Any]:
    """The types in an annotation, those of a union and of what is annotated among them; of a literal its values'."""
    inner = get_args(annotation)
    if not inner:
        return {annotation if isinstance(annotation, type) else type(annotation)}
    return set().union(*(_kinds(one) for one in inner))


def request_of(product: str, cells: Mapping[Column, Any]) -> dict[str, Any]:
    """A request from a row's cells; an empty cell is null where a field may be, and says nothing elsewhere.

    Where all cells of what is within a field are empty, there is no such field: no report, rather than an empty one.
    """
    request: dict[str, Any] = {PRODUCT: product}
    said = {column.path[:-1] for column, value in cells.items() if value is not None}
    for column, value in cells.items():
        if column.path[:-1] not in said or (value is None and not (column.nullable and column.required)):
            continue
        place = request
        for name in column.path[:-1]:
            place = place.setdefault(name, {})
        place[column.path[-1]] = value
    return request
