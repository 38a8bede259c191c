"""YAML as texts with their places: maps, lists and scalars, every scalar exactly as it is written.

Nothing is resolved: `no` is the text no, a day is its digits, 1E+05 is no number yet. What a table has no use for, and
what makes a small file large, is refused: anchors, aliases, tags, merge keys, second documents, deep nesting.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

DEEPEST = 4
"""A table in the map, a row in it, its guards, a cell."""
QUOTES = "put a cell that begins with >, [, {, %, *, &, ! or - in quotes, and a tab out of the indentation"


class Refused(Exception):
    """A file that is not read: its problem, the remedy, the line and, where there is one, the value."""

    def __init__(self, problem: str, remedy: str, line: int, value: str = ""):
        super().__init__(problem)
        self.problem, self.remedy, self.line, self.value = problem, remedy, line, value


@dataclass(frozen=True)
class Scalar:
    """A text."""

    text: str
    line: int


@dataclass(frozen=True)
class Listed:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True)
class Mapped:
    """A map; no key stands in it twice."""

    items: tuple[tuple[Scalar, Node], ...]
    line: int


Node = Scalar | Listed | Mapped


def tree_of(text: str) -> Node:
    """The one document of a text. Raises `Refused`."""
    events = iter(YAML(typ="safe", pure=True).parse(io.StringIO(text)))
    try:
        return _document(events)
    except MarkedYAMLError as error:
        # What is not closed is noticed far below; where it was opened says more.
        marks = (error.problem_mark, error.context_mark)
        mark = next(filter(None, reversed(marks) if "flow" in (error.context or "") else marks), None)
        line = mark.line + 1 if mark else 1
        raise Refused(f"this is not YAML: {error.problem or error.context}", QUOTES, line) from None
    except (YAMLError, ValueError) as error:
        problem = str(error).strip().splitlines()[0]
        raise Refused(f"this is not YAML: {problem}", "save the file as plain text in UTF-8", 1) from None


def _document(events: Iterator[Any]) -> Node:
    found: Node | None = None
    for event in events:
        if isinstance(event, DocumentStartEvent):
            if found is not None:
                raise Refused("a second document begins", "leave one; take the line --- out", _line(event))
            if event.tags or (event.version and tuple(event.version) != (1, 2)):
                raise Refused("a directive of YAML", "take the line with % out", _line(event))
        elif isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent | AliasEvent):
            found = _node(event, events, 0)
    if found is None:
        raise Refused("there is nothing but comments", "write the tables, or take the file away", 1)
    return found


def _node(event: Any, events: Iterator[Any], depth: int) -> Node:
    line = _line(event)
    if isinstance(event, AliasEvent):
        raise Refused(f"*{event.anchor} is an alias", "write the value itself where it is meant", line, event.anchor)
    if event.anchor:
        raise Refused(f"&{event.anchor} is an anchor", "write the value itself where it is meant", line, event.anchor)
    if event.tag:
        raise Refused(
            f"{event.tag} is a tag", "write the value alone, in quotes if it begins with !", line, str(event.tag)
        )
    if isinstance(event, ScalarEvent):
        if event.style in ("|", ">"):
            raise Refused("a text over several lines, or a cell that begins with > or |", QUOTES, line, event.value)
        return Scalar(event.value, line)
    if depth >= DEEPEST:
        raise Refused("lists or maps stand too deep in each other", QUOTES, line)
    if isinstance(event, SequenceStartEvent):
        return Listed(tuple(_node(one, events, depth + 1) for one in _until_end(events)), line)
    return Mapped(tuple(_pairs(events, depth)), line)


def _until_end(events: Iterator[Any]) -> Iterator[Any]:
    for event in events:
        if isinstance(event, CollectionEndEvent):
            return
        yield event


def _pairs(events: Iterator[Any], depth: int) -> Iterator[tuple[Scalar, Node]]:
    keys: set[str] = set()
    for event in _until_end(events):
        key = _node(event, events, depth + 1)
        if not isinstance(key, Scalar):
            raise Refused("a key is a list or a map", QUOTES, key.line)
        if key.text == "<<":
            raise Refused("<< merges another map into this one", "write what is meant itself", key.line, "<<")
        if key.text in keys:
            raise Refused(f"the key {key.text} stands here twice", "leave it once", key.line, key.text)
        keys.add(key.text)
        yield key, _node(next(events), events, depth + 1)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
