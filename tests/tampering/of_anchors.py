"""What is kept outside: altered, forged, removed."""

from __future__ import annotations

import json

from meridian.evidence import canonical_json
from meridian.record.seal import make_seal
from tests.tampering.tamperer import (
    Tamperer,
    seal_names,
    tampering,
)


@tampering
def alter_an_anchor(tamperer: Tamperer) -> set[str]:
    """Another value in one field of one line."""
    lines = tamperer.lines
    place = tamperer.random.randrange(len(lines))
    line = json.loads(lines[place])
    number = line["number"]
    name = tamperer.random.choice(sorted(line))
    value = line[name]
    line[name] = value + 1000 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")
    lines[place] = canonical_json(line).decode()
    tamperer.write_lines(lines)
    return seal_names(number)


@tampering
def replace_an_anchor_by_a_forged_one(tamperer: Tamperer) -> set[str]:
    """Whole in itself, but signed with another key."""
    number = tamperer.some_seal().number
    before = tamperer.chain[number - 2] if number > 1 else None
    old = tamperer.chain[number - 1]
    forged = make_seal(old.split(), before=before, sealed_at=old.sealed_at, signing_key=tamperer.other_key)
    lines = tamperer.lines
    lines[number - 1] = forged.anchor
    tamperer.write_lines(lines)
    return seal_names(number)


@tampering
def remove_an_anchor(tamperer: Tamperer) -> set[str]:
    """Any one, also the last."""
    lines = tamperer.lines
    gone = json.loads(lines.pop(tamperer.random.randrange(len(lines))))
    tamperer.write_lines(lines)
    return seal_names(gone["number"])


@tampering
def remove_the_last_anchors(tamperer: Tamperer) -> set[str]:
    """As if they had not been put outside yet."""
    lines = tamperer.lines
    first = tamperer.random.randrange(1, len(lines))
    tamperer.write_lines(lines[:first])
    return seal_names(len(lines))


@tampering
def remove_all_anchors(tamperer: Tamperer) -> set[str]:
    """Nothing is left outside."""
    tamperer.write_lines([])
    return seal_names(len(tamperer.chain))


@tampering
def anchor_a_forged_seal_after_the_last(tamperer: Tamperer) -> set[str]:
    """So that the record would seem to have been cut."""
    last = tamperer.chain[-1]
    forged = make_seal(last.split(), before=last, sealed_at=last.sealed_at, signing_key=tamperer.other_key)
    tamperer.write_lines([*tamperer.lines, forged.anchor])
    return seal_names(forged.number)


@tampering
def cut_off_the_end_here_and_outside_but_for_the_sealers_note(tamperer: Tamperer) -> set[str]:
    """The sealer remembers how far it had come."""
    first = tamperer.random.randint(2, len(tamperer.chain))
    (row,) = tamperer.rows("SELECT number FROM work.anchored")
    tamperer.cut(first)
    tamperer.run("UPDATE work.anchored SET number = :number", number=row.number)
    tamperer.write_lines(tamperer.lines[: first - 1])
    return seal_names(first)
