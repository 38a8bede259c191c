"""Skew: what past decisions were made from, computed again from the event history at their moment, and held beside."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from meridian.application import parse_request
from meridian.db.engine import transaction
from meridian.db.recorded import count_earlier, draw_decisions, find_recorded
from meridian.errors import InvalidInput
from meridian.evidence import FORM, Evidence, SourceReading, SourceStatus, canonical_json
from meridian.features import Source
from meridian.features.engine import fields_at, naive
from meridian.features.events import EventHistory, connect
from meridian.outcome import Stage
from meridian.products import Product
from meridian.replay import Recorded
from meridian.sources.stored import columns_of, moments_of

AT_ONCE = 2_000
AS_OF = "as_of"
"""Under this name a difference is about the moment that a source's age counts from."""


@dataclass(frozen=True)
class SkewFound:
    """One value that differs: as the evidence has it, and as it comes out of the history (None: not known)."""

    decision_id: str
    source: str
    feature: str
    logged: float | str | None
    computed: float | str | None


@dataclass(frozen=True)
class Checked:
    """What came of some decisions: how many values were compared, of which sources none could be, what differs."""

    decisions: int
    values: int
    differences: tuple[SkewFound, ...]
    not_checked: tuple[str, ...]
    """A line for each source without a history to compute from."""


@dataclass(frozen=True)
class _Logged:
    """A decision's evidence, with what the capture's code makes of its request today."""

    decision_id: str
    evidence: Evidence
    readings: Mapping[str, SourceReading]

    @property
    def applicant(self) -> str:
        return str(self.evidence.application["applicant_id"])

    @property
    def received_at(self) -> datetime:
        return datetime.fromisoformat(self.evidence.document["received_at"])

    def summary(self, source: str) -> Mapping[str, Any]:
        """The source's entry in the evidence."""
        return next((one for one in self.evidence.sources if one["name"] == source), {})


