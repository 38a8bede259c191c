"""Whether the record is what was sealed: rows, seals, signatures, and what is kept of them outside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from meridian.record.merkle import root_of
from meridian.record.rows import Field, Kind, content_sha256
from meridian.record.seal import BEFORE_THE_FIRST, Seal, signature_problem

TABLES = {
    Kind.POLICY: "record.policy",
    Kind.APPLICATION: "record.application",
    Kind.EVIDENCE: "record.evidence",
    Kind.VERSION: "record.version",
}
PACKED = np.dtype([("kind", "S1"), ("id", "S16"), ("sha256", "S32")])


@dataclass(frozen=True)
class Finding:
    """One thing that does not hold: where, and what is wrong with it."""

    where: str
    what: str

    def document(self) -> dict[str, str]:
        """As JSON values."""
        return asdict(self)


class StoredRow(NamedTuple):
    """A row as the database gives it: its columns as the hash takes them, and its long text, if it has one."""

    id: str
    fields: tuple[Field, ...]
    row_sha256: bytes
    text: str | None = None
    text_sha256: str | None = None


def check_seals(
    seals: Iterable[tuple[Seal, str]], trusted: Collection[str], keep: Callable[[Seal, bool], None]
) -> Iterator[Finding]:
    """What is wrong with the chain. `seals` come with the hash that is stored of each, in the order of their numbers.

    `keep` is given each seal, and whether its leaves are those that were sealed.
    """
    before: Seal | None = None
    for seal, stored in seals:
        where = f"seal {seal.number}"
        expected = before.number + 1 if before else 1
        if seal.number != expected:
            gone = f"seal {expected}" if seal.number == expected + 1 else f"seals {expected} to {seal.number - 1}"
            yield Finding(gone, "missing from the chain")
        elif seal.previous != (before.sha256 if before else BEFORE_THE_FIRST):
            yield Finding(where, "does not follow the seal before it")
        if stored != seal.sha256:
            yield Finding(where, "its hash is not that of its content")
        if problem := signature_problem(seal.head, seal.signature, trusted):
            yield Finding(where, problem)
        whole = root_of(seal.split()).hex() == seal.root
        if not whole:
            yield Finding(where, "its rows' hashes do not lead to its root")
        keep(seal, whole)
        before = seal


def check_anchors(get: Callable[[int], str | None], recent: Sequence[Seal], noted: int = 0) -> Iterator[Finding]:
    """Whether what is kept outside agrees with the end of the chain; each seal's hash covers all before it.

    `get` gives the line of a number, `recent` are the last seals in their order; the newest of them may not be
    anchored yet. Those up to `noted` have been, as the sealer remembers it.
    """
    end = recent[-1].number if recent else 0
    if noted > end or get(end + 1) is not None:
        yield Finding(f"seal {end + 1}", "was anchored outside and is gone from the record: its end was cut off")
    kept = {seal.number: get(seal.number) for seal in recent}
    last = max((number for number, line in kept.items() if line is not None), default=0)
    for seal in recent:
        line = kept[seal.number]
        if line is not None and line.strip() != seal.anchor:
            yield Finding(f"seal {seal.number}", "is not the one that was anchored outside under its number")
        elif line is None and seal.number <= max(last, noted):
            yield Finding(f"seal {seal.number}", "was anchored outside, and is not there any more")
    if recent and not last:
        yield Finding(f"seal {end}", f"is not anchored outside, nor are those from seal {recent[0].number} on")


class RowCheck:
    """Holds the rows of the record against the leaves that were sealed, and those that wait to be."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._doubtful: list[bytes] = []
        self._leaves: dict[Kind, NDArray[Any]] = {}
        self._seen: dict[Kind, NDArray[np.bool_]] = {}
        self._excused: NDArray[Any] = np.array([], dtype="S16")

    def keep(self, seal: Seal, whole: bool) -> None:
        """Take a seal's leaves. Those of one that does not hold prove nothing, for or against their rows."""
        (self._packed if whole else self._doubtful).append(seal.leaves)

    def close(self, waiting: bytes) -> Iterator[Finding]:
        """All leaves are there, `waiting` are those not sealed yet; says which rows were sealed twice."""
        every = np.frombuffer(b"".join([*self._packed, waiting]), dtype=PACKED)
        self._excused = np.unique(np.frombuffer(b"".join(self._doubtful), dtype=PACKED)["id"])
        self._packed.clear()
        for kind in Kind:
            leaves = np.sort(every[every["kind"] == kind.value.encode()], order="id")
            again = leaves["id"][1:] == leaves["id"][:-1]
            for packed in np.unique(leaves["id"][1:][again]):
                yield Finding(_named(kind, packed), "is sealed more than once")
            self._leaves[kind] = leaves
            self._seen[kind] = np.zeros(len(leaves), dtype=np.bool_)

    def rows(self, kind: Kind, rows: Sequence[StoredRow]) -> Iterator[Finding]:
        """What is wrong with some rows of a table."""
        leaves = self._leaves[kind]
        ids = np.array([bytes.fromhex(row.id.replace("-", "")) for row in rows], dtype="S16")
        hashes = np.array([content_sha256(kind, row.fields) for row in rows], dtype="S32")
        stored = np.array([row.row_sha256 for row in rows], dtype="S32")
        places = np.searchsorted(leaves["id"], ids)
        known = np.zeros(len(rows), dtype=np.bool_)
        inside = places < len(leaves)
        known[inside] = leaves["id"][places[inside]] == ids[inside]
        sealed = known.copy()
        sealed[known] = leaves["sha256"][places[known]] == hashes[known]
        self._seen[kind][places[known]] = True
        for place in np.flatnonzero(hashes != stored):
            yield Finding(_named(kind, ids[place]), "was changed: its content is not that of its hash")
        for place in np.flatnonzero((hashes == stored) & known & ~sealed):
            yield Finding(_named(kind, ids[place]), "was changed, and its hash with it: another content was sealed")
        for place in np.flatnonzero(~known & ~np.isin(ids, self._excused)):
            yield Finding(_named(kind, ids[place]), "was added past the ledger: in no seal, nor waiting for one")
        for row in rows:
            if row.text is not None and hashlib.sha256(row.text.encode()).hexdigest() != row.text_sha256:
                yield Finding(f"{TABLES[kind]} {row.id}", "its document is not the one whose hash it states")

    def missing(self) -> Iterator[Finding]:
        """Rows that were sealed, or wait to be, and are not there; once all rows were seen."""
        for kind in Kind:
            for packed in np.unique(self._leaves[kind]["id"][~self._seen[kind]]):
                yield Finding(_named(kind, packed), "is gone")


def _named(kind: Kind, packed: bytes) -> str:
    whole = packed.ljust(16, bytes(1))  # NumPy gives an id without the zeros at its end
    return f"{TABLES[kind]} {UUID(bytes=whole)}"
