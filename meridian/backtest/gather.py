"""From the evidence of decisions to columns: what two policies read, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from meridian.decision import Many, Terms
from meridian.evidence import Evidence
from meridian.outcome import Outcome
from meridian.policy import Policy
from meridian.policy.cells import WordCell
from meridian.policy.derived import DERIVED

Reads = Callable[[str], Collection[str] | None]
"""(a model's hash) -> the features that it reads; None where it is not kept here."""
NOT_KEPT = "the model that scored is not kept here, so that nobody knows what it reads"
SEVERITY = {outcome.value: outcome.severity for outcome in Outcome}


@dataclass(frozen=True)
class Stored:
    """A decision of the record, as it is stored: `evidence` is the text of its capture."""

    id: str
    application_ref: str
    applicant_id: str
    outcome: str
    pd: float | None
    model_sha256: str | None
    policy_version: str
    evidence: str


@dataclass(frozen=True)
class Past:
    """Many past applicants, and what is known of each beside what is decided from.

    `recorded` is the outcome that was decided (a severity; -1 where nothing was) and `stored` that decision;
    `defaulted` is 1.0 for a default, 0.0 for a loan that was repaid, and NaN where nobody knows.
    """

    many: Many
    recorded: NDArray[np.int8]
    stored: Sequence[Stored]
    defaulted: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.many)


@dataclass(frozen=True)
class _Row:
    stored: Stored
    values: list[Any]
    by: list[Any]
    rung: int
    unread: bool
    day: date
    amount: float | None
    evidence: Evidence | None
    earlier: bool


@dataclass(frozen=True)
class Fields:
    """What is read of each evidence: `names` of rules and segments, of which `words` are texts, and `by`, by which
    applicants are told apart. `policy` knows which of them are no features.
    """

    names: tuple[str, ...]
    words: frozenset[str]
    policy: Policy
    by: tuple[str, ...] = ()
    offers: bool = False
    """Whether the whole evidence is kept, because offers are made from it."""

    @classmethod
    def of(cls, terms: Sequence[Terms], by: Iterable[str] = ()) -> Fields:
        """What some terms read, and besides the fields `by`."""
        policies = [one.policy for one in terms]
        cells = [cell for policy in policies for cell in policy.cells]
        by = tuple(dict.fromkeys(by))
        told_apart = (name for name in by if name in DERIVED)
        reader = replace(
            policies[0],
            derived=tuple(dict.fromkeys([*(name for policy in policies for name in policy.derived), *told_apart])),
            stated=tuple(dict.fromkeys(name for policy in policies for name in policy.stated)),
        )
        return cls(
            tuple(sorted(frozenset().union(*(policy.fields for policy in policies)))),
            frozenset(name for name, cell in cells if isinstance(cell, WordCell)),
            reader,
            by,
            any(one.offers for one in terms),
        )


@dataclass
class Gathering:
    """Takes decisions one by one, and gives them as columns. What cannot be judged again is counted by why.

    `by_earlier` says that an earlier score of the evidence decided, where there is one: in an assessment it did not.
    """

    fields: Fields
    reads: Reads
    by_earlier: bool = True
    skipped: Counter[str] = field(default_factory=Counter)
    _taken: list[_Row] = field(default_factory=list)
    _read: dict[str, Collection[str] | None] = field(default_factory=dict)

    def add(self, one: Stored) -> None:
        """Take one decision more."""
        # Twice as quick as the standard library's, and of this there may be millions.
        document = from_json(one.evidence)
        values: dict[str, Any] = {}
        for of_source in document["features"].values():
            values.update(of_source)
        earlier = self.by_earlier and "pre_computed" in document
        unread = False
        if one.pd is not None and None in values.values() and not earlier:
            read = self._features_of(one.model_sha256)
            if read is None:
                self.skipped[NOT_KEPT] += 1
                return
            unread = any(values.get(name) is None for name in read)
        values.update(self.fields.policy.derive(document))
        request = document["request"]["application"]
        self._taken.append(
            _Row(
                one,
                [values.get(name) for name in self.fields.names],
                [values.get(name, request.get(name)) for name in self.fields.by],
                document["rung"],
                unread,
                datetime.fromisoformat(document["received_at"]).astimezone(UTC).date(),
                request.get("amount"),
                Evidence(document) if earlier or self.fields.offers else None,
                earlier,
            )
        )

    def take(self) -> tuple[Past, dict[str, NDArray[Any]]]:
        """What was added since the last time, in its order, and the columns by which applicants are told apart."""
        rows, self._taken = self._taken, []
        columns = zip(*(row.values for row in rows), strict=True) if rows else [()] * len(self.fields.names)
        many = Many(
            columns={
                name: np.array(column, dtype=object) if name in self.fields.words else column_of(column)
                for name, column in zip(self.fields.names, columns, strict=True)
            },
            pds=column_of([row.stored.pd for row in rows]),
            rungs=np.array([row.rung for row in rows], dtype=np.int8),
            unread=np.array([row.unread for row in rows], dtype=bool),
            days=np.array([row.day for row in rows], dtype="datetime64[D]"),
            amounts=column_of([row.amount for row in rows]),
            apart={at: row.evidence for at, row in enumerate(rows) if row.evidence and row.earlier},
            evidence=[row.evidence for row in rows if row.evidence] if self.fields.offers else (),
        )
        severities = [SEVERITY[row.stored.outcome] for row in rows]
        past = Past(many, np.array(severities, dtype=np.int8), [row.stored for row in rows], np.full(len(rows), np.nan))
        told = zip(*(row.by for row in rows), strict=True) if rows else [()] * len(self.fields.by)
        return past, {name: column_of(column) for name, column in zip(self.fields.by, told, strict=True)}

    def _features_of(self, model_sha256: str | None) -> Collection[str] | None:
        name = str(model_sha256)
        if name not in self._read:
            self._read[name] = self.reads(name)
        return self._read[name]


def column_of(values: Sequence[Any]) -> NDArray[Any]:
    """Numbers as doubles, NaN where there is none; texts, of which no rule speaks, as they are."""
    if any(isinstance(value, str) for value in values):
        return np.array(values, dtype=object)
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array(values, dtype=object)
