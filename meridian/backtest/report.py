"""What a backtest found, as JSON values: whoever draws, prints or signs reads nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np

from meridian.backtest.segments import Segments
from meridian.backtest.tally import BINS, OFFERS, Cells, Members, Side, Tally
from meridian.decision import Said, Terms
from meridian.experiments import Estimate
from meridian.experiments.estimates import ratio_of, share_of
from meridian.outcome import Outcome

OUTCOMES = [outcome.value for outcome in Outcome]
APPROVE = Outcome.APPROVE.severity
FIRST, SECOND = "before", "after"


@dataclass(frozen=True)
class OneByOne:
    """Decisions that were drawn and made again one by one by both policies: how many came out otherwise than in the
    columns, and the reasons, each the principal ones of those that are not approved.
    """

    decisions: int = 0
    unlike: int = 0
    reasons: Mapping[str, Counter[str]] = field(default_factory=dict)
    not_approved: Mapping[str, int] = field(default_factory=dict)

    def document(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """As JSON values; `reasons` are shares of those who are not approved, `texts` what codes stand for."""
        codes = sorted({code for of in self.reasons.values() for code in of})
        return {
            "decisions": self.decisions,
            "unlike": self.unlike,
            "not_approved": dict(self.not_approved),
            "reasons": [
                {
                    "code": code,
                    "text": texts.get(code, ""),
                    **{side: _share(of[code], self.not_approved[side]) for side, of in self.reasons.items()},
                }
                for code in codes
            ],
        }


@dataclass(frozen=True)
class Backtest:
    """Two policies over the same past applications. `source` says which those are, `differences` what the one says
    otherwise than the other, `skipped` what could not be judged and why; `compared` has pairs of a group and its
    control.
    """

    product: str
    before: Terms
    after: Terms
    source: Mapping[str, Any]
    tally: Tally
    segments: Segments
    skipped: Mapping[str, int]
    one_by_one: OneByOne = field(default_factory=OneByOne)
    differences: Sequence[str] = ()
    compared: Sequence[tuple[str, str]] = ()
    left_out: Sequence[str] = ()
    """Rules that neither policy was asked by, because nothing is said of what they read."""
    as_of: date | None = None
    """The day whose rules were asked of everybody; None: those of the day of receipt."""

    @property
    def agrees(self) -> bool:
        """Whether all that could be held against the record, or against single decisions, came out alike."""
        return not (self.tally.before.unlike or self.tally.after.unlike or self.one_by_one.unlike)

    def document(self) -> dict[str, Any]:
        """As JSON values; rates and shares are fractions, money is dollars."""
        tally = self.tally
        counts = tally.cells.decisions
        return {
            "product": self.product,
            "policies": {side: {"version": terms.version, "sha256": terms.sha256} for side, terms in self._sides()},
            "differences": list(self.differences),
            "source": dict(self.source),
            "decisions": tally.decisions,
            "skipped": [{"why": why, "decisions": count} for why, count in self.skipped.items()],
            "left_out": list(self.left_out),
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "dated": self._dated(),
            "held_to_record": {
                side: {"decisions": of.own, "unlike": of.unlike}
                for side, of in ((FIRST, tally.before), (SECOND, tally.after))
            },
            "one_by_one": self.one_by_one.document(
                {code.code: code.text for _, terms in self._sides() for code in terms.reasons.codes}
            ),
            "outcomes": {
                "recorded": _by_outcome(tally.recorded.tolist()),
                FIRST: _by_outcome(counts.sum(axis=1).tolist()),
                SECOND: _by_outcome(counts.sum(axis=0).tolist()),
            },
            "swaps": _swaps(tally.cells),
            "swapped": {
                "in": _people(tally.cells, np.s_[1:, 0]),
                "out": _people(tally.cells, np.s_[0, 1:]),
            },
            "books": {
                FIRST: {**_people(tally.cells, np.s_[0, :]), **_money(tally.before)},
                SECOND: {**_people(tally.cells, np.s_[:, 0]), **_money(tally.after)},
            },
            "assumptions": asdict(tally.assumptions),
            "led": _led(tally.before, tally.after),
            "segments": self._segments(),
            "fairness": [_fairness(group, control, tally) for group, control in self.compared],
            "workload": _workload(tally),
            "pds": {
                "width": 1 / BINS,
                FIRST: dict(zip(OUTCOMES, tally.before.pds.tolist(), strict=True)),
                SECOND: dict(zip(OUTCOMES, tally.after.pds.tolist(), strict=True)),
            },
        }  # fmt: skip

    def _sides(self) -> tuple[tuple[str, Terms], tuple[str, Terms]]:
        return (FIRST, self.before), (SECOND, self.after)

    @property
    def held(self) -> bool:
        """Whether anything was held against the record, or against single decisions, at all."""
        return bool(self.tally.before.own or self.tally.after.own or self.one_by_one.decisions)

    def _dated(self) -> list[dict[str, Any]]:
        """Rules that were not in force on all of the days: what they would do from their day on is not in the figures.

        Rules are judged as on the day of receipt, as they would have been, unless a day was named.
        """
        if self.as_of is not None:
            return []
        first, last = self.tally.first_day, self.tally.last_day
        return [
            {"policy": side, "rule": rule.name, "since": rule.since.isoformat() if rule.since else None,
             "until": rule.until.isoformat() if rule.until else None}
            for side, terms in self._sides()
            for rule in terms.policy.rules
            if first and last and not (rule.holds_on(first) and rule.holds_on(last))
        ]  # fmt: skip

    def _segments(self) -> list[dict[str, Any]]:
        found = []
        for name, of in self.tally.segments.items():
            for label in self.segments.order(name, list(of)):
                cells = of[label]
                found.append(
                    {
                        "by": name, "segment": label, "decisions": int(cells.sum()),
                        FIRST: _by_outcome(cells.sum(axis=1).tolist()),
                        SECOND: _by_outcome(cells.sum(axis=0).tolist()),
                        "in": int(cells[1:, 0].sum()), "out": int(cells[0, 1:].sum()),
                    }
                )  # fmt: skip
        return found


def _by_outcome(counts: Sequence[int]) -> dict[str, int]:
    return dict(zip(OUTCOMES, counts, strict=True))


def _share(count: int, of: int) -> float | None:
    return round(count / of, 6) if of else None


def _swaps(cells: Cells) -> list[dict[str, Any]]:
    return [
        {"was": was, "would_be": would_be, **_people(cells, np.s_[i : i + 1, j : j + 1])}
        for i, was in enumerate(OUTCOMES)
        for j, would_be in enumerate(OUTCOMES)
    ]


def _people(cells: Cells, some: Any) -> dict[str, Any]:
    """How many, their mean PD, and their default rate.

    The rate is told where outcomes are known; of the others nobody knows. So besides what the PDs expect of them stands
    what the rate would be if none of them, and if all of them, defaulted: the worst-case bounds of Manski (1989,
    Journal of Human Resources 24), which rest on no assumption.
    """
    decisions, scored = int(cells.decisions[some].sum()), int(cells.scored[some].sum())
    known, defaulted = int(cells.known[some].sum()), int(cells.defaulted[some].sum())
    unknown, open_scored = decisions - known, int(cells.unknown_scored[some].sum())
    expected = None
    if decisions and open_scored == unknown:
        expected = round((defaulted + float(cells.unknown_pd[some].sum())) / decisions, 6)
    return {
        "decisions": decisions,
        "mean_pd": round(float(cells.pd[some].sum()) / scored, 6) if scored else None,
        "known": known,
        "defaulted": defaulted,
        "known_rate": _estimate(share_of(defaulted, known)) if known else None,
        "unknown": unknown,
        "rate": {"best": _share(defaulted, decisions), "expected": expected,
                 "worst": _share(defaulted + unknown, decisions)},
    }  # fmt: skip


def _estimate(of: Estimate) -> dict[str, float]:
    return {name: round(value, 6) for name, value in of.document().items()}


def _money(side: Side) -> dict[str, Any]:
    money = side.money
    told = bool(money.lent) or not money.without
    return {
        "lent": round(money.lent) if told else None,
        "expected_loss": round(money.loss) if told else None,
        "expected_profit": round(money.profit) if told and money.priced else None,
        "without_amount": money.without,
    }


def _led(before: Side, after: Side) -> list[dict[str, Any]]:
    """What led to declines and referrals: each rule in the tables' order, then the score."""
    names = dict.fromkeys([*(rule.name for rule in (*after.policy.rules, *before.policy.rules)), ""])
    codes = {rule.name: rule for rule in (*before.policy.rules, *after.policy.rules)}
    found = []
    for name in names:
        for what in ("hits", "unknown") if name else [*(said.name.lower() for said in Said), OFFERS]:
            counts = {
                side: {outcome: of.led[name, what, OUTCOMES.index(outcome)] for outcome in OUTCOMES[1:]}
                for side, of in ((FIRST, before), (SECOND, after))
            }
            if not any(count for of in counts.values() for count in of.values()):
                continue
            rule = codes.get(name)
            code = (rule.reason if what == "hits" else rule.unknown_reason) if rule else None
            found.append({"rule": name or None, "found": what, "reason": code, **counts})
    return found


