"""The rung of a pre-computed score: an earlier assessment may approve while a source is away, and declines nobody."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meridian.application import parse_request
from meridian.assessment import CAUTIOUS, Settlement, reconcile
from meridian.decision import Decision, Terms, score_to_keep
from meridian.evidence import Evidence, PreComputed, Rung, SourceReading, SourceStatus
from meridian.outcome import Outcome
from meridian.policy import Bands, Step
from meridian.products import Product, find_product
from meridian.record import judged
from meridian.replay import Cause, Recorded, replay
from meridian.scoring import Scorer
from meridian.service import Capturing, LookedUp
from meridian.service.live import Live
from meridian.sources import Deadline
from tests.captures import graded_scorer

NOW = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
LOAN = find_product("consumer-loan")
AMOUNT = float(LOAN.sample()["application"]["amount"])
FAILED, MISSING = SourceStatus.FAILED, SourceStatus.MISSING
NO_BUREAU = {"bureau": FAILED}
UTILISATION = 0.6
ASSESSES = graded_scorer("card_utilisation", (0.5, 0.8), (0.05, 0.05, 0.05), UTILISATION)
"""The batch model: to everybody a PD of 0.05, within the narrower band."""
EARLIER = PreComputed(
    scored_at=NOW - timedelta(days=10),
    pd=0.05,
    points=571,
    model="consumer-loan-batch",
    model_sha256=ASSESSES.sha256,
    evidence_sha256="e" * 64,
    values={"debt_to_income": 0.2, "bankruptcies": 0.0, "worst_days_late": 0.0, "inquiries_180d": 2.0}
    | {"own_days_late_now": 0.0, "own_applications_90d": 0.0},
    amount=AMOUNT,
)


def readings(statuses: Mapping[str, SourceStatus], said: float = 0.0) -> list[SourceReading]:
    """A reading of each source; one that answers has this value in every field."""
    made = []
    for source in LOAN.sources:
        status = statuses.get(source.name, SourceStatus.FRESH)
        fields = dict.fromkeys(source.fields, said) | {"cut_off_day": 20_000.0, "applications_90d": said}
        fresh = SourceReading(source.name, status, fields, NOW, NOW, 0.0)
        made.append(fresh if status.usable else SourceReading(source.name, status, detail="for a test"))
    return made


@dataclass(frozen=True)
class Says:
    """In place of the online store: sources of these statuses, and this earlier score."""

    statuses: Mapping[str, SourceStatus]
    earlier: PreComputed | None
    said: float = 0.0

    def __call__(self, *_: object) -> LookedUp:
        return LookedUp(readings(self.statuses, self.said), self.earlier)


def stand_in(*_: str) -> Scorer | None:
    return replace(graded_scorer("loan_amount", (1e5, 2e5), (0.05, 0.06, 0.07), 1000.0), sha256="2" * 64)


def compact(*_: str) -> Scorer | None:
    return replace(graded_scorer("card_utilisation", reference=UTILISATION), sha256="3" * 64)


def captured(
    statuses: Mapping[str, SourceStatus] = NO_BUREAU,
    earlier: PreComputed | None = EARLIER,
    *,
    product: Product = LOAN,
    assesses: Scorer | None = ASSESSES,
    said: float = 0.0,
    **form: Any,
) -> tuple[Evidence, Scorer | None]:
    """The capture of the sample, by the path that the service takes."""
    sample = LOAN.sample()
    sample["application"] |= form
    request = parse_request(json.dumps(sample).encode(), {LOAN.name: LOAN.request})
    capturing = Capturing(
        look_up=Says(statuses, earlier, said),  # type: ignore[arg-type]
        live=Live({}),
        scorers=(compact, stand_in),
        code_version="tests",
        batch=lambda *_: assesses,
        exposures=lambda _: None,
    )
    made = capturing(product, request, NOW, NOW, Deadline.after(1))
    return made.evidence, made.scorer


def decided(earlier: PreComputed = EARLIER, statuses: Mapping[str, SourceStatus] = NO_BUREAU, **how: Any) -> Decision:
    evidence, scorer = captured(statuses, earlier, **how)
    assert evidence.rung is Rung.PRE_COMPUTED
    return LOAN.decide(evidence, scorer)


def then(**values: float | None) -> PreComputed:
    """The earlier score, with other values of that time."""
    return replace(EARLIER, values={**EARLIER.values, **values})


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


NO_STEP = replace(
    LOAN, terms=replace(LOAN.terms, policy=replace(LOAN.policy, ladder=LOAN.policy.ladder[1:]))
)  # fmt: skip


@pytest.mark.parametrize(
    ("how", "rung"),
    [
        ({}, Rung.PRE_COMPUTED),
        ({"statuses": {"bank": MISSING}}, Rung.PRE_COMPUTED),
        ({"earlier": replace(EARLIER, scored_at=NOW - timedelta(days=30))}, Rung.PRE_COMPUTED),
        ({"amount": AMOUNT - 1}, Rung.PRE_COMPUTED),
        ({"statuses": {}}, Rung.FULL),
        ({"statuses": {"bank": SourceStatus.STALE}}, Rung.STALE),
        ({"earlier": None}, Rung.APPLICATION_ONLY),
        ({"earlier": replace(EARLIER, scored_at=NOW - timedelta(days=30, seconds=1))}, Rung.APPLICATION_ONLY),
        ({"earlier": replace(EARLIER, scored_at=NOW + timedelta(hours=1))}, Rung.APPLICATION_ONLY),
        ({"amount": AMOUNT + 1}, Rung.APPLICATION_ONLY),
        ({"assesses": replace(ASSESSES, sha256="9" * 64)}, Rung.APPLICATION_ONLY),
        ({"assesses": None}, Rung.APPLICATION_ONLY),
        ({"product": NO_STEP}, Rung.APPLICATION_ONLY),
    ],
    ids=[
        "valid", "too old a source", "just valid", "a smaller amount", "nothing away", "only stale", "never assessed",
        "expired", "of the future", "a larger amount", "of a model that was replaced", "no model that assesses",
        "no terms for it",
    ],
)  # fmt: skip
def test_an_earlier_score_stands_in_only_where_it_holds(how: dict[str, Any], rung: Rung) -> None:
    evidence, scorer = captured(**how)
    assert evidence.rung is rung
    assert (evidence.pre_computed is not None) == (rung is Rung.PRE_COMPUTED) == (scorer is None)


def test_within_its_band_it_approves_up_to_the_steps_limit() -> None:
    big: dict[str, Any] = {"amount": 20_000.0, "annual_income": 90_000.0}
    evidence, scorer = captured(earlier=replace(EARLIER, amount=20_000.0), **big)
    decision = LOAN.decide(evidence, scorer)
    # Less than was asked for is a counteroffer, and says why.
    assert (decision.outcome, codes(decision)) == (Outcome.APPROVE, ["D10"])
    assert decision.offer is not None
    assert decision.offer.limit == 10_000
    score = decision.document()["score"]
    assert score == {
        "pd": 0.05,
        "points": 571,
        "band": "low",
        "model": "consumer-loan-batch",
        "model_sha256": ASSESSES.sha256,
        "scored_at": EARLIER.scored_at.isoformat(),
    }


def test_the_evidence_says_what_was_away_and_what_stood_in() -> None:
    evidence, _ = captured()
    assert evidence.document["pre_computed"] == json.loads(json.dumps(EARLIER.document()))
    bureau = next(source for source in evidence.sources if source["name"] == "bureau")
    assert (bureau["status"], bureau["detail"]) == ("failed", "for a test")
    assert set(evidence.document["features"]["bureau"].values()) == {None}
    assert evidence.document["versions"]["model"] is None
    assert Evidence.from_text(evidence.text).pre_computed == EARLIER


@pytest.mark.parametrize("pd", [0.08, 0.2, 0.5, 0.99, 1.0])
@pytest.mark.parametrize(
    ("statuses", "first"),
    [(NO_BUREAU, "D07"), ({"bureau": MISSING}, "D01"), ({"bank": FAILED}, "D06"), ({"employment": FAILED}, "D08")],
)
def test_outside_its_band_it_refers_and_says_what_could_not_be_had(
    pd: float, statuses: dict[str, SourceStatus], first: str
) -> None:
    decision = decided(replace(EARLIER, pd=pd), statuses)
    assert (decision.outcome, codes(decision), decision.offer) == (Outcome.REFER, [first], None)
    assert decision.band == "grey"


def result(decision: Decision, rule: str) -> dict[str, Any]:
    return next(one.document() for one in decision.rules if one.rule.name == rule)


def test_a_rule_that_passes_with_the_earlier_value_passes() -> None:
    decision = decided()
    assert decision.outcome is Outcome.APPROVE
    assert result(decision, "bankruptcies") == {
        "rule": "bankruptcies", "effect": "decline", "value": 0.0, "limit": 1, "margin": 1.0, "hit": False,
        "earlier": True,
    }  # fmt: skip
    assert "earlier" not in result(decision, "own-arrears"), "our own history is there, and speaks for itself"


@pytest.mark.parametrize(("status", "code"), [(FAILED, "D07"), (MISSING, "D01")])
@pytest.mark.parametrize("value", [2.0, None], ids=["it hit then", "it was not known then"])
def test_a_rule_that_the_earlier_value_does_not_pass_refers(
    status: SourceStatus, code: str, value: float | None
) -> None:
    """And the reason is that it could not be verified now, never what was true a month ago."""
    decision = decided(then(bankruptcies=value), {"bureau": status})
    assert (decision.outcome, codes(decision)) == (Outcome.REFER, [code])
    assert result(decision, "bankruptcies")["hit"] == (None if value is None else True)


@pytest.mark.parametrize(("form", "code"), [({"date_of_birth": "2009-01-01"}, "P01"), ({"annual_income": 9500}, "P02")])
def test_a_rule_on_the_form_still_declines(form: dict[str, Any], code: str) -> None:
    decision = decided(**form)
    assert (decision.outcome, codes(decision)) == (Outcome.DECLINE, [code])


def test_what_an_answering_source_says_now_still_declines() -> None:
    """Our own books say so today: no earlier score makes that good."""
    decision = decided(statuses={"bank": FAILED}, said=100.0)
    assert decision.outcome is Outcome.DECLINE
    assert "P07" in codes(decision)


def test_what_an_answering_source_does_not_know_is_not_taken_from_before() -> None:
    """Else the bank's outage would approve whom the full evidence refers."""
    evidence, _ = captured({"bank": FAILED})
    document = json.loads(evidence.text)
    document["features"]["bureau"]["inquiries_180d"] = None
    decision = LOAN.decide(Evidence(document), None)
    assert (decision.outcome, result(decision, "inquiries")["value"]) == (Outcome.REFER, None)


