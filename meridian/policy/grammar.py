"""How a cell is written: `< 18`, `>= 43 %`, `[1..3)`, `rent, own`, `not(rent)`, `yes`, `-`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from meridian.policy.cells import ANY, AnyCell, Cell, Kind, NumberCell, WordCell
from meridian.policy.spans import Span, merged, others

ANYTHING = ("", "-")
DIGITS = 15
"""No more significant digits in a number: so many a double holds, and what is written back is what was written."""

NUMBER = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)( ?%)?")
SEPARATORS = r"[. ']"
SIGNS = ("<=", ">=", "<", ">")
WORD = re.compile(r"\w[\w .:+/&%-]*")
"""A value with other marks, a comma among them, cannot be written in a cell."""


@dataclass(frozen=True)
class BadCell(ValueError):
    """A cell that cannot be read: what is wrong with it, and what to write instead."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


def parse_cell(text: str, kind: Kind) -> Cell:
    """The cell that a text writes, for a field of that kind. Raises `BadCell`."""
    text = text.strip(" ")
    if text in ANYTHING:
        return ANY
    if match := re.fullmatch(r"not ?\((.*)\)", text):
        return _negated(parse_cell(match[1], kind))
    _check_brackets(text)
    match kind:
        case Kind.WORD:
            return _words(text)
        case Kind.FLAG:
            return _flag(text)
        case _:
            return _numbers(text, kind)


def cell_document(cell: Cell) -> dict[str, str]:
    """A cell as JSON values; `cell_of` reads it, and may read more than today, but nothing otherwise."""
    return {"kind": cell.kind.value, "cell": cell.text}


def cell_of(document: Mapping[str, Any]) -> Cell:
    """The cell as it was written."""
    return parse_cell(document["cell"], Kind(document["kind"]))


def parse_number(text: str, kind: Kind = Kind.NUMBER) -> Decimal:
    """A number, exactly as it is written. Raises `BadCell`."""
    match = NUMBER.fullmatch(text)
    if match is None:
        raise _no_number(text)
    number = Decimal(match[1])
    if match[2]:
        if kind is not Kind.SHARE:
            raise BadCell(f"{text!r} is a share, and the field is none", f"write {match[1]}, in the field's own unit")
        number = number.scaleb(-2)
    number = number.normalize()
    if len(number.as_tuple().digits) > DIGITS or abs(number) >= 10**DIGITS:
        raise BadCell(f"{text!r} has more than {DIGITS} digits", "round it")
    return number + 0  # zero has no sign


