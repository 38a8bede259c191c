"""What two models decided, or would have decided: of each applicant the first decision, so that each counts once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from meridian.experiments import Said, Seen

DECIDED = text("""
SELECT DISTINCT ON (a.applicant_id) v.id, a.applicant_id, v.outcome, v.pd, encode(v.model_sha256, 'hex') AS model,
       ARRAY(SELECT jsonb_array_elements(d.document -> 'reasons') ->> 'code') AS reasons
FROM record.version v
JOIN record.application a ON a.id = v.application_id
CROSS JOIN LATERAL (SELECT v.document::jsonb AS document) d
WHERE a.product = :product AND v.stage = :stage AND v.decided_at >= :since AND v.pd IS NOT NULL
      AND d.document #>> '{score,model}' IN (:kind, :kind || '-demo')
ORDER BY a.applicant_id, v.decided_at""")
SHADOWED = text("""
SELECT DISTINCT ON (a.applicant_id) a.applicant_id, v.outcome, v.pd, encode(v.model_sha256, 'hex') AS model,
       ARRAY(SELECT jsonb_array_elements(d.document -> 'reasons') ->> 'code') AS reasons,
       s.outcome AS would_be, s.pd AS would_be_pd, s.reason_codes AS would_be_reasons
FROM registry.shadow_score s
JOIN record.version v ON v.application_id = s.application_id AND v.id = s.version_id
JOIN record.application a ON a.id = s.application_id
CROSS JOIN LATERAL (SELECT v.document::jsonb AS document) d
WHERE s.model_sha256 = decode(:shadow, 'hex') AND a.product = :product AND s.pd IS NOT NULL
      AND d.document #>> '{score,model}' IN (:kind, :kind || '-demo')
ORDER BY a.applicant_id, v.decided_at""")


@dataclass(frozen=True)
class Decided:
    """A decision, and the model that made it."""

    id: UUID
    model_sha256: str
    seen: Seen


def decided(connection: Connection, product: str, kind: str, stage: str, since: datetime) -> list[Decided]:
    """The first decision about each applicant since then, by a model of that kind (its name without `-demo`)."""
    asked = {"product": product, "kind": kind, "stage": stage, "since": since}
    return [
        Decided(row.id, row.model, _seen(row, row.outcome, row.pd, row.reasons))
        for row in connection.execute(DECIDED, asked)
    ]


def shadowed(connection: Connection, product: str, kind: str, shadow: str) -> Iterator[tuple[str, Seen, Seen]]:
    """Of each applicant the first decision that the shadow scored: who made it, it, and what it would have been."""
    for row in connection.execute(SHADOWED, {"product": product, "kind": kind, "shadow": shadow}):
        decided_as = _seen(row, row.outcome, row.pd, row.reasons)
        yield row.model, decided_as, _seen(row, row.would_be, row.would_be_pd, row.would_be_reasons)


def _seen(row: Any, outcome: str, pd: float, reasons: list[str]) -> Seen:
    return Seen(row.applicant_id, Said(outcome, tuple(reasons)), float(pd))
