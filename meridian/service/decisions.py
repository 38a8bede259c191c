"""Decide: fetch, decide, record, in that order. The answer leaves after the commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from meridian.application import DecisionRequest, parse_request
from meridian.db import decisions
from meridian.db.engine import transaction
from meridian.db.entries import Entry, NewCase
from meridian.db.replies import ReplyRow
from meridian.decision import Decision
from meridian.errors import AlreadyDecided, IdempotencyMismatch, Unavailable
from meridian.evidence import sha256_of
from meridian.outcome import Outcome, Stage
from meridian.products import Product
from meridian.record import Application, EvidenceRow, judged, version_of
from meridian.service.budget import Budget
from meridian.service.capturing import Captured, Capturing
from meridian.service.policies import PolicyBook
from meridian.service.stopwatch import Stopwatch


@dataclass(frozen=True)
class Wanted:
    """A call: who asks, with which body, under which idempotency key; `call` is the method and the path.

    `arrived` is the moment of its arrival, in seconds of the monotonic clock; None: it has not waited.
    """

    caller: str
    body: bytes
    idempotency_key: str | None = None
    call: str = "POST /v1/decisions"
    arrived: float | None = None


@dataclass(frozen=True)
class Reply:
    """What the caller gets. `replayed`: it was answered before, and these are the same bytes."""

    body: bytes
    version_id: UUID
    replayed: bool
    timings_ms: Mapping[str, float]
    labels: Mapping[str, str]
    """Product, outcome and rung, for the metrics; empty where it is replayed."""


@dataclass(frozen=True)
class Decisions:
    """The fast path. Everything that changes from call to call (clock, ids, models) is passed in."""

    engine: Engine
    products: Mapping[str, Product]
    capturing: Capturing
    budget: Budget
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    ring: Callable[[UUID], None]
    """Rings for a job after its commit; may be lost."""
    code_version: str
    add: Callable[[Entry], bool]
    """Records an entry; returns when it is durable. False where its key or its reference is taken."""
    policies: PolicyBook

    def decide(self, wanted: Wanted) -> Reply:
        """Decide one application and record it.

        Raises `InvalidInput` for what cannot be read, `IdempotencyMismatch` for a key that was used with
        another body, `AlreadyDecided` for a reference that was, `Unavailable` where nothing can be recorded.
        """
        watch = Stopwatch()
        received_at = self.clock()
        request = parse_request(wanted.body, {name: p.request for name, p in self.products.items()})
        watch.lap("parse")
        product = self.products[request.product]
        captured = self.capturing(
            product, request, received_at, received_at, self.budget.for_look_ups(wanted.arrived)
        )  # fmt: skip
        evidence = captured.evidence
        watch.lap("features")
        decision = product.decide(evidence, captured.scorer)
        watch.lap("decide")
        entry = self._entry(wanted, request, captured, decision, received_at, watch)
        self.policies.publish(product.terms)
        if not self.add(entry):
            # Nobody is asked beforehand whether the key was used: a first call is the rule, a retry the exception.
            earlier = self._earlier(wanted, entry)
            if earlier.replayed:
                return earlier
            # What stood in its way is its own commit, whose answer was lost: a first answer like any other.
        watch.lap("record")
        if entry.job_id is not None:
            self.ring(entry.job_id)
        labels = {"product": request.product, "outcome": decision.outcome.value, "rung": str(int(evidence.rung))}
        return Reply(entry.version.text.encode(), entry.version.id, False, watch.laps, labels)

    def _entry(
        self,
        wanted: Wanted,
        request: DecisionRequest[Any],
        captured: Captured,
        decision: Decision,
        received_at: datetime,
        watch: Stopwatch,
    ) -> Entry:
        evidence = captured.evidence
        application_id, version_id, evidence_id, job_id = (self.new_id() for _ in range(4))
        application = Application(
            id=application_id,
            ref=request.application_ref or str(application_id),
            product=request.product,
            applicant_id=request.application.applicant_id,
            caller=wanted.caller,
            idempotency_key=wanted.idempotency_key,
            request_sha256=sha256_of(
                {"call": wanted.call, "caller": wanted.caller, "body": evidence.document["request"]}
            ),
            received_at=received_at,
        )
        version = version_of(
            **judged(decision),
            version_id=version_id,
            application_id=application_id,
            application_ref=application.ref,
            number=1,
            evidence=evidence,
            evidence_id=evidence_id,
            stage=Stage.FAST,
            decided_at=self.clock(),
            decided_by=f"meridian {self.code_version}",
            governs_because="first decision",
            timings_ms=watch.laps,
        )
        referred = decision.outcome is Outcome.REFER
        case = NewCase(self.new_id(), "the fast decision refers") if referred else None
        replies = [ReplyRow.of(self.new_id(), one.provider, one.reply) for one in captured.kept]
        return Entry(application, EvidenceRow(evidence_id, application_id, evidence), version, job_id, case, replies)

    def _earlier(self, wanted: Wanted, entry: Entry) -> Reply:
        """Somebody else's commit came first, or our own whose answer was lost: a retry, a twin, a taken reference."""
        asked = entry.application
        with transaction(self.engine) as connection:
            found = decisions.find_answered(connection, asked.caller, asked.idempotency_key, asked.ref)
        if found is None:
            raise Unavailable
        earlier, key = found.application, wanted.idempotency_key
        if key is not None and (earlier.caller, earlier.idempotency_key) == (asked.caller, key):
            if earlier.request_sha256 != asked.request_sha256:
                raise IdempotencyMismatch(
                    f"Idempotency-Key {key!r} was used at {earlier.received_at.isoformat()} with another body. "
                    "Send the same body to get the same answer, or a new key for a new application."
                )
        elif earlier.id != asked.id:
            raise AlreadyDecided(
                f"Application {asked.ref!r} has been decided; see /v1/applications/{asked.ref}. "
                "Send a new application under a reference of its own."
            )
        return Reply(found.text.encode(), found.version_id, earlier.id != asked.id, {}, {})
