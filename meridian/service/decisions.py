"""Decide: fetch, decide, record, in that order. The answer leaves after the commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from meridian.application import DecisionRequest, parse_request
from meridian.db import cases, decisions, jobs, replies
from meridian.db.engine import transaction
from meridian.decision import Decision
from meridian.errors import AlreadyDecided, IdempotencyMismatch
from meridian.evidence import Evidence, SourceReading, canonical_json, capture, sha256_of
from meridian.outcome import Outcome, Stage
from meridian.products import Product
from meridian.record import Version, version_of
from meridian.scoring import Scorer
from meridian.service.stopwatch import Stopwatch

LookUp = Callable[[str, datetime], SourceReading]
"""(applicant id, now) -> what the lender's own history says, or that it cannot say."""


@dataclass(frozen=True)
class Wanted:
    """A call: who asks, with which body, under which idempotency key."""

    caller: str
    body: bytes
    idempotency_key: str | None = None


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
    scorers: Callable[[str], Scorer | None]
    """Product name -> its compact model, or None where none can be used."""
    history: LookUp
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    ring: Callable[[UUID], None]
    """Rings for a job after its commit; may be lost."""
    code_version: str

    def decide(self, wanted: Wanted) -> Reply:
        """Decide one application and record it.

        Raises `InvalidInput` for what cannot be read, `IdempotencyMismatch` for a key that was used with
        another body, `AlreadyDecided` for a reference that was, `Unavailable` where nothing can be recorded.
        """
        watch = Stopwatch()
        received_at = self.clock()
        request = parse_request(wanted.body, {name: p.request for name, p in self.products.items()})
        request_sha256 = sha256_of(request.document())
        watch.lap("parse")
        if earlier := self._answered(wanted, request_sha256):
            return earlier
        product = self.products[request.product]
        scorer = self.scorers(product.name)
        evidence = self._capture(product, request, received_at, scorer)
        watch.lap("features")
        decision = product.decide(evidence, scorer)
        watch.lap("decide")
        reply = self._record(wanted, request_sha256, request, evidence, decision, received_at, watch)
        watch.lap("record")
        return reply

    def _capture(
        self, product: Product, request: DecisionRequest[Any], received_at: datetime, scorer: Scorer | None
    ) -> Evidence:
        history = self.history(request.application.applicant_id, received_at)
        return capture(
            request=request.document(),
            received_at=received_at,
            readings=[*product.read_application(request, received_at), history],
            features=product.features,
            model_sources=product.model_sources if scorer else None,
            versions={
                "code": self.code_version,
                "policy": product.policy.version,
                "compact_model": scorer.sha256 if scorer else "none",
            },
        )

    def _answered(self, wanted: Wanted, request_sha256: str) -> Reply | None:
        """The stored answer to this key, if there is one."""
        if wanted.idempotency_key is None:
            return None
        with transaction(self.engine) as connection:
            stored = replies.find_reply(connection, wanted.caller, wanted.idempotency_key)
        if stored is None:
            return None
        if stored.request_sha256 != request_sha256:
            raise IdempotencyMismatch(
                f"Idempotency-Key {wanted.idempotency_key!r} was used at {stored.created_at.isoformat()} with another "
                "body. Send the same body to get the same answer, or a new key for a new application."
            )
        return Reply(stored.body.encode(), stored.version_id, True, {}, {})

    def _record(
        self,
        wanted: Wanted,
        request_sha256: str,
        request: DecisionRequest[Any],
        evidence: Evidence,
        decision: Decision,
        received_at: datetime,
        watch: Stopwatch,
    ) -> Reply:
        application_id, version_id, evidence_id, job_id = (self.new_id() for _ in range(4))
        application = decisions.NewApplication(
            id=application_id,
            ref=request.application_ref or str(application_id),
            product=request.product,
            applicant_id=request.application.applicant_id,
            caller=wanted.caller,
            received_at=received_at,
        )
        version = version_of(
            decision,
            version_id=version_id,
            application_id=application_id,
            application_ref=application.ref,
            number=1,
            evidence=evidence,
            evidence_id=evidence_id,
            stage=Stage.FAST,
            decided_at=self.clock(),
            decided_by=f"meridian {self.code_version}",
            timings_ms=watch.laps,
        )
        body = canonical_json(version.shown(governs=True))
        try:
            with transaction(self.engine) as connection:
                if wanted.idempotency_key is not None:
                    replies.add_reply(
                        connection,
                        replies.StoredReply(
                            wanted.caller,
                            wanted.idempotency_key,
                            request_sha256,
                            version_id,
                            body.decode(),
                            version.decided_at,
                        ),
                    )
                decisions.add_application(connection, application)
                decisions.add_evidence(connection, evidence_id, application_id, evidence)
                decisions.add_version(connection, version, governs_because="first decision")
                jobs.add_job(connection, job_id, application_id, version_id, version.decided_at)
                self._open_case(connection, version)
        except IntegrityError as error:
            return self._beaten(error, wanted, request_sha256, application.ref)
        self.ring(job_id)
        labels = {"product": request.product, "outcome": decision.outcome.value, "rung": str(int(evidence.rung))}
        return Reply(body, version_id, False, watch.laps, labels)

    def _open_case(self, connection: Connection, version: Version) -> None:
        if version.outcome is Outcome.REFER:
            cases.open_case(
                connection, self.new_id(), version.application_id, "the fast decision refers", version.decided_at
            )

    def _beaten(self, error: IntegrityError, wanted: Wanted, request_sha256: str, ref: str) -> Reply:
        """Somebody else's commit came first: a twin under the same key, or the same reference."""
        constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        if constraint == "reply_once" and (twin := self._answered(wanted, request_sha256)):
            return twin
        if constraint == "application_ref_unique":
            raise AlreadyDecided(
                f"Application {ref!r} has been decided; see /v1/applications/{ref}. "
                "Send a new application under a reference of its own."
            ) from error
        raise error
