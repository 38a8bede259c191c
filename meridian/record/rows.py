"""The rows of the record, written once: each knows the hash of its own content, which the ledger seals."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]
from uuid import UUID

from meridian.evidence import Evidence, canonical_json

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Field = str | int | float | None


class Kind(StrEnum):
    """Which table a row stands in; one letter, as the ledger writes it."""

    POLICY = "p"
    APPLICATION = "a"
    EVIDENCE = "e"
    VERSION = "v"


@dataclass(frozen=True)
class Leaf:
    """What the ledger keeps of a row: its kind, its id and the SHA-256 of its content."""

    kind: Kind
    id: UUID
    sha256: bytes

    SIZE = 1 + 16 + 32

    def packed(self) -> bytes:
        """49 bytes: the kind's letter, the id, the hash."""
        return self.kind.value.encode() + self.id.bytes + self.sha256

    @classmethod
    def unpacked(cls, packed: bytes) -> Leaf:
        """The leaf of 49 bytes."""
        return cls(Kind(packed[:1].decode()), UUID(bytes=packed[1:17]), packed[17:])


def content_sha256(kind: Kind, fields: Sequence[Field]) -> bytes:
    """SHA-256 of a row: of the JSON array of its kind and its columns, in the order of their `fields`.

    An array keeps the columns apart whatever they hold. Moments stand in it as microseconds since 1970, hashes
    and ids as text, fractions as Python writes them, long texts as their SHA-256.
    """
    array = "".join(_ENCODE((kind.value, *fields), 0))
    return hashlib.sha256(array.encode()).digest()


# What `json.dumps` makes anew for each call, made once: a million rows feel the difference.
_ENCODE = c_make_encoder(None, None, encode_basestring, None, ":", ",", False, False, True)


def microseconds(moment: datetime) -> int:
    """Since 1970, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def text_sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Application:
    """An application: who asked for what, by which call.

    `request_sha256` is the fingerprint of the call (method, path, caller, canonical body), by which a retry
    under the same `idempotency_key` is known; the key is None where the caller sent none.
    """

    id: UUID
    ref: str
    product: str
    applicant_id: str
    caller: str
    idempotency_key: str | None
    request_sha256: str
    received_at: datetime

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its columns, as they are hashed."""
        return (
            str(self.id),
            self.ref,
            self.product,
            self.applicant_id,
            self.caller,
            self.idempotency_key,
            self.request_sha256,
            microseconds(self.received_at),
        )

    @cached_property
    def leaf(self) -> Leaf:
        """Its place in the ledger."""
        return Leaf(Kind.APPLICATION, self.id, content_sha256(Kind.APPLICATION, self.fields))


@dataclass(frozen=True)
class EvidenceRow:
    """A capture as it is stored: the canonical text of its document, whose SHA-256 is its name."""

    id: UUID
    application_id: UUID
    evidence: Evidence

    @property
    def captured_at(self) -> datetime:
        """When the application was received."""
        return datetime.fromisoformat(self.evidence.document["received_at"])

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its columns, as they are hashed."""
        return (
            str(self.id),
            str(self.application_id),
            self.evidence.sha256,
            int(self.evidence.rung),
            microseconds(self.captured_at),
        )

    @cached_property
    def leaf(self) -> Leaf:
        """Its place in the ledger."""
        return Leaf(Kind.EVIDENCE, self.id, content_sha256(Kind.EVIDENCE, self.fields))


@dataclass(frozen=True)
class PolicyRow:
    """The terms that decisions name by `version`, as canonical text."""

    id: UUID
    version: str
    document: str
    added_at: datetime

    @classmethod
    def of(cls, version: str, document: object, policy_id: UUID, added_at: datetime) -> PolicyRow:
        """The row of a terms' document."""
        return cls(policy_id, version, canonical_json(document).decode(), added_at)

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its columns, as they are hashed."""
        return (str(self.id), self.version, text_sha256(self.document), microseconds(self.added_at))

    @cached_property
    def leaf(self) -> Leaf:
        """Its place in the ledger."""
        return Leaf(Kind.POLICY, self.id, content_sha256(Kind.POLICY, self.fields))
