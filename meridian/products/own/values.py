"""Texts of a lender's table as values: numbers, days, categories. Each column states how it is written.

The same functions read the table when a product is drafted and when it is trained, so that what was noticed is what
is learnt. Nothing is guessed here; see `meridian.training.drafting` for that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING_MARKS = (
    "", "na", "n/a", "n.a.", "#n/a", "#null!", "#value!", "nan", "nat", "null", "none", "nil", "\\n", "missing", "?",
    ".", "-", "--",
)  # fmt: skip
"""What the world writes where there is nothing, in lower case."""
FIRST_ROW = 2
"""As a spreadsheet counts: the header is row 1."""
EPOCH = date(1970, 1, 1)
SHOWN = 60
LARGEST = 1e15
"""No amount is larger; what has more digits is a name for something."""

Rows = NDArray[np.int64] | None
"""The place of each value in its file, counted from 0; None: the values are all of the file, in its order."""

_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_SIGNS = r"[$€£¥₹₽₩₺]|USD|EUR|GBP|CHF|INR|NT\$|R\$|US\$|kr|zł"
_CURRENCY = re.compile(rf"^([-+−(]?)\s*(?:{_SIGNS})|\s*(?:{_SIGNS})(\)?)$")
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp][Mm])?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$")


@dataclass(frozen=True)
class Numbers:
    """How numbers are written: the decimal mark, and what groups the thousands ("" where nothing does)."""

    decimal: str = "."
    grouping: str = ""

    def parse(self, text: str) -> float:
        """The number, without its currency or percent sign. Raises `ValueError` for anything else."""
        bare = _CURRENCY.sub(lambda m: m.group(1) or m.group(2) or "", text.strip()).strip().removesuffix("%").strip()
        negative = bare.startswith("(") and bare.endswith(")")
        bare = bare[1:-1] if negative else bare
        bare = _SPACES.sub(" ", bare.replace("−", "-").replace("’", "'"))
        if bare.endswith("-") and len(bare) > 1:
            negative, bare = True, bare[:-1]
        if not _pattern(self).fullmatch(bare):
            raise ValueError("a number")
        value = float(
            bare.replace(self.grouping, "").replace(self.decimal, ".")
            if self.grouping
            else bare.replace(self.decimal, ".")
        )
        if not abs(value) <= LARGEST:
            raise ValueError("a number of a size that a model can read")
        return -value if negative else value


STYLES = tuple(
    Numbers(decimal, grouping)
    for grouping, decimal in product(("", ",", ".", " ", "'"), (".", ","))
    if grouping != decimal
)
"""Every way of writing that is read, the plainest first."""


@cache
def _pattern(style: Numbers) -> re.Pattern[str]:
    point, group = re.escape(style.decimal), re.escape(style.grouping)
    whole = rf"(?:\d+|\d{{1,3}}(?:{group}\d{{2,3}})*{group}\d{{3}})" if group else r"\d+"
    return re.compile(rf"[-+]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d{{1,3}})?", re.ASCII)


@dataclass(frozen=True)
class Dates:
    """How days are written. `monthly`: the day of the month is not said."""

    name: str
    parse: Callable[[str], date]
    monthly: bool = False


def _strptime(pattern: str, text: str) -> date:
    return datetime.strptime(_TIME.sub("", text.strip()), pattern).replace(tzinfo=UTC).date()


def _epoch(unit: float, digits: str, text: str) -> date:
    if not re.fullmatch(rf"{digits}(\.\d*)?", text.strip(), re.ASCII):
        raise ValueError("seconds since 1970")
    return EPOCH + timedelta(days=float(text) / unit // 86_400)


_PATTERNS_OF_DATES = {
    "YYYY-MM-DD": "%Y-%m-%d", "YYYY/MM/DD": "%Y/%m/%d", "YYYY.MM.DD": "%Y.%m.%d", "YYYYMMDD": "%Y%m%d",
    "DD/MM/YYYY": "%d/%m/%Y", "MM/DD/YYYY": "%m/%d/%Y", "DD.MM.YYYY": "%d.%m.%Y", "MM.DD.YYYY": "%m.%d.%Y",
    "DD-MM-YYYY": "%d-%m-%Y", "MM-DD-YYYY": "%m-%d-%Y", "DD/MM/YY": "%d/%m/%y", "MM/DD/YY": "%m/%d/%y",
    "DD.MM.YY": "%d.%m.%y", "DD-Mon-YYYY": "%d-%b-%Y", "DD-Mon-YY": "%d-%b-%y", "DD Mon YYYY": "%d %b %Y",
    "Mon DD, YYYY": "%b %d, %Y", "DD Month YYYY": "%d %B %Y", "Month DD, YYYY": "%B %d, %Y", "DDMonYYYY": "%d%b%Y",
}  # fmt: skip
_PATTERNS_OF_MONTHS = {
    "YYYY-MM": "%Y-%m", "YYYY/MM": "%Y/%m", "MM/YYYY": "%m/%Y", "MM-YYYY": "%m-%Y", "YYYYMM": "%Y%m",
    "Mon-YYYY": "%b-%Y", "Mon-YY": "%b-%y", "Mon YYYY": "%b %Y", "Month YYYY": "%B %Y", "YY-Mon": "%y-%b",
}  # fmt: skip
_SHAPES = {"YYYYMMDD": r"\d{8}", "YYYYMM": r"\d{6}"}


def _shaped(shape: str, pattern: str, text: str) -> date:
    if not re.fullmatch(shape, _TIME.sub("", text.strip()), re.ASCII):
        raise ValueError("so many digits")
    return _strptime(pattern, text)


DATES: dict[str, Dates] = {
    **{n: Dates(n, partial(_shaped, _SHAPES[n], p) if n in _SHAPES else partial(_strptime, p))
       for n, p in _PATTERNS_OF_DATES.items()},
    **{n: Dates(n, partial(_shaped, _SHAPES[n], p) if n in _SHAPES else partial(_strptime, p), monthly=True)
       for n, p in _PATTERNS_OF_MONTHS.items()},
    "epoch seconds": Dates("epoch seconds", partial(_epoch, 1.0, r"\d{9,10}")),
    "epoch milliseconds": Dates("epoch milliseconds", partial(_epoch, 1000.0, r"\d{12,13}")),
}  # fmt: skip
"""Every form of a day that is read, by its name."""


def is_missing(text: str, marks: frozenset[str] | Sequence[str]) -> bool:
    """Whether a text stands for nothing."""
    return text.strip().casefold() in marks


def numbers(
    texts: NDArray[Any], name: str, style: Numbers, marks: frozenset[str], rows: Rows = None
) -> NDArray[np.float64]:
    """A column of texts as numbers, NaN where missing. Raises `ValueError` with row and column."""
    expected = f"a number written like {number_example(style)}"
    return np.array(_each(texts, name, style.parse, math.nan, marks, expected, rows), dtype=np.float64)


def days(texts: NDArray[Any], name: str, form: Dates, marks: frozenset[str], rows: Rows = None) -> NDArray[np.float64]:
    """A column of texts as days since 1970-01-01, NaN where missing. Raises `ValueError` with row and column."""

    def parse(text: str) -> float:
        return float((form.parse(text) - EPOCH).days)

    return np.array(_each(texts, name, parse, math.nan, marks, f"a date as {form.name}", rows), dtype=np.float64)


def months_of(since_1970: NDArray[np.float64]) -> NDArray[np.float64]:
    """Days since 1970-01-01 as months since year 0, NaN where missing."""
    known = np.isfinite(since_1970)
    whole = np.where(known, since_1970, 0).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return np.where(known, whole + 1970 * 12.0, np.nan)


def number_example(style: Numbers) -> str:
    """1234.5 as it is written in this style."""
    return f"1{style.grouping}234{style.decimal}5"


def _each(
    texts: NDArray[Any],
    name: str,
    parse: Callable[[str], Any],
    nothing: Any,
    marks: frozenset[str],
    expected: str,
    rows: Rows,
) -> list[Any]:
    """Each text parsed, a text that comes again only once."""
    listed = texts.tolist()
    known: dict[str, Any] = {}
    for text in dict.fromkeys(listed):
        try:
            known[text] = nothing if is_missing(text, marks) else parse(text)
        except (ValueError, OverflowError):
            raise ValueError(f"{place(listed.index(text), name, rows)} is {shown(text)}, not {expected}") from None
    return [known[text] for text in listed]


def place(index: int, name: str, rows: Rows) -> str:
    """Where a value stands, as a person finds it in a spreadsheet; `rows` where it is not the table's own order."""
    return f"row {(index if rows is None else int(rows[index])) + FIRST_ROW} of column {name!r}"


def shown(text: str) -> str:
    """A value in an error message, cut where it is long."""
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}…"
