"""What was decided in a phase, held against what had failed: read from the record, as an examiner would."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from meridian.evidence import Rung
from tests.bench.outage.plan import OUTSIDE, Phase
from tests.services import Service

CAPPED, CAP, APPROVE_BELOW = (Rung.PRE_COMPUTED, Rung.APPLICATION_ONLY), 10_000, 0.08
"""The consumer loan's terms where a source is away."""
AWAY = ("failed", "missing")
NOTHING = ("nothing", "missing")

READ = """
SELECT a.applicant_id, e.rung, e.document AS evidence, v.outcome, v.pd, v.document AS decided
FROM record.version v JOIN record.application a ON a.id = v.application_id
JOIN record.evidence e ON e.id = v.evidence_id AND e.application_id = a.id
WHERE a.received_at BETWEEN :since AND :until AND v.number = 1
"""


@dataclass
class Verdict:
    """Of one phase. `wrong` says what should not be; `collateral`: sources that failed and were told to do nothing."""

    decisions: int = 0
    rungs: Counter[int] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    collateral: int = 0


def statuses(document: Mapping[str, Any]) -> dict[str, str]:
    return {one["name"]: one["status"] for one in document["sources"]}


def decided(running: Service, since: datetime, until: datetime) -> Iterable[Mapping[str, Any]]:
    for row in running.query(READ, since=since, until=until):
        one = dict(row._mapping)
        yield {**one, "evidence": json.loads(one["evidence"]), "decided": json.loads(one["decided"])}


def judge(phase: Phase, rows: Iterable[Mapping[str, Any]], well: Mapping[str, Mapping[str, str]]) -> Verdict:
    """`well`: by applicant, each source's status when nothing fails."""
    verdict = Verdict()
    for row in rows:
        told, document = statuses(row["evidence"]), row["evidence"]
        verdict.decisions += 1
        verdict.rungs[row["rung"]] += 1
        verdict.outcomes[row["outcome"]] += 1
        if row["rung"] != rung_of(told):
            verdict.wrong[f"rung {row['rung']}"] += 1
        for source in OUTSIDE:
            usual = well.get(row["applicant_id"], {}).get(source, told[source])
            # Who has nothing says so truly: there is nothing to spoil.
            nothing = usual in NOTHING and phase.is_spoilt(source)
            if phase.must_fail(source) and not nothing and told[source] not in ("failed", "stale"):
                verdict.wrong[f"{source} failed and is said to be {told[source]}"] += 1
            if not phase.may_fail(source) and told[source] != usual:
                verdict.collateral += 1
            if told[source] in AWAY and any(one is not None for one in document["features"][source].values()):
                verdict.wrong["a value from nowhere"] += 1
            if told[source] in AWAY and source in document.get("defaults", {}):
                verdict.wrong["a default for what is not known"] += 1
        if row["outcome"] == "approve" and row["rung"] in CAPPED:
            offer = row["decided"]["offer"]
            if row["pd"] is None or row["pd"] >= APPROVE_BELOW or offer["limit"] > CAP:
                verdict.wrong["an approval beyond the terms"] += 1
        if row["outcome"] == "approve" and row["rung"] == Rung.POLICY_ONLY:
            verdict.wrong["an approval by default"] += 1
    return verdict


def rung_of(told: Mapping[str, str]) -> int:
    """The rung that these statuses mean, where all models are there and nobody was assessed before."""
    if any(status in AWAY for status in told.values()):
        return Rung.APPLICATION_ONLY
    return Rung.STALE if "stale" in told.values() else Rung.FULL


def most_at_once(moments: list[float], seconds: float) -> int:
    """The most questions that came within so many seconds."""
    most, first = 0, 0
    for place, moment in enumerate(sorted(moments)):
        while sorted(moments)[first] < moment - seconds:
            first += 1
        most = max(most, place - first + 1)
    return most
