"""What each page shows, prepared from the service's answers: pure functions, so that templates only lay out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from meridian.desk import wording
from meridian.desk.drawing import PdScale, bar_lengths, pd_scale
from meridian.desk.fields import WITHHELD, Section, sections
from meridian.desk.formats import NOT_KNOWN, in_unit, number, words
from meridian.evidence import Rung
from meridian.outcome import Outcome
from meridian.policy import Rule, Test
from meridian.products import Product
from meridian.service.reviews import CaseView

REASONS_IN_QUEUE = 2
AGES_SLOW = timedelta(hours=1)
"""From this age on a waiting case is marked in the queue."""


@dataclass(frozen=True)
class QueueRow:
    """A case in the queue."""

    id: str
    ref: str
    product: str
    because: str
    outcome: str
    score: Mapping[str, Any] | None
    band: str
    reasons: Sequence[str]
    more_reasons: int
    opened_at: datetime
    age: timedelta
    slow: bool
    claimed_by: str | None


@dataclass(frozen=True)
class QueuePage:
    """The queue. `total` counts the cases that wait, of which the oldest are in `rows`."""

    rows: Sequence[QueueRow]
    total: int


@dataclass(frozen=True)
class ReasonLine:
    """A reason. `length` is its bar's, 0 to 100; None where nothing was measured, and `given_by` says whence it is."""

    code: str
    text: str
    given_by: str
    contribution: float | None
    length: float | None


@dataclass(frozen=True)
class RuleLine:
    """A rule's result in words. `verdict`: hit, unknown or passed; `earlier`: by a value of the last assessment."""

    name: str
    meaning: str
    effect: str
    value: str
    limit: str
    margin: str
    verdict: str
    earlier: bool


@dataclass(frozen=True)
class SourceLine:
    """What a source gave."""

    name: str
    status: str
    as_of: str | None
    age_s: float | None
    detail: str


@dataclass(frozen=True)
class VersionLine:
    """A version in the timeline."""

    id: str
    number: int
    stage: str
    outcome: str
    governs: bool
    score: Mapping[str, Any] | None
    band: str
    reasons: Sequence[ReasonLine]
    offer: Mapping[str, Any] | None
    countered: bool
    decided_at: str
    decided_by: str
    note: str | None
    overturns: str | None


@dataclass(frozen=True)
class CasePage:
    """A case. `hands`: open, mine, taken or settled, as the analyst who looks at it sees it."""

    id: str
    ref: str
    product: str
    because: str
    hands: str
    opened_at: datetime
    age: timedelta
    claimed_by: str | None
    claimed_until: datetime | None
    settled_by: str | None
    settled_at: datetime | None
    sections: Sequence[Section]
    governing: VersionLine
    scale: PdScale | None
    rules: Sequence[RuleLine]
    policy_version: str
    sources: Sequence[SourceLine]
    rung: tuple[str, str]
    timeline: Sequence[VersionLine]
    choices: Sequence[tuple[str, str]]


def queue_page(queue: Mapping[str, Any], products: Mapping[str, Product], now: datetime) -> QueuePage:
    """The page of the queue, from `Reviews.queue()`."""
    return QueuePage([_queue_row(listed, products, now) for listed in queue["data"]], queue["total"])


def case_page(view: CaseView, product: Product, analyst: str, now: datetime) -> CasePage:
    """The page of a case, as `analyst` sees it."""
    case, governing = view.case, view.governing
    timeline = [_version_line(number, version) for number, version in enumerate(view.versions, 1)]
    # A review repeats the score it was shown: it is no mark of its own on the scale.
    scored = [(line.stage, line.score["pd"], line.governs) for line in timeline if line.score and line.note is None]
    return CasePage(
        id=str(case.id),
        ref=case.application_ref,
        product=product.title,
        because=case.because,
        hands=_hands(case.state, case.claimed_by, analyst),
        opened_at=case.opened_at,
        age=now - case.opened_at,
        claimed_by=case.claimed_by,
        claimed_until=case.claimed_until,
        settled_by=case.settled_by,
        settled_at=case.settled_at,
        sections=sections(view.application, product.request),
        governing=next(line for line in timeline if line.governs),
        scale=pd_scale(product.policy.at(Rung(governing["evidence"]["rung"])).bands, scored),
        rules=_rule_lines(governing["policy"]["results"], product),
        policy_version=governing["policy"]["version"],
        sources=[_source_line(source) for source in governing["evidence"]["sources"]],
        rung=wording.rung_words(governing["evidence"]["rung"]),
        timeline=timeline,
        choices=view.proposed,
    )


