"""The column that says how a loan ended: two values, and which of them is a default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from meridian.errors import InvalidTrainingData
from meridian.products.own.document import Target
from meridian.products.own.values import is_missing, shown

PAIRS = (
    ({"1", "1.0"}, {"0", "0.0"}),
    ({"yes", "y", "true", "t"}, {"no", "n", "false", "f"}),
    ({"bad"}, {"good"}),
    ({"default", "defaulted", "charged off", "charged-off", "chargedoff", "chargeoff", "written off", "unpaid",
      "not paid", "late", "delinquent"},
     {"paid", "fully paid", "repaid", "paid off", "no default", "current", "performing", "non-default", "not default"}),
    ({"ja", "si", "sí", "oui", "sim"}, {"nein", "non", "nao", "não"}),
)  # fmt: skip
"""Texts for a default beside those for none, in lower case."""
MOST_SHOWN = 8


def find_target(name: str, texts: Sequence[str], marks: frozenset[str], bad: str | None) -> Target:
    """Which of the column's two values is a default.

    Raises `InvalidTrainingData` where there are not two, or nobody can tell them apart without being told.
    """
    counts = Counter(text for text in texts if not is_missing(text, marks))
    listed = ", ".join(f"{shown(text)} ({n:,})" for text, n in counts.most_common(MOST_SHOWN))
    if not counts:
        raise InvalidTrainingData(f"The target {name!r} has no value; without outcomes nothing can be learnt.")
    values = _same_values(counts)
    if len(values) != 2:
        more = f" and {len(counts) - MOST_SHOWN} more" if len(counts) > MOST_SHOWN else ""
        raise InvalidTrainingData(
            f"The target {name!r} must have two values, one for a default; it has {len(values)}: {listed}{more}. "
            "Leave it empty for loans whose end is not known: they are left out."
        )
    first, second = values
    if bad is not None:
        if (bad.casefold() in first) == (bad.casefold() in second):
            raise InvalidTrainingData(f"--bad: {bad!r} is no value of {name!r}, which has {listed}.")
        return _target(name, counts, first if bad.casefold() in first else second)
    for words_bad, words_good in PAIRS:
        for one, other in ((first, second), (second, first)):
            if one <= words_bad and other <= words_good:
                return _target(name, counts, one)
    raise InvalidTrainingData(f"Which value of {name!r} is a default? It has {listed}; say it with --bad VALUE.")


def _same_values(counts: Counter[str]) -> list[frozenset[str]]:
    """The values, with ways of writing the same one together: 1 and 1.0, Yes and yes."""
    folded = sorted({text.casefold() for text in counts})
    together: dict[str, set[str]] = {}
    for text in folded:
        try:
            key = repr(float(text))
        except ValueError:
            key = text
        together.setdefault(key, set()).add(text)
    return [frozenset(texts) for texts in together.values()]


def _target(name: str, counts: Counter[str], bad: frozenset[str]) -> Target:
    texts = sorted({text.casefold(): text for text in counts}.values())
    return Target(
        column=name,
        bad=[text for text in texts if text.casefold() in bad],
        good=[text for text in texts if text.casefold() not in bad],
    )
