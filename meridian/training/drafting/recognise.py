"""What a column of texts is: numbers and how they are written, days in which form, categories, or nothing of use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import islice

from meridian.errors import InvalidTrainingData
from meridian.products.own.values import DATES, STYLES, Dates, Numbers, Rows, is_missing, number_example, place, shown

MOST_CATEGORIES = 20
NEARLY_ALL = 0.95
"""A column of which so much can be read as one kind is of that kind: the rest are slips, and said so."""
LEAST_TO_TELL = 50
"""Of fewer loans nothing follows from each having a value of its own."""
LONG_TEXT = 40
OWN_VALUE = 0.9

_DATE_NAME = re.compile(
    r"date|time|day|month|opened|since|_at$|_ts$|_d$|dt$|^dt|datum|fecha|epoch|period", re.IGNORECASE
)
_ID_NAME = re.compile(
    r"(^|[^a-z])(id|ids|key|ref|reference|no|nr|num|number|uuid|guid|index|row|account|column)([^a-z]|$)|(?<=[a-z])Id$|ID$",
    re.IGNORECASE,
)
_ONLY_NAMED = ("YYYYMM", "epoch seconds", "epoch milliseconds")
"""Forms that any number might have: believed where the column's name speaks of time."""
_CUSTOM = {frozenset({"DD.MM.YYYY", "MM.DD.YYYY"}): "DD.MM.YYYY"}
"""Nobody who separates by dots writes the month first."""
_YEARS = (1900, 2100)


