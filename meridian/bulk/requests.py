"""Rows -> requests: each is held against the product's schema, and what is wrong is told by row, column and value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from meridian.application import DecisionRequest, parse_request
from meridian.bulk.columns import APPLICATION, PRODUCT
from meridian.bulk.rows import Reject, Row
from meridian.errors import FieldProblem, InvalidInput


@dataclass
class Asked:
    """What of some rows can be decided, each with the number of its row, and what cannot."""

    requests: list[tuple[int, DecisionRequest[Any]]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def asked_in(rows: Iterable[Row], product: str, schema: type[DecisionRequest[Any]]) -> Asked:
    """The requests of some rows, all for one product; of a row that is none, each thing that is wrong with it."""
    asked = Asked()
    for row in rows:
        if row.reject is not None:
            asked.rejects.append(row.reject)
            continue
        try:
            asked.requests.append((row.number, parse_request(row.body.encode(), {product: schema})))
        except InvalidInput as error:
            asked.rejects += [_reject(row.number, problem) for problem in error.problems] or [
                Reject(row.number, "", "", str(error))
            ]
    return asked


def _reject(number: int, problem: FieldProblem) -> Reject:
    steps = problem.pointer.removeprefix("/").split("/")
    name = ".".join(steps[1:] if steps[0] == APPLICATION and len(steps) > 1 else steps)
    expected = f"{problem.expected}: a batch is of one product" if name == PRODUCT else problem.expected
    return Reject(number, name, problem.value, expected)


def taken(number: int, ref: str) -> Reject:
    """A row whose reference was decided before, or stands further up."""
    return Reject(number, "application_ref", ref, "a reference that was not decided yet, in this file or before")


def rows_in(values: Sequence[Any]) -> list[Row]:
    """Rows that were stored as JSON values."""
    return [Row(number, body, Reject(*reject) if reject else None) for number, body, reject in values]
