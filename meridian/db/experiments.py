"""What two models decided, or would have decided: of each applicant the first decision, so that each counts once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, bindparam, text

from meridian.db.tables.columns import Hexadecimal
from meridian.experiments import Said, Seen
from meridian.identity import lowest_id

LATEST = timedelta(days=30)
"""An application is decided within so long: older ones are in no part of the record that has to be read."""
LONG = text("SET LOCAL statement_timeout = '300s'")
DECIDED = text("""
SELECT DISTINCT ON (a.applicant_id) v.id, a.applicant_id, v.outcome, v.pd, v.model_sha256 = :other AS is_other
FROM record.version v
JOIN record.application a ON a.id = v.application_id
WHERE a.product = :product AND v.stage = :stage AND v.application_id >= :lowest AND v.decided_at >= :since
      AND v.pd IS NOT NULL AND v.model_sha256 IN (:champion, :other)
ORDER BY a.applicant_id, v.decided_at""").bindparams(
    bindparam("champion", type_=Hexadecimal), bindparam("other", type_=Hexadecimal)
)
SHADOWED = text("""
SELECT DISTINCT ON (a.applicant_id) v.id, a.applicant_id, v.outcome, v.pd, s.outcome AS would_be, s.pd AS would_be_pd
FROM registry.shadow_score s
JOIN record.version v ON v.application_id = s.application_id AND v.id = s.version_id
JOIN record.application a ON a.id = s.application_id
WHERE s.model_sha256 = :other AND s.scored_at >= :since AND v.application_id >= :lowest AND s.pd IS NOT NULL
      AND v.model_sha256 = :champion AND v.pd IS NOT NULL
ORDER BY a.applicant_id, v.decided_at""").bindparams(
    bindparam("champion", type_=Hexadecimal), bindparam("other", type_=Hexadecimal)
)
SAID = text("""
SELECT v.outcome, ARRAY(SELECT jsonb_array_elements(v.document::jsonb -> 'reasons') ->> 'code') AS reasons,
       s.outcome AS would_be, s.reason_codes
FROM registry.shadow_score s
JOIN record.version v ON v.application_id = s.application_id AND v.id = s.version_id
WHERE s.model_sha256 = :other AND s.version_id = ANY (:ids) AND v.id = ANY (:ids)""").bindparams(
    bindparam("other", type_=Hexadecimal)
)


@dataclass(frozen=True)
class Arms:
    """Two models' decisions since a moment, by which of them decided. `ids` are the decisions of the second."""

    champion: Sequence[Seen]
    other: Sequence[Seen]
    ids: Sequence[UUID]


def decided(
    connection: Connection, product: str, stage: str, since: datetime, champion: str, other: str
) -> Arms:  # fmt: skip
    """What each of two models decided since then."""
    asked = {"product": product, "stage": stage, "since": since, "lowest": lowest_id(since - LATEST)}
    connection.execute(LONG)
    rows = connection.execute(DECIDED, {**asked, "champion": champion, "other": other}).all()
    seen = [(row.is_other, row.id, Seen(row.applicant_id, row.outcome, float(row.pd))) for row in rows]
    return Arms(
        [one for of_other, _, one in seen if not of_other], [one for of_other, _, one in seen if of_other],
        [version for of_other, version, _ in seen if of_other],
    )  # fmt: skip


def shadowed(connection: Connection, since: datetime, champion: str, shadow: str) -> Arms:
    """What a champion decided since then and the shadow would have; both arms have the same applicants."""
    asked = {"since": since, "lowest": lowest_id(since - LATEST), "champion": champion, "other": shadow}
    connection.execute(LONG)
    rows = connection.execute(SHADOWED, asked).all()
    return Arms(
        [Seen(row.applicant_id, row.outcome, float(row.pd)) for row in rows],
        [Seen(row.applicant_id, row.would_be, float(row.would_be_pd)) for row in rows],
        [row.id for row in rows],
    )


def said(connection: Connection, ids: Sequence[UUID], shadow: str) -> list[tuple[Said, Said]]:
    """Of these decisions, what was said and what the shadow would have, with reasons."""
    rows = connection.execute(SAID, {"ids": list(ids), "other": shadow})
    return [
        (Said(row.outcome, tuple(row.reasons)), Said(row.would_be, tuple(row.reason_codes))) for row in rows
    ]  # fmt: skip
