"""A row of a file: the request that it says, or why it says none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from meridian.bulk.columns import APPLICATION, PRODUCT, Column, request_of
from meridian.errors import InvalidInput

SHOWN_NAMES = 5


class Reject(NamedTuple):
    """Why a row of the file is not decided: which column ("" for all of it), what it has, what was expected."""

    row: int
    column: str
    value: str
    expected: str


class Row(NamedTuple):
    """A row by its number in the file, the first one 1 and empty ones counted: a request's JSON, or what is wrong."""

    number: int
    body: str
    reject: Reject | None = None


def rejected(number: int, column: str, value: str, expected: str) -> Row:
    """A row of which nothing can be read."""
    return Row(number, "", Reject(number, column, value, expected))


def columns_in(names: Iterable[str], columns: Mapping[str, Column]) -> list[Column]:
    """The columns that a table has. Raises `InvalidInput` for one that is none, stands there twice, or is missing."""
    found = [name.strip() for name in names]
    wrong = []
    if strange := [name for name in found if name not in columns]:
        wrong.append(f"has no field {_listed(repr(name) for name in strange)}")
    if twice := sorted({name for name in found if found.count(name) > 1}):
        wrong.append(f"has {_listed(twice)} once, and the file twice")
    if absent := [one.name for one in columns.values() if one.required and one.name not in found]:
        wrong.append(f"needs {_listed(absent)}, and the file has no such column")
    if wrong:
        raise InvalidInput(
            f"The file's columns are not those of an application, which {'; '.join(wrong)}. "
            f"Its fields are {', '.join(columns)}."
        )
    return [columns[name] for name in found]


def body_of(product: str, cells: Mapping[Column, Any]) -> str:
    """The request that a row's cells say, as JSON."""
    return json.dumps(request_of(product, cells))


def nested(product: str, document: Mapping[str, Any], columns: Mapping[str, Column]) -> dict[str, Any]:
    """The request that an object of named values says; what is a request already stays as it is, with its product."""
    if APPLICATION in document:
        return {PRODUCT: product, **document}
    request: dict[str, Any] = {PRODUCT: product}
    for name, value in document.items():
        path = columns[name].path if name in columns else (APPLICATION, *name.split("."))
        place = request
        for step in path[:-1]:
            within = place.setdefault(step, {})
            place = within if isinstance(within, dict) else {}
        place[path[-1]] = value
    return request


def parts_of(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """So many rows at a time."""
    part: list[Row] = []
    for row in rows:
        part.append(row)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


def _listed(names: Iterable[str]) -> str:
    all_names = list(names)
    more = len(all_names) - SHOWN_NAMES
    return ", ".join(all_names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