def test_its_assessment_goes_by_the_present_evidence_alone() -> None:
    """The batch model must not confirm itself: it lacks the source, so it is no second opinion."""
    evidence, _ = captured()
    batch = LOAN.decide(evidence, ASSESSES)
    assert (batch.outcome, batch.score) == (Outcome.REFER, None)
    assert not any(rule.earlier for rule in batch.rules)
    assert (
        reconcile(CAUTIOUS, Outcome.APPROVE, batch.outcome, in_analysts_hands=False, scored=False) is Settlement.CONFIRM
    )
    assert score_to_keep(evidence, batch, ASSESSES, LOAN.policy) is None


@pytest.mark.parametrize("stage", ["fast", "batch"])
@pytest.mark.parametrize("earlier", [EARLIER, replace(EARLIER, pd=0.3), then(bankruptcies=2.0)])
def test_a_replay_needs_the_evidence_and_the_policy_alone(stage: str, earlier: PreComputed) -> None:
    evidence, scorer = captured(earlier=earlier)
    made = LOAN.decide(evidence, ASSESSES if stage == "batch" else scorer)
    text = json.dumps(LOAN.terms.document())
    terms = Terms.from_text(text)
    recorded = Recorded(
        decision_id="1",
        document=json.loads(
            json.dumps({**made.document(), "stage": stage, "evidence": {"hash": evidence.sha256}})
            .replace(LOAN.terms.version, terms.version)
        ),
        evidence=Evidence.from_text(evidence.text),
        policy_version=terms.version,
        policy_text=text,
        model_sha256=judged(made)["model_sha256"],
        code="tests",
    )  # fmt: skip
    assert recorded.model_sha256 == ASSESSES.sha256
    assert replay(recorded, ASSESSES, "tests").exact
    without = replay(recorded, None, "tests")
    assert without.cause is (None if stage == "fast" else Cause.MODEL_MISSING)


