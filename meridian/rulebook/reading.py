"""A book read as a policy: each row as what its table holds, and what cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from meridian.evidence import Rung
from meridian.outcome import Outcome
from meridian.policy import Bands, Policy, PriceTier, Rule, Segment, Step, Test
from meridian.policy.cells import AnyCell, Cell, Kind, NumberCell
from meridian.policy.derived import DERIVED
from meridian.rulebook.book import BANDS, PRICES, RULES, Book, Row, place_of
from meridian.rulebook.cells_of_rows import Reader
from meridian.rulebook.finding import Finding
from meridian.rulebook.vocabulary import Vocabulary

T = TypeVar("T")

RUNGS = {"full": Rung.FULL, "pre-computed": Rung.PRE_COMPUTED, "application-only": Rung.APPLICATION_ONLY}
"""What the rungs are called in a table. The stale one has the terms of the full one; on the last, no model scores."""
EFFECTS = {"decline": Outcome.DECLINE, "refer": Outcome.REFER}
UNKNOWN = {**EFFECTS, "approve": Outcome.APPROVE}
MOST_DAYS = 3650
MOST = 10**12


@dataclass(frozen=True)
class Read:
    """What a book says, with the row that each thing stands in, as far as it can be read; and what cannot."""

    name: str
    rules: tuple[tuple[Row, Rule], ...]
    bands: tuple[tuple[Row, Segment], ...]
    prices: tuple[tuple[Row, PriceTier], ...]
    findings: tuple[Finding, ...]


def read_book(book: Book, vocabulary: Vocabulary, file: str) -> Read:
    """Every row that can be read."""
    found: list[Finding] = []

    def rows(table: str, read: Callable[[Reader], T | None]) -> tuple[tuple[Row, T], ...]:
        made = ((row, read(Reader(row, place_of(file, table, row), vocabulary, found))) for row in book.rows(table))
        return tuple((row, one) for row, one in made if one is not None)

    return Read(book.name, rows(RULES, _rule), rows(BANDS, _band), rows(PRICES, _price), tuple(found))


def policy_of(read: Read, vocabulary: Vocabulary) -> Policy:
    """The policy that a book says, in which nothing is wrong."""
    rules = tuple(rule for _, rule in read.rules)
    segments = [segment for _, segment in read.bands]
    steps = [segment.step for segment in segments if not segment.guards]
    full = next(step for step in steps if step.rung == Rung.FULL)
    policy = Policy(
        read.name,
        rules,
        full.bands,
        tuple(tier for _, tier in read.prices),
        ladder=tuple(step for step in steps if step is not full or step.limit_cap is not None),
        segments=tuple(segment for segment in segments if segment.guards),
    )
    read_fields = [field for rule in rules for field in rule.fields]
    read_fields += [guard.field for segment in policy.segments for guard in segment.guards]
    names = tuple(dict.fromkeys(read_fields))
    return Policy(
        **{
            **vars(policy),
            "derived": tuple(name for name in names if name in DERIVED),
            "stated": tuple(name for name in names if vocabulary.fields[name].stated),
        }
    )


def _rule(reader: Reader) -> Rule | None:
    before = len(reader.found)
    name, meaning = reader.text("rule"), reader.text("meaning")
    effect = reader.one_of("effect", tuple(EFFECTS))
    unknown = reader.one_of("unknown", tuple(UNKNOWN), "refer")
    reason = reader.reason("reason", effect)
    if unknown == "approve" and "unknown_reason" in reader.row.cells:
        reader.wrong("unknown_reason", "a rule that needs no answer gives no reason for want of one", "leave it empty")
    unknown_reason = "" if unknown == "approve" else reader.reason("unknown_reason", unknown)
    since, until = reader.day("since"), reader.day("until")
    if since and until and until <= since:
        reader.wrong("until", f"the rule ends on {until}, before it begins on {since}", "write a later day, or none")
    guards = reader.guards()
    field = reader.field(named, "field") if (named := reader.text("field")) else None
    cell = reader.cell(text, field, "hits") if field and (text := reader.text("hits")) else None
    if len(reader.found) > before or cell is None or field is None:
        return None
    if not guards and cell.covers(field.domain):
        reader.wrong("hits", "every value meets it: the rule hits everybody", "narrow it, or give the row a guard")
        return None
    test, limit = _plain(cell)
    return Rule(
        name, EFFECTS[effect], field.name, test, limit, reason, unknown_reason, meaning, UNKNOWN[unknown], guards,
        None if test else cell, since, until,
    )  # fmt: skip


def _plain(cell: Cell) -> tuple[Test | None, float | None]:
    """(test, limit) of a cell `< 18` or `> 18`, which is stored as it was before there were other cells."""
    if isinstance(cell, AnyCell) or not isinstance(cell, NumberCell) or len(cell.edges) != 1 or len(cell.spans) != 1:
        return None, None
    (span,), (edge,) = cell.spans, cell.edges
    if span.high.is_finite():
        return (None, None) if span.high_in else (Test.BELOW, edge)
    return (None, None) if span.low_in else (Test.ABOVE, edge)


def _band(reader: Reader) -> Segment | None:
    before = len(reader.found)
    rung = RUNGS.get(reader.one_of("rung", tuple(RUNGS)))
    approve = reader.number("approve_below", Kind.SHARE, 0, 1)
    pre_computed = rung is Rung.PRE_COMPUTED
    decline = reader.number("decline_above", Kind.SHARE, 0, 1, needed=not pre_computed)
    cap = reader.number("limit_cap", Kind.NUMBER, 0, MOST, needed=False)
    days = reader.number("valid_for_days", Kind.NUMBER, 1, MOST_DAYS, needed=pre_computed)
    if pre_computed and decline is not None and decline < 1:
        reader.wrong("decline_above", "an earlier score declines nobody", "leave it empty")
    if rung is not None and not pre_computed and "valid_for_days" in reader.row.cells:
        reader.wrong("valid_for_days", "only the rung pre-computed has an age", "leave it empty")
    if approve is not None and decline is not None and not approve < decline:
        reader.wrong("decline_above", "decline_above is not above approve_below", "what lies between is referred")
    guards = reader.guards()
    if len(reader.found) > before or rung is None or approve is None:
        return None
    return Segment(
        guards,
        Step(
            rung,
            Bands(float(approve), 1.0 if decline is None else float(decline)),
            None if cap is None else plain_number(cap),
            None if days is None else timedelta(days=float(days)),
        ),
    )


def _price(reader: Reader) -> PriceTier | None:
    bound = reader.number("pd_below", Kind.SHARE, 0, 1)
    apr = reader.number("apr", Kind.SHARE, 0, 10)
    return None if bound is None or apr is None else PriceTier(float(bound), float(apr))


def plain_number(number: Decimal) -> float:
    """A decimal as a JSON number: whole ones as integers."""
    return int(number) if number == number.to_integral_value() else float(number)
