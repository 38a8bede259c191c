"""Review: list, claim, release and settle cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from meridian.db import cases, decisions
from meridian.db.engine import lock_application, transaction
from meridian.db.policies import get_policy
from meridian.decision import Terms
from meridian.errors import CaseConflict, NotFound
from meridian.outcome import Stage
from meridian.products import Product
from meridian.record import Version, version_of
from meridian.review import Settling, proposed, reviewed

__all__ = ["CaseView", "Reviews", "Settling"]


@dataclass(frozen=True)
class CaseView:
    """A case with all that its page shows."""

    case: cases.Case
    governing: Mapping[str, Any]
    versions: tuple[Mapping[str, Any], ...]
    application: Mapping[str, Any]
    proposed: list[tuple[str, str]]
    product: Product
    """With the policy by which the governing version was decided."""


@dataclass(frozen=True)
class Reviews:
    """The analysts' part."""

    engine: Engine
    products: Mapping[str, Product]
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]

    def queue(self, limit: int = 100) -> dict[str, Any]:
        """Cases that wait, the oldest first, each with its governing version; and how many there are in all."""
        with transaction(self.engine) as connection:
            waiting = cases.list_cases(connection, limit)
            total = cases.count_cases(connection)
            governing = decisions.governing_versions(connection, [case.application_id for case in waiting])
        data = [_listed(case, governing[case.application_id]) for case in waiting]
        return {"data": data, "total": total}

    def case(self, case_id: UUID) -> CaseView:
        """One case with its versions. Raises `NotFound`."""
        with transaction(self.engine) as connection:
            case = self._find(connection, case_id)
            versions = decisions.versions_of(connection, case.application_ref)
            governing = next(v for v in versions if v.governs)
            evidence = decisions.get_evidence(connection, case.application_id, governing.version.evidence_id)
            product = self._as_decided(connection, governing.version)
        shown = governing.shown()
        return CaseView(
            case=case,
            governing=shown,
            versions=tuple(v.shown() for v in versions),
            application=evidence.application,
            proposed=proposed(product, shown, [v.version.document for v in versions]),
            product=product,
        )

    def claim(self, case_id: UUID, analyst: str) -> None:
        """Take a case in hand. Raises `CaseConflict` where another analyst has it."""
        with transaction(self.engine) as connection:
            self._find(connection, case_id)
            if not cases.claim_case(connection, case_id, analyst):
                case = self._find(connection, case_id)  # who has it now, not who had it before we asked
                raise CaseConflict(f"The case of {case.application_ref} is {_whose(case)}.")

    def release(self, case_id: UUID, analyst: str) -> None:
        """Give a case back to the queue. Raises `CaseConflict` where it is not this analyst's."""
        with transaction(self.engine) as connection:
            case = self._find(connection, case_id)
            if not cases.release_case(connection, case_id, analyst):
                raise CaseConflict(
                    f"The case of {case.application_ref} is {_whose(case)}; only a claimed case is given back."
                )

    def settle(self, case_id: UUID, analyst: str, settling: Settling) -> UUID:
        """Record an analyst's decision as a new version, which governs from then on; its id.

        Raises `CaseConflict` unless this analyst holds the case, `InvalidInput` for what cannot be settled so.
        """
        with transaction(self.engine) as connection:
            lock_application(connection, self._find(connection, case_id).application_id)
            case = self._find(connection, case_id, lock=True)
            if case.state != "claimed" or case.claimed_by != analyst:
                raise CaseConflict(f"The case of {case.application_ref} is {_whose(case)}; claim it first.")
            version = self._version(connection, case.application_ref, Stage.REVIEW, analyst, settling)
            decisions.add_version(connection, version)
            cases.settle_case(connection, case_id, analyst)
        return version.id

    def correct(self, application_ref: str, person: str, settling: Settling) -> UUID:
        """Put a recorded decision right by a further version, which governs from then on; its id.

        The versions before it stay as they are. What was open for an analyst is settled with it. Raises `NotFound`,
        and `InvalidInput` for what cannot be settled so.
        """
        with transaction(self.engine) as connection:
            versions = decisions.versions_of(connection, application_ref)
            if not versions:
                raise NotFound(f"There is no application {application_ref!r}.")
            application_id = versions[0].version.application_id
            lock_application(connection, application_id)
            version = self._version(connection, application_ref, Stage.CORRECTION, person, settling)
            decisions.add_version(connection, version)
            case = cases.find_case(connection, application_id=application_id, lock=True)
            if case is not None and case.state != "settled":
                cases.settle_case(connection, case.id, person)
        return version.id

    def _version(
        self, connection: Connection, application_ref: str, stage: Stage, person: str, settling: Settling
    ) -> Version:
        versions = decisions.versions_of(connection, application_ref)
        governing = next(one.version for one in versions if one.governs)
        evidence = decisions.get_evidence(connection, governing.application_id, governing.evidence_id)
        decision = reviewed(
            settling,
            product=self._as_decided(connection, governing),
            evidence=evidence,
            governing=governing.document,
            others=[one.version.document for one in versions],
            analyst=person,
        )
        return version_of(
            decision,
            version_id=self.new_id(),
            application_id=governing.application_id,
            application_ref=application_ref,
            number=versions[-1].version.number + 1,
            evidence=evidence,
            evidence_id=governing.evidence_id,
            stage=stage,
            pd=governing.pd,
            model_sha256=governing.model_sha256,
            decided_at=self.clock(),
            decided_by=f"analyst {person}",
            governs_because=f"{'settled' if stage is Stage.REVIEW else 'corrected'} by {person}",
            timings_ms={},
        )

    def _as_decided(self, connection: Connection, version: Version) -> Product:
        """The product with the policy of a version, whichever is in force now: one decision has one policy."""
        product = self.products[version.document["product"]]
        stored = get_policy(connection, version.policy_version)
        return replace(product, terms=Terms.from_text(stored.document)) if stored else product

    def _find(self, connection: Connection, case_id: UUID, *, lock: bool = False) -> cases.Case:
        case = cases.find_case(connection, case_id=case_id, lock=lock)
        if case is None:
            raise NotFound(f"There is no case {case_id}.")
        return case


def _listed(case: cases.Case, governing: Version) -> dict[str, Any]:
    return {
        "id": str(case.id),
        "application_ref": case.application_ref,
        "product": case.product,
        "because": case.because,
        "state": case.state,
        "opened_at": case.opened_at.isoformat(),
        "claimed_by": case.claimed_by if case.state == "claimed" else None,
        "decision": governing.shown(governs=True),
    }


def _whose(case: cases.Case) -> str:
    if case.state == "settled":
        return f"settled by {case.settled_by}"
    return f"in the hands of {case.claimed_by}" if case.state == "claimed" else "open"