def test_what_is_kept_of_an_assessment_is_what_it_was_made_from() -> None:
    evidence, _ = captured({"bank": SourceStatus.STALE})
    decision = LOAN.decide(evidence, ASSESSES)
    kept = score_to_keep(evidence, decision, ASSESSES, LOAN.policy)
    assert kept is not None
    assert decision.score is not None
    assert (kept.pd, kept.points, kept.amount) == (decision.score.pd, decision.score.points, AMOUNT)
    assert (kept.scored_at, kept.evidence_sha256, kept.model_sha256) == (NOW, evidence.sha256, ASSESSES.sha256)
    assert set(kept.values) == {rule.field for rule in LOAN.policy.rules} - {"age_years"}
    assert kept.values["bankruptcies"] == 0.0


def test_a_score_made_on_gaps_is_not_kept() -> None:
    full, _ = captured({})
    unknown = json.loads(full.text)
    unknown["features"]["bureau"]["card_utilisation"] = None
    away, _ = captured({"bank": FAILED}, None)
    for evidence in (Evidence(unknown), away):
        decision = LOAN.decide(evidence, ASSESSES)
        assert decision.score is not None
        assert score_to_keep(evidence, decision, ASSESSES, LOAN.policy) is None
    decision = LOAN.decide(full, ASSESSES)
    assert score_to_keep(full, decision, ASSESSES, LOAN.policy) is not None
    assert score_to_keep(full, decision, ASSESSES, NO_STEP.policy) is None


