"""What a setting may be, and how it is written and read: a bad one is told by name, value and remedy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from meridian.errors import InvalidOffers

T = TypeVar("T")

CENT = Decimal("0.01")
BASIS_POINT = Decimal("0.0001")


@dataclass(frozen=True)
class Range:
    """The values that a decimal may take: from low to high, in whole steps."""

    low: Decimal
    high: Decimal
    step: Decimal | None
    meaning: str
    example: str

    def check(self, name: str, value: object) -> None:
        """Raises `InvalidOffers` for what is no decimal, a float first of all, and for what is out of range."""
        remedy = f'expected {self.meaning}, {self.low} to {self.high}; write it in quotes, e.g. "{self.example}"'
        if not isinstance(value, Decimal):
            raise InvalidOffers(f"{name} is the {type(value).__name__} {value!r}; {remedy}.")
        if not (value.is_finite() and self.low <= value <= self.high):
            raise InvalidOffers(f"{name} is {value}; {remedy}.")
        if self.step is not None and value % self.step:
            raise InvalidOffers(f"{name} is {value}, which is no multiple of {self.step}; {remedy}.")


MONEY = Range(Decimal(0), Decimal(10**12), CENT, "dollars and cents", "9000.00")
RATE = Range(Decimal(0), Decimal(10), BASIS_POINT, "a yearly rate as a fraction, in basis points", "0.1290")
SHARE = Range(Decimal(0), Decimal(1), None, "a share", "0.30")
COARSE_SHARE = Range(Decimal(0), Decimal(1), BASIS_POINT, "a share, in ten-thousandths", "0.10")
FACTOR = Range(Decimal(0), Decimal(1_000), None, "a factor", "12.5")
MONTHS = (1, 480)


def check_decimals(part: object, place: str, **ranges: Range) -> None:
    """Hold the named fields of a part against their ranges; `place` is where the part stands in the settings."""
    for name, allowed in ranges.items():
        allowed.check(f"{place}.{name}", getattr(part, name))


def check_whole(name: str, value: object, low: int, high: int) -> None:
    """Raises `InvalidOffers` for what is no whole number from low to high."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidOffers(f"{name} is {value!r}; expected a whole number, {low} to {high}.")


def check_once(name: str, values: list[Any]) -> None:
    """Raises `InvalidOffers` for the first value that stands there twice."""
    for at, value in enumerate(values):
        if value in values[:at]:
            raise InvalidOffers(f"{name} has {value} twice; leave it once.")


def written(value: Any) -> Any:
    """A part of the settings as JSON values: decimals as texts, so that none becomes a float on its way."""
    if dataclasses.is_dataclass(value):
        return {field.name: written(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    return [written(one) for one in value] if isinstance(value, tuple) else value


def read(kind: type[T], document: Any, place: str) -> T:
    """The part of that kind which was written so. Raises `InvalidOffers` for what is missing, unknown or no text."""
    if not isinstance(document, Mapping):
        raise InvalidOffers(f"{place} is {document!r}; expected an object.")
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    known = {field.name for field in fields}
    for name in document:
        if name not in known:
            there_is = ", ".join(sorted(known))
            raise InvalidOffers(f"{place} has the key {name!r}, which nothing reads; one of {there_is}.")
    for field in fields:
        if field.name not in document and field.default is dataclasses.MISSING:
            raise InvalidOffers(f"{place} has no {field.name}; add it.")
    return kind(**{name: _value(hints[name], value, f"{place}.{name}") for name, value in document.items()})


def _value(kind: Any, value: Any, place: str) -> Any:
    if isinstance(kind, UnionType):
        inner = next(one for one in get_args(kind) if one is not type(None))
        return None if value is None else _value(inner, value, place)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise InvalidOffers(f"{place} is {value!r}; expected a list.")
        return tuple(_value(get_args(kind)[0], one, f"{place}[{at}]") for at, one in enumerate(value))
    if dataclasses.is_dataclass(kind):
        return read(kind, value, place)  # type: ignore[arg-type]
    if kind is Decimal:
        return decimal_of(place, value)
    if type(value) is not kind:
        raise InvalidOffers(f"{place} is {value!r}; expected a {'text' if kind is str else 'whole number'}.")
    return value


def decimal_of(place: str, value: object) -> Decimal:
    """The decimal that a text, a whole number or a decimal states; a float is refused: it is not what was written."""
    if isinstance(value, Decimal):
        return value
    if type(value) is int:
        return Decimal(value)
    try:
        return Decimal(_text(value))
    except (TypeError, ArithmeticError):
        remedy = f'write the number in quotes, e.g. "{value}"' if isinstance(value, float) else "expected a number"
        raise InvalidOffers(f"{place} is the {type(value).__name__} {value!r}; {remedy}.") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
