"""Merkle trees as in RFC 9162, 2.1 (Certificate Transparency): a root for many leaves, a short proof for each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256().digest()


def leaf_hash(content: bytes) -> bytes:
    """Marked 0x00, so that no inner node can be passed off as a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over the leaves' contents in their order."""
    level = list(map(leaf_hash, leaves))
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else EMPTY


def proof_of(leaves: Sequence[bytes], place: int) -> list[tuple[str, bytes]]:
    """The neighbours on the way from the leaf at `place` to the root: on which side each stands (`left`, `right`), and
    its hash. `meridian.record.check_pack` follows them."""
    level, path = [leaf_hash(content) for content in leaves], []
    while len(level) > 1:
        neighbour = place ^ 1
        if neighbour < len(level):
            path.append(("left" if neighbour < place else "right", level[neighbour]))
        level, place = _above(level), place // 2
    return path


def _above(level: list[bytes]) -> list[bytes]:
    """The level above; a last one without a neighbour moves up as it is."""
    sha256 = hashlib.sha256
    pairs = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    return pairs if len(level) % 2 == 0 else [*pairs, level[-1]]
