"""Batches: files of applications, decided by the batch model in parts, each exactly once whatever is killed."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BufferedIOBase
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine

from meridian.application import DecisionRequest
from meridian.bulk import Form, Reject, asked_in, columns_of, parts_of, read_rows, rows_in, taken
from meridian.db import batches
from meridian.db.bulk_entries import Rows, copy_rows_of
from meridian.db.engine import transaction
from meridian.db.entries import Entry, NewCase
from meridian.db.scores import put_scores
from meridian.decision import Decision, score_to_keep
from meridian.errors import InvalidInput, MeridianError, NotReady, Unavailable
from meridian.evidence import Evidence, PreComputed, sha256_of
from meridian.outcome import Outcome, Stage
from meridian.products import Product
from meridian.record import Application, EvidenceRow, judged, version_of
from meridian.scoring import Scorer
from meridian.service.capturing import Capturing
from meridian.service.policies import PolicyBook

log = structlog.get_logger()

ROWS_AT_ONCE = 2_000
"""Rows of a part: enough that what it takes by itself does not count, and few enough to be done in seconds."""
AT_ONCE = 250
"""Rows whose documents are in memory at a time."""


Asked = tuple[int, DecisionRequest[Any]]
"""A request and the number of its row."""


@dataclass(frozen=True)
class _Decided:
    """A row that was decided: what is recorded of it, told of it, and kept of its score, None where nothing is."""

    row: int
    ref: str
    rows: Rows
    result: dict[str, Any]
    kept: tuple[str, PreComputed] | None


@dataclass(frozen=True)
class Batches:
    """Takes files in, decides their parts, and says what came of them."""

    engine: Engine
    products: Mapping[str, Product]
    capturing: Capturing
    scorers: Callable[[str, str], Scorer | None]
    """(product, applicant) -> the batch model that decides, or None where none can be used."""
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    ring: Callable[[], None]
    """Says that a part waits; may be lost."""
    code_version: str
    policies: PolicyBook
    sweep_after_s: float
    lease_s: float

    def take_in(
        self, product: str, form: Form, file: BufferedIOBase, caller: str, name: str,
        progress: Callable[[int], None] = lambda _: None, *, again: bool = False,
    ) -> UUID:  # fmt: skip
        """Take a file in, part by part: what has arrived is being decided while the rest arrives. The batch's id.

        The same file of the same caller is the same batch, so that what was interrupted is gone on with and a retry
        decides nothing twice; `again` makes another of it. Raises `InvalidInput` where not one row can be read; where
        the file ends in something that cannot be, the batch says so.
        """
        if product not in self.products:
            raise InvalidInput(f"There is no product {product!r}; offered here: {', '.join(sorted(self.products))}.")
        columns = columns_of(self.products[product].request)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        parts = parts_of(read_rows(form, file, product, columns), ROWS_AT_ONCE)
        first = next(parts, None)
        if first is None:
            raise InvalidInput(f"{name} has no rows.")
        wanted = batches.Wanted(self.new_id(), product, caller, name, sha256)
        with transaction(self.engine) as connection:
            batch_id, arrived = batches.add_batch(connection, wanted, again=again)
        if arrived:
            return batch_id
        refused, seen = None, 0
        for number, part in enumerate(_until_refused(first, parts), 1):
            if isinstance(part, InvalidInput):
                refused = str(part)
                break
            with transaction(self.engine) as connection:
                batches.add_part(connection, batch_id, number, part[0].number, part)
            self.ring()
            seen += len(part)
            progress(seen)
        with transaction(self.engine) as connection:
            batches.end_arrival(connection, batch_id, refused)
        return batch_id

    def decide_next(self, batch_id: UUID | None = None) -> bool:
        """Decide a part that waits, of this batch or of any. False where none waits.

        A failure is written on the part, which waits for its next attempt; after the last it is set aside.
        """
        with transaction(self.engine) as connection:
            part = batches.claim_part(connection, self.lease_s, batch_id)
            batch = batches.get_batch(connection, part.batch_id) if part else None
        if part is None or batch is None:
            return False
        try:
            self._decide(batch, part)
        except Unavailable:
            raise  # nothing can be written on the part either; its lease runs out and the sweep rings again
        except Exception as error:
            # Our own sentences name things; another error's text may hold what an applicant stated.
            said = f"{type(error).__name__}: {error}" if isinstance(error, MeridianError) else type(error).__name__
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error(  # noqa: TRY400  # the error's own text stays out
                "batch_part_failed", batch=str(batch.id), part=part.number, attempt=part.attempts, error=said,
                trace=trace,
            )  # fmt: skip
            with transaction(self.engine) as connection:
                batches.release_part(connection, part, said)
        return True

    def work(self, until: Callable[[], bool]) -> int:
        """Decide one part after the other until none waits or it is time to stop; how many. Rings for what is left."""
        done = 0
        while self.decide_next():
            done += 1
            if until():
                self.ring()
                break
        return done

    def sweep(self) -> bool:
        """Ring once where parts should have been taken by now: who hears it goes on to the next by himself."""
        with transaction(self.engine) as connection:
            if lost := batches.set_exhausted_aside(connection):
                log.error("batch_parts_set_aside", parts=lost)
            waits = batches.parts_wait(connection, self.sweep_after_s)
        if waits:
            self.ring()
        return waits

    def find(self, batch_id: UUID) -> batches.Batch:
        """How far a batch is. Raises `NotFound`."""
        with transaction(self.engine) as connection:
            return batches.get_batch(connection, batch_id)

    def newest(self, limit: int) -> Sequence[batches.Batch]:
        """The newest ones."""
        with transaction(self.engine) as connection:
            return batches.list_batches(connection, limit)

    def results(self, batch_id: UUID) -> Iterator[dict[str, Any]]:
        """What was decided, in the order of the file."""
        return self._lines(batch_id, "results")

    def rejects(self, batch_id: UUID) -> Iterator[Reject]:
        """What was not, and why, in the order of the file."""
        return (Reject(*reject) for reject in self._lines(batch_id, "rejects"))

    def _lines(self, batch_id: UUID, what: str) -> Iterator[Any]:
        """A part at a time: whoever reads slowly holds no connection."""
        number = 0
        while True:
            with transaction(self.engine) as connection:
                found = batches.next_lines(connection, batch_id, what, number)
            if found is None:
                return
            number, lines = found
            yield from lines

    def _decide(self, batch: batches.Batch, part: batches.ClaimedPart) -> None:
        product = self.products[batch.product]
        asked = asked_in(rows_in(part.rows), batch.product, product.request)
        decided = self._decided(product, batch, asked.requests)
        self.policies.publish(product.terms)
        with transaction(self.engine) as connection:
            if batches.hold_part(connection, part):
                self._record(connection, product, part, decided, asked.rejects)

    def _decided(self, product: Product, batch: batches.Batch, requests: Sequence[Asked]) -> list[_Decided]:
        """Evidence, score and decision of each, by the functions that decide about one; a model scores many at once."""
        by_model: dict[str, tuple[Scorer, list[Asked]]] = {}
        for row, request in requests:
            scorer = self._scorer(product.name, request.application.applicant_id)
            by_model.setdefault(scorer.sha256, (scorer, []))[1].append((row, request))
        decided: list[_Decided] = []
        for scorer, some in by_model.values():
            for start in range(0, len(some), AT_ONCE):
                decided += self._decided_by(product, batch, scorer, some[start : start + AT_ONCE])
        return sorted(decided, key=lambda one: one.row)

    def _decided_by(
        self, product: Product, batch: batches.Batch, scorer: Scorer, some: Sequence[Asked]
    ) -> Iterator[_Decided]:
        with transaction(self.engine) as connection:
            captured = self.capturing.from_store(
                connection, product, [request for _, request in some], batch.created_at, self.clock(), scorer
            )
        scores = scorer.scores([evidence.features for evidence in captured])
        for (row, request), evidence, score in zip(some, captured, scores, strict=True):
            decision = product.decide(evidence, scorer, score)
            entry = self._entry(batch, request, evidence, decision)
            score_kept = score_to_keep(evidence, decision, scorer, product.policy)
            kept = (request.application.applicant_id, score_kept) if score_kept else None
            yield _Decided(row, entry.application.ref, Rows.of(entry), _result(row, entry, decision), kept)

    def _scorer(self, product: str, applicant_id: str) -> Scorer:
        scorer = self.scorers(product, applicant_id)
        if scorer is None:
            raise NotReady(f"there is no batch model for {product}; train one with `meridian train {product}`")
        return scorer

    def _entry(
        self, batch: batches.Batch, request: DecisionRequest[Any], evidence: Evidence, decision: Decision
    ) -> Entry:
        application_id, version_id, evidence_id = (self.new_id() for _ in range(3))
        call = {"call": f"batch {batch.id}", "caller": batch.caller, "body": evidence.document["request"]}
        application = Application(
            id=application_id,
            ref=request.application_ref or str(application_id),
            product=request.product,
            applicant_id=request.application.applicant_id,
            caller=batch.caller,
            idempotency_key=None,
            request_sha256=sha256_of(call),
            received_at=batch.created_at,
        )
        version = version_of(
            **judged(decision),
            version_id=version_id,
            application_id=application_id,
            application_ref=application.ref,
            number=1,
            evidence=evidence,
            evidence_id=evidence_id,
            stage=Stage.BATCH,
            decided_at=self.clock(),
            decided_by=f"meridian {self.code_version}",
            governs_because=f"first decision, of the batch {batch.id}",
            timings_ms={},
        )
        refers = decision.outcome is Outcome.REFER
        case = NewCase(self.new_id(), "the decision of a batch refers") if refers else None
        return Entry(application, EvidenceRow(evidence_id, application_id, evidence), version, None, case)

    def _record(
        self, connection: Connection, product: Product, part: batches.ClaimedPart, decided: Sequence[_Decided],
        rejects: Sequence[Reject],
    ) -> None:  # fmt: skip
        won = copy_rows_of(connection, [one.rows for one in decided], self.clock()) if decided else set()
        added = [one for one in decided if one.rows.id in won]
        put_scores(connection, product.name, [one.kept for one in added if one.kept])
        told = sorted([*rejects, *(taken(one.row, one.ref) for one in decided if one.rows.id not in won)])
        rejected = len({reject.row for reject in told})
        batches.finish_part(connection, part, [one.result for one in added], told, rejected)


def _result(row: int, entry: Entry, decision: Decision) -> dict[str, Any]:
    """What a batch's results say of a row."""
    score, offer = decision.score, decision.offer
    return {
        "row": row,
        "application_ref": entry.application.ref,
        "decision_id": str(entry.version.id),
        "outcome": decision.outcome.value,
        "pd": round(score.pd, 8) if score else None,
        "points": score.points if score else None,
        "band": decision.band,
        "reasons": [reason.code for reason in decision.reasons],
        "limit": offer.limit if offer else None,
        "apr": offer.apr if offer else None,
        "term": offer.term if offer else None,
    }


def _until_refused(first: Any, parts: Iterator[Any]) -> Iterator[Any]:
    """The parts, and last the error where the rest of the file cannot be read."""
    yield first
    try:
        yield from parts
    except InvalidInput as error:
        yield error
