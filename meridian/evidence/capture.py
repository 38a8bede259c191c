"""The capture: made once, before anything is decided; whoever decides, explains or replays reads nothing else."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any

from meridian.evidence.canonical import canonical_json
from meridian.evidence.pre_computed import PreComputed
from meridian.features import FeatureSet, Fields

NOTHING_KEPT: Mapping[str, Collection[str]] = {}
FORM = "application"
"""The source of what the applicant states."""


class SourceStatus(StrEnum):
    """What a source's answer is worth."""

    FRESH = "fresh"
    STALE = "stale"
    NOTHING = "nothing"
    """It answered, and has nothing on this applicant: its features take their defaults."""
    MISSING = "missing"
    FAILED = "failed"

    @classmethod
    def of_age(cls, age: timedelta, *, fresh_for: timedelta, too_old_after: timedelta) -> SourceStatus:
        """Fresh, stale, or so old that it counts as missing."""
        if age > too_old_after:
            return cls.MISSING
        return cls.STALE if age > fresh_for else cls.FRESH

    @property
    def usable(self) -> bool:
        """Whether it answered, and what it said may be read."""
        return self in (SourceStatus.FRESH, SourceStatus.STALE, SourceStatus.NOTHING)


class Rung(IntEnum):
    """The degradation ladder: how much was known when it was decided."""

    FULL = 0
    STALE = 1
    PRE_COMPUTED = 2
    APPLICATION_ONLY = 3
    POLICY_ONLY = 4


@dataclass(frozen=True)
class SourceReading:
    """What one source said: its fields, as of when, known since when, how old, and whether that will do.

    `detail` says in a few words why a source is missing or failed, `provider` who was asked, where that was just now.
    """

    name: str
    status: SourceStatus
    fields: Fields = field(default_factory=dict)
    as_of: datetime | None = None
    known_at: datetime | None = None
    age_s: float | None = None
    detail: str = ""
    provider: str = ""
    no_file: bool = False
    """It answered that it has no file: nothing may be concluded, but nothing is left to be asked either."""

    def summary(self) -> dict[str, Any]:
        """The reading without its fields, as JSON values."""
        return {
            "name": self.name,
            "status": self.status.value,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "known_at": self.known_at.isoformat() if self.known_at else None,
            "age_s": round(self.age_s, 3) if self.age_s is not None else None,
            "detail": self.detail,
            **({"provider": self.provider} if self.provider else {}),
            **({"no_file": True} if self.no_file else {}),
        }


@dataclass(frozen=True)
class Evidence:
    """A frozen capture. `document` is JSON values alone: what is stored is what was decided from."""

    document: Mapping[str, Any]

    @classmethod
    def from_text(cls, text: str) -> Evidence:
        """The capture that was stored as this text."""
        return cls(json.loads(text))

    @cached_property
    def text(self) -> str:
        """The canonical document: what is stored."""
        return canonical_json(self.document).decode()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical document."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def features(self) -> dict[str, float]:
        """Every feature's value by name; NaN where it is not known."""
        return {
            name: math.nan if value is None else value
            for values in self.document["features"].values()
            for name, value in values.items()
        }

    def unknown_sources(self, names: Iterable[str]) -> list[str]:
        """The sources, in the capture's order, of those of the named features that are not known."""
        wanted = set(names)
        return [source for source, unknown in self._unknown.items() if not unknown.isdisjoint(wanted)]

    @cached_property
    def _unknown(self) -> dict[str, set[str]]:
        """By source, the features that are not known; without the sources of which all are."""
        return {
            source: {name for name, value in values.items() if value is None}
            for source, values in self.document["features"].items()
            if None in values.values()
        }

    def absent_sources(self, names: Iterable[str]) -> list[str]:
        """Those of the unknown features' sources that gave nothing at all."""
        usable = {source["name"] for source in self.sources if SourceStatus(source["status"]).usable}
        return [source for source in self.unknown_sources(names) if source not in usable]

    @cached_property
    def failed_sources(self) -> frozenset[str]:
        """The sources that could not be asked, or did not answer in time or in sense."""
        return frozenset(source["name"] for source in self.sources if source["status"] == SourceStatus.FAILED)

    @cached_property
    def without_file(self) -> frozenset[str]:
        """The sources that answered to have no file on the applicant."""
        return frozenset(source["name"] for source in self.sources if source.get("no_file"))

    def source_of(self, feature: str) -> str | None:
        """The source that a feature comes from; None for what is no feature of this capture."""
        features = self.document["features"]
        return next((source for source, values in features.items() if feature in values), None)

    @property
    def defaults(self) -> Mapping[str, Sequence[str]]:
        """By source, the features that took their default because an answering source had no value."""
        defaults: Mapping[str, Sequence[str]] = self.document.get("defaults", {})
        return defaults

    @cached_property
    def pre_computed(self) -> PreComputed | None:
        """The earlier score that stands in for the models; None on every other rung."""
        document = self.document.get("pre_computed")
        return PreComputed.from_document(document) if document else None

    @property
    def rung(self) -> Rung:
        """The rung of the ladder on which this was captured."""
        return Rung(self.document["rung"])

    @property
    def application(self) -> Mapping[str, Any]:
        """The application as it was received."""
        application: Mapping[str, Any] = self.document["request"]["application"]
        return application

    @property
    def sources(self) -> Sequence[Mapping[str, Any]]:
        """Each source's status, as-of, known-at and age."""
        sources: Sequence[Mapping[str, Any]] = self.document["sources"]
        return sources


