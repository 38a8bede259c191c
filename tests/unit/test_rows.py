"""Rows: what their hashes are made of. A row that was hashed once must hash so for as long as records are kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.evidence import Evidence
from meridian.outcome import Outcome, Stage
from meridian.record import Application, EvidenceRow, Kind, Leaf, PolicyRow, Version
from meridian.record.rows import content_sha256, microseconds, text_sha256

AT = datetime(2026, 3, 2, 10, 30, 0, 123456, tzinfo=UTC)
MICROS = 1_772_447_400_123_456
IDS = [UUID(int=n) for n in range(1, 10)]
EVIDENCE = Evidence({"received_at": AT.isoformat(), "rung": 1, "request": {"product": "personal-loan"}})

APPLICATION = Application(IDS[0], "A-1", "personal-loan", "applicant-1", "caller-1", "key-1", "ab" * 32, AT)
EVIDENCE_ROW = EvidenceRow(IDS[1], IDS[0], EVIDENCE)
POLICY = PolicyRow.of("policy-1", {"b": 1, "a": [True]}, IDS[2], AT)
VERSION = Version(
    IDS[3], IDS[0], 1, IDS[1], Stage.FAST, Outcome.APPROVE, 0.03125, "cd" * 32, "policy-1", AT, "meridian 1",
    "first decision", {"outcome": "approve"},
)  # fmt: skip
ROWS = {row.leaf.kind: row for row in (APPLICATION, EVIDENCE_ROW, POLICY, VERSION)}

ANOTHER: dict[str, Any] = {
    "idempotency_key": None, "request_sha256": "ac" * 32, "number": 2, "stage": Stage.BATCH,
    "outcome": Outcome.DECLINE, "pd": None, "model_sha256": None, "governs_because": None,
    "document": {"outcome": "decline"},
    "evidence": Evidence({**EVIDENCE.document, "rung": 2}),
}  # fmt: skip

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
values = st.none() | texts | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)


def another(row: Any, name: str) -> Any:
    """The row with another value in that field."""
    value = getattr(row, name)
    if isinstance(value, UUID):
        return replace(row, **{name: IDS[-1]})
    if isinstance(value, datetime):
        return replace(row, **{name: value + timedelta(microseconds=1)})
    if name == "document" and isinstance(value, str):
        return replace(row, document=value + " ")
    return replace(row, **{name: ANOTHER.get(name, f"{value} ")})


def as_stated(kind: str, *columns: Any) -> str:
    """The hash as the record's documentation states it, without our code."""
    text = json.dumps([kind, *columns], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_hash_of_each_kind_of_row_is_that_of_the_array_of_its_columns() -> None:
    evidence_text, one, two = EVIDENCE.text, str(IDS[0]), str(IDS[1])
    assert {kind: row.leaf.sha256.hex() for kind, row in ROWS.items()} == {
        Kind.APPLICATION: as_stated(
            "a", one, "A-1", "personal-loan", "applicant-1", "caller-1", "key-1", "ab" * 32, MICROS
        ),
        Kind.EVIDENCE: as_stated("e", two, one, hashlib.sha256(evidence_text.encode()).hexdigest(), 1, MICROS),
        Kind.POLICY: as_stated(
            "p", str(IDS[2]), "policy-1", hashlib.sha256(b'{"a":[true],"b":1}').hexdigest(), MICROS
        ),
        Kind.VERSION: as_stated(
            "v", str(IDS[3]), one, 1, two, "fast", "approve", 0.03125, "cd" * 32, "policy-1", MICROS, "meridian 1",
            "first decision", hashlib.sha256(b'{"outcome":"approve"}').hexdigest(),
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "sha256"),
    [
        (Kind.POLICY, "8c5e7677b6ce5103e7df0da60c97d9881029eddab9962059c64d5bbc76ba6520"),
        (Kind.APPLICATION, "a7bfbe0dea94fc409917fb4b947ac1c686dd3e2e3abdb7283fc973c53e3e5f8c"),
        (Kind.EVIDENCE, "816b435269c83365477f5b868d112558584e48fc3257ac8d80b546d2526644ee"),
        (Kind.VERSION, "506764f7f8f1dcc2cddbc9bf41e4f8a3772ce8d1852d67a63b16836933b0d969"),
    ],
)
def test_a_row_hashes_as_it_did_when_the_first_record_was_sealed(kind: Kind, sha256: str) -> None:
    """Another hash here would make every record that was sealed before look tampered with."""
    assert ROWS[kind].leaf.sha256.hex() == sha256


@pytest.mark.parametrize(("kind", "name"), [(kind, field.name) for kind, row in ROWS.items() for field in fields(row)])
def test_every_field_of_a_row_is_in_its_hash(kind: Kind, name: str) -> None:
    row = ROWS[kind]
    assert another(row, name).leaf.sha256 != row.leaf.sha256


def test_a_leaf_names_its_row() -> None:
    assert [(row.leaf.kind, row.leaf.id) for row in ROWS.values()] == [(kind, row.id) for kind, row in ROWS.items()]


@given(st.sampled_from(Kind), st.uuids(), st.binary(min_size=32, max_size=32))
def test_a_leaf_is_packed_and_unpacked_as_it_was(kind: Kind, row_id: UUID, sha256: bytes) -> None:
    leaf = Leaf(kind, row_id, sha256)
    assert len(leaf.packed()) == Leaf.SIZE == 49
    assert Leaf.unpacked(leaf.packed()) == leaf


@given(st.sampled_from(Kind), st.lists(values, min_size=1, max_size=8))
def test_whatever_the_columns_hold_the_hash_is_that_of_their_json(kind: Kind, columns: list[Any]) -> None:
    assert content_sha256(kind, columns).hex() == as_stated(kind.value, *columns)


@given(st.lists(values, max_size=6), st.lists(values, max_size=6), st.sampled_from(Kind), st.sampled_from(Kind))
def test_rows_that_differ_in_anything_have_different_hashes(a: Any, b: Any, kind: Kind, other: Kind) -> None:
    same = kind is other and [repr(one) for one in a] == [repr(one) for one in b]
    assert (content_sha256(kind, a) == content_sha256(other, b)) == same


def test_a_text_that_moves_over_the_border_of_its_column_makes_another_hash() -> None:
    shifted = [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc"), ('a","b', "c"), ("a", 'b","c'), ("ab", None)]
    assert len({content_sha256(Kind.APPLICATION, columns) for columns in shifted}) == len(shifted)


def test_a_number_is_not_its_text_nor_nothing_a_word() -> None:
    alike = [(1,), ("1",), (1.0,), (None,), ("null",), ("None",), ("",), (0,), (-0.0,), (0.0,)]
    assert len({content_sha256(Kind.VERSION, columns) for columns in alike}) == len(alike)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_exact_to_the_microsecond(moment: datetime) -> None:
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds(moment)) == moment


def test_a_moment_is_the_same_in_every_time_zone() -> None:
    assert microseconds(AT.astimezone(timezone(timedelta(hours=5, minutes=45)))) == microseconds(AT) == MICROS


def test_a_policys_text_is_canonical() -> None:
    assert POLICY.document == '{"a":[true],"b":1}'
    assert text_sha256(POLICY.document) == hashlib.sha256(POLICY.document.encode()).hexdigest()
