"""Past loans of a file as the applicants of a backtest: what became of each is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.backtest import OFFERS, Past
from meridian.decision import Many, Terms
from meridian.errors import InvalidTrainingData
from meridian.evidence import FORM, Rung
from meridian.policy import Rule
from meridian.products import Product
from meridian.scoring import Scorer
from meridian.training.folder import EVENTS, read_folder
from meridian.training.frame import Frame, frame_of
from meridian.training.table import read_table

AT_ONCE = 50_000


@dataclass(frozen=True)
class PastLoans:
    """Loans of a file. `without` are rules, by name, of which the file does not say what they read."""

    frame: Frame
    form: dict[str, NDArray[Any]]
    fields: tuple[str, ...]
    by: tuple[str, ...]
    without: tuple[str, ...]
    scorer: Scorer
    day: date
    source: dict[str, Any]

    def __len__(self) -> int:
        return len(self.frame.target)

    def chunks(self) -> Any:
        """(applicants, columns by which they are told apart, who is in which group), some at a time."""
        inputs = self.frame.inputs(self.scorer.features)
        for start in range(0, len(self), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            some = inputs[rows]
            many = Many(
                columns={name: self._column(name)[rows] for name in self.fields},
                pds=self.scorer.pds(some),
                rungs=np.full(len(some), Rung.FULL, np.int8),
                unread=np.asarray(np.isnan(some).any(axis=1)),
                days=np.full(len(some), np.datetime64(self.day)),
                amounts=self._amounts(rows, len(some)),
            )
            past = Past(many, np.full(len(some), -1, np.int8), (), self.frame.target[rows])
            groups = {
                name: members[rows]
                for of in self.frame.groups
                for name, members in ((of.group, of.in_group), (of.control, of.in_control))
            }
            yield past, {name: self._column(name)[rows] for name in self.by}, groups

    def _column(self, name: str) -> NDArray[Any]:
        return self.frame.exact[name] if name in self.frame.exact else self.form[name]

    def _amounts(self, rows: slice, count: int) -> NDArray[np.float64]:
        if "amount" not in self.form:
            return np.full(count, np.nan)
        return np.asarray(self.form["amount"][rows], dtype=np.float64)


def read_past_loans(
    product: Product,
    path: Path,
    terms: Sequence[Terms],
    by: Sequence[str],
    scorer: Scorer,
    day: date,
    progress: Callable[[str, float], None],
) -> PastLoans:
    """Read past loans for the rules of some policies and the model that decides; `by` names fields to tell them apart.

    Rules with dates are judged as on `day`. Raises what training does, and `InvalidTrainingData` for a field of `by`
    that the file does not have.
    """
    progress(f"reading {path.name}", 0.0)
    file = read_folder(product, path) if path.is_dir() else read_table(product, path)
    try:
        given = file.table.fields(file.columns)
    except ValueError as error:
        raise InvalidTrainingData(f"{file.name} has a value that cannot be read: {error}.") from None
    form = {name: np.asarray(column) for name, column in given.get(FORM, {}).items()}
    looked_up = product.sources if file.table.applicant and file.table.cut_off else ()
    sources = set(given) | {source.name for source in looked_up}
    computed = {feature.name for feature in product.features if feature.source in sources}
    rules = [rule for one in terms for rule in one.policy.rules]
    without = tuple(dict.fromkeys(rule.name for rule in rules if not _told(rule, computed, form)))
    wanted = {field for one in terms for field in one.policy.fields} | set(by)
    absent = sorted(set(by) - computed - set(form))
    if absent:
        raise InvalidTrainingData(
            f"{path.name} says nothing of {', '.join(absent)}, by which loans are to be told apart."
        )
    progress("computing features", 0.5)
    frame = frame_of(
        product, file, (), path / EVENTS if path.is_dir() else None,
        lambda share: progress("computing features", 0.5 + share / 2), also=tuple(sorted(wanted & computed)),
    )  # fmt: skip
    if any(one.offers for one in terms):
        without = (*without, OFFERS)
    return PastLoans(
        frame, form, tuple(sorted(wanted & (computed | set(form)))), tuple(by), without, scorer, day,
        {"kind": "file", "file": file.name, "sha256": file.sha256, "model_sha256": scorer.sha256},
    )  # fmt: skip


def _told(rule: Rule, computed: set[str], form: dict[str, NDArray[Any]]) -> bool:
    return all(field in computed or field in form for field in rule.fields)