@dataclass(frozen=True)
class SkewCheck:
    """The record's feature values against the event history. The number of differences to aim at is zero."""

    engine: Engine
    products: Mapping[str, Product]
    history: EventHistory

    def sample(self, count: int, since: datetime | None, seed: int) -> tuple[int, Iterator[Checked]]:
        """Check up to `count` fast decisions drawn at random (the same for the same seed): how many, some at a time."""
        with transaction(self.engine) as connection:
            drawn = draw_decisions(connection, count, since, seed, (Stage.FAST,))
        return len(drawn), self._each(drawn)

    def _each(self, drawn: list[UUID]) -> Iterator[Checked]:
        for start in range(0, len(drawn), AT_ONCE):
            with transaction(self.engine) as connection:
                found = find_recorded(connection, drawn[start : start + AT_ONCE])
            by_product: dict[str, list[Recorded]] = {}
            for one in found:
                by_product.setdefault(one.evidence.document["request"]["product"], []).append(one)
            for name, of_product in by_product.items():
                product = self.products.get(name)
                if product is None:
                    yield Checked(0, 0, (), (f"{name}: the product is not offered any more",))
                else:
                    yield self._check_readable(product, of_product)

    def _check_readable(self, product: Product, found: Sequence[Recorded]) -> Checked:
        logged, unread = [], 0
        for one in found:
            try:
                logged.append(self._read(product, one.decision_id, one.evidence))
            except InvalidInput:
                unread += 1
        lines = (
            (f"{product.name}: {unread} applications are of a form that it does not take any more",) if unread else ()
        )
        checked = self._check(product, logged) if logged else Checked(0, 0, (), ())
        return replace(checked, not_checked=checked.not_checked + lines)

    def _read(self, product: Product, decision_id: str, evidence: Evidence) -> _Logged:
        body = canonical_json(evidence.document["request"])
        request = parse_request(body, {product.name: product.request})
        received_at = datetime.fromisoformat(evidence.document["received_at"])
        readings = {one.name: one for one in product.read_application(request, received_at)}
        return _Logged(decision_id, evidence, readings)

    def _check(self, product: Product, logged: Sequence[_Logged]) -> Checked:
        values, differences, not_checked = 0, list(_of_requests(product, logged)), []
        for one in logged:
            values += sum(len(one.evidence.document["features"].get(name, ())) for name in one.readings)
        earlier = self._earlier(logged) if product.sources else {}
        with closing(connect()) as connection:
            for source in product.sources:
                looked_up = [one for one in logged if one.summary(source.name).get("known_at")]
                if source.loaded:
                    line = f"{product.name}: {source.name} is loaded, there are no events to compute it from"
                    not_checked.append(line)
                elif looked_up:
                    values += len(looked_up) * len(product.features.of_source(source.name))
                    differences += self._of_source(connection, product, source, looked_up, earlier)
        return Checked(len(logged), values, tuple(differences), tuple(not_checked))

    def _earlier(self, logged: Sequence[_Logged]) -> dict[str, int]:
        """By decision, the applications of the 90 days before it."""
        with transaction(self.engine) as connection:
            counts = count_earlier(connection, [(one.applicant, one.received_at) for one in logged])
        return {one.decision_id: count for one, count in zip(logged, counts, strict=True)}

    def _of_source(
        self,
        connection: Any,
        product: Product,
        source: Source,
        logged: Sequence[_Logged],
        earlier: Mapping[str, int],
    ) -> Iterator[SkewFound]:
        applicants = [one.applicant for one in logged]
        cut_offs = _moments(datetime.fromisoformat(one.summary(source.name)["known_at"]) for one in logged)
        now = _moments(one.received_at for one in logged)
        vectors = fields_at(connection, source, self.history, applicants, cut_offs)
        counts = np.array([earlier[one.decision_id] for one in logged])
        computed = columns_of(product.features, source, vectors, cut_offs, now, _form(logged), counts)
        for feature, column in computed.items():
            yield from _differing(logged, source.name, feature, column)
        for one, moment in zip(logged, moments_of(source, vectors, cut_offs), strict=True):
            as_of = moment.item().replace(tzinfo=UTC).isoformat()
            stated = one.summary(source.name)[AS_OF]
            if as_of != stated:
                yield SkewFound(one.decision_id, source.name, AS_OF, stated, as_of)


def _of_requests(product: Product, logged: Sequence[_Logged]) -> Iterator[SkewFound]:
    """What comes with the application, one applicant at a time."""
    for one in logged:
        form = one.readings[FORM].fields
        for name, reading in one.readings.items():
            if reading.status in (SourceStatus.FRESH, SourceStatus.STALE):
                found = product.features.compute(name, {**form, **reading.fields}, reading.age_s or 0.0)
                for feature, value in product.features.filled(found).items():
                    yield from _differing([one], name, feature, np.asarray([float(value)]))


def _differing(
    logged: Sequence[_Logged], source: str, feature: str, column: NDArray[np.float64]
) -> Iterator[SkewFound]:
    for one, value in zip(logged, column.tolist(), strict=True):
        # A feature that is defined today and was not then has no logged value: that is a difference too.
        stated = one.evidence.document["features"].get(source, {}).get(feature, "not there")
        computed = value if math.isfinite(value) else None
        if stated != computed and one.summary(source).get("status") != SourceStatus.FAILED:
            yield SkewFound(one.decision_id, source, feature, stated, computed)


def _form(logged: Sequence[_Logged]) -> dict[str, NDArray[Any]]:
    """What the applicants state, as columns."""
    names = logged[0].readings[FORM].fields
    return {name: np.asarray([one.readings[FORM].fields[name] for one in logged]) for name in names}


def _moments(moments: Iterable[datetime]) -> NDArray[np.datetime64]:
    return np.asarray([naive(one) for one in moments], dtype="datetime64[us]")


def summed(parts: Sequence[Checked]) -> Checked:
    """All that was checked, as one."""
    return Checked(
        sum(part.decisions for part in parts),
        sum(part.values for part in parts),
        tuple(found for part in parts for found in part.differences),
        tuple(dict.fromkeys(line for part in parts for line in part.not_checked)),
    )
