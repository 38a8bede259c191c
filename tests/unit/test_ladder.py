"""The ladder: what is not known narrows what a score may do, and is told as what it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from meridian.application import parse_request
from meridian.assessment import CAUTIOUS, Settlement, reconcile
from meridian.decision import Decision, Terms
from meridian.evidence import Evidence, Rung, SourceReading, SourceStatus, capture
from meridian.features import Source
from meridian.outcome import Outcome
from meridian.policy import Bands, Policy, Step
from meridian.products import Product, find_product
from meridian.registry import Purpose, features_for, purposes_of
from meridian.scoring import Scorer
from meridian.service import Capturing, LookedUp
from meridian.service.live import Live
from meridian.sources import Deadline
from tests.captures import graded_scorer

NOW = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
LOAN = find_product("consumer-loan")
BELOW_BOTH, BETWEEN, ABOVE_BOTH = 0.05, 0.10, 0.2
"""PDs beside the two cut-offs of approval: 0.08 on the third rung, 0.12 on the full one."""
AWAY = {"bank": SourceStatus.FAILED}
NO_FILE = {"bureau": SourceStatus.MISSING}


def scorer(pd: float) -> Scorer:
    """A model that gives everybody this PD, from the utilisation of the cards."""
    return graded_scorer("card_utilisation", (0.5, 0.8), (pd, pd + 1e-6, pd + 2e-6), 0.1)


def reading(source: Source, status: SourceStatus) -> SourceReading:
    if not status.usable:
        return SourceReading(source.name, status, detail="for a test")
    fields = dict.fromkeys(source.fields, 0.0) | {"cut_off_day": 20_000.0, "applications_90d": 0.0}
    return SourceReading(source.name, status, fields, NOW, NOW, 0.0)


def readings(statuses: dict[str, SourceStatus]) -> list[SourceReading]:
    return [reading(source, statuses.get(source.name, SourceStatus.FRESH)) for source in LOAN.sources]


def body(**form: Any) -> bytes:
    request = LOAN.sample()
    request["application"] |= form
    return json.dumps(request).encode()


def captured(statuses: dict[str, SourceStatus], *, reduced: bool, **form: Any) -> Evidence:
    request = parse_request(body(**form), {LOAN.name: LOAN.request})
    return capture(
        request=request.document(),
        received_at=NOW,
        readings=[*LOAN.read_application(request, NOW), *readings(statuses)],
        features=LOAN.features,
        model_sources=frozenset({"bureau"}),
        reduced=reduced,
        versions={},
    )


def decided(statuses: dict[str, SourceStatus], pd: float, **form: Any) -> Decision:
    return LOAN.decide(captured(statuses, reduced=bool(statuses), **form), scorer(pd))


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


@pytest.mark.parametrize(
    ("statuses", "pd", "rung", "outcome"),
    [
        ({}, BELOW_BOTH, Rung.FULL, Outcome.APPROVE),
        ({}, BETWEEN, Rung.FULL, Outcome.APPROVE),
        ({}, ABOVE_BOTH, Rung.FULL, Outcome.REFER),
        (AWAY, BELOW_BOTH, Rung.APPLICATION_ONLY, Outcome.APPROVE),
        (AWAY, BETWEEN, Rung.APPLICATION_ONLY, Outcome.REFER),
        (AWAY, ABOVE_BOTH, Rung.APPLICATION_ONLY, Outcome.REFER),
        (AWAY, 0.5, Rung.APPLICATION_ONLY, Outcome.DECLINE),
        (NO_FILE, BELOW_BOTH, Rung.POLICY_ONLY, Outcome.REFER),
    ],
)
def test_the_band_is_that_of_the_rung(
    statuses: dict[str, SourceStatus], pd: float, rung: Rung, outcome: Outcome
) -> None:
    evidence = captured(statuses, reduced=statuses == AWAY)
    assert evidence.rung is rung
    assert LOAN.decide(evidence, scorer(pd)).outcome is outcome


def test_what_could_not_be_had_speaks_first() -> None:
    """The applicant hears that the bank could not be read now, not that there is something wrong with the account."""
    decision = decided(AWAY, BETWEEN)
    assert codes(decision)[0] == "D06"
    assert decision.reasons[0].text.startswith("Temporarily unable")


@pytest.mark.parametrize(
    ("status", "code"), [(SourceStatus.FAILED, "D07"), (SourceStatus.MISSING, "D01")], ids=["it failed", "no file"]
)
def test_a_source_that_failed_is_not_told_as_one_without_a_file(status: SourceStatus, code: str) -> None:
    """Neither by the score's want nor by the rules that need a value of it."""
    decision = decided({"bureau": status}, BELOW_BOTH)
    assert (decision.outcome, decision.score) == (Outcome.REFER, None)
    data = [reason for reason in codes(decision) if reason in ("D01", "D07")]
    assert data == [code]


def test_a_knock_out_that_needs_what_is_away_refers() -> None:
    decision = LOAN.decide(captured({"history": SourceStatus.FAILED}, reduced=True), scorer(BELOW_BOTH))
    assert decision.outcome is Outcome.REFER
    assert codes(decision) == ["D02"]
    assert {rule.hit for rule in decision.rules if rule.rule.name == "own-arrears"} == {None}


