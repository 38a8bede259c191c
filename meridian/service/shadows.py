"""Shadows: what models that do not decide would have said, noted beside what was decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from meridian.db.engine import transaction
from meridian.db.registry import put_shadow_score
from meridian.evidence import Evidence
from meridian.products import Product
from meridian.record import Version
from meridian.registry import Purpose
from meridian.scoring import Scorer

log = structlog.get_logger()


@dataclass(frozen=True)
class Shadows:
    """Scores on the evidence of a decision, by the workers and after the assessment: no caller waits for it, and what
    goes wrong here goes wrong for nobody.
    """

    engine: Engine
    scorers: Callable[[str], Sequence[tuple[Purpose, Scorer]]]
    """Product name -> its shadows."""

    def score(self, product: Product, evidence: Evidence, fast: Version, assessment: Version) -> None:
        """Note what each shadow would have led to, beside the decision of its own kind. Never raises."""
        try:
            for purpose, scorer in self.scorers(product.name):
                self._score(product, evidence, assessment if purpose is Purpose.BATCH else fast, scorer)
        except Exception as error:
            # An error's text may hold what an applicant stated.
            log.error("shadow_failed", version=str(fast.id), error=type(error).__name__)  # noqa: TRY400

    def _score(self, product: Product, evidence: Evidence, decided: Version, scorer: Scorer) -> None:
        if set(scorer.features) - set(evidence.features):
            return  # evidence of before its features were declared
        if decided.policy_version != product.terms.version:
            return  # the difference would be the policy's
        would_be = product.decide(evidence, scorer)
        if would_be.score is None:
            return
        row = {
            "version_id": decided.id, "model_sha256": scorer.sha256, "application_id": decided.application_id,
            "pd": would_be.score.pd, "outcome": would_be.outcome.value,
            "reason_codes": [reason.code for reason in would_be.reasons],
        }  # fmt: skip
        with transaction(self.engine) as connection:
            put_shadow_score(connection, row)
