"""Seals and the chain they make: signed, each naming the one before, held against what is kept of them outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.evidence import canonical_json, sha256_of
from meridian.record import Kind, Leaf, check_pack
from meridian.record.audit import check_anchors, check_seals
from meridian.record.merkle import root_of
from meridian.record.seal import BEFORE_THE_FIRST, Seal, make_seal, public_key, signature_problem, signing_key

KEY, OTHER_KEY = signing_key("01" * 32), signing_key("02" * 32)
TRUSTED = {public_key(KEY)}
AT = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)


def leaves(n: int, start: int = 0) -> list[bytes]:
    return [Leaf(Kind.VERSION, UUID(int=i), bytes([i % 256]) * 32).packed() for i in range(start, start + n)]


def chain(n: int, key: Any = KEY) -> list[Seal]:
    """So many seals, each of two rows more than the one before."""
    seals: list[Seal] = []
    for i in range(n):
        before = seals[-1] if seals else None
        batch = leaves(1 + 2 * i, 1000 * i)
        seals.append(make_seal(batch, before=before, sealed_at=AT + timedelta(seconds=5 * i), signing_key=key))
    return seals


def findings(seals: Sequence[Seal], stored: dict[int, str] | None = None) -> list[str]:
    """What is found wrong with a chain; `stored` replaces the hash that the table has of a seal."""
    rows = [(seal, (stored or {}).get(seal.number, seal.sha256)) for seal in seals]
    return [f"{one.where} {one.what}" for one in check_seals(rows, TRUSTED, lambda _seal, _whole: None)]


def test_the_first_seal_names_nothing_before_it_and_every_other_the_one_before() -> None:
    seals = chain(4)
    assert [seal.number for seal in seals] == [1, 2, 3, 4]
    assert [seal.previous for seal in seals] == [BEFORE_THE_FIRST, *(seal.sha256 for seal in seals[:-1])]


def test_the_head_covers_rows_time_key_and_all_that_came_before() -> None:
    *_, seal = chain(3)
    assert seal.head == {
        "number": 3,
        "sealed_at": "2026-03-02T10:30:10+00:00",
        "rows": 5,
        "root": root_of(leaves(5, 2000)).hex(),
        "previous": chain(2)[-1].sha256,
        "key": public_key(KEY),
    }
    assert seal.sha256 == sha256_of(seal.head)


def test_what_is_kept_outside_is_the_signed_head_on_one_line() -> None:
    (seal,) = chain(1)
    assert "\n" not in seal.anchor
    kept = json.loads(seal.anchor)
    assert kept == {**seal.head, "sha256": seal.sha256, "signature": seal.signature}
    head = {name: value for name, value in kept.items() if name not in ("sha256", "signature")}
    assert signature_problem(head, kept["signature"], TRUSTED) is None


@given(st.integers(1, 40), st.data())
def test_every_row_of_a_seal_has_a_proof_that_leads_to_the_signed_root(n: int, data: st.DataObject) -> None:
    seal = make_seal(leaves(n), before=None, sealed_at=AT, signing_key=KEY)
    leaf = data.draw(st.sampled_from(seal.split()))
    proof = [[side, neighbour.hex()] for side, neighbour in seal.proof(leaf)]
    assert check_pack.root(leaf, proof) == seal.head["root"]


def test_a_row_that_is_not_in_a_seal_has_no_proof_there() -> None:
    with pytest.raises(ValueError, match="not in list"):
        chain(1)[0].proof(leaves(1, 500)[0])


def test_a_seal_by_a_trusted_key_has_no_problem() -> None:
    assert all(signature_problem(seal.head, seal.signature, TRUSTED) is None for seal in chain(3))


def test_a_seal_by_another_key_is_not_trusted_however_well_it_is_signed() -> None:
    (seal,) = chain(1, OTHER_KEY)
    assert "not one of those trusted" in (signature_problem(seal.head, seal.signature, TRUSTED) or "")
    assert signature_problem(seal.head, seal.signature, {*TRUSTED, public_key(OTHER_KEY)}) is None


def test_a_seal_that_names_the_trusted_key_and_is_signed_by_another_does_not_hold() -> None:
    (seal,) = chain(1)
    forged = OTHER_KEY.sign(canonical_json(seal.head)).hex()
    assert signature_problem(seal.head, forged, TRUSTED) == "its signature is not that of its content"


@pytest.mark.parametrize("signature", ["", "00" * 64, "00" * 63, "zz" * 64])
def test_what_is_no_signature_is_a_finding_and_no_error(signature: str) -> None:
    assert signature_problem(chain(1)[0].head, signature, TRUSTED) == "its signature is not that of its content"


@pytest.mark.parametrize("key", ["", "00", "zz" * 32, "ff" * 32])
def test_a_trusted_key_that_is_none_is_a_finding_and_no_error(key: str) -> None:
    head = {**chain(1)[0].head, "key": key}
    assert signature_problem(head, chain(1)[0].signature, {key}) == "its signature is not that of its content"


@pytest.mark.parametrize("seed", ["", "00" * 31, "00" * 33, "not hexadecimal"])
def test_a_key_that_is_not_32_bytes_of_hexadecimal_is_refused(seed: str) -> None:
    with pytest.raises(ValueError, match=r"32 bytes|fromhex"):
        signing_key(seed)


def test_a_whole_chain_gives_no_finding() -> None:
    assert findings(chain(6)) == []
    assert findings([]) == []


CHANGES: dict[str, Callable[[Seal], Seal]] = {
    "sealed_at": lambda seal: replace(seal, sealed_at=seal.sealed_at + timedelta(microseconds=1)),
    "leaves": lambda seal: replace(seal, leaves=bytes([seal.leaves[0] ^ 1]) + seal.leaves[1:]),
    "order of leaves": lambda seal: replace(seal, leaves=seal.leaves[-Leaf.SIZE :] + seal.leaves[: -Leaf.SIZE]),
    "a leaf less": lambda seal: replace(seal, leaves=seal.leaves[Leaf.SIZE :]),
    "a leaf twice": lambda seal: replace(seal, leaves=seal.leaves + seal.leaves[: Leaf.SIZE]),
    "root": lambda seal: replace(seal, root="0" * 64),
    "leaves and root": lambda seal: replace(seal, leaves=b"".join(leaves(2)), root=root_of(leaves(2)).hex()),
    "previous": lambda seal: replace(seal, previous="0" * 64),
    "key": lambda seal: replace(seal, key=public_key(OTHER_KEY)),
    "signature": lambda seal: replace(seal, signature=chain(5)[4].signature),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_seal_that_was_changed_anywhere_is_named(change: Callable[[Seal], Seal]) -> None:
    seals = chain(5)
    stored = {3: seals[2].sha256}
    seals[2] = change(seals[2])
    assert any(one.startswith("seal 3 ") for one in findings(seals, stored))
    assert any(one.startswith("seal 3 ") for one in findings(seals)), "also where its hash was made anew"


def test_a_stored_hash_that_is_not_the_seals_is_found() -> None:
    assert findings(chain(3), {2: "0" * 64}) == ["seal 2 its hash is not that of its content"]


@pytest.mark.parametrize(
    ("gone", "named"), [([1], "seal 1"), ([2], "seal 2"), ([2, 3], "seals 2 to 3"), ([1, 2, 3], "seals 1 to 3")]
)
def test_seals_that_are_missing_are_named(gone: list[int], named: str) -> None:
    assert findings([seal for seal in chain(5) if seal.number not in gone]) == [f"{named} missing from the chain"]


def test_a_chain_that_was_made_anew_from_the_middle_on_does_not_follow() -> None:
    seals = chain(5)
    other = replace(seals[1], sealed_at=AT)
    other = replace(other, signature=KEY.sign(canonical_json(other.head)).hex())
    assert findings([seals[0], other, *seals[2:]]) == ["seal 3 does not follow the seal before it"]


def test_whether_leaves_are_those_that_were_sealed_is_passed_on() -> None:
    seals, kept = chain(3), dict[int, bool]()
    seals[1] = replace(seals[1], leaves=seals[1].leaves[Leaf.SIZE :])
    list(
        check_seals(
            [(seal, seal.sha256) for seal in seals], TRUSTED, lambda seal, whole: kept.update({seal.number: whole})
        )
    )
    assert kept == {1: True, 2: False, 3: True}


def against(kept: dict[int, str], seals: Sequence[Seal], noted: int = 0) -> list[str]:
    """Which seals are named where the place outside has these lines, and the sealer's note says so many."""
    return [one.where for one in check_anchors(kept.get, seals, noted)]


