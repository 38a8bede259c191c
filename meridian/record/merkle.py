"""Merkle trees as in RFC 9162, 2.1 (Certificate Transparency): a root for many leaves, a short proof for each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256().digest()
Proof = Sequence[tuple[str, bytes]]
"""From the leaf up: on which side the neighbour stands (`left`, `right`), and its hash."""


def leaf_hash(content: bytes) -> bytes:
    """Marked 0x00, so that no inner node can be passed off as a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over the leaves' contents in their order."""
    sha256 = hashlib.sha256
    level = [sha256(b"\x00" + content).digest() for content in leaves]
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else EMPTY


def proof_of(leaves: Sequence[bytes], place: int) -> list[tuple[str, bytes]]:
    """The neighbours on the way from the leaf at `place` to the root."""
    level, path = [leaf_hash(content) for content in leaves], []
    while len(level) > 1:
        neighbour = place ^ 1
        if neighbour < len(level):
            path.append(("left" if neighbour < place else "right", level[neighbour]))
        level, place = _above(level), place // 2
    return path


def root_by(content: bytes, proof: Proof) -> bytes:
    """The root that a leaf and its proof lead to."""
    node = leaf_hash(content)
    for side, neighbour in proof:
        node = _node(neighbour, node) if side == "left" else _node(node, neighbour)
    return node


def _above(level: list[bytes]) -> list[bytes]:
    """The level above; a last one without a neighbour moves up as it is."""
    sha256 = hashlib.sha256
    pairs = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    return pairs if len(level) % 2 == 0 else [*pairs, level[-1]]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
