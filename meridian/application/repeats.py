"""A field that stands twice in one JSON object: readers disagree on which value counts, so none is taken."""

from __future__ import annotations

import json
from typing import Any

Pairs = list[tuple[str, Any]]


def repeated_fields(body: bytes) -> list[str]:
    """JSON pointers of the fields that stand more than once in their object, in order, each once.

    `body` is JSON that another reader has accepted, so that neither its depth nor its numbers can do harm.
    """
    repeats = False

    def note(pairs: Pairs) -> Pairs:
        nonlocal repeats
        repeats = repeats or len(dict(pairs)) < len(pairs)
        return pairs

    document = json.loads(body, object_pairs_hook=note, parse_int=str, parse_float=str)
    return list(dict.fromkeys(_pointers(document, ""))) if repeats else []


def _pointers(value: Any, pointer: str) -> list[str]:
    # An object is here the list of its pairs; a list of tuples can be nothing else.
    if not isinstance(value, list):
        return []
    found: list[str] = []
    seen: set[str] = set()
    for place, item in enumerate(value):
        name, content = item if isinstance(item, tuple) else (str(place), item)
        below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if isinstance(item, tuple) and name in seen:
            found.append(below)
        seen.add(name)
        found += _pointers(content, below)
    return found