SEALS = chain(5)
LINES = {seal.number: seal.anchor for seal in SEALS}


def test_a_chain_that_is_anchored_gives_no_finding_nor_does_one_whose_newest_seals_wait() -> None:
    assert against(LINES, SEALS, noted=5) == []
    assert against({number: LINES[number] for number in (1, 2, 3)}, SEALS, noted=3) == []
    assert against({}, []) == []


def test_a_line_that_the_newline_of_its_file_ends_is_the_same_line() -> None:
    assert against({number: line + "\n" for number, line in LINES.items()}, SEALS) == []


def test_a_chain_whose_end_was_cut_off_is_found_by_its_anchors() -> None:
    assert against(LINES, SEALS[:3]) == ["seal 4"]
    assert against(LINES, []) == ["seal 1"]


def test_a_chain_that_was_cut_off_here_and_outside_is_found_by_the_sealers_note() -> None:
    assert against({1: LINES[1], 2: LINES[2]}, SEALS[:2], noted=5) == ["seal 3"]


def test_a_chain_that_was_made_anew_with_the_true_key_is_found_by_its_anchors_from_where_it_was_changed() -> None:
    forged = chain(2)
    for _ in range(3):
        forged.append(make_seal(leaves(9), before=forged[-1], sealed_at=AT, signing_key=KEY))
    assert findings(forged) == []
    assert against(LINES, forged) == ["seal 3", "seal 4", "seal 5"]


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_line_that_was_altered_is_found(number: int) -> None:
    altered = LINES[number].replace('"rows":', '"rows":1')
    assert against({**LINES, number: altered}, SEALS, noted=5) == [f"seal {number}"]


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_line_that_was_removed_is_found(number: int) -> None:
    assert against({n: line for n, line in LINES.items() if n != number}, SEALS, noted=5) == [f"seal {number}"]


def test_seals_of_which_none_is_anchored_are_found() -> None:
    assert against({}, SEALS[2:]) == ["seal 5"]