def test_no_more_is_offered_than_the_rungs_cap() -> None:
    asked = {"amount": 20_000.0, "annual_income": 90_000.0}
    full, lower = decided({}, BELOW_BOTH, **asked), decided(AWAY, BELOW_BOTH, **asked)
    assert full.offer is not None
    assert lower.offer is not None
    assert (full.offer.limit, lower.offer.limit) == (20_000.0, 10_000)
    assert decided(AWAY, BELOW_BOTH, amount=900.0).offer.limit == 900.0  # type: ignore[union-attr]


def test_a_rung_without_terms_neither_approves_nor_declines() -> None:
    bare = replace(LOAN.policy, ladder=())
    for pd in (0.0, 0.01, 0.5, 1.0):
        assert bare.at(Rung.APPLICATION_ONLY).bands.outcome(pd) is Outcome.REFER
    assert bare.at(Rung.STALE).bands == bare.bands


def test_the_ladder_is_part_of_the_terms_and_reads_back() -> None:
    text = json.dumps(LOAN.terms.document())
    again = Terms.from_text(text)
    assert again.policy.ladder == LOAN.policy.ladder
    assert again.failed_reasons == LOAN.terms.failed_reasons
    lower = replace(LOAN.policy, ladder=(Step(Rung.APPLICATION_ONLY, Bands(0.01, 0.35)),))
    assert replace(LOAN.terms, policy=lower).version != LOAN.terms.version
    # What was stored before there was a ladder has none, and keeps its hash.
    before = replace(LOAN.policy, ladder=()).document()
    assert "ladder" not in before
    assert Policy.from_document(json.loads(json.dumps(before))).ladder == ()


@dataclass(frozen=True)
class Says:
    """In place of the online store: sources of these statuses."""

    statuses: dict[str, SourceStatus]

    def __call__(self, *_: object) -> LookedUp:
        return LookedUp(readings(self.statuses))


def named(name: str, purpose: Purpose) -> Callable[[str, str], Scorer | None]:
    feature = features_for(LOAN, purpose)
    chosen = next(one for one in feature if LOAN.features[one].source == name)
    made = replace(graded_scorer(chosen, reference=0.0), name=f"reads {name}")
    return lambda *_: made


COMPACT, REDUCED, FORM = (
    named("bank", Purpose.COMPACT), named("bureau", Purpose.REDUCED), named("application", Purpose.APPLICATION),
)  # fmt: skip


def missing(_product: str, _applicant: str) -> Scorer | None:
    return None


@pytest.mark.parametrize(
    ("statuses", "shelves", "used", "rung"),
    [
        ({}, (COMPACT, REDUCED, FORM), "reads bank", Rung.FULL),
        ({"bureau": SourceStatus.STALE}, (COMPACT, REDUCED, FORM), "reads bank", Rung.STALE),
        (AWAY, (COMPACT, REDUCED, FORM), "reads bureau", Rung.APPLICATION_ONLY),
        (AWAY | NO_FILE, (COMPACT, REDUCED, FORM), "reads application", Rung.APPLICATION_ONLY),
        (AWAY | NO_FILE, (COMPACT, REDUCED, missing), "reads bank", Rung.POLICY_ONLY),
        ({}, (missing, REDUCED, FORM), "reads bureau", Rung.APPLICATION_ONLY),
        ({}, (missing, missing, FORM), "reads application", Rung.APPLICATION_ONLY),
        ({}, (missing, missing, missing), None, Rung.POLICY_ONLY),
    ],
)
def test_the_fullest_model_that_can_decide_does(
    statuses: dict[str, SourceStatus],
    shelves: Sequence[Callable[[str, str], Scorer | None]],
    used: str | None,
    rung: Rung,
) -> None:
    request = parse_request(body(), {LOAN.name: LOAN.request})
    capturing = Capturing(Says(statuses), Live({}), shelves, "tests", missing, lambda _: None)  # type: ignore[arg-type]
    made = capturing(LOAN, request, NOW, NOW, Deadline.after(1))
    evidence, model = made.evidence, made.scorer
    assert (model.name if model else None) == used
    assert evidence.rung is rung
    decision = LOAN.decide(evidence, model)
    assert (decision.score is None) == (rung is Rung.POLICY_ONLY)


@pytest.mark.parametrize("fast", list(Outcome))
def test_an_assessment_without_a_score_is_no_second_opinion(fast: Outcome) -> None:
    found = reconcile(CAUTIOUS, fast, Outcome.REFER, in_analysts_hands=False, scored=False)
    assert found is (Settlement.CASE if fast is Outcome.REFER else Settlement.CONFIRM)
    assert reconcile(CAUTIOUS, fast, Outcome.REFER, in_analysts_hands=False) is Settlement.CASE


@pytest.mark.parametrize("name", ["personal-loan", "consumer-loan"])
def test_a_lower_rung_is_never_wider(name: str) -> None:
    """Nor does a stand-in read what the compact model does not."""
    product: Product = find_product(name)
    for step in product.policy.ladder:
        assert step.bands.approve_below <= product.bands.approve_below
        assert step.bands.decline_above >= product.bands.decline_above
        assert step.limit_cap is not None
    for purpose in purposes_of(product):
        if purpose.rung is Rung.APPLICATION_ONLY:
            assert {product.features[one].source for one in features_for(product, purpose)} < product.model_sources
