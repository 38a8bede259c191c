"""Assess: the batch model decides again on the same frozen evidence, and the contract says who governs."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine

from meridian.assessment import Settlement, reconcile
from meridian.db import cases, decisions, jobs
from meridian.db.engine import lock_application, transaction
from meridian.db.scores import put_score
from meridian.decision import Decision, score_to_keep
from meridian.errors import MeridianError, NotReady, Unavailable
from meridian.evidence import Evidence
from meridian.outcome import Stage
from meridian.products import Product
from meridian.record import Version, judged, version_of
from meridian.scoring import Scorer
from meridian.service.policies import PolicyBook
from meridian.service.shadows import Shadows
from meridian.service.stopwatch import Stopwatch

log = structlog.get_logger()

SWEPT_AT_ONCE = 500
RUNG_PER_LEASE = 4
"""How often a forgotten job is rung for in the time that a lost worker's lease runs."""


@dataclass(frozen=True)
class Assessments:
    """The workers' part."""

    engine: Engine
    products: Mapping[str, Product]
    scorers: Callable[[str, str], Scorer | None]
    """(product, applicant) -> the batch model that decides, or None where none can be used."""
    shadows: Shadows
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    ring: Callable[[UUID], None]
    code_version: str
    sweep_after_s: float
    lease_s: float
    policies: PolicyBook

    def assess(self, job_id: UUID) -> bool:
        """Make one assessment. False where there is nothing to do: done before, or in other hands.

        A failure is written on the job, which waits for its next attempt; after the last it is set aside.
        """
        with transaction(self.engine) as connection:
            job = jobs.claim_job(connection, job_id, self.lease_s)
        if job is None:
            return False
        try:
            return self._write(job)
        except Unavailable:
            raise  # nothing can be written on the job either; its lease runs out and the sweep rings again
        except Exception as error:
            # Our own sentences name things; another error's text may hold what an applicant stated.
            said = f"{type(error).__name__}: {error}" if isinstance(error, MeridianError) else type(error).__name__
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error(  # noqa: TRY400  # the error's own text stays out
                "assessment_failed", job=str(job_id), attempt=job.attempts, error=said, trace=trace
            )
            with transaction(self.engine) as connection:
                jobs.release_job(connection, job_id, said)
            return False

    def sweep(self) -> int:
        """Ring for jobs that should have been taken by now; how many there were."""
        with transaction(self.engine) as connection:
            if lost := jobs.set_exhausted_aside(connection):
                log.error("jobs_set_aside", jobs=lost)
            forgotten = jobs.take_forgotten_jobs(
                connection, self.sweep_after_s, self.lease_s / RUNG_PER_LEASE, SWEPT_AT_ONCE
            )
        for job_id in forgotten:
            self.ring(job_id)
        return len(forgotten)

    def _write(self, job: jobs.ClaimedJob) -> bool:
        with transaction(self.engine) as connection:
            found = decisions.get_decided(connection, job.application_id, job.version_id)
        if found is None:
            raise NotReady(f"the version {job.version_id} of job {job.id} is not in the record")
        fast, evidence = found
        watch = Stopwatch()
        # Looked up once: the policy that decides may change at any moment.
        product = self._product(evidence)
        scorer = self._scorer(product, evidence.application["applicant_id"])
        decision = product.decide(evidence, scorer)
        watch.lap("decide")
        self.policies.publish(product.terms)
        with transaction(self.engine) as connection:
            lock_application(connection, job.application_id)
            if not jobs.hold_job(connection, job.id):
                return False
            assessment = self._settle(connection, product, fast, evidence, decision, watch.laps)
            _keep_score(connection, product, evidence, decision, scorer)
            jobs.finish_job(connection, job.id)
        self.shadows.score(product, evidence, fast, assessment)
        return True

    def _scorer(self, product: Product, applicant_id: str) -> Scorer:
        scorer = self.scorers(product.name, applicant_id)
        if scorer is None:
            raise NotReady(
                f"there is no batch model for {product.name}; train one with `meridian train {product.name}`"
            )
        return scorer

    def _product(self, evidence: Evidence) -> Product:
        return self.products[evidence.document["request"]["product"]]

    def _settle(
        self,
        connection: Connection,
        product: Product,
        fast: Version,
        evidence: Evidence,
        decision: Decision,
        timings_ms: Mapping[str, float],
    ) -> Version:
        """Record the assessment, and what the contract says of the two; under `lock_application`."""
        case = cases.find_case(connection, application_id=fast.application_id, lock=True)
        settlement = reconcile(
            product.contract,
            fast.outcome,
            decision.outcome,
            in_analysts_hands=case is not None and case.in_analysts_hands,
            same_policy=decision.policy_version == fast.policy_version,
            scored=decision.score is not None,
        )
        number, redecided = decisions.get_standing(connection, fast.application_id)
        if redecided:
            # Made again since, on more than this assessment has before it: it is on record, and settles nothing.
            settlement = Settlement.CONFIRM
        overturns = settlement is Settlement.OVERTURN
        assessment = version_of(
            **judged(decision),
            version_id=self.new_id(),
            application_id=fast.application_id,
            application_ref=fast.document["application_ref"],
            number=number,
            evidence=evidence,
            evidence_id=fast.evidence_id,
            stage=Stage.BATCH,
            decided_at=self.clock(),
            decided_by=f"meridian {self.code_version}",
            governs_because=f"assessment settles the referral: {decision.outcome}" if overturns else None,
            timings_ms=timings_ms,
        )
        decisions.add_version(connection, assessment)
        if overturns and case is not None:
            cases.settle_case(connection, case.id, "assessment")
        if settlement is Settlement.CASE and case is None:
            disagreement = f"fast says {fast.outcome}, batch says {assessment.outcome}"
            cases.open_case(connection, self.new_id(), fast.application_id, disagreement, assessment.decided_at)
        return assessment


def _keep_score(
    connection: Connection, product: Product, evidence: Evidence, decision: Decision, scorer: Scorer
) -> None:  # fmt: skip
    """Keep the score for when a source is away, where the product has a use for it."""
    kept = score_to_keep(evidence, decision, scorer, product.policy)
    if kept is not None:
        put_score(connection, evidence.application["applicant_id"], product.name, kept)
