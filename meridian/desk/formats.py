"""Numbers and times as people read them. Pure functions; the templates' filters are listed at the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

NOT_KNOWN = "not known"
SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"

_STEPS = ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s"))
_LONGEST_IN_SMALLER = 2
"""Up to two of a unit are told in the smaller one: '90 min' says more than '1 h'."""


def number(value: float | None, digits: int = 2) -> str:
    """`1234.5` -> `1,234.5`: at most `digits` decimals, none that are zero."""
    if value is None:
        return NOT_KNOWN
    text = f"{abs(value):,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return MINUS + text if value < 0 and text != "0" else text


def percent(fraction: float | None, digits: int = 1) -> str:
    """`0.184` -> `18.4 %`."""
    if fraction is None:
        return NOT_KNOWN
    text = f"{abs(fraction) * 100:,.{digits}f}"
    negative = fraction < 0 and float(text.replace(",", "")) != 0
    return f"{MINUS if negative else ''}{text}{SPACE}%"


def money(dollars: float | None) -> str:
    """`9000.0` -> `$9,000`; cents where there are any."""
    if dollars is None:
        return NOT_KNOWN
    text = f"{abs(dollars):,.2f}".removesuffix(".00")
    return f"{MINUS if dollars < 0 else ''}${text}"


def signed(value: float, digits: int = 2) -> str:
    """`0.351` -> `+0.35`, with a true minus."""
    return f"{'+' if value >= 0 else MINUS}{abs(value):.{digits}f}"


def in_unit(value: float | None, unit: str) -> str:
    """A value in one of the features' units: USD, ratio, months, years, days, 0/1, count."""
    if value is None:
        return NOT_KNOWN
    match unit:
        case "USD":
            return money(value)
        case "ratio":
            return percent(value)
        case "0/1":
            return "yes" if value else "no"
        case "months" | "years" | "days":
            return f"{number(value)}{SPACE}{unit.removesuffix('s') if value == 1 else unit}"
        case _:
            return number(value)


def duration(span: timedelta | float | None) -> str:
    """How long, in its largest fitting unit: `12 min`, `3 h`, `5 days`; seconds may be given as a number."""
    if span is None:
        return NOT_KNOWN
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    for size, unit in _STEPS:
        if seconds >= size * _LONGEST_IN_SMALLER or (unit == "s"):
            count = max(0, int(seconds // size))
            plural = "s" if unit == "day" and count != 1 else ""
            return f"{count:,}{SPACE}{unit}{plural}"
    raise AssertionError("the smallest unit fits every span")


def moment(when: datetime | str | None) -> str:
    """`23 Nov 2026, 12:16 UTC`."""
    if when is None:
        return NOT_KNOWN
    utc = _read(when).astimezone(UTC)
    return f"{utc.day}{SPACE}{utc:%b}{SPACE}{utc:%Y}, {utc:%H:%M}{SPACE}UTC"


def clock(when: datetime | str) -> str:
    """`12:16 UTC`, for a time of today."""
    return f"{_read(when).astimezone(UTC):%H:%M}{SPACE}UTC"


def machine(when: datetime | str) -> str:
    """ISO 8601 in UTC, to the second, for `<time datetime>`."""
    return _read(when).astimezone(UTC).isoformat(timespec="seconds")


def day(when: date | str) -> str:
    """`2009-09-01` -> `1 Sep 2009`."""
    read = date.fromisoformat(when) if isinstance(when, str) else when
    return f"{read.day}{SPACE}{read:%b}{SPACE}{read:%Y}"


def words(name: str) -> str:
    """A name of the code as words: `debt_consolidation` -> `Debt consolidation`."""
    text = name.replace("_", " ").replace("-", " ")
    return text[:1].upper() + text[1:]


def _read(when: datetime | str) -> datetime:
    return datetime.fromisoformat(when) if isinstance(when, str) else when


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "percent": percent,
    "money": money,
    "signed": signed,
    "duration": duration,
    "moment": moment,
    "clock": clock,
    "machine": machine,
    "words": words,
}
