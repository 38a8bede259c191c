"""What somebody says about a table when a product is to be made from it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from meridian.errors import InvalidInput


@dataclass(frozen=True)
class Wishes:
    """The product's name, the file of past loans, and what its columns are.

    `bad` is the target's text for a default; `included` columns are used whatever speaks against them, `left_out`
    never; `missing` texts stand for nothing; `dates` are forms of days that decide where several would do.
    """

    name: str
    data: Path
    target: str
    time: str | None = None
    entity: str | None = None
    protected: tuple[str, ...] = ()
    bad: str | None = None
    included: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    def check(self, header: Sequence[str]) -> None:
        """Raises `InvalidInput` where a column that is named is not there, or is named for two ends."""
        ends: dict[str, Sequence[str | None]] = {
            "--target": [self.target],
            "--time": [self.time],
            "--entity": [self.entity],
            "--protected": self.protected,
            "--include": self.included,
            "--leave-out": self.left_out,
        }
        for option, names in ends.items():
            for name in names:
                if name is not None and name not in header:
                    raise InvalidInput(f"{option}: {self.data.name} has no column {name!r}.{_meant(name, header)}")
        if self.target in (self.time, self.entity, *self.protected, *self.included, *self.left_out):
            raise InvalidInput(f"The target {self.target!r} says how a loan ended; it can be nothing else besides.")
        both = set(self.protected) & {*self.included, self.time}
        if both:
            raise InvalidInput(f"{sorted(map(str, both))[0]!r} is protected, and never an input; name it once.")


def _meant(name: str, header: Iterable[str]) -> str:
    listed = list(header)
    folded = {column.casefold(): column for column in listed}
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    if near:
        return f" Do you mean {' or '.join(repr(folded[one]) for one in near)}?"
    return f" It has {', '.join(listed[:30])}{' and more' if len(listed) > 30 else ''}."
