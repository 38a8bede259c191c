"""A policy in sentences, as somebody reads it who has never seen a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

from meridian.evidence import Rung
from meridian.outcome import Outcome
from meridian.policy import Policy, Rule, Step
from meridian.policy.cells import AnyCell, Cell, Kind, WordCell
from meridian.policy.spans import Span, others
from meridian.rulebook.vocabulary import Vocabulary

Text = Callable[[str], str]
"""A reason's code -> its text."""

SAYS = {Outcome.DECLINE: "declines", Outcome.REFER: "refers"}
TOLD_UNITS = ("USD", "TWD", "months", "years", "days")
RUNGS = {
    Rung.FULL: "With every source at hand",
    Rung.PRE_COMPUTED: "While a source is away, by an earlier score",
    Rung.APPLICATION_ONLY: "Without some of the sources",
}
"""What the terms of a rung are introduced by."""


def sentences_of(policy: Policy, vocabulary: Vocabulary, text: Text) -> list[str]:
    """Every rule, then the bands, then the prices."""
    return [
        *(_rule(rule, vocabulary, text) for rule in policy.rules),
        *_bands(policy, vocabulary),
        *_prices(policy),
    ]


def _rule(rule: Rule, vocabulary: Vocabulary, text: Text) -> str:
    conditions = [condition(guard.field, guard.cell, vocabulary) for guard in rule.guards]
    if not isinstance(rule.cell, AnyCell):
        conditions.append(condition(rule.field, rule.cell, vocabulary))
    since = f"From {rule.since} on, " if rule.since else ""
    until = f"{'b' if since else 'B'}efore {rule.until}, " if rule.until else ""
    where = f"where {' and '.join(conditions)} (reason {rule.reason}: {text(rule.reason)})"
    says = f"{since}{until}{SAYS[rule.effect]} {where}"
    if rule.unknown is Outcome.APPROVE:
        return f"{_begun(says)}; where that is not known, nothing follows."
    code = rule.unknown_reason
    return f"{_begun(says)}; where that is not known, {SAYS[rule.unknown]} ({code}: {text(code)})."


def _begun(text: str) -> str:
    return text[0].upper() + text[1:]


def condition(field: str, cell: Cell, vocabulary: Vocabulary) -> str:
    """What a cell asks of a field: `debt to income is above 43 %`."""
    known = vocabulary.fields.get(field)
    kind, unit = (known.kind, known.unit) if known else (cell.kind, "")
    return f"{field.replace('_', ' ').replace('.', ' ')} is {phrase(cell, kind, unit)}"


def phrase(cell: Cell, kind: Kind, unit: str) -> str:
    """A cell in words: `below 18 years`, `from 1 to below 3`, `rent or own`."""
    if isinstance(cell, AnyCell):
        return "anything"
    if isinstance(cell, WordCell):
        words = _listed([word.replace("_", " ") for word in sorted(cell.words)])
        return f"not {words}" if cell.negated else words
    if kind is Kind.FLAG:
        return "yes" if any(span.holds(Decimal(1)) for span in cell.spans) else "no"
    if cell.text.startswith("not("):
        return f"not {_spans(others(cell.spans), kind, unit)}"
    return _spans(cell.spans, kind, unit)


def _spans(spans: tuple[Span, ...], kind: Kind, unit: str) -> str:
    return _listed([_span(span, kind, unit) for span in spans])


def _span(span: Span, kind: Kind, unit: str) -> str:
    low, high = told(span.low, kind, unit), told(span.high, kind, unit)
    if span.point:
        return low
    if not span.low.is_finite():
        return f"{'at most' if span.high_in else 'below'} {high}"
    if not span.high.is_finite():
        return f"{'at least' if span.low_in else 'above'} {low}"
    return f"{'from' if span.low_in else 'above'} {low} {'to' if span.high_in else 'to below'} {high}"


def told(number: Decimal, kind: Kind, unit: str) -> str:
    """A number with its unit."""
    if not number.is_finite():
        return ""
    if kind is Kind.SHARE or unit == "ratio":
        return f"{_digits(number * 100)} %"
    return f"{_digits(number)} {unit}" if unit in TOLD_UNITS else _digits(number)


def _digits(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _bands(policy: Policy, vocabulary: Vocabulary) -> Iterator[str]:
    for rung, begins in RUNGS.items():
        for segment in policy.segments:
            if segment.step.rung == rung:
                where = " and ".join(condition(guard.field, guard.cell, vocabulary) for guard in segment.guards)
                yield _step(f"{begins}, where {where}", segment.step)
        if rung is Rung.FULL or any(step.rung == rung for step in policy.ladder):
            yield _step(begins, policy.at(rung))


def _step(begins: str, step: Step) -> str:
    bands = step.bands
    says = [f"approves below a PD of {_share(bands.approve_below)}"]
    if bands.decline_above < 1:
        says.append(f"declines above {_share(bands.decline_above)}")
    says.append("refers what is left")
    if step.limit_cap is not None:
        says.append(f"offers no more than {_digits(Decimal(repr(step.limit_cap)))}")
    if step.valid_for is not None:
        says.append(f"takes no score older than {step.valid_for / timedelta(days=1):g} days")
    return f"{begins}: {', '.join(says)}."


def _prices(policy: Policy) -> Iterator[str]:
    if not policy.prices:
        yield "Has no prices: an approval has no offer."
        return
    tiers = [f"{_share(tier.apr)} below a PD of {_share(tier.pd_below)}" for tier in policy.prices]
    yield f"Prices a year: {', '.join(tiers)}; beyond, the last."


def _share(fraction: float) -> str:
    return told(Decimal(repr(fraction)), Kind.SHARE, "")