def _no_number(text: str) -> BadCell:
    """What was meant by a text that is no number."""
    if text.startswith("#"):
        return BadCell(f"{text!r} is a spreadsheet's error", "write the number itself")
    if text.startswith("="):
        return BadCell(f"{text!r} is a formula or an equals sign", "write the value itself, without =")
    if re.fullmatch(r"-?[0-9.]+[eE][+-]?[0-9]+", text):
        return BadCell(f"{text!r} is written with an exponent", f"write {_written_out(text)}")
    if text == "%":
        return BadCell("a percent sign without a number", "write the number before it: 43 %")
    if re.fullmatch(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", text):
        return BadCell(f"{text!r} has thousands separators", f"write {text.replace(',', '')}")
    if re.fullmatch(r"-?[0-9]{1,3}([. '][0-9]{3})*,[0-9]+ ?%?", text):
        plain = re.sub(SEPARATORS, "", text).replace(",", ".")
        return BadCell(f"{text!r} has a decimal comma", f"write {plain}")
    if re.fullmatch(r"-?[0-9]{1,3}([ '.][0-9]{3})+", text):
        return BadCell(f"{text!r} has thousands separators", f"write {re.sub(SEPARATORS, '', text)}")
    if re.fullmatch(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}", text):
        return BadCell(f"{text!r} is a date", "write a number, and set the column's format to text before editing")
    if re.search(r"[‘’“”«»„'\"]", text):
        return BadCell(f"{text!r} has quotation marks", "take them out")
    if re.search(r"[≤≥≠−–]", text):
        return BadCell(f"{text!r} has a sign that is none here", "write <=, >=, not(...) or -")
    return BadCell(f"{text!r} is no number", "write digits with a decimal point: 18, 0.43")


def _written_out(text: str) -> str:
    number = Decimal(text)
    return f"{number:f}" if abs(number.adjusted()) < DIGITS else "it out"


def _check_brackets(text: str) -> None:
    opened, closed = sum(text.count(c) for c in "[("), sum(text.count(c) for c in "])")
    if opened != closed:
        raise BadCell(
            f"{text!r} has a bracket that is not {'closed' if opened > closed else 'opened'}",
            "write both: [1..3] with the edges, (1..3) without",
        )


def _negated(cell: Cell) -> Cell:
    if isinstance(cell, AnyCell) or cell.text.startswith("not("):
        raise BadCell(f"'not({cell.text})' says nothing", "write what is not meant: not(rent)")
    text = f"not({cell.text})"
    if isinstance(cell, WordCell):
        return WordCell(text, cell.words, negated=True)
    return NumberCell(text, cell.kind, others(cell.spans))


def _words(text: str) -> WordCell:
    words = [word.strip(" ") for word in text.split(",")]
    for word in words:
        if not word:
            raise BadCell(f"{text!r} has a comma with nothing beside it", "write the values with a comma between: a, b")
        if not WORD.fullmatch(word):
            raise BadCell(f"{word!r} is no value", "write the values with a comma between, without marks: rent, own")
    _once(text, words)
    return WordCell(", ".join(words), frozenset(words))


def _flag(text: str) -> NumberCell:
    if text not in ("yes", "no"):
        raise BadCell(f"{text!r} is neither yes nor no", "write yes, no, or - for any")
    number = Decimal(text == "yes")
    return NumberCell(text, Kind.FLAG, (Span(number, number),))


def _numbers(text: str, kind: Kind) -> NumberCell:
    sign = next((sign for sign in SIGNS if text.startswith(sign)), None)
    if sign is not None:
        rest = text.removeprefix(sign).strip(" ")
        if not rest or rest.startswith(SIGNS):
            raise BadCell(f"{text!r} has no number after the sign, or two signs", f"write one of each: {sign} 500")
        return _compared(sign, rest, kind)
    if text[0] in "[(":
        return _interval(text, kind)
    # 1,000 would be a thousand to one reader and two numbers to another: a set has a space after each comma.
    parts = text.split(", ")
    numbers = [parse_number(part.strip(" "), kind) for part in parts]
    _once(text, [str(number) for number in numbers])
    shown = ", ".join(_shown(part) for part in parts)
    return NumberCell(shown, kind, merged(Span(number, number) for number in numbers))


def _once(text: str, parts: list[str]) -> None:
    twice = next((part for part in parts if parts.count(part) > 1), None)
    if twice is not None:
        raise BadCell(f"{text!r} has {twice!r} twice", "leave it once")


def _compared(sign: str, text: str, kind: Kind) -> NumberCell:
    number = parse_number(text, kind)
    within = sign.endswith("=")
    span = Span(high=number, high_in=within) if sign[0] == "<" else Span(low=number, low_in=within)
    return NumberCell(f"{sign} {_shown(text)}", kind, (span,))


def _interval(text: str, kind: Kind) -> NumberCell:
    match = re.fullmatch(r"([\[(])\s*(.+?)\s*\.\.\s*(.+?)\s*([\])])", text)
    if match is None:
        raise BadCell(f"{text!r} is no interval", "write two numbers with two points between: [1..3)")
    opens, low, high, closes = match.groups()
    span = Span(parse_number(low, kind), parse_number(high, kind), opens == "[", closes == "]")
    shown = f"{opens}{_shown(low)}..{_shown(high)}{closes}"
    return NumberCell(shown, kind, merged([span]))


def _shown(text: str) -> str:
    """A number that was read, in the one form in which it is written back."""
    match = NUMBER.fullmatch(text.strip(" "))
    if match is None:
        raise _no_number(text)
    number = Decimal(match[1]).normalize() + 0
    return f"{number:f}{' %' if match[2] else ''}"
