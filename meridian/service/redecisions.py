"""Re-decide: after an outage, what was decided on a lower rung is decided again on what the sources now say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from meridian.application import parse_request
from meridian.assessment import Settlement, reconcile
from meridian.db import cases, decisions
from meridian.db.engine import lock_application, transaction
from meridian.db.redecided import add_evidence, count_redecided, find_degraded, find_told_late
from meridian.decision import Decision
from meridian.errors import InvalidInput
from meridian.evidence import Evidence, Rung, canonical_json
from meridian.outcome import Outcome, Stage
from meridian.products import Product
from meridian.record import EvidenceRow, Version, judged, version_of
from meridian.service.capturing import Captured, Capturing
from meridian.service.policies import PolicyBook
from meridian.sources import Deadline
from meridian.sources.reply import Reply

BY = "re-decision"
PATIENCE_S = 30.0
"""Nobody waits for an answer here, so that sources are given their time."""
LATELY = timedelta(minutes=10)
"""So far back it is looked for answers that came late: longer than a worker is away when it is started anew."""
BY_MACHINE = (Stage.FAST, Stage.BATCH, Stage.REDECISION)


@dataclass(frozen=True)
class Redecided:
    """One application: what it was decided on, what governs, and what comes of deciding it again.

    `recovered` is False where no more is known than before: then nothing follows, and it is to be tried later.
    `because` says why it could not be decided again at all. `settlement` is what the product's contract has follow.
    """

    application_ref: str
    rung: Rung
    before: Outcome
    rung_now: Rung | None = None
    after: Outcome | None = None
    settlement: Settlement | None = None
    recovered: bool = False
    because: str = ""

    @property
    def flips(self) -> bool:
        """Whether the outcome is another one."""
        return self.recovered and self.after is not self.before

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "application_ref": self.application_ref,
            "rung": int(self.rung),
            "before": self.before.value,
            "rung_now": None if self.rung_now is None else int(self.rung_now),
            "after": self.after.value if self.after else None,
            "follows": self.settlement.value if self.settlement else None,
            "recovered": self.recovered,
            "because": self.because,
        }


@dataclass(frozen=True)
class Redecisions:
    """After an outage. What was communicated is never reversed here: a person looks at it."""

    engine: Engine
    products: Mapping[str, Product]
    capturing: Capturing
    policies: PolicyBook
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    code_version: str
    keep: Callable[[Connection, str, Reply], None]
    """Keeps what a provider told."""

    def of(
        self, since: datetime, until: datetime, least_rung: Rung, *, record: bool
    ) -> tuple[int, Iterator[Redecided]]:
        """Decide again what was decided from `since` until before `until` on `least_rung` or below: how many, and each.

        Left out is what was decided again before. No decision is written unless `record` says so; what providers told
        is kept in any case, for an answer that was paid for is not asked for twice. An application that cannot be
        decided again holds up no other.
        """
        with transaction(self.engine) as connection:
            found = find_degraded(connection, since, until, least_rung)
        return len(found), (self._one(application_id, record=record) for application_id in found)

    def already(self, since: datetime, until: datetime) -> int:
        """How many of those decided from `since` until before `until` were decided again."""
        with transaction(self.engine) as connection:
            return count_redecided(connection, since, until)

    def told_late(self) -> list[Redecided]:
        """Decide again, and record it, what was decided before its slow sources had told: now all of them have.

        Only where all have, so that nobody is asked once more for the others.
        """
        with transaction(self.engine) as connection:
            found = find_told_late(connection, self.clock() - LATELY)
        return [self._one(application_id, record=True) for application_id in found]

    def _one(self, application_id: UUID, *, record: bool) -> Redecided:
        with transaction(self.engine) as connection:
            ref = decisions.get_application(connection, application_id).ref
            versions = decisions.versions_of(connection, ref)
            first, governing = versions[0].version, next(one.version for one in versions if one.governs)
            earlier = decisions.get_evidence(connection, application_id, first.evidence_id)
        unable = Redecided(ref, earlier.rung, governing.outcome)
        product = self.products.get(first.document["product"])
        if product is None:
            return _because(unable, f"{first.document['product']} is not offered any more")
        try:
            captured, decision = self._again(product, earlier)
        except InvalidInput:
            return _because(unable, f"{product.name} does not take an application of this form any more")
        evidence = captured.evidence
        # An earlier score tells nothing of what the outage hid: it would only keep the sources from being asked later.
        if evidence.rung >= earlier.rung or evidence.rung is Rung.PRE_COMPUTED:
            return Redecided(ref, earlier.rung, governing.outcome, evidence.rung, decision.outcome)
        if not record:
            with transaction(self.engine) as connection:
                settlement = self._settlement(connection, product, governing, decision)
        else:
            self.policies.publish(product.terms)
            settlement = self._record(product, ref, application_id, captured, decision)
        return Redecided(
            ref, earlier.rung, governing.outcome, evidence.rung, decision.outcome, settlement, recovered=True
        )

    def _again(self, product: Product, earlier: Evidence) -> tuple[Captured, Decision]:
        request = parse_request(canonical_json(earlier.document["request"]), {product.name: product.request})
        # Received when it was: an age or a report's date is judged as of then.
        received_at = datetime.fromisoformat(earlier.document["received_at"])
        captured = self.capturing(product, request, received_at, self.clock(), Deadline.after(PATIENCE_S))
        if captured.kept:
            with transaction(self.engine) as connection:
                # In the order in which a materialisation goes: each would else wait for a row that the other has.
                for one in sorted(captured.kept, key=lambda one: one.reply.source):
                    self.keep(connection, one.provider, one.reply)
        return captured, product.decide(captured.evidence, captured.scorer)

    def _settlement(
        self, connection: Connection, product: Product, governing: Version, decision: Decision
    ) -> Settlement:
        case = cases.find_case(connection, application_id=governing.application_id)
        by_a_person = governing.stage not in BY_MACHINE
        return reconcile(
            product.contract,
            governing.outcome,
            decision.outcome,
            in_analysts_hands=by_a_person or (case is not None and case.state == "claimed"),
            same_policy=decision.policy_version == governing.policy_version,
            scored=decision.score is not None,
        )

    def _record(
        self, product: Product, ref: str, application_id: UUID, captured: Captured, decision: Decision
    ) -> Settlement:
        """Add the version, and what follows from it, all in one."""
        evidence = captured.evidence
        with transaction(self.engine) as connection:
            lock_application(connection, application_id)
            versions = decisions.versions_of(connection, ref)
            governing = next(one.version for one in versions if one.governs)
            settlement = self._settlement(connection, product, governing, decision)
            overturns = settlement is Settlement.OVERTURN
            evidence_id = self.new_id()
            version = version_of(
                **judged(decision),
                version_id=self.new_id(),
                application_id=application_id,
                application_ref=ref,
                number=versions[-1].version.number + 1,
                evidence=evidence,
                evidence_id=evidence_id,
                stage=Stage.REDECISION,
                decided_at=self.clock(),
                decided_by=f"meridian {self.code_version}",
                governs_because=f"decided again on recovered evidence: {decision.outcome}" if overturns else None,
                timings_ms={},
            )
            add_evidence(connection, EvidenceRow(evidence_id, application_id, evidence))
            decisions.add_version(connection, version)
            self._case(connection, application_id, governing, decision, settlement, version.decided_at)
        return settlement

    def _case(
        self,
        connection: Connection,
        application_id: UUID,
        governing: Version,
        decision: Decision,
        settlement: Settlement,
        now: datetime,
    ) -> None:
        """Settle the case that has become needless, or have one where a person must look."""
        case = cases.find_case(connection, application_id=application_id, lock=True)
        if settlement is Settlement.OVERTURN and case is not None:
            cases.settle_case(connection, case.id, BY)
        if settlement is not Settlement.CASE:
            return
        because = f"decided again after an outage: was {governing.outcome}, is {decision.outcome}"
        if case is None:
            cases.open_case(connection, self.new_id(), application_id, because, now)
        elif case.state == "settled":
            cases.reopen_case(connection, case.id, because, now)


def _because(unable: Redecided, why: str) -> Redecided:
    return Redecided(unable.application_ref, unable.rung, unable.before, because=why)