def _queue_row(listed: Mapping[str, Any], products: Mapping[str, Product], now: datetime) -> QueueRow:
    decision = listed["decision"]
    opened_at = datetime.fromisoformat(listed["opened_at"])
    texts = [reason["text"] for reason in decision["reasons"]]
    product = products.get(listed["product"])
    return QueueRow(
        id=listed["id"],
        ref=listed["application_ref"],
        product=product.title if product else words(listed["product"]),
        because=listed["because"],
        outcome=decision["outcome"],
        score=decision["score"],
        band=_band(decision["score"]),
        reasons=texts[:REASONS_IN_QUEUE],
        more_reasons=max(0, len(texts) - REASONS_IN_QUEUE),
        opened_at=opened_at,
        age=now - opened_at,
        slow=now - opened_at >= AGES_SLOW,
        claimed_by=listed["claimed_by"],
    )


def _hands(state: str, claimed_by: str | None, analyst: str) -> str:
    if state != "claimed":
        return state
    return "mine" if claimed_by == analyst else "taken"


def _version_line(number: int, version: Mapping[str, Any]) -> VersionLine:
    review = version.get("review") or {}
    return VersionLine(
        id=version["id"],
        number=number,
        stage=wording.named(wording.STAGES, version["stage"]),
        outcome=version["outcome"],
        governs=version["governs"],
        score=version["score"],
        band=_band(version["score"]),
        reasons=_reason_lines(version["reasons"]),
        offer=version["offer"],
        countered=any(one["kind"] == "counteroffer" for one in (version.get("offers") or {}).get("shown", ())),
        decided_at=version["decided_at"],
        decided_by=version["decided_by"],
        note=review.get("note"),
        overturns=review.get("overturns"),
    )


def _band(score: Mapping[str, Any] | None) -> str:
    return wording.named(wording.BANDS, score["band"]) if score else ""


def _reason_lines(reasons: Sequence[Mapping[str, Any]]) -> list[ReasonLine]:
    lengths = bar_lengths(reason["contribution"] for reason in reasons)
    return [
        ReasonLine(
            reason["code"],
            reason["text"],
            wording.named(wording.GIVEN_BY, reason["source"]),
            reason["contribution"],
            length,
        )
        for reason, length in zip(reasons, lengths, strict=True)
    ]


def _rule_lines(results: Sequence[Mapping[str, Any]], product: Product) -> list[RuleLine]:
    """What hit first, then what is not known, then what passed; the policy's order within each."""
    rules = {rule.name: rule for rule in product.policy.rules}
    lines = [_rule_line(result, rules.get(result["rule"]), product) for result in results]
    return sorted(lines, key=lambda line: ("hit", "unknown", "passed").index(line.verdict))


def _rule_line(result: Mapping[str, Any], rule: Rule | None, product: Product) -> RuleLine:
    """One result. `rule` is None where the policy at hand has it not: then the record speaks, but of no value."""
    unit = product.features[rule.field].unit if rule and rule.field in product.features else ""
    value = result["value"] if isinstance(result["value"], str) else in_unit(result["value"], unit)
    margin = "" if result["limit"] is None else _margin(result["margin"], unit)  # words have no distance
    if (rule is None or rule.field in WITHHELD) and result["value"] is not None:
        value = margin = "withheld"
    earlier = result.get("earlier", False)
    return RuleLine(
        name=words(result["rule"]),
        meaning=rule.meaning if rule else "",
        # What hit earlier declines nobody now.
        effect=wording.named(wording.EFFECTS, Outcome.REFER if earlier else result["effect"]),
        value=value,
        limit=_limit(result, rule, unit),
        margin=margin,
        verdict="unknown" if result["hit"] is None else "hit" if result["hit"] else "passed",
        earlier=earlier,
    )


def _margin(margin: float | None, unit: str) -> str:
    if margin is None:
        return NOT_KNOWN
    # The distance between two shares is in percentage points.
    return f"{number(margin * 100, 1)} points" if unit == "ratio" else in_unit(margin, unit)


def _limit(result: Mapping[str, Any], rule: Rule | None, unit: str) -> str:
    """What the value is to keep to."""
    if not result.get("applies", True):
        return "not asked here"
    if "hits" in result:
        return f"none of {result['hits']}"
    return f"{_bound(rule)} {in_unit(result['limit'], unit)}".strip()


def _bound(rule: Rule | None) -> str:
    if rule is None:
        return ""
    return "at least" if rule.test is Test.BELOW else "at most"


def _asked(provider: str | None) -> str:
    return f"{provider} was asked for the decision" if provider else ""


def _source_line(source: Mapping[str, Any]) -> SourceLine:
    return SourceLine(
        name=wording.named(wording.SOURCES, source["name"]),
        status=source["status"],
        as_of=source["as_of"],
        age_s=source["age_s"],
        detail="; ".join(filter(None, (source.get("detail"), _asked(source.get("provider"))))),
    )
