"""A policy's tables in YAML: read into a book, and written from one."""

from __future__ import annotations

import io
from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from meridian.rulebook.book import GUARDED, MOST_ROWS, TABLES, Book, Place, Row, decoded, fault_of
from meridian.rulebook.finding import Finding, nearest, shown
from meridian.rulebook.yaml_tree import QUOTES, Listed, Mapped, Node, Refused, Scalar, tree_of

NAME = "policy"
"""The key of the policy's name."""
IF = "if"


def read_yaml(content: bytes, file: str) -> tuple[Book | None, list[Finding]]:
    """The book that a file holds, as far as it can be read, and what is wrong with its form."""
    tree = map_in(content, file, "begin it with `policy: NAME` and `rules:`")
    if isinstance(tree, Finding):
        return None, [tree]
    found: list[Finding] = []
    return _book(tree, file, found), found


def map_in(content: bytes, file: str, begin: str) -> Mapped | Finding:
    """The map that a file is, or why it is none; `begin` is the remedy for a file that is something else."""
    text = decoded(content, file)
    if isinstance(text, Finding):
        return text
    try:
        tree = tree_of(text)
    except Refused as refused:
        return Finding(file, refused.problem, refused.remedy, line=refused.line, value=refused.value)
    if not isinstance(tree, Mapped):
        what = "a list" if isinstance(tree, Listed) else "a text"
        return Finding(file, f"the file is {what}", begin, line=tree.line)
    return tree


def _book(tree: Mapped, file: str, found: list[Finding]) -> Book:
    name, tables = "", {}
    for key, node in tree.items:
        place = Place(file, line=key.line)
        if key.text == NAME:
            name = cell_text(node, NAME, place, found)
        elif key.text not in TABLES:
            known = (NAME, *TABLES)
            problem = f"{shown(key.text)} is no table"
            found.append(place.finding("", key.text, problem, nearest(key.text, known)))
        elif isinstance(node, Listed):
            tables[key.text] = _rows(key.text, node, file, found)
        elif isinstance(node, Mapped) or node.text:
            problem = "the table is no list of rows"
            found.append(Place(file, key.text, line=node.line).finding("", "", problem, "begin each row with `- `"))
    if not name and not any(one.column == NAME for one in found):
        found.append(Finding(file, "the policy has no name", "write `policy: NAME` at the top", column=NAME, line=1))
    return Book(name, tables)


def _rows(table: str, node: Listed, file: str, found: list[Finding]) -> tuple[Row, ...]:
    if len(node.items) > MOST_ROWS:
        problem, remedy = f"the table has {len(node.items)} rows", f"no more than {MOST_ROWS} are read"
        found.append(Place(file, table, line=node.line).finding("", "", problem, remedy))
        return ()
    rows = []
    for number, item in enumerate(node.items, 1):
        if isinstance(item, Mapped):
            rows.append(_row(table, number, item, file, found))
            continue
        place = Place(file, table, number, line=item.line)
        found.append(place.finding("", "", "the row is no map", f"write it as `- {TABLES[table][0]}: ...`"))
    return tuple(rows)


def _row(table: str, number: int, node: Mapped, file: str, found: list[Finding]) -> Row:
    columns = TABLES[table]
    named = next((one.text for key, one in node.items if key.text == columns[0] and isinstance(one, Scalar)), "")
    cells: dict[str, str] = {}
    guards: dict[str, str] = {}
    for key, value in node.items:
        place = Place(file, table, number, named, value.line)
        if key.text == IF and table in GUARDED:
            guards = _guards(value, place, found)
        elif key.text not in columns:
            problem = f"{shown(key.text)} is no column"
            found.append(place.finding(key.text, "", problem, nearest(key.text, columns)))
        elif text := cell_text(value, key.text, place, found):
            cells[key.text] = text
    return Row(number, cells, guards, node.line)


def _guards(node: Node, place: Place, found: list[Finding]) -> dict[str, str]:
    if not isinstance(node, Mapped):
        if not isinstance(node, Scalar) or node.text:
            found.append(place.finding(IF, "", "the guards are no map", "write them as `if: {field: cell}`"))
        return {}
    read = {key.text: cell_text(value, f"{IF} {key.text}", place, found) for key, value in node.items}
    return {field: text for field, text in sorted(read.items()) if text}


def cell_text(node: Node, column: str, place: Place, found: list[Finding]) -> str:
    """The text of a cell, without spaces around it; empty where it may not be read."""
    if not isinstance(node, Scalar):
        what = "a list" if isinstance(node, Listed) else "a map"
        found.append(place.finding(column, "", f"the cell is {what}", QUOTES))
        return ""
    text = node.text.strip(" ")
    if fault := fault_of(text, column):
        found.append(place.finding(column, text, *fault))
        return ""
    return text


def write_yaml(book: Book) -> str:
    """The book as a file, which reads back as the same book."""
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 10_000  # a cell stays in its line
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.emit(_events(book), out)
    return out.getvalue()


def _events(book: Book) -> Iterator[Event]:
    yield StreamStartEvent()
    yield DocumentStartEvent(explicit=False)
    yield _map_start()
    yield from (_scalar(NAME), _scalar(book.name))
    for table, rows in book.tables.items():
        yield _scalar(table)
        yield SequenceStartEvent(anchor=None, tag=None, implicit=True, flow_style=not rows)
        for row in rows:
            yield from _row_events(table, row)
        yield SequenceEndEvent()
    yield MappingEndEvent()
    yield DocumentEndEvent(explicit=False)
    yield StreamEndEvent()


def _row_events(table: str, row: Row) -> Iterator[Event]:
    first, *others = TABLES[table]
    yield _map_start()
    if first in row.cells:
        yield from (_scalar(first), _scalar(row.cells[first]))
    if row.guards:
        yield from (_scalar(IF), _map_start())
        for field, cell in row.guards.items():
            yield from (_scalar(field), _scalar(cell))
        yield MappingEndEvent()
    for column in others:
        if column in row.cells:
            yield from (_scalar(column), _scalar(row.cells[column]))
    yield MappingEndEvent()


def _map_start() -> Event:
    return MappingStartEvent(anchor=None, tag=None, implicit=True, flow_style=False)


def _scalar(text: str) -> Event:
    # A cell begins with >, [ or - often enough; quotes that one does not need do no harm there.
    plain = text[:1].isalnum() and text.isascii() and not {":", "#"} & set(text)
    return ScalarEvent(anchor=None, tag=None, implicit=(True, True), value=text, style=None if plain else '"')