def unanswered_of(readings: Sequence[SourceReading]) -> frozenset[str]:
    """Those of the absent sources that did not say that they have no file."""
    return frozenset(reading.name for reading in readings if not reading.status.usable and not reading.no_file)


def absent_of(readings: Sequence[SourceReading]) -> frozenset[str]:
    """The names of the sources that gave nothing that may be read."""
    return frozenset(reading.name for reading in readings if not reading.status.usable)


def capture(
    *,
    request: Mapping[str, Any],
    received_at: datetime,
    readings: Sequence[SourceReading],
    features: FeatureSet,
    model_sources: frozenset[str] | None,
    versions: Mapping[str, str | None],
    reduced: bool = False,
    pre_computed: PreComputed | None = None,
    keep: Mapping[str, Collection[str]] = NOTHING_KEPT,
    exposures: Mapping[str, str] | None = None,
) -> Evidence:
    """Freeze what is known.

    `model_sources` names the sources without which the model cannot score, None that there is no model to use;
    `reduced` says that it stands in for the one that reads all sources, and `pre_computed` is the earlier score that
    stands in for every model; `versions` has the hashes of model, policy and code in force. The fields of the
    application go with those of every source, for ratios. A feature that an answering source has no value for takes its
    default, and the document says so; one without a default, or whose source did not answer, is null: never zero, never
    anything that could be taken for news. `keep` names fields, by source, that are frozen beside the features;
    `exposures` is what is lent already in the bands that have a budget, in dollars.
    """
    form = next((reading.fields for reading in readings if reading.name == FORM), {})
    values, defaults = {}, {}
    for reading in readings:
        values[reading.name], defaulted = features_of(reading, features, form)
        if defaulted:
            defaults[reading.name] = defaulted
    return Evidence(
        {
            "request": dict(request),
            "received_at": received_at.isoformat(),
            "sources": [reading.summary() for reading in readings],
            "features": values,
            **({"defaults": defaults} if defaults else {}),
            **({"fields": fields} if (fields := _kept(readings, keep)) else {}),
            "feature_fingerprint": features.fingerprint,
            **({"exposures": dict(exposures)} if exposures else {}),
            **({"pre_computed": pre_computed.document()} if pre_computed else {}),
            "rung": int(Rung.PRE_COMPUTED if pre_computed else _rung(readings, model_sources, reduced=reduced)),
            "versions": dict(versions),
        }
    )


def _kept(readings: Sequence[SourceReading], keep: Mapping[str, Collection[str]]) -> dict[str, dict[str, float | None]]:
    kept = {
        reading.name: {
            name: float(reading.fields[name]) for name in sorted(keep[reading.name]) if name in reading.fields
        }
        for reading in readings
        if reading.name in keep and reading.status.usable
    }
    return {
        source: {name: value if math.isfinite(value) else None for name, value in fields.items()}
        for source, fields in kept.items()
        if fields
    }


def features_of(
    reading: SourceReading, features: FeatureSet, form: Fields
) -> tuple[dict[str, float | None], list[str]]:
    """The source's features, null where not known, and the names of those that took their default."""
    names = [feature.name for feature in features.of_source(reading.name)]
    if not reading.status.usable:
        return dict.fromkeys(names), []
    if reading.status is SourceStatus.NOTHING:
        found: Mapping[str, Any] = dict.fromkeys(names, math.nan)
    else:
        found = features.compute(reading.name, {**form, **reading.fields}, reading.age_s or 0.0)
    filled = {name: float(value) for name, value in features.filled(found).items()}
    known = {name: value if math.isfinite(value) else None for name, value in filled.items()}
    return known, [name for name, value in known.items() if value is not None and math.isnan(found[name])]


def _rung(readings: Sequence[SourceReading], model_sources: frozenset[str] | None, *, reduced: bool) -> Rung:
    absent = absent_of(readings)
    if model_sources is None or absent & model_sources:
        return Rung.POLICY_ONLY
    if absent or reduced:
        return Rung.APPLICATION_ONLY
    if any(reading.status is SourceStatus.STALE for reading in readings):
        return Rung.STALE
    return Rung.FULL
