"""An analyst's decision: an outcome, reasons from the product's codes, and a note. Free text alone is no reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meridian.decision import Offering, offering
from meridian.errors import FieldProblem, InvalidInput
from meridian.evidence import Evidence
from meridian.outcome import Outcome
from meridian.policy.bands import offered_in
from meridian.products import Product
from meridian.reasons import MOST_REASONS, Reason, ReasonSource, principal

SHORTEST_NOTE, LONGEST_NOTE = 10, 4_000
UNSCORED_PD = 1.0
"""An approval that no model scored is priced at the last tier."""


@dataclass(frozen=True)
class Settling:
    """What an analyst wants recorded. `codes` are reason codes; a decline needs one to four, an approval none."""

    outcome: Outcome
    codes: Sequence[str]
    note: str


def reviewed(
    settling: Settling,
    *,
    product: Product,
    evidence: Evidence,
    governing: Mapping[str, Any],
    others: Sequence[Mapping[str, Any]] = (),
    analyst: str,
) -> dict[str, Any]:
    """The decision part of a review's version, in the shape of `Decision.document()`.

    Score and rules stay those of the version that governed, for they were on the screen; the reasons
    are the analyst's: a code that a version had given (`others` are those that do not govern) keeps its
    contribution and its source.
    Raises `InvalidInput` with each field that is wrong.
    """
    given = _given(governing, others)
    problems = _problems(settling, product, given)
    if problems:
        raise InvalidInput(f"{problems[0].pointer}: {problems[0].value}; expected {problems[0].expected}.", problems)
    chosen = principal(_reason(code, given, product) for code in settling.codes)
    approved = settling.outcome is Outcome.APPROVE
    score = governing["score"]
    offered = _offers(product, evidence, score) if approved and product.terms.offers else None
    if offered is not None and offered.offer is None:
        why = ", ".join(sorted({one.why.value.replace("_", " ") for one in offered.offered.removed} - {"outranked"}))
        problem = FieldProblem("/outcome", f"approve, and nothing can be offered: {why}", "decline, or a correction")
        raise InvalidInput(f"{problem.pointer}: {problem.value}; expected {problem.expected}.", [problem])
    offer = offered.offer if offered else None
    if approved and offered is None:
        offer = product.policy.offer(evidence.application, score["pd"] if score else UNSCORED_PD)
    return {
        "outcome": settling.outcome.value,
        "score": score,
        "policy": governing["policy"],
        "reasons": [reason.document() for reason in chosen],
        "offer": offer.document() if offer else None,
        **({"offers": offered.offered.document()} if offered else {}),
        "review": {"analyst": analyst, "note": settling.note, "overturns": governing["outcome"]},
    }


def _offers(product: Product, evidence: Evidence, score: Mapping[str, Any] | None) -> Offering | None:
    """What can be offered to whom an analyst approves: nobody's word makes more of it lawful, or affordable."""
    offers = product.terms.offers
    if offers is None:
        return None
    if score is None:
        # At the price of the last tier.
        return offering(evidence, offers, offers.highest_pd, offered_in(None))
    return offering(evidence, offers, min(score["pd"], offers.highest_pd), offered_in(score["band"]))


def proposed(
    product: Product, governing: Mapping[str, Any], others: Sequence[Mapping[str, Any]] = ()
) -> list[tuple[str, str]]:
    """The codes and texts that an analyst picks from: what models and rules gave first, then the analyst's own."""
    return list(_texts(product, _given(governing, others)).items())


def _given(governing: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Reasons by code as the versions froze them; where two gave the same code, the governing one's."""
    given: dict[str, Mapping[str, Any]] = {}
    for version in (governing, *others):
        for reason in version["reasons"]:
            given.setdefault(reason["code"], reason)
    return given


def _texts(product: Product, given: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    own = {code.code: code.text for code in product.reasons.codes if code.source is ReasonSource.ANALYST}
    # A version by another policy may have given a code that this one has not.
    final = {
        code: reason["text"]
        for code, reason in given.items()
        if code not in product.reasons or product.reasons[code].final
    }
    return final | own


def _problems(settling: Settling, product: Product, given: Mapping[str, Mapping[str, Any]]) -> Sequence[FieldProblem]:
    problems = []
    if settling.outcome is Outcome.REFER:
        problems.append(FieldProblem("/outcome", "refer", "approve or decline: a review settles"))
    if len(settling.note.strip()) < SHORTEST_NOTE:
        length = len(settling.note.strip())
        problems.append(
            FieldProblem("/note", f"{length} characters", f"at least {SHORTEST_NOTE}: what was looked at, and found")
        )
    if len(settling.note) > LONGEST_NOTE or "\0" in settling.note:
        expected = f"at most {LONGEST_NOTE:,} characters, and no NUL among them"
        problems.append(FieldProblem("/note", f"{len(settling.note):,} characters", expected))
    allowed = _texts(product, given)
    strange = [code for code in settling.codes if code not in allowed]
    if strange:
        problems.append(FieldProblem("/codes", ", ".join(strange), f"some of {', '.join(sorted(allowed))}"))
    if settling.outcome is Outcome.DECLINE and not 1 <= len(settling.codes) <= MOST_REASONS:
        problems.append(
            FieldProblem("/codes", f"{len(settling.codes)} reasons", f"one to {MOST_REASONS} for a decline")
        )
    if settling.outcome is Outcome.APPROVE and settling.codes:
        problems.append(
            FieldProblem("/codes", ", ".join(settling.codes), "no reasons for an approval; say why in the note")
        )
    return problems


def _reason(code: str, given: Mapping[str, Mapping[str, Any]], product: Product) -> Reason:
    if code in given:
        frozen = given[code]
        return Reason(code, frozen["text"], ReasonSource(frozen["source"]), frozen["contribution"])
    stated = product.reasons[code]
    return Reason(code, stated.text, ReasonSource.ANALYST)
