"""What is wrong with a policy's tables beyond each cell: rows that say nothing, gaps, overlaps, contradictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations

from meridian.evidence import Rung
from meridian.outcome import Outcome
from meridian.policy import Guard, Policy, Rule, Segment
from meridian.policy.cells import AnyCell, Cell
from meridian.rulebook.book import BANDS, PRICES, RULES, Book, Place, Row, place_of
from meridian.rulebook.finding import Finding, shown
from meridian.rulebook.reading import RUNGS, Read, policy_of, read_book
from meridian.rulebook.vocabulary import Vocabulary

SEVERITY = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)


def check(book: Book, vocabulary: Vocabulary, file: str) -> tuple[Policy | None, list[Finding]]:
    """The policy that a book says, and all that is wrong with it; where anything is, there is no policy."""
    read = read_book(book, vocabulary, file)
    found = [
        *read.findings,
        *_twice(book, file),
        *_of_rules(read.rules, vocabulary, file),
        *_of_bands(book, read.bands, vocabulary, file),
        *_of_prices(read, file),
    ]
    order = {table: place for place, table in enumerate((RULES, BANDS, PRICES))}
    found.sort(key=lambda one: (order.get(one.table, -1), one.row or 0))
    return (None if found else policy_of(read, vocabulary)), found


def _twice(book: Book, file: str) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for row in book.rows(RULES):
        name = row.cells.get("rule", "")
        if name and name in seen:
            problem = f"the rule {shown(name)} stands in row {seen[name]} too"
            yield place_of(file, RULES, row).finding("rule", name, problem, "give each rule a name of its own")
        seen.setdefault(name, row.number)


Box = dict[str, Cell]
"""By field, what a row asks of it; of every other field it asks nothing."""


def _box(vocabulary: Vocabulary, guards: Sequence[Guard], field: str = "", cell: Cell | None = None) -> Box:
    box = {guard.field: guard.cell for guard in guards}
    if cell is not None and not isinstance(cell, AnyCell):
        box[field] = box[field].common(cell) if field in box else cell
    # Of what a field can hold at all: beyond that, no row says anything.
    return {name: vocabulary.fields[name].domain.common(one) for name, one in box.items()}


def _covers(first: Box, second: Box, vocabulary: Vocabulary) -> bool:
    """Whether every applicant whom the second holds for is one whom the first holds for."""
    return all(cell.covers(second.get(field, vocabulary.fields[field].domain)) for field, cell in first.items())


def _overlap(first: Box, second: Box) -> bool:
    """Whether there can be an applicant whom both hold for."""
    return not any(first[field].common(second[field]).empty for field in first.keys() & second.keys())


def _of_rules(rules: Sequence[tuple[Row, Rule]], vocabulary: Vocabulary, file: str) -> Iterator[Finding]:
    boxes = {row.number: _box(vocabulary, rule.guards, rule.field, rule.cell) for row, rule in rules}
    for row, _ in rules:
        if any(cell.empty for cell in boxes[row.number].values()):
            problem, remedy = "its guard and its cell exclude each other", "change one of the two"
            yield place_of(file, RULES, row).finding("hits", row.cells.get("hits", ""), problem, remedy)
    said: set[int] = set()
    for one, other in combinations(rules, 2):
        for (stronger_row, stronger), (row, rule) in ((one, other), (other, one)):
            if rule.field != stronger.field or said & {row.number, stronger_row.number}:
                continue
            if not _adds_nothing(rule, stronger):
                continue
            if _covers(boxes[stronger_row.number], boxes[row.number], vocabulary):
                said.add(row.number)
                problem = f"the rule can never add anything to {stronger.name!r} in row {stronger_row.number}"
                remedy = "take one of the two out, or change its cell"
                yield place_of(file, RULES, row).finding("hits", row.cells.get("hits", ""), problem, remedy)


def _adds_nothing(rule: Rule, stronger: Rule) -> bool:
    """Whether the effects of a rule come to nothing wherever the stronger one's follow."""
    return (
        _weaker(rule.effect, rule.reason, stronger.effect, stronger.reason)
        # What only the weaker one reads may be unknown while the stronger one hits.
        and (set(rule.fields) <= set(stronger.fields) or SEVERITY.index(rule.unknown) < SEVERITY.index(stronger.effect))
        and _weaker(rule.unknown, rule.unknown_reason, stronger.unknown, stronger.unknown_reason)
        and (stronger.since or date.min) <= (rule.since or date.min)
        and (rule.until or date.max) <= (stronger.until or date.max)
    )


def _weaker(effect: Outcome, reason: str, stronger: Outcome, its_reason: str) -> bool:
    if effect is stronger:
        # The same effect for another reason tells the applicant more.
        return effect is Outcome.APPROVE or reason == its_reason
    return SEVERITY.index(effect) < SEVERITY.index(stronger)


