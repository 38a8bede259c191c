"""Recourse: the smallest change of what an applicant can act on that would have led to an approval.

Every answer was decided, not estimated: the changed application goes through the same policy and the same model, on the
same evidence of the sources. So it is true of the day of the decision, and no promise of another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from itertools import product as every
from typing import Any

from meridian.application import parse_request
from meridian.errors import InvalidInput
from meridian.evidence import FORM, Evidence, SourceStatus, canonical_json, features_of
from meridian.outcome import Outcome
from meridian.products.levers import Lever, changed, value_at
from meridian.products.product import Product
from meridian.scoring import Scorer

ANSWERED = (SourceStatus.FRESH, SourceStatus.STALE)
MOST_LEVERS = 2
"""Who has to change more than two things at once is not told of a small change."""
MOST_STEPS = 12
"""Of each of two levers that are moved together, evenly taken: every step of one with every step of another is many."""


@dataclass(frozen=True)
class Change:
    """One thing to change."""

    field: str
    meaning: str
    unit: str
    present: Any
    needed: Any


@dataclass(frozen=True)
class Recourse:
    """What would have been approved; without changes, nothing that was tried would. `pd` is that of the approval."""

    changes: tuple[Change, ...]
    tried: int
    pd: float | None = None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "changes": [vars(change) for change in self.changes],
            "outcome": Outcome.APPROVE.value if self.changes else None,
            "pd": None if self.pd is None else round(self.pd, 8),
            "tried": self.tried,
        }


def recourse(product: Product, evidence: Evidence, scorer: Scorer | None) -> Recourse | None:
    """The fewest levers of the product, and of those the smallest change, with which it approves.

    `product` has the terms that decided. The evidence is of a decision that was no approval. None where there is
    nothing that can be changed.
    """
    tried = 0
    for tried, (levers, values) in enumerate(_options(product.levers, evidence.application), start=1):
        changed_to = with_application(product, evidence, changed(evidence.application, values))
        decision = product.decide(changed_to, scorer) if changed_to else None
        if decision is not None and decision.outcome is Outcome.APPROVE:
            changes = tuple(
                Change(
                    lever.path,
                    lever.meaning,
                    lever.unit,
                    value_at(evidence.application, lever.path),
                    values[lever.path],
                )
                for lever in levers
            )
            return Recourse(changes, tried, decision.score.pd if decision.score else None)
    return Recourse((), tried) if tried else None


def can_be_made_again(product: Product, evidence: Evidence) -> bool:
    """Whether the evidence has the fields without which features that read the form too cannot be computed anew.

    Evidence of before they were frozen has not.
    """
    usable = {source["name"] for source in evidence.sources if source["status"] in ANSWERED}
    return usable & set(product.kept_fields) <= set(evidence.document.get("fields", {}))


def with_application(product: Product, evidence: Evidence, application: Mapping[str, Any]) -> Evidence | None:
    """The evidence as it would be with another application, all else the same; None of one that nobody could send."""
    document = evidence.document
    asked = {**document["request"], "application": dict(application)}
    try:
        request = parse_request(canonical_json(asked), {product.name: product.request})
    except InvalidInput:
        return None
    readings = product.read_application(request, datetime.fromisoformat(document["received_at"]))
    form = next((reading.fields for reading in readings if reading.name == FORM), {})
    features, defaults = dict(document["features"]), dict(document.get("defaults", {}))
    for reading in readings:
        features[reading.name], defaults[reading.name] = features_of(reading, product.features, form)
    ages = {source["name"]: source["age_s"] for source in document["sources"]}
    for source, kept in document.get("fields", {}).items():
        known = {name: math.nan if value is None else value for name, value in kept.items()}
        mixed = product.features.select(product.kept_fields[source].features)
        found = mixed.filled(mixed.compute(source, {**form, **known}, ages[source] or 0.0))
        values = {name: float(value) for name, value in found.items()}
        features[source] = features[source] | {n: v if math.isfinite(v) else None for n, v in values.items()}
    return Evidence({**document, "request": asked, "features": features, "defaults": defaults})


def _options(
    levers: Sequence[Lever], application: Mapping[str, Any]
) -> Iterator[tuple[tuple[Lever, ...], dict[str, Any]]]:
    """What may be tried: one lever before two, and of as many the smallest change first."""
    every_step = {lever.path: lever.options(application) for lever in levers}
    movable = [lever for lever in levers if every_step[lever.path]]
    for count in range(1, MOST_LEVERS + 1):
        steps = every_step if count == 1 else {path: _some(options) for path, options in every_step.items()}
        found: list[tuple[float, tuple[int, ...], tuple[Lever, ...], dict[str, Any]]] = []
        for chosen in combinations(movable, count):
            for places in every(*(range(len(steps[lever.path])) for lever in chosen)):
                # How far each is moved, of how far it could be.
                far = sum((at + 1) / len(steps[one.path]) for at, one in zip(places, chosen, strict=True))
                values = {
                    path: value
                    for at, one in zip(places, chosen, strict=True)
                    for path, value in steps[one.path][at].items()
                }
                found.append((far, places, chosen, values))
        found.sort(key=lambda one: (round(one[0], 9), [lever.path for lever in one[2]], one[1]))
        yield from ((chosen, values) for _, _, chosen, values in found)


def _some(options: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most so many of the steps, the last among them."""
    every_nth = -(-len(options) // MOST_STEPS) if options else 1
    return options[::-1][::every_nth][::-1]
