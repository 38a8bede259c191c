"""Capture: what every source says now, frozen, with the fullest model that can decide by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from meridian.application import DecisionRequest
from meridian.evidence import Evidence, PreComputed, SourceReading, absent_of, capture, unanswered_of
from meridian.products import Product
from meridian.scoring import Scorer
from meridian.service.live import Kept, Live
from meridian.service.online import OnlineStore
from meridian.sources import Deadline


@dataclass(frozen=True)
class Captured:
    """Evidence, the model that scores it, and the providers' replies that it was made of.

    Without a model none can be used, or the evidence has an earlier score, which stands in for all of them.
    """

    evidence: Evidence
    scorer: Scorer | None
    kept: Sequence[Kept]


@dataclass(frozen=True)
class Capturing:
    """The one way in which evidence is made, for a first decision and for another one after an outage."""

    look_up: OnlineStore
    live: Live
    scorers: Sequence[Callable[[str, str], Scorer | None]]
    """(product, applicant) -> the model that decides, or None where it cannot be used: the compact one, then those that
    stand in for it."""
    code_version: str
    batch: Callable[[str, str], Scorer | None]
    """(product, applicant) -> the model whose assessments may stand in for those; None where it cannot be used."""
    exposures: Callable[[Product], Mapping[str, str] | None]
    """What is lent already, by band, where a budget asks for it; None where none does, or it is not known."""

    def __call__(
        self, product: Product, request: DecisionRequest[Any], received_at: datetime, now: datetime, deadline: Deadline
    ) -> Captured:
        """What is known at `now` of an application received at a moment, asking sources until the deadline at most."""
        scored_for = product.name if product.policy.pre_computed else None
        applicant_id = request.application.applicant_id
        looked_up = self.look_up(product.sources, applicant_id, received_at, now, deadline, scored_for)
        told, kept = self.live(product.sources, looked_up.readings, applicant_id, now, deadline)
        readings: list[SourceReading] = [*product.read_application(request, received_at), *told]
        absent = absent_of(readings)
        pre_computed = self._pre_computed(product, request, looked_up.earlier, readings, now)
        scorer, reduced = (None, False) if pre_computed else self._scorer(product, absent, applicant_id)
        return Captured(
            self._freeze(product, request, received_at, readings, scorer, reduced, pre_computed), scorer, kept
        )

    def from_store(
        self, connection: Connection, product: Product, requests: Sequence[DecisionRequest[Any]],
        received_at: datetime, now: datetime, scorer: Scorer,
    ) -> list[Evidence]:  # fmt: skip
        """What is known at `now` of many who applied at one moment, for a model that reads all sources.

        Nobody is asked anew.
        """
        applicants = [request.application.applicant_id for request in requests]
        held = self.look_up.of_many(connection, product.sources, applicants, received_at, now)
        return [
            self._freeze(
                product, request, received_at,
                [*product.read_application(request, received_at), *held[request.application.applicant_id]], scorer,
            )
            for request in requests
        ]  # fmt: skip

    def _freeze(
        self, product: Product, request: DecisionRequest[Any], received_at: datetime,
        readings: Sequence[SourceReading], scorer: Scorer | None, reduced: bool = False,
        pre_computed: PreComputed | None = None,
    ) -> Evidence:  # fmt: skip
        return capture(
            request=request.document(),
            received_at=received_at,
            readings=readings,
            features=product.features,
            model_sources=product.sources_of(scorer.features) if scorer else None,
            reduced=reduced,
            pre_computed=pre_computed,
            keep={source: kept.fields for source, kept in product.kept_fields.items()},
            exposures=self.exposures(product),
            versions={
                "code": self.code_version,
                "policy": product.terms.sha256,
                "model": scorer.sha256 if scorer else None,
                "reference": scorer.reference_sha256 if scorer else None,
            },
        )

    def _pre_computed(
        self,
        product: Product,
        request: DecisionRequest[Any],
        earlier: PreComputed | None,
        readings: Sequence[SourceReading],
        now: datetime,
    ) -> PreComputed | None:
        """The earlier score, where a source of the compact model is away and the policy lets that score stand in.

        Only a score of the model that assesses now: one that was taken out of use, for whatever was wrong with it,
        decides about nobody any more.
        """
        step = product.policy.pre_computed
        away = absent_of(readings) & product.model_sources
        # One that says to have no file has answered: who has none now is not judged by the one there was.
        if step is None or step.valid_for is None or earlier is None or not away or away - unanswered_of(readings):
            return None
        amount = request.document()["application"].get("amount")
        if amount is None or not earlier.holds(amount, now, step.valid_for):
            return None
        batch = self.batch(product.name, request.application.applicant_id)
        return earlier if batch is not None and batch.sha256 == earlier.model_sha256 else None

    def _scorer(self, product: Product, absent: frozenset[str], applicant_id: str) -> tuple[Scorer | None, bool]:
        """The fullest model that needs none of the absent sources, and whether it stands in for the compact one.

        Where there is none, the compact one is in hand all the same, and gives no score.
        """
        for place, shelf in enumerate(self.scorers):
            scorer = shelf(product.name, applicant_id)
            if scorer is not None and not absent & product.sources_of(scorer.features):
                return scorer, place > 0
        return self.scorers[0](product.name, applicant_id), False
