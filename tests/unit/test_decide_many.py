"""Many at once are decided as each is by itself: any policy, any evidence, on every rung."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meridian.backtest import Fields, Gathering, Stored
from meridian.decision import decide, decide_many
from meridian.evidence import Evidence, PreComputed, Rung
from meridian.outcome import Outcome
from meridian.policy import Bands, Policy, PriceTier, Segment, Step
from meridian.products import Product
from meridian.scoring import Score
from tests.rule_tables import guards, rules, values

PDS = st.sampled_from([0.01, 0.05, 0.12, 0.2, 0.35, 0.5, None])
DAY = date(2026, 3, 2)
BANDS = st.sampled_from([Bands(), Bands(0.05, 0.5), Bands(0.2, 0.2), Bands(0.0, 1.0)])
DATES = st.none() | st.sampled_from([DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)])


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    drawn = [
        replace(rule, name=f"r{n}", since=draw(DATES), until=draw(DATES))
        for n, rule in enumerate(draw(st.lists(rules(), max_size=4)))
    ]
    ladder = tuple(
        Step(rung, draw(BANDS), draw(st.sampled_from([None, 500.0, 5000.0])))
        for rung in draw(st.lists(st.sampled_from([Rung.FULL, Rung.APPLICATION_ONLY]), unique=True))
    )
    segments = tuple(
        Segment(
            tuple(draw(st.lists(guards, min_size=1, max_size=2, unique_by=lambda guard: guard.field))),
            Step(
                draw(st.sampled_from([Rung.FULL, Rung.APPLICATION_ONLY])),
                draw(BANDS),
                draw(st.sampled_from([None, 900])),
            ),
        )
        for _ in range(draw(st.integers(0, 3)))
    )
    prices = draw(st.sampled_from([(), (PriceTier(0.05, 0.079), PriceTier(0.2, 0.149))]))
    return Policy("drawn", tuple(drawn), draw(BANDS), prices, ladder=ladder, segments=segments)


def evidence(found: dict[str, Any], rung: Rung, hours: int) -> Evidence:
    """A capture with these values; of what no rule reads there is as little as will do."""
    plain = {name: None if value is None or value != value else value for name, value in found.items()}
    received = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC) + timedelta(hours=hours)
    return Evidence({
        "request": {"product": "drawn", "application": {"amount": 1000.0, "term_months": 12}},
        "received_at": received.isoformat(), "features": {"application": plain}, "sources": [], "rung": int(rung),
    })  # fmt: skip


class Said:
    """A model that says one PD, and reads `x`."""

    name, sha256, features = "said", "0" * 64, ("x",)

    def __init__(self, pd: float):
        self.pd = pd

    def score(self, _values: Any) -> Any:
        return Score(self.pd, 600, {"revolving_utilisation": 0.1})


RUNGS = st.sampled_from([Rung.FULL, Rung.STALE, Rung.APPLICATION_ONLY, Rung.POLICY_ONLY])


@settings(max_examples=300)
@given(policies(), st.lists(st.tuples(values, PDS, RUNGS, st.integers(-30, 30)), min_size=1, max_size=6))
def test_columns_come_out_as_each_applicant_does(
    personal_loan: Product, policy: Policy, drawn: list[tuple[dict[str, Any], float | None, Rung, int]]
) -> None:
    terms = replace(personal_loan.terms, policy=policy, unknown_reasons={"application": "D01"})
    gathering = Gathering(Fields.of([terms]), lambda _: ("x",))
    alone = []
    for found, pd, rung, hours in drawn:
        made = evidence({"x": math.nan, **found}, rung, hours)
        scorer: Any = None if pd is None else Said(pd)
        alone.append(decide(made, terms, scorer))
        gathering.add(Stored("", "", "", "refer", pd, "0" * 64, "", made.text))
    many = decide_many(gathering.take()[0].many, terms)
    assert many.outcomes.tolist() == [one.outcome.severity for one in alone]
    for at, one in enumerate(alone):
        if one.offer is not None:
            assert (many.limits[at], many.rates[at]) == (one.offer.limit, one.offer.apr)
        elif one.outcome is not Outcome.APPROVE:
            assert math.isnan(many.limits[at])


EARLIER = PreComputed(
    datetime(2026, 3, 1, tzinfo=UTC), 0.02, 700, "batch", "1" * 64, "2" * 64, {"annual_income": 50_000.0}, 1000.0
)  # fmt: skip


def test_those_on_an_earlier_score_are_decided_one_by_one(personal_loan: Product) -> None:
    terms = personal_loan.terms
    made = evidence({}, Rung.PRE_COMPUTED, 0)
    application = {**made.document["request"]["application"], "date_of_birth": "1980-01-01"}
    request = {"product": "personal-loan", "application": application}
    earlier = Evidence({**made.document, "request": request, "pre_computed": EARLIER.document()})
    other = Evidence({**made.document, "request": request, "rung": int(Rung.POLICY_ONLY)})
    gathering = Gathering(Fields.of([terms]), lambda _: None)
    for one in (earlier, other):
        gathering.add(Stored("", "", "", "refer", None, None, "", one.text))
    many = gathering.take()[0].many
    assert list(many.apart) == [0]
    assert decide_many(many, terms).outcomes.tolist() == [
        decide(one, terms, None).outcome.severity for one in (earlier, other)
    ]


def test_who_was_scored_by_a_model_that_is_not_kept_is_left_out_and_counted(personal_loan: Product) -> None:
    """Only where it matters: with every value known, no model's list of inputs is needed."""
    gathering = Gathering(
        Fields.of([replace(personal_loan.terms, policy=Policy("p", (), Bands(), ()))]), lambda _: None
    )
    for found in ({"x": None}, {"x": 1.0}):
        gathering.add(Stored("", "", "", "refer", 0.1, "3" * 64, "", evidence(found, Rung.FULL, 0).text))
    assert len(gathering.take()[0]) == 1
    assert list(gathering.skipped.values()) == [1]