def _of_bands(book: Book, bands: Sequence[tuple[Row, Segment]], vocabulary: Vocabulary, file: str) -> Iterator[Finding]:
    written = {row.cells.get("rung") for row in book.rows(BANDS)}
    if "full" not in written:
        problem = "there are no bands for the rung full"
        yield Finding(file, problem, "add a row with rung full and no guard", BANDS, column="rung")
    for name, rung in RUNGS.items():
        rows = [(row, segment) for row, segment in bands if segment.step.rung == rung]
        yield from _of_rung(name, rows, vocabulary, file)
        if rows and all(row.guards for row in book.rows(BANDS) if row.cells.get("rung") == name):
            problem = f"for an applicant whom no guard holds for there are no bands on the rung {name}"
            yield place_of(file, BANDS, rows[-1][0]).finding("rung", name, problem, "add a last row without guards")
    yield from _of_lower_rungs(bands, vocabulary, file)


def _of_lower_rungs(
    bands: Sequence[tuple[Row, Segment]], vocabulary: Vocabulary, file: str
) -> Iterator[Finding]:  # fmt: skip
    """A lower rung knows less: it gives nobody more than the rung full gives the same applicant."""
    full = [(_box(vocabulary, one.guards), one.step) for _, one in bands if one.step.rung == Rung.FULL]
    for row, segment in bands:
        step, box = segment.step, _box(vocabulary, segment.guards)
        if step.rung == Rung.FULL:
            continue
        of_rung = [(other, one) for other, one in bands if one.step.rung == step.rung]
        before = [_box(vocabulary, one.guards) for other, one in of_rung if other.number < row.number]
        for of_full, terms in full:
            if not _overlap(of_full, box) or any(_covers(one, of_full, vocabulary) for one in before):
                continue
            if step.bands.approve_below > terms.bands.approve_below:
                problem = "a lower rung knows less, and approves more than the rung full"
                yield _more(file, row, "approve_below", problem)
                break
            if terms.limit_cap is not None and (step.limit_cap is None or step.limit_cap > terms.limit_cap):
                yield _more(file, row, "limit_cap", "a lower rung knows less, and offers more than the rung full")
                break
            if _covers(of_full, box, vocabulary):
                break


def _more(file: str, row: Row, column: str, problem: str) -> Finding:
    return place_of(file, BANDS, row).finding(column, row.cells.get(column, ""), problem, "write no more than there")


def _of_rung(name: str, rows: Sequence[tuple[Row, Segment]], vocabulary: Vocabulary, file: str) -> Iterator[Finding]:
    """Rows of a table in which the first that holds decides."""
    for later, (row, segment) in enumerate(rows):
        box, place = _box(vocabulary, segment.guards), place_of(file, BANDS, row)
        for before, earlier in rows[:later]:
            of_earlier = _box(vocabulary, earlier.guards)
            if _covers(of_earlier, box, vocabulary):
                problem = f"the row is never reached: row {before.number} holds wherever it would"
                yield place.finding("rung", name, problem, "put it before that row, or take it out")
                break
            if _overlap(of_earlier, box) and not _covers(box, of_earlier, vocabulary):
                problem = f"the row and row {before.number} both hold for some applicants, and the first decides"
                yield place.finding("rung", name, problem, "narrow the guards of one of them")
        if segment.guards and segment.step.valid_for != _without_guards(rows, segment).step.valid_for:
            problem, remedy = "an earlier score's age is one for all", "write what the row without guards has"
            yield place.finding("valid_for_days", row.cells.get("valid_for_days", ""), problem, remedy)


def _without_guards(rows: Sequence[tuple[Row, Segment]], otherwise: Segment) -> Segment:
    return next((segment for _, segment in rows if not segment.guards), otherwise)


def _of_prices(read: Read, file: str) -> Iterator[Finding]:
    highest = 0.0
    for row, tier in read.prices:
        if tier.pd_below <= highest:
            problem = "the row is never reached: an earlier one has every PD below this bound"
            value = row.cells.get("pd_below", "")
            yield place_of(file, PRICES, row).finding("pd_below", value, problem, "let pd_below rise from row to row")
        highest = max(highest, tier.pd_below)
    most = max((segment.step.bands.approve_below for _, segment in read.bands), default=0.0)
    if read.prices and highest < most and not any(one.table == PRICES for one in read.findings):
        row, _ = read.prices[-1]
        problem = f"an approval at a PD from {highest:.6g} to {most:.6g} has no price of its own"
        place: Place = place_of(file, PRICES, row)
        remedy = f"add a row up to {most * 100:.6g} %"
        yield place.finding("pd_below", row.cells.get("pd_below", ""), problem, remedy)
