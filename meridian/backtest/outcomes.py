"""What became of loans, from outside: nothing in the record says it."""

from __future__ import annotations

from pathlib import Path

from meridian.errors import InvalidInput
from meridian.experiments.rows import rows_of

REF, DEFAULTED = "application_ref", "defaulted"
SAYS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def read_outcomes(path: Path) -> dict[str, bool]:
    """By application reference, whether the loan defaulted; of a CSV file with these two columns.

    An empty cell is a loan of which nobody knows yet. Raises `InvalidInput` with the line for what cannot be read.
    """
    found: dict[str, bool] = {}
    for line, row in rows_of(path, (REF, DEFAULTED)):
        _take(found, path, line, row[REF].strip(), row[DEFAULTED].strip().lower())
    if not found:
        raise InvalidInput(f"{path} says of no loan what became of it.")
    return found


def _take(found: dict[str, bool], path: Path, line: int, ref: str, says: str) -> None:
    if not says:
        return
    if says not in SAYS:
        raise InvalidInput(f"{path}, line {line}: {DEFAULTED} is {says!r}; write 1 for a default, 0 for none.")
    if not ref:
        raise InvalidInput(f"{path}, line {line}: {REF} is empty; say whose loan it is.")
    if found.setdefault(ref, SAYS[says]) != SAYS[says]:
        raise InvalidInput(f"{path}, line {line}: {ref} has another outcome above; leave one.")
