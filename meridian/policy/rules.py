"""Rules: data with a limit each, judged in three-valued logic. What is not known never passes in silence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from meridian.evidence import Rung
from meridian.outcome import Outcome
from meridian.policy.bands import Bands, Offer, PriceTier, make_offer
from meridian.policy.derived import DERIVED
from meridian.policy.ladder import NEITHER, Step

NOTHING: Mapping[str, float] = {}


class Test(StrEnum):
    """When a rule hits: the value stands so to the limit."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    BELOW = "below"
    ABOVE = "above"

    def margin(self, value: float, limit: float) -> float:
        """How far the value is from hitting, in its own unit; zero just passes, negative hits."""
        return value - limit if self is Test.BELOW else limit - value


@dataclass(frozen=True)
class Rule:
    """One rule.

    It hits where `field` is below or above `limit`; then `effect` follows (decline: a knock-out,
    refer: a referral) for reason `reason`. Where the field is not known, `unknown` follows for reason
    `unknown_reason`: refer, unless the rule says that it needs no answer (approve).
    """

    name: str
    effect: Outcome
    field: str
    test: Test
    limit: float
    reason: str
    unknown_reason: str
    meaning: str
    unknown: Outcome = Outcome.REFER

    def judge(self, values: Mapping[str, float], earlier: Mapping[str, float] = NOTHING) -> RuleResult:
        """Hold the rule against the evidence's values; NaN and absent are both 'not known'.

        What is not known is held against the `earlier` value, where there is one.
        """
        value = values.get(self.field, math.nan)
        if stands_in := math.isnan(value):
            value = earlier.get(self.field, math.nan)
        if math.isnan(value):
            return RuleResult(self, None, None, None)
        margin = self.test.margin(value, self.limit)
        return RuleResult(self, value, margin, margin < 0, earlier=stands_in)


@dataclass(frozen=True)
class RuleResult:
    """What a rule found: the value, its margin to the limit, and whether it hit (None: not known).

    `earlier`: the value is not the present one, which is not known, but that of an earlier assessment.
    """

    rule: Rule
    value: float | None
    margin: float | None
    hit: bool | None
    earlier: bool = False

    @property
    def outcome(self) -> Outcome:
        """What follows from this rule alone. What hit earlier may be over by now, so that a person looks."""
        if self.hit is None:
            return self.rule.unknown
        if not self.hit:
            return Outcome.APPROVE
        return Outcome.REFER if self.earlier else self.rule.effect

    @property
    def known(self) -> bool:
        """Whether it was held against a value of now."""
        return self.hit is not None and not self.earlier

    @property
    def reason(self) -> str | None:
        """The code of the reason this rule gives, if it speaks against an approval."""
        if self.outcome is Outcome.APPROVE:
            return None
        return self.rule.reason if self.known else self.rule.unknown_reason

    def document(self) -> dict[str, Any]:
        """As JSON values: `{"rule", "effect", "value", "limit", "margin", "hit"}`, and `"earlier"` where it is so.

        Value and margin are shown to six digits after the point; what was judged stands in full in the evidence.
        """
        return {
            "rule": self.rule.name,
            "effect": self.rule.effect.value,
            "value": _shown(self.value),
            "limit": self.rule.limit,
            "margin": _shown(self.margin),
            "hit": self.hit,
            **({"earlier": True} if self.earlier else {}),
        }


def _shown(number: float | None) -> float | None:
    return None if number is None else round(number, 6)


@dataclass(frozen=True)
class Policy:
    """A product's rules, bands and prices, as data. `derived` names rule fields that are no features, e.g. an age.

    `bands` are those of the full rung and of the stale one; `ladder` has the terms of each lower rung on which a score
    may approve or decline.
    """

    name: str
    rules: tuple[Rule, ...]
    bands: Bands
    prices: tuple[PriceTier, ...]
    derived: tuple[str, ...] = ()
    ladder: tuple[Step, ...] = ()

    def at(self, rung: Rung) -> Step:
        """The terms of a rung. Where the ladder does not have it, a score neither approves nor declines there."""
        if rung <= Rung.STALE:
            return Step(rung, self.bands)
        return next((step for step in self.ladder if step.rung == rung), Step(rung, NEITHER))

    @property
    def pre_computed(self) -> Step | None:
        """The terms on which an earlier score may stand in; None where the policy takes none."""
        return next((step for step in self.ladder if step.rung == Rung.PRE_COMPUTED), None)

    def derive(self, evidence: Mapping[str, Any]) -> dict[str, float]:
        """The values of the derived fields, from an evidence's document."""
        return {name: DERIVED[name](evidence) for name in self.derived}

    def judge(self, values: Mapping[str, float], earlier: Mapping[str, float] = NOTHING) -> tuple[RuleResult, ...]:
        """Every rule's result: all are judged, so that the record shows what else would have hit."""
        return tuple(rule.judge(values, earlier) for rule in self.rules)

    def offer(self, application: Mapping[str, Any], pd: float, rung: Rung = Rung.FULL) -> Offer | None:
        """The amount and term asked for, at the price of the PD's tier; None where the policy has no prices.

        On a lower rung no more than its cap is offered.
        """
        if not self.prices:
            return None
        asked, cap = application["amount"], self.at(rung).limit_cap
        return make_offer(self.prices, pd, asked if cap is None else min(asked, cap), application["term_months"])

    def document(self) -> dict[str, Any]:
        """The policy as JSON values."""
        document = asdict(self)
        steps = {"ladder": [step.document() for step in self.ladder]} if document.pop("ladder") else {}
        return {**document, "rules": [asdict(rule) for rule in self.rules], "derived": list(self.derived), **steps}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Policy:
        """The policy as it was written."""
        return cls(
            name=document["name"],
            rules=tuple(
                Rule(
                    **{
                        **rule,
                        "effect": Outcome(rule["effect"]),
                        "test": Test(rule["test"]),
                        "unknown": Outcome(rule["unknown"]),
                    }
                )
                for rule in document["rules"]
            ),
            bands=Bands(**document["bands"]),
            prices=tuple(PriceTier(**tier) for tier in document["prices"]),
            derived=tuple(document["derived"]),
            ladder=tuple(Step.from_document(step) for step in document.get("ladder", ())),
        )
