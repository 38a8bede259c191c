"""The application of a lender's own product: one field for each column that is used, made from declarations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, create_model

from meridian.application import Application, DecisionRequest, month_index
from meridian.application.schema import Day
from meridian.errors import FieldProblem, InvalidApplication
from meridian.evidence import FORM, SourceReading, SourceStatus
from meridian.products.own.document import OTHER, Column
from meridian.products.own.features import THIS_MONTH, TODAY
from meridian.products.own.values import EPOCH, LARGEST, is_missing

# No control characters: they have no place in a category, and PostgreSQL stores no NUL.
Word = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", strip_whitespace=True)]
BORN = "1980-06-15"


def request_model(name: str, columns: Sequence[Column], needed: frozenset[str]) -> type[DecisionRequest[Any]]:
    """The request model of a product. `needed` fields must be there; every other may be left out or null."""
    label = "_".join(part.capitalize() for part in name.split("-"))  # the hyphen tells a-1b from a1b
    fields: dict[str, Any] = {column.field: _field(column, column.field in needed) for column in columns}
    application = create_model(
        f"{label}Application", __base__=Application, __doc__=f"An application for {name}.", **fields
    )
    return create_model(
        f"{label}Request", __base__=DecisionRequest[application], __doc__=f"A request to decide about {name}."
    )


def _field(column: Column, needed: bool) -> tuple[Any, Any]:
    kind: Any
    if column.type == "number":
        kind = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
    elif column.type == "date":
        kind = Day
    else:
        kind = Word if column.others else Literal[tuple(column.values)]
    if needed:
        return kind, Field(description=_describe(column))
    return kind | None, Field(None, description=_describe(column))


def _describe(column: Column) -> str:
    words = [f"{column.title}: column {column.column!r} of the table it was made from."]
    if column.unit:
        words.append(f"In {column.unit}.")
    if column.lowest is not None and column.highest is not None and column.type == "number":
        words.append(f"There from {column.lowest:g} to {column.highest:g}.")
    if column.codes:
        words.append(f"Special codes: {', '.join(f'{code:g}' for code in column.codes)}.")
    if column.others:
        words.append(f"Any text; what is none of {', '.join(column.values[:20])} counts as {OTHER!r}.")
    return " ".join([*words, "Null: not known."])


def reader(
    columns: Sequence[Column], marks: frozenset[str]
) -> Callable[[DecisionRequest[Any], datetime], tuple[SourceReading, ...]]:
    """What reads the fields of an application as the features want them; `marks` are texts that stand for nothing.

    It raises `InvalidApplication` for a birth after the day of receipt: a slip of the pen is not a minor.
    """

    def read(request: DecisionRequest[Any], received_at: datetime) -> tuple[SourceReading, ...]:
        application, today = request.application, received_at.date()
        if application.date_of_birth > today:
            born = str(application.date_of_birth)
            problem = FieldProblem("/application/date_of_birth", born, "a day not after today")
            raise InvalidApplication(
                f"{problem.pointer}: {born} is not accepted; expected {problem.expected}.", [problem]
            )
        fields = {column.field: _served(column, getattr(application, column.field), marks) for column in columns}
        fields |= {TODAY: float((today - EPOCH).days), THIS_MONTH: float(month_index(today))}
        return (SourceReading(FORM, SourceStatus.FRESH, fields, received_at, received_at, 0.0),)

    return read


def _served(column: Column, value: Any, marks: frozenset[str]) -> float | str:
    if column.type == "category":
        return category(column, "" if value is None or is_missing(value, marks) else value)
    if value is None:
        return math.nan
    if isinstance(value, date):
        return float(month_index(value)) if column.monthly else float((value - EPOCH).days)
    return float(value)


def category(column: Column, text: str) -> str:
    """A category as the features read it, empty where it is missing. Raises `ValueError` for an unknown one."""
    if not text or text in column.values:
        return text
    if column.others:
        return OTHER
    raise ValueError(f"one of {', '.join(column.values)}")


def sampler(name: str, columns: Sequence[Column]) -> Callable[[], dict[str, Any]]:
    """What makes a typical application: medians, and the most frequent categories."""

    def sample() -> dict[str, Any]:
        today = datetime.now(UTC).date()
        stated = {column.field: _typical(column, today) for column in columns}
        return {"product": name, "application": {"applicant_id": "applicant-0001", "date_of_birth": BORN, **stated}}

    return sample


def _typical(column: Column, today: date) -> Any:
    if column.type != "date":
        return column.typical
    return (today - timedelta(days=float(column.typical))).isoformat()
