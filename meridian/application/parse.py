"""Bytes -> a validated request, or an error that names each field, its value and what was expected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from meridian.application.repeats import repeated_fields
from meridian.application.schema import DecisionRequest
from meridian.errors import FieldProblem, InvalidApplication, MalformedBody, UnknownProduct

SHOWN_CHARACTERS = 80
SHOWN_PROBLEMS = 50


class _Envelope(BaseModel):
    """The one field that says which schema the rest is held against."""

    model_config = ConfigDict(extra="ignore", strict=True)
    product: str


def parse_request(body: bytes, schemas: Mapping[str, type[DecisionRequest[Any]]]) -> DecisionRequest[Any]:
    """Read one application.

    `schemas` maps a product's name to its request model. Raises `MalformedBody` for what is no JSON,
    `UnknownProduct`, and `InvalidApplication` with every field that is wrong.
    """
    try:
        product = _Envelope.model_validate_json(body).product
    except ValidationError as error:
        raise refusal(error) from None
    if repeated := repeated_fields(body):
        problems = [
            FieldProblem(pointer, "more than one value", "the field once") for pointer in repeated[:SHOWN_PROBLEMS]
        ]
        raise InvalidApplication(f"{repeated[0]} stands there more than once; say which value is meant.", problems)
    check_product(product, schemas)
    try:
        return schemas[product].model_validate_json(body)
    except ValidationError as error:
        raise refusal(error) from None


def check_product(product: str, offered: Collection[str]) -> None:
    """Raises `UnknownProduct` with those that are offered, where this one is not."""
    if product not in offered:
        known = ", ".join(sorted(offered))
        raise UnknownProduct(
            f"There is no product {shown(product)}; offered here: {known}.",
            [FieldProblem("/product", shown(product), f"one of {known}")],
        )


def shown(value: object) -> str:
    """A value as an error message shows it: quoted, and cut where it is long."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}… ({len(text)} characters)"


def refusal(error: ValidationError) -> MalformedBody | InvalidApplication:
    """Pydantic's findings in our words, every field named."""
    details = error.errors(include_url=False)
    if details[0]["type"] == "json_invalid":
        return MalformedBody(
            f"The body is not JSON that can be read: {details[0]['ctx']['error']}. "
            "Send one JSON object; NaN and Infinity are not JSON, and numbers stand without quotes."
        )
    problems = [_problem(detail) for detail in details[:SHOWN_PROBLEMS]]
    first = problems[0]
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return InvalidApplication(
        f"{first.pointer or 'The body'}: {first.value} is not accepted; expected {first.expected}{more}.",
        problems,
    )


def _problem(detail: ErrorDetails) -> FieldProblem:
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in detail["loc"])
    match detail["type"]:
        case "missing":
            return FieldProblem(pointer, "nothing", "a value: the field is required")
        case "extra_forbidden":
            return FieldProblem(pointer, shown(detail["input"]), "no such field; check its spelling")
        case "string_pattern_mismatch":
            return FieldProblem(pointer, shown(detail["input"]), f"text that matches {detail['ctx']['pattern']}")
        case "string_too_long":
            return FieldProblem(pointer, shown(detail["input"]), f"at most {detail['ctx']['max_length']} characters")
        case _:
            expected = detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
            return FieldProblem(pointer, shown(detail["input"]), expected)