def _fairness(group: str, control: str, tally: Tally) -> dict[str, Any]:
    """The adverse impact ratio before and after with its interval of 95 %, and the difference of the mean PDs over the
    standard deviation of all: no policy changes that one, which is the model's.
    """
    one, other = tally.members.get(group, Members()), tally.members.get(control, Members())
    found: dict[str, Any] = {
        "group": group,
        "control": control,
        "of_group": one.decisions,
        "of_control": other.decisions,
    }
    approved = {
        FIRST: (one.approved_before, other.approved_before), SECOND: (one.approved_after, other.approved_after)
    }  # fmt: skip
    for side, (of_group, of_control) in approved.items():
        shares = _share(of_group, one.decisions), _share(of_control, other.decisions)
        ratio = None
        if shares[0] is not None and shares[1] is not None:
            ratio = ratio_of(of_group / one.decisions, one.decisions, of_control / other.decisions, other.decisions)
        found[side] = {"approved": shares[0], "approved_control": shares[1], "air": _estimate(ratio) if ratio else None}
    means, spread = (one.pds.mean, other.pds.mean), tally.all_pds.deviation
    known = means[0] is not None and means[1] is not None and spread > 0
    found["smd"] = round((float(means[0] or 0) - float(means[1] or 0)) / spread, 6) if known else None
    return found


def _workload(tally: Tally) -> dict[str, Any]:
    """Cases for analysts: on a day of the period in the mean, on the busiest day, and the hours that they take."""
    days = 1
    if tally.first_day is not None and tally.last_day is not None:
        days = (tally.last_day - tally.first_day).days + 1
    by_day = [
        {"day": day.isoformat(), FIRST: int(counts[0]), SECOND: int(counts[1])}
        for day, counts in sorted(tally.referred.items())
    ]
    found: dict[str, Any] = {"days": days, "by_day": by_day}
    for at, side in enumerate((FIRST, SECOND)):
        counts = [int(of[at]) for of in tally.referred.values()]
        cases = sum(counts)
        found[side] = {
            "cases": cases, "a_day": round(cases / days, 3), "busiest_day": max(counts, default=0),
            "hours_a_day": round(cases / days * tally.assumptions.minutes_per_case / 60, 3),
        }  # fmt: skip
    return found
