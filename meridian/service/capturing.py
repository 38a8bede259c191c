"""Capture: what every source says now, frozen, with the fullest model that can decide by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meridian.application import DecisionRequest
from meridian.evidence import Evidence, SourceReading, absent_of, capture
from meridian.products import Product
from meridian.scoring import Scorer
from meridian.service.online import OnlineStore
from meridian.sources import Deadline


@dataclass(frozen=True)
class Capturing:
    """The one way in which evidence is made, for a first decision and for another one after an outage."""

    look_up: OnlineStore
    scorers: Sequence[Callable[[str], Scorer | None]]
    """Product name -> its model, or None where it cannot be used: the compact one, then those that stand in for it."""
    code_version: str

    def __call__(
        self, product: Product, request: DecisionRequest[Any], received_at: datetime, now: datetime, deadline: Deadline
    ) -> tuple[Evidence, Scorer | None]:
        """What is known at `now` of an application received at a moment, asking sources until the deadline at most."""
        looked_up = self.look_up(product.sources, request.application.applicant_id, received_at, now, deadline)
        readings: list[SourceReading] = [*product.read_application(request, received_at), *looked_up]
        scorer, reduced = self._scorer(product, absent_of(readings))
        evidence = capture(
            request=request.document(),
            received_at=received_at,
            readings=readings,
            features=product.features,
            model_sources=product.sources_of(scorer.features) if scorer else None,
            reduced=reduced,
            versions={
                "code": self.code_version,
                "policy": product.terms.sha256,
                "model": scorer.sha256 if scorer else None,
                "reference": scorer.reference_sha256 if scorer else None,
            },
        )
        return evidence, scorer

    def _scorer(self, product: Product, absent: frozenset[str]) -> tuple[Scorer | None, bool]:
        """The fullest model that needs none of the absent sources, and whether it stands in for the compact one.

        Where there is none, the compact one is in hand all the same, and gives no score.
        """
        for place, shelf in enumerate(self.scorers):
            scorer = shelf(product.name)
            if scorer is not None and not absent & product.sources_of(scorer.features):
                return scorer, place > 0
        return self.scorers[0](product.name), False