@dataclass(frozen=True)
class Recognised:
    """What a column is. `kind` is number, category or date, or else why it is of no use."""

    kind: str
    style: Numbers = field(default=Numbers())
    form: str = ""
    unit: str = ""
    values: tuple[str, ...] = ()
    others: bool = False
    notes: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether there is anything to learn from."""
        return self.kind in ("number", "category", "date")


def recognise(
    name: str,
    texts: Sequence[str],
    marks: frozenset[str],
    decimal: str = ".",
    wished_dates: Sequence[str] = (),
    rows: Rows = None,
    *,
    is_time: bool = False,
) -> Recognised:
    """What the column is. `decimal` is the mark that the file uses elsewhere, `is_time` says that it has days.

    Raises `InvalidTrainingData`, with row and column, for a value that does not fit what nearly all others are, and
    for days of which nobody can say whether the month stands first.
    """
    counts = Counter(text for text in texts if not is_missing(text, marks))
    if not counts:
        return Recognised("empty")
    if len(counts) == 1:
        return Recognised("constant", notes=(f"the only value is {shown(next(iter(counts)))}",))
    found = _as_date(name, texts, counts, wished_dates, rows, is_time) or _as_number(name, texts, counts, decimal, rows)
    return found or _as_category(name, counts, len(texts))


def decimal_mark(columns: Mapping[str, Sequence[str]], marks: frozenset[str]) -> str:
    """The decimal mark of a file: the comma where a column can be read in no other way."""
    for texts in columns.values():
        known = [text for text in dict.fromkeys(islice(texts, 2000)) if not is_missing(text, marks)]
        fitting = [style for style in STYLES if known and all(_reads(style, text) for text in known)]
        if fitting and all(style.decimal == "," for style in fitting):
            return ","
    return "."


def _as_date(
    name: str, texts: Sequence[str], counts: Counter[str], wished: Sequence[str], rows: Rows, is_time: bool
) -> Recognised | None:
    named = is_time or bool(_DATE_NAME.search(name))
    forms = [form for form in DATES.values() if named or form.name not in _ONLY_NAMED]
    few = list(islice(counts, 50))
    likely = [form for form in forms if sum(_dates(form, text) for text in few) >= NEARLY_ALL * len(few)]
    fitting = [form for form in likely if all(_dates(form, text) for text in counts)]
    if not fitting:
        _complain_of_few(
            name, texts, counts, {f"a date as {form.name}": partial(_dates, form) for form in likely}, rows
        )
        return None
    names = frozenset(form.name for form in fitting)
    wishes = [one for one in wished if one in names]
    if len(fitting) > 1 and not wishes and names not in _CUSTOM and _differ(fitting, counts):
        raise InvalidTrainingData(
            f"Column {name!r} can be read as {' or as '.join(sorted(names))}, e.g. {shown(few[0])}; "
            f"say which with --dates {sorted(names)[0]}."
        )
    form = wishes[0] if wishes else _CUSTOM.get(names, fitting[0].name)
    return Recognised("date", form=form)


def _differ(forms: Sequence[Dates], counts: Counter[str]) -> bool:
    return any(len({form.parse(text) for form in forms}) > 1 for text in counts)


def _dates(form: Dates, text: str) -> bool:
    try:
        found: date = form.parse(text)
    except (ValueError, OverflowError):
        return False
    return _YEARS[0] <= found.year <= _YEARS[1]


def _as_number(name: str, texts: Sequence[str], counts: Counter[str], decimal: str, rows: Rows) -> Recognised | None:
    if _zero_filled(counts):
        return None
    fitting = [style for style in STYLES if all(_reads(style, text) for text in counts)]
    if not fitting:
        plain = {f"a number like {number_example(style)}": partial(_reads, style) for style in STYLES}
        _complain_of_few(name, texts, counts, plain, rows)
        return None
    marked = [text for text in counts if "," in text or "." in text]
    style = next((one for one in fitting if not marked or one.decimal == decimal), fitting[0])
    if _is_identifier(name, counts, style, len(texts)):
        return Recognised("identifier", notes=("a number of its own for nearly every loan",))
    percent = sum(text.endswith("%") for text in counts)
    notes = (
        [f"numbers are read as written {number_example(style)}"]
        if len({one.parse(t) for one in fitting for t in marked[:1]}) > 1
        else []
    )
    if 0 < percent < len(counts):
        notes.append(f"a percent sign stands at {percent} of {len(counts)} values; all are read alike")
    return Recognised("number", style=style, unit="%" if percent else "", notes=tuple(notes))


def _reads(style: Numbers, text: str) -> bool:
    try:
        style.parse(text)
    except ValueError:
        return False
    return True


def _zero_filled(counts: Counter[str]) -> bool:
    """Codes such as 00501: of one length, and some begin with a zero that no number would."""
    lengths = {len(text) for text in counts}
    return len(lengths) == 1 and lengths.pop() > 1 and any(text[0] == "0" and text[1].isdigit() for text in counts)


def _is_identifier(name: str, counts: Counter[str], style: Numbers, loans: int) -> bool:
    """Whole numbers, each loan its own, that are counted up or are called so."""
    if loans < LEAST_TO_TELL or len(counts) < OWN_VALUE * loans:
        return False
    values = [style.parse(text) for text in counts]
    if any(value != int(value) for value in values):
        return False
    dense = max(values) - min(values) < 3 * len(values)
    return len(counts) == loans and (dense or bool(_ID_NAME.search(name)))


def _as_category(name: str, counts: Counter[str], loans: int) -> Recognised:
    length = sum(len(text) * n for text, n in counts.items()) / counts.total()
    own = len(counts) / counts.total()
    if loans >= LEAST_TO_TELL and (own > OWN_VALUE or (own > 0.5 and _ID_NAME.search(name))):
        return Recognised(
            "identifier" if length <= LONG_TEXT else "free text", notes=("nearly every loan has its own text",)
        )
    if length > LONG_TEXT and len(counts) > MOST_CATEGORIES:
        return Recognised("free text", notes=(f"{len(counts):,} texts of {length:.0f} characters",))
    values = tuple(text for text, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    if len(values) <= MOST_CATEGORIES:
        return Recognised("category", values=values)
    kept = values[:MOST_CATEGORIES]
    share = sum(counts[text] for text in kept) / counts.total()
    note = f"{len(values):,} values: {MOST_CATEGORIES} are kept ({share:.0%} of the loans), all others are one"
    return Recognised("category", values=kept, others=True, notes=(note,))


def _complain_of_few(
    name: str, texts: Sequence[str], counts: Counter[str], kinds: Mapping[str, Callable[[str], bool]], rows: Rows
) -> None:
    """Raise where nearly all values are of a kind, and a few are not: to read those as nothing would hide a slip."""
    for words, reads in kinds.items():
        wrong = [text for text in counts if not reads(text)]
        if sum(counts[text] for text in wrong) > (1 - NEARLY_ALL) * counts.total():
            continue
        first = min(wrong, key=texts.index)
        slips = sum(counts[text] for text in wrong)
        raise InvalidTrainingData(
            f"{place(texts.index(first), name, rows)} is {shown(first)}, where {counts.total() - slips:,} of "
            f"{counts.total():,} values are {words}. Correct it, or say that it stands for nothing with "
            f"--missing {shown(first)}."
        )
