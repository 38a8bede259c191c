"""Seals: each closes a batch of rows under a Merkle root, names the seal before it, and is signed (Ed25519)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from meridian.evidence import canonical_json
from meridian.record.merkle import proof_of, root_of
from meridian.record.rows import Leaf

BEFORE_THE_FIRST = "0" * 64


@dataclass(frozen=True)
class Seal:
    """One seal. `leaves` are packed leaves, one after the other; hashes, key and signature are hexadecimal.

    The head is what is signed, and what is kept outside the database; it covers the leaves by their root, and all
    earlier seals by `previous`, the SHA-256 of the head before it.
    """

    number: int
    sealed_at: datetime
    leaves: bytes
    root: str
    previous: str
    key: str
    signature: str = ""

    @property
    def head(self) -> dict[str, Any]:
        """What is signed, as JSON values."""
        return {
            "number": self.number,
            "sealed_at": self.sealed_at.isoformat(),
            "rows": len(self.leaves) // Leaf.SIZE,
            "root": self.root,
            "previous": self.previous,
            "key": self.key,
        }

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the head: the next seal names it."""
        return hashlib.sha256(canonical_json(self.head)).hexdigest()

    @property
    def anchor(self) -> str:
        """The line that is kept outside: the head with its hash and signature."""
        return canonical_json({**self.head, "sha256": self.sha256, "signature": self.signature}).decode()

    @staticmethod
    def leaves_in(packed: bytes) -> list[bytes]:
        """Packed leaves that stand one after the other, each by itself."""
        return [packed[i : i + Leaf.SIZE] for i in range(0, len(packed), Leaf.SIZE)]

    def split(self) -> list[bytes]:
        """Its packed leaves, each by itself."""
        return self.leaves_in(self.leaves)

    def proof(self, leaf: bytes) -> list[tuple[str, bytes]]:
        """The way from a packed leaf to the root. Raises ValueError where it is not in this seal."""
        leaves = self.split()
        return proof_of(leaves, leaves.index(leaf))


def make_seal(
    leaves: Sequence[bytes], *, before: Seal | None, sealed_at: datetime, signing_key: Ed25519PrivateKey
) -> Seal:
    """Close a batch of packed leaves after the seal `before` (None: it is the first)."""
    seal = Seal(
        number=before.number + 1 if before else 1,
        sealed_at=sealed_at,
        leaves=b"".join(leaves),
        root=root_of(leaves).hex(),
        previous=before.sha256 if before else BEFORE_THE_FIRST,
        key=public_key(signing_key),
    )
    return replace(seal, signature=signing_key.sign(canonical_json(seal.head)).hex())


def signature_problem(head: dict[str, Any], signature: str, trusted: Collection[str]) -> str | None:
    """What is wrong with a head's signature, None where nothing is. `trusted` are public keys, hexadecimal."""
    key = str(head["key"])
    if key not in trusted:
        return f"it is signed with the key {key[:16]}..., which is not one of those trusted"
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), canonical_json(head))
    except (InvalidSignature, ValueError):
        return "its signature is not that of its content"
    return None


def signing_key(seed: str) -> Ed25519PrivateKey:
    """The key of a 32-byte seed, hexadecimal. Raises ValueError for anything else."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


def public_key(key: Ed25519PrivateKey) -> str:
    """The public half, hexadecimal."""
    return key.public_key().public_bytes_raw().hex()
