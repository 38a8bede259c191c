"""The last score of each applicant and product: written with the assessment, read with the vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from meridian.evidence import PreComputed

# One statement for however many: assessments are not made in the order of applications, so that a newer one stays.
PUT = text("""
INSERT INTO online.score (applicant_id, product, scored_at, pd, points, model, model_sha256, evidence_sha256, amount,
                          rule_values)
SELECT n.applicant_id, :product, n.scored_at, n.pd, n.points, n.model, n.model_sha256, n.evidence_sha256, n.amount,
       n.rule_values::jsonb
FROM unnest(CAST(:applicant_id AS text[]), CAST(:scored_at AS timestamptz[]), CAST(:pd AS float8[]),
            CAST(:points AS bigint[]), CAST(:model AS text[]), CAST(:model_sha256 AS bytea[]),
            CAST(:evidence_sha256 AS bytea[]), CAST(:amount AS float8[]), CAST(:rule_values AS text[]))
    AS n (applicant_id, scored_at, pd, points, model, model_sha256, evidence_sha256, amount, rule_values)
-- In one order everywhere: two who bring the same applicants wait for one another, not both for each other.
ORDER BY n.applicant_id
ON CONFLICT (applicant_id, product) DO UPDATE
SET scored_at = excluded.scored_at, pd = excluded.pd, points = excluded.points, model = excluded.model,
    model_sha256 = excluded.model_sha256, evidence_sha256 = excluded.evidence_sha256, amount = excluded.amount,
    rule_values = excluded.rule_values
WHERE online.score.scored_at < excluded.scored_at
""")


def put_score(connection: Connection, applicant_id: str, product: str, score: PreComputed) -> None:
    """Put a score in place, unless a newer one is there."""
    put_scores(connection, product, [(applicant_id, score)])


def put_scores(connection: Connection, product: str, scores: Sequence[tuple[str, PreComputed]]) -> None:
    """The same for many; of several scores of one applicant the last."""
    last = dict(scores)
    if not last:
        return
    plain, hashed = ("scored_at", "pd", "points", "model", "amount"), ("model_sha256", "evidence_sha256")
    columns = {name: [getattr(one, name) for one in last.values()] for name in plain}
    hashes = {name: [bytes.fromhex(getattr(one, name)) for one in last.values()] for name in hashed}
    values = [json.dumps(dict(one.values)) for one in last.values()]
    connection.execute(
        PUT, {"product": product, "applicant_id": list(last), **columns, **hashes, "rule_values": values}
    )


def score_of(row: Row[Any]) -> PreComputed | None:
    """The score in a row that has the table's columns; None where they are null."""
    if row.scored_at is None:
        return None
    return PreComputed(
        scored_at=row.scored_at,
        pd=row.pd,
        points=row.points,
        model=row.model,
        model_sha256=bytes(row.model_sha256).hex(),
        evidence_sha256=bytes(row.evidence_sha256).hex(),
        values=row.rule_values,
        amount=row.amount,
    )
