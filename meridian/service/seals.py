"""Seal what is new in the record, off the path of decisions, and anchor each seal outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from meridian.anchors import AnchorPlace, keep
from meridian.db import seals
from meridian.db.engine import transaction
from meridian.record.seal import Seal, make_seal

log = structlog.get_logger()

COMMITS_AT_ONCE = 4000
"""Commits that one seal covers at most, so that a seal stays below some megabytes."""
BYTES_AT_ONCE = 1_000_000
"""And as many bytes of leaves, 49 each, where a commit has more than one decision's."""
MONTHS_AHEAD = 3


@dataclass(frozen=True)
class Seals:
    """The schedule's part in keeping the record."""

    engine: Engine
    clock: Callable[[], datetime]
    signing_key: Callable[[], Ed25519PrivateKey]
    place: str
    anchors: AnchorPlace

    def seal(self) -> int:
        """Seal all that waits, and anchor it; how many seals were made. Nothing where somebody else is sealing."""
        made = 0
        while self._seal_once() is not None:
            made += 1
        self.anchor()
        return made

    def anchor(self) -> int:
        """Put the seals outside that are not there yet; how many. Raises `NotReady` where the place fails."""
        put = 0
        while self._anchor_next():
            put += 1
        return put

    def _anchor_next(self) -> bool:
        """Each is noted by itself, so that a place that fails now and then, or is slow, is caught up with all the same;
        and under a lock of its own, so that sealing does not wait for it."""
        with transaction(self.engine) as connection:
            if not seals.may_anchor(connection):
                return False
            known = seals.anchored_up_to(connection, self.place)
            for seal in list(seals.seals_after(connection, known, limit=1)):
                keep(self.anchors, seal.number, seal.anchor)
                seals.note_anchored(connection, self.place, seal.number, self.clock())
                return True
        return False

    def make_partitions(self) -> int:
        """Have the coming months' partitions; how many had to be made."""
        with transaction(self.engine) as connection:
            made = seals.make_partitions(connection, MONTHS_AHEAD)
        if made:
            log.info("partitions_made", partitions=made)
        return made

    def _seal_once(self) -> Seal | None:
        """One seal; None where nothing waits. The rows leave the queue in the transaction that seals them."""
        with transaction(self.engine) as connection:
            if not seals.may_seal(connection):
                return None
            taken = seals.take_unsealed(connection, COMMITS_AT_ONCE, BYTES_AT_ONCE)
            leaves = list(chain.from_iterable(map(Seal.leaves_in, taken)))
            if not leaves:
                return None
            before = seals.last_seal(connection)
            seal = make_seal(leaves, before=before, sealed_at=self.clock(), signing_key=self.signing_key())
            seals.add_seal(connection, seal)
        return seal
