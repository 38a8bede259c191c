"""Cases decided, by the very function that decides, and what went otherwise than expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from meridian.cases.case import NOBODY, Case
from meridian.decision import Decision, Terms, decide
from meridian.evidence import Rung
from meridian.policy import RuleResult
from meridian.products import Product
from meridian.scoring import Calibration, Ensemble, PointsScale, Score, Scorer, make_tables
from meridian.scoring.trees import Leaf


class Stated(Scorer):
    """A model that says one PD of everybody, to the last digit, and reads nothing.

    It gives no reasons: which of a real model's inputs weighs most is not the policy's to say.
    """

    def __init__(self, pd: float):
        empty = make_tables(Ensemble((Leaf(0.0, ()),), 0.0, ()), np.zeros((1, 0), np.float32))
        super().__init__("stated", NOBODY, NOBODY, empty, Calibration(), PointsScale())
        vars(self)["pd"] = pd

    def score(self, values: Mapping[str, float]) -> Score:  # noqa: ARG002 - whatever the applicant is
        """The stated PD."""
        return Score(vars(self)["pd"], 0, {})


@dataclass(frozen=True)
class Ran:
    """A case and what was decided; `wrong` has a sentence for each thing that went otherwise than expected."""

    case: Case
    decision: Decision
    wrong: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all went as expected."""
        return not self.wrong

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "case": self.case.name,
            "line": self.case.line,
            "passed": self.passed,
            "expected": self.case.outcome.value,
            "outcome": self.decision.outcome.value,
            "reasons": [reason.code for reason in self.decision.reasons],
            "wrong": list(self.wrong),
        }


def run(cases: Iterable[Case], product: Product, terms: Terms) -> tuple[Ran, ...]:
    """Decide every case by these terms."""
    return tuple(_ran(case, product, terms) for case in cases)


def _ran(case: Case, product: Product, terms: Terms) -> Ran:
    scorer = None if case.pd is None or case.rung is Rung.PRE_COMPUTED else Stated(case.pd)
    evidence = case.evidence(product)
    decision = decide(evidence, terms, scorer)
    wrong = []
    if decision.outcome is not case.outcome:
        bands = terms.policy.at(case.rung, {**evidence.features, **terms.policy.derive(evidence.document)}).bands
        score = f"approve below {bands.approve_below:g}, decline above {bands.decline_above:g}"
        wrong.append(f"expected {case.outcome.value}, got {decision.outcome.value} {_cause(decision, score)}")
    codes = tuple(reason.code for reason in decision.reasons)
    if case.reasons is not None and codes != case.reasons:
        wrong.append(f"expected reasons {_listed(case.reasons)}, got {_listed(codes)}")
    for rule in decision.rules:
        if case.hits is not None and bool(rule.hit) != (rule.rule.name in case.hits):
            expected = "to hit" if rule.rule.name in case.hits else "not to hit"
            wrong.append(f"expected rule {rule.rule.name} {expected} ({_measured(rule)})")
    return Ran(case, decision, tuple(f"case {case.name!r}: {one}" for one in wrong))


def _cause(decision: Decision, bands: str) -> str:
    rules = [rule for rule in decision.rules if rule.outcome is decision.outcome and rule.reason]
    if rules:
        return "by " + " and ".join(f"rule {rule.rule.name} ({_measured(rule)})" for rule in rules)
    if decision.offered is not None:
        why = ", ".join(why.value for why in decision.offered.asked.why) or "none is left"
        return f"by the offers ({why})"
    if decision.score is None:
        return "for want of a score"
    return f"by the score (PD {decision.score.pd:g}, {bands})"


def _measured(rule: RuleResult) -> str:
    if rule.hit is None:
        return f"{rule.wanting} not known"
    limit = rule.rule.cell.text if rule.limit is None else f"{rule.limit:g}"
    margin = "" if rule.margin is None else f", margin {rule.margin:g}"
    return f"{rule.rule.field} {_plain(rule.value)}, limit {limit}{margin}"


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _listed(codes: Iterable[str]) -> str:
    return ", ".join(codes) or "none"
