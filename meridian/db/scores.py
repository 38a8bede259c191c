"""The last score of each applicant and product: written with the assessment, read with the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t
from meridian.evidence import PreComputed


def put_score(connection: Connection, applicant_id: str, product: str, score: PreComputed) -> None:
    """Put a score in place, unless a newer one is there: assessments are not made in the order of applications."""
    put_scores(connection, product, [(applicant_id, score)])


def put_scores(connection: Connection, product: str, scores: Sequence[tuple[str, PreComputed]]) -> None:
    """The same for many; of several scores of one applicant the last."""
    if not scores:
        return
    query = upsert(t.score).values(
        [{"applicant_id": one, "product": product, **_columns(score)} for one, score in dict(scores).items()]
    )
    columns = {name: query.excluded[name] for name in _columns(scores[0][1])}
    newer = t.score.c.scored_at < query.excluded.scored_at
    connection.execute(
        query.on_conflict_do_update(index_elements=["applicant_id", "product"], set_=columns, where=newer)
    )


def _columns(score: PreComputed) -> dict[str, Any]:
    return {
        "scored_at": score.scored_at,
        "pd": score.pd,
        "points": score.points,
        "model": score.model,
        "model_sha256": score.model_sha256,
        "evidence_sha256": score.evidence_sha256,
        "rule_values": dict(score.values),
        "amount": score.amount,
    }


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
