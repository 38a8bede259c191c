"""Versions of policies: put forward, signed for by another, in force from a moment on, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from meridian.db import policy_versions as versions
from meridian.db.engine import transaction
from meridian.decision import Terms
from meridian.errors import InvalidInput, RegistryConflict
from meridian.products import Product
from meridian.registry import (
    PolicyChange,
    Purpose,
    effective,
    former,
    held,
    purposes_of,
    read_terms,
    reference_fits,
    to_come,
    with_terms,
)
from meridian.scoring import Scorer

SHORTEST = 6


@dataclass(frozen=True)
class PolicyVersions:
    """What people do to policies. Each `by` is a person who has just given their password."""

    engine: Engine
    declared: Mapping[str, Product]
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    deciding: Callable[[str, Purpose], Sequence[Scorer]]
    """(product, purpose) -> the models that decide: champion and challenger."""

    def submit(
        self, product: str, terms: Terms, checks: Sequence[Mapping[str, Any]], because: str, by: str
    ) -> versions.PolicySubmission:
        """Put a policy forward, with what was found of it. What did not pass is stored, and nobody can sign for it.

        Raises `NotReady` where the product has not what it reads.
        """
        if not because.strip():
            raise InvalidInput("No reason is given; say in a few words what the policy is to change.")
        decided = with_terms(self._product(product), terms)
        checks = [*checks, self._fits_models(decided)]
        submission = versions.PolicySubmission(
            self.new_id(), product, terms.version, terms.sha256, because, checks, by
        )  # fmt: skip
        with transaction(self.engine) as connection:
            versions.add_submission(connection, product, terms, submission)
        return submission

    def approve(self, of: versions.PolicySubmission, note: str, by: str) -> versions.PolicySubmission:
        """Sign for a submission that was looked at. Raises `Forbidden` for one's own, `InvalidInput` where it did not
        pass, `RegistryConflict` where somebody signed before.
        """
        with transaction(self.engine) as connection:
            versions.add_approval(connection, of.id, note, by)
        return self.find(of.policy_sha256)

    def publish(self, version: str, effective_at: datetime | None, because: str, by: str) -> PolicyChange:
        """Have a policy decide from a moment on; None: from now."""
        with transaction(self.engine) as connection:
            one = self._named(connection, version)
            return self._change(connection, one.product, one.policy_sha256, effective_at, because, by)

    def rollback(self, product: str, because: str, by: str) -> PolicyChange:
        """Have the policy decide, from now on, that did before the one that does. What was to come is dropped."""
        with transaction(self.engine) as connection:
            # What is yet to come, or was dropped before it came, never decided.
            were = held(versions.changes_of(connection, product), product, self.clock())
            sha256 = former((one.policy_sha256, one.back) for one in were)
            if sha256 is None:
                raise RegistryConflict(
                    f"The registry knows of no policy before the one of {product} that decides now; publish the one "
                    "that is to decide."
                )
            return self._change(connection, product, sha256, None, because, by, back=True)

    def find(self, version: str) -> versions.PolicySubmission:
        """The policy whose version, or hash, begins so. Raises `InvalidInput` where it is none, or several."""
        with transaction(self.engine) as connection:
            return self._named(connection, version)

    def terms(self, version: str) -> Terms:
        """The terms of a registered policy."""
        with transaction(self.engine) as connection:
            one = self._named(connection, version)
            return read_terms(versions.terms_of(connection, one.policy_sha256), one.policy_sha256)

    def in_force(self, product: str) -> Terms:
        """The terms that decide about a product now: the registry's, and without any those of its folder."""
        with transaction(self.engine) as connection:
            holds = effective(versions.changes_of(connection, product), product, self.clock())
            if holds is None:
                return self._product(product).terms
            return read_terms(versions.terms_of(connection, holds.policy_sha256), holds.policy_sha256)

    def decides(self, product: str) -> set[str]:
        """The hashes of the policy that decides about a product now, and of those that are to come."""
        now = self.clock()
        with transaction(self.engine) as connection:
            changes = versions.changes_of(connection, product)
        holds = effective(changes, product, now)
        first = holds.policy_sha256 if holds else self._product(product).terms.sha256
        return {first, *(change.policy_sha256 for change in to_come(changes, product, now))}

    def list(self, product: str | None = None) -> tuple[list[versions.PolicySubmission], Sequence[PolicyChange]]:
        """Every registered policy, the newest first, and all changes."""
        with transaction(self.engine) as connection:
            return versions.submissions(connection, product), versions.changes_of(connection, product)

    def _named(self, connection: Connection, version: str) -> versions.PolicySubmission:
        if len(version) < SHORTEST:
            raise InvalidInput(f"{version!r} is too short for a version or a hash; give {SHORTEST} characters or more.")
        found = versions.find_submissions(connection, version)
        if len(found) != 1:
            what = "No policy" if not found else "More than one policy"
            raise InvalidInput(
                f"{what} of the registry begins with {version!r}; `meridian policy versions` shows all, "
                "`meridian policy submit` adds one."
            )
        return found[0]

    def _change(
        self, connection: Connection, product: str, sha256: str, effective_at: datetime | None, because: str, by: str,
        *, back: bool = False,
    ) -> PolicyChange:  # fmt: skip
        if not because.strip():
            raise InvalidInput("No reason is given; say it in a few words, examiners will read it.")
        terms = read_terms(versions.terms_of(connection, sha256), sha256)
        fits = self._fits_models(with_terms(self._product(product), terms))
        if not fits["passed"]:
            raise InvalidInput(f"{terms.version} does not go with the models that decide: {fits['found']}.")
        number = len(versions.changes_of(connection, product)) + 1
        now = self.clock()
        change = PolicyChange(product, number, sha256, effective_at or now, back, because, by)
        if change.effective_at < now:
            raise InvalidInput(f"--from {effective_at} is past; nobody decides for the past.")
        return versions.add_change(connection, change)

    def _product(self, name: str) -> Product:
        if name not in self.declared:
            raise InvalidInput(f"{name} is not offered here; its folder is missing.")
        return self.declared[name]

    def _fits_models(self, product: Product) -> dict[str, Any]:
        """Whether the applicants who decline reasons are measured against would be approved by its bands.

        Against a reference that is not approved, somebody could be refused without any reason.
        """
        misfits = [
            f"the reference population of the {purpose} model {scorer.sha256[:12]} has a PD of "
            f"{scorer.calibration.pd(scorer.tables.base):.3f}"
            for purpose in purposes_of(product)
            for scorer in self.deciding(product.name, purpose)
            if not reference_fits(scorer, product, purpose)
        ]
        found = (
            "; ".join(misfits) + ", which it would not approve" if misfits else "approve their reference populations"
        )
        return {"name": "models", "passed": not misfits, "found": found}


def status_of(one: versions.PolicySubmission, changes: Sequence[PolicyChange], now: datetime) -> str:
    """How far a policy has come, in words."""
    holds = effective(changes, one.product, now)
    if holds is not None and holds.policy_sha256 == one.policy_sha256:
        return f"in force since {holds.effective_at:%Y-%m-%d %H:%M}"
    coming = [change for change in to_come(changes, one.product, now) if change.policy_sha256 == one.policy_sha256]
    if coming:
        return f"in force from {coming[-1].effective_at:%Y-%m-%d %H:%M}"
    if one.failed:
        return f"did not pass: {', '.join(one.failed)}"
    return "signed for" if one.approved_by else "submitted"
