"""Fast answers beside their assessments: how many there are of each pair, and what the differing ones are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

PAIRS = text("""
SELECT f.outcome AS fast, b.outcome AS assessed, count(*) AS applications,
       percentile_cont(ARRAY[0.05, 0.5, 0.95]) WITHIN GROUP (ORDER BY b.pd - f.pd) AS pd_moves
FROM record.version f
JOIN record.application a ON a.id = f.application_id
JOIN LATERAL (
    SELECT v.outcome, v.pd FROM record.version v WHERE v.application_id = f.application_id AND v.stage = 'batch'
    ORDER BY v.number LIMIT 1
) b ON true
WHERE f.number = 1 AND f.stage = 'fast' AND a.product = :product AND f.decided_at >= :since AND f.decided_at < :until
GROUP BY f.outcome, b.outcome
""")
FOLLOWED = text("""
SELECT fast_outcome AS fast, assessed_outcome AS assessed, governing_stage AS stage, outcome,
       coalesce(case_state, 'none') AS case_state, count(*) AS applications
FROM audit.disagreements
WHERE product = :product AND decided_at >= :since AND decided_at < :until
GROUP BY 1, 2, 3, 4, 5 ORDER BY applications DESC, 1, 2, 3, 4, 5
""")
REASONS = text("""
SELECT fast_outcome AS fast, assessed_outcome AS assessed, code, count(*) AS applications
FROM audit.disagreements, unnest(reason_codes) AS code
WHERE product = :product AND decided_at >= :since AND decided_at < :until
GROUP BY 1, 2, 3 ORDER BY applications DESC, 1, 2, 3
""")
UNASSESSED = text("""
SELECT count(*) FROM record.version f JOIN record.application a ON a.id = f.application_id
WHERE f.number = 1 AND f.stage = 'fast' AND a.product = :product AND f.decided_at >= :since AND f.decided_at < :until
      AND NOT EXISTS (SELECT FROM record.version v WHERE v.application_id = f.application_id AND v.stage = 'batch')
""")


@dataclass(frozen=True)
class Disagreements:
    """Of a product's fast answers in a time.

    `pairs` have outcomes of both, how many, and the 5 %, 50 % and 95 % quantiles of how far the PD moved; `followed`
    what governs of those that differ, and what became of the case; `reasons` the codes of the harsher of the two;
    `unassessed` how many have no assessment yet.
    """

    pairs: list[dict[str, Any]]
    followed: list[dict[str, Any]]
    reasons: list[dict[str, Any]]
    unassessed: int


def disagreements(connection: Connection, product: str, since: datetime, until: datetime) -> Disagreements:
    """Those decided from `since` until before `until`."""
    of = {"product": product, "since": since, "until": until}
    pairs, followed, reasons = (
        [dict(row._mapping) for row in connection.execute(query, of)] for query in (PAIRS, FOLLOWED, REASONS)
    )
    return Disagreements(pairs, followed, reasons, int(connection.execute(UNASSESSED, of).scalar_one()))
