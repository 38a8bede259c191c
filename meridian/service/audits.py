"""Verify the record: read all of it in one snapshot, and name what does not hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sqlalchemy import Engine

from meridian.anchors import AnchorPlace
from meridian.db import ledger, seals
from meridian.db.engine import transaction
from meridian.record import Kind, Leaf
from meridian.record.audit import Finding, RowCheck, check_anchors, check_seals
from meridian.record.seal import Seal

MOST_FINDINGS = 1000
LOOKS = 5
ANCHOR_LAG = 100
"""Seals that may wait for their anchor: some minutes' worth, while the place outside cannot be reached."""


@dataclass(frozen=True)
class Verified:
    """What was read, and what of it does not hold (the first thousand of it)."""

    rows: int
    seals: int
    unsealed: int
    seconds: float
    findings: tuple[Finding, ...]

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "rows": self.rows,
            "seals": self.seals,
            "unsealed": self.unsealed,
            "seconds": round(self.seconds, 3),
            "rows_per_s": round(self.rows / self.seconds) if self.seconds else 0,
            "holds": not self.findings,
            "findings": [finding.document() for finding in self.findings],
        }


@dataclass(frozen=True)
class Audits:
    """Checks the record against its seals, its signatures and its anchors."""

    engine: Engine
    trusted_keys: Callable[[], Collection[str]]
    anchors: AnchorPlace
    place: str
    """How the sealer calls the place of the anchors."""

    def verify(self, progress: Callable[[str, float], None] = lambda _what, _share: None) -> Verified:
        """Check everything. Raises `NotReady` where no key is trusted, or the anchors cannot be reached."""
        started, found = perf_counter(), _Found()
        with transaction(self.engine) as connection:
            ledger.snapshot(connection)
            total = max(ledger.count_rows(connection), 1)
            check, counted = RowCheck(), _Counted(ledger.stored_seals(connection))
            found.add(check_seals(counted, self.trusted_keys(), check.keep))
            progress("seals", 1.0)
            waiting = seals.waiting_leaves(connection)
            found.add(check.close(waiting))
            read = 0
            for kind in Kind:
                for rows in ledger.stored_rows(connection, kind):
                    found.add(check.rows(kind, rows))
                    read += len(rows)
                    progress("rows", read / total)
            found.add(check.missing())
            found.add(ledger.broken_links(connection))
        found.add(self._anchors())
        unsealed = len(waiting) // Leaf.SIZE
        return Verified(read, counted.number, unsealed, perf_counter() - started, found.first())

    def _anchors(self) -> Iterator[Finding]:
        """Outside the snapshot: a seal made meanwhile may be anchored by now, and is then in the record too."""
        findings: list[Finding] = []
        for _ in range(LOOKS):
            recent, noted = self._recent()
            findings = list(check_anchors(self.anchors.get, recent, noted))
            if not findings or self._recent()[0][-1:] == recent[-1:]:
                break
        yield from findings

    def _recent(self) -> tuple[list[Seal], int]:
        with transaction(self.engine) as connection:
            return seals.recent_seals(connection, ANCHOR_LAG), seals.anchored_up_to(connection, self.place)


class _Found:
    """Findings, and no more of them than anyone reads."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []

    def add(self, findings: Iterator[Finding]) -> None:
        for finding in findings:
            if len(self._findings) < MOST_FINDINGS:
                self._findings.append(finding)

    def first(self) -> tuple[Finding, ...]:
        return tuple(self._findings)


class _Counted:
    """An iterator that knows how many it gave."""

    def __init__(self, items: Iterator[Any]):
        self._items = items
        self.number = 0

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            self.number += 1
            yield item
