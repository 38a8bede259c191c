"""Merkle trees: the roots of RFC 9162, a proof for every leaf, and no way to pass off another one."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.record import check_pack
from meridian.record.merkle import EMPTY, leaf_hash, proof_of, root_of

leaves = st.lists(st.binary(max_size=60), min_size=1, max_size=40)
different_leaves = st.lists(st.binary(max_size=60), min_size=1, max_size=40, unique=True)

# The leaves and roots by which implementations of Certificate Transparency are held against one another.
KNOWN_LEAVES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    bytes(range(0x40, 0x44)),
    bytes(range(0x50, 0x58)),
    bytes(range(0x60, 0x70)),
]
KNOWN_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def root_by(content: bytes, proof: Sequence[tuple[str, bytes]]) -> bytes:
    """Where a proof leads to, as the verifier of evidence packs finds it."""
    return bytes.fromhex(check_pack.root(content, [[side, neighbour.hex()] for side, neighbour in proof]))


def root_as_defined(contents: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word: the tree of n leaves splits at the largest power of two below n."""
    if not contents:
        return hashlib.sha256().digest()
    if len(contents) == 1:
        return hashlib.sha256(b"\x00" + contents[0]).digest()
    k = 1 << (len(contents) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_as_defined(contents[:k]) + root_as_defined(contents[k:])).digest()


@pytest.mark.parametrize("n", range(len(KNOWN_ROOTS)))
def test_the_root_is_the_known_one(n: int) -> None:
    assert root_of(KNOWN_LEAVES[:n]).hex() == KNOWN_ROOTS[n]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY


@given(leaves)
def test_the_root_is_that_of_the_definition(contents: list[bytes]) -> None:
    assert root_of(contents) == root_as_defined(contents)


@given(leaves)
def test_every_leaf_has_a_proof_that_leads_to_the_root(contents: list[bytes]) -> None:
    root = root_of(contents)
    proofs = [proof_of(contents, place) for place in range(len(contents))]
    assert [root_by(content, proof) for content, proof in zip(contents, proofs, strict=True)] == [root] * len(contents)
    assert max(map(len, proofs)) == math.ceil(math.log2(len(contents)))


@given(different_leaves, st.data())
def test_no_other_leaf_comes_by_a_leafs_proof(contents: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(contents) - 1))
    other = data.draw(st.binary(max_size=60).filter(lambda one: one != contents[place]))
    assert root_by(other, proof_of(contents, place)) != root_of(contents)


@given(st.lists(st.binary(max_size=60), min_size=2, max_size=40, unique=True), st.data())
def test_a_proof_that_was_changed_anywhere_leads_elsewhere(contents: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(contents) - 1))
    proof = proof_of(contents, place)
    step = data.draw(st.integers(0, len(proof) - 1))
    side, neighbour = proof[step]
    bit = data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(neighbour) ^ 1 << bit).to_bytes(32)
    for changed in ((side, flipped), ("left" if side == "right" else "right", neighbour)):
        assert root_by(contents[place], [*proof[:step], changed, *proof[step + 1 :]]) != root_of(contents)


@given(different_leaves, st.data())
def test_whatever_is_done_to_the_leaves_the_root_is_another(contents: list[bytes], data: st.DataObject) -> None:
    root, n = root_of(contents), len(contents)
    place = data.draw(st.integers(0, n - 1))
    other = data.draw(st.binary(max_size=60).filter(lambda one: one != contents[place]))
    assert root_of([*contents[:place], other, *contents[place + 1 :]]) != root
    assert root_of([*contents[:place], *contents[place + 1 :]]) != root
    assert root_of([*contents, contents[place]]) != root
    assert root_of([contents[place], *contents]) != root
    swapped = data.draw(st.permutations(contents).filter(lambda order: order != contents)) if n > 1 else [other]
    assert root_of(swapped) != root


def test_two_hashes_side_by_side_are_no_leaf_that_stands_for_their_node() -> None:
    """Without the marks, a tree of one leaf made of two hashes would have the root of a tree of two leaves."""
    pair = [b"left", b"right"]
    assert root_of([leaf_hash(pair[0]) + leaf_hash(pair[1])]) != root_of(pair)
