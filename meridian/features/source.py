"""A source of the feature store: its streams, the fields they come to, and how old they may be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from meridian.features.aggregate import Aggregate
from meridian.features.plausible import Plausible
from meridian.features.stream import Stream


class Silence(StrEnum):
    """What it means that a source has no event of an applicant."""

    NOTHING_HAPPENED = "nothing happened"
    """All that could happen is reported here: no event is knowledge (the lender's own books)."""
    NOTHING_TO_HAVE = "nothing to have"
    """The source has no file on this applicant (no bank linked): its features take their defaults."""
    NOT_KNOWN = "not known"
    """Nothing may be concluded (the bureau has no file): its features are not known."""


@dataclass(frozen=True)
class Source:
    """Where fields come from that are looked up by the applicant.

    `aggregates` are computed from the events of `streams`. Where the lender's own systems compute the fields,
    there are no streams, and `loaded` names them. Data is fresh for `fresh_for`, then stale, and after
    `too_old_after` not used at all; its age counts from the newest event, or, where silence says that nothing
    happened, from the moment up to which events were taken in.
    """

    name: str
    meaning: str
    fresh_for: timedelta
    too_old_after: timedelta
    silence: Silence
    streams: Sequence[Stream] = ()
    aggregates: Sequence[Aggregate] = ()
    loaded: Sequence[str] = ()
    recompute_after: timedelta = timedelta(days=7)
    """How old a vector gets before it is computed again without any new event, because windows move on."""
    plausible: Sequence[Plausible] = ()
    """What holds of nearly every true reply and of hardly any in another unit. No part of the definition."""

    def __post_init__(self) -> None:
        by_name = {stream.name: stream for stream in self.streams}
        for aggregate in self.aggregates:
            if aggregate.stream not in by_name:
                raise ValueError(f"{self.name}: {aggregate.name} reads the stream {aggregate.stream}, of which none is")
            aggregate.check(by_name[aggregate.stream])
        for rule in self.plausible:
            if rule.stream not in by_name or by_name[rule.stream].stored_as:
                raise ValueError(f"{self.name}: what is plausible of {rule.stream} is said of no stream that is stored")
            for name in (rule.column, *(column for column, _ in rule.where)):
                by_name[rule.stream].column(name)
        if len(set(self.fields)) < len(self.fields):
            raise ValueError(f"{self.name} has two fields of one name")

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The names of its fields, in the order in which a vector stores them."""
        return (*(aggregate.name for aggregate in self.aggregates), *self.loaded)

    @cached_property
    def of_nothing(self) -> tuple[float, ...]:
        """The fields of an applicant of whom there is no event."""
        return (*(aggregate.op.of_nothing for aggregate in self.aggregates), *(0.0 for _ in self.loaded))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the definition of its fields: vectors made by other definitions are never read."""
        definition = {
            "name": self.name,
            "streams": [stream.describe() for stream in self.streams],
            "aggregates": [aggregate.describe() for aggregate in self.aggregates],
            "loaded": list(self.loaded),
        }
        return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()

    def stream(self, name: str) -> Stream:
        """The stream of that name."""
        return next(stream for stream in self.streams if stream.name == name)