def test_a_step_that_would_decline_by_an_earlier_score_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match=r"decline_above is 0[.]35 on rung 2"):
        Step(Rung.PRE_COMPUTED, Bands(0.08, 0.35), valid_for=timedelta(30))
    for rung, valid_for in ((Rung.PRE_COMPUTED, None), (Rung.APPLICATION_ONLY, timedelta(30))):
        with pytest.raises(ValueError, match="rung 2 has one, and no other does"):
            Step(rung, Bands(0.08, 1.0), valid_for=valid_for)


def test_steps_of_other_rungs_are_written_as_before() -> None:
    """So that policies without this rung keep their version."""
    step = Step(Rung.APPLICATION_ONLY, Bands(0.08, 0.35), 10_000)
    assert set(step.document()) == {"rung", "bands", "limit_cap"}
    pre_computed = LOAN.policy.pre_computed
    assert pre_computed is not None
    assert Step.from_document(json.loads(json.dumps(pre_computed.document()))) == pre_computed


RULE_FIELDS = tuple(EARLIER.values)
statuses_of = st.fixed_dictionaries({source.name: st.sampled_from(list(SourceStatus)) for source in LOAN.sources})
values_of = st.fixed_dictionaries({name: st.none() | st.floats(-10, 1000) for name in RULE_FIELDS})
forms = st.fixed_dictionaries({
    "date_of_birth": st.dates(date(1950, 1, 1), date(2010, 1, 1)).map(str),
    "annual_income": st.floats(1_000, 200_000).map(round),
    "amount": st.floats(1_000, 9_000).map(round),
})  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(statuses=statuses_of, values=values_of, form=forms, pd=st.floats(0, 1), said=st.sampled_from([0.0, 3.0, 100.0]))
def test_nobody_is_declined_by_anything_that_was_true_earlier(
    statuses: dict[str, SourceStatus], values: dict[str, float | None], form: dict[str, Any], pd: float, said: float
) -> None:
    """A decline needs a rule that hits on the form, or on what a source says now; an approval, that nothing is open."""
    statuses = {**statuses, "bureau": statuses["bureau"] if not statuses["bureau"].usable else FAILED}
    evidence, scorer = captured(statuses, replace(EARLIER, values=values, pd=pd), said=said, **form)
    assert evidence.rung is Rung.PRE_COMPUTED
    decision = LOAN.decide(evidence, scorer)
    hits = [rule for rule in decision.rules if rule.outcome is Outcome.DECLINE]
    assert (decision.outcome is Outcome.DECLINE) == bool(hits)
    away = {source["name"] for source in evidence.sources if not SourceStatus(source["status"]).usable}
    for rule in hits:
        assert not rule.earlier
        assert evidence.source_of(rule.rule.field) not in away
        assert not math.isnan({**evidence.features, **LOAN.policy.derive(evidence.document)}[rule.rule.field])
    if decision.outcome is Outcome.REFER:
        assert 1 <= len(decision.reasons) <= 4
        assert all(reason.contribution is None for reason in decision.reasons)
    if decision.outcome is Outcome.APPROVE:
        assert pd < 0.08
        assert all(rule.hit is False for rule in decision.rules)
    assert LOAN.decide(Evidence.from_text(evidence.text), None).document() == decision.document()
