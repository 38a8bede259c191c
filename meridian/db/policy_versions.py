"""Policies of the registry: put forward, signed for, in force from when on. Rows are added and never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Select, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t
from meridian.db.engine import transaction
from meridian.db.refusals import refused
from meridian.decision import Terms
from meridian.errors import InvalidInput
from meridian.evidence import canonical_json
from meridian.registry import PolicyChange


@dataclass(frozen=True)
class PolicySubmission:
    """A policy put forward. `checks` are `{name, passed, found}`; the moment is the database's."""

    id: UUID
    product: str
    version: str
    policy_sha256: str
    because: str
    checks: Sequence[Mapping[str, Any]]
    submitted_by: str
    submitted_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    note: str | None = None

    @property
    def failed(self) -> list[str]:
        """What it did not pass."""
        return [check["name"] for check in self.checks if not check["passed"]]


def add_submission(connection: Connection, product: str, terms: Terms, submission: PolicySubmission) -> None:
    """Put a policy forward; its terms are stored where they are not yet."""
    document = canonical_json(terms.document()).decode()
    row = {"sha256": terms.sha256, "product": product, "version": terms.version, "document": document}
    connection.execute(upsert(t.registered_policy).values(row).on_conflict_do_nothing())
    of = connection.scalar(select(t.registered_policy.c.product).where(t.registered_policy.c.sha256 == terms.sha256))
    if of != product:
        raise InvalidInput(
            f"These very terms are a policy of {of} already; give the one of {product} a name of its own."
        )
    connection.execute(
        insert(t.policy_submission),
        {
            "id": submission.id, "policy_sha256": submission.policy_sha256, "because": submission.because,
            "checks": [dict(check) for check in submission.checks], "submitted_by": submission.submitted_by,
        },
    )  # fmt: skip


def add_approval(connection: Connection, submission_id: UUID, note: str, approved_by: str) -> None:
    """Sign. Raises `Forbidden` for one's own policy, `InvalidInput` where it did not pass, `RegistryConflict` where
    somebody has signed.
    """
    with refused("policy_approval_pkey", "Somebody has signed for this submission before."):
        connection.execute(
            insert(t.policy_approval), {"submission_id": submission_id, "note": note, "approved_by": approved_by}
        )  # fmt: skip


def add_change(connection: Connection, change: PolicyChange) -> PolicyChange:
    """Put a policy in force; the change as it is stored.

    Raises `InvalidInput` where nobody signed for it, `RegistryConflict` where another came between.
    """
    row = {name: value for name, value in vars(change).items() if name != "changed_at"}
    with refused("policy_change_pkey"):
        return PolicyChange(
            **connection.execute(insert(t.policy_change).returning(t.policy_change), row).one()._mapping
        )


def changes_of(connection: Connection, product: str | None = None) -> list[PolicyChange]:
    """All changes, of one product or of all, the lowest number first."""
    query = select(t.policy_change).order_by(t.policy_change.c.product, t.policy_change.c.number)
    if product is not None:
        query = query.where(t.policy_change.c.product == product)
    return [PolicyChange(**row._mapping) for row in connection.execute(query)]


def terms_of(connection: Connection, sha256: str) -> str | None:
    """The terms of a policy as text; None where it is not registered."""
    return connection.scalar(
        select(t.registered_policy.c.document).where(t.registered_policy.c.sha256 == sha256)
    )  # fmt: skip


def submissions(connection: Connection, product: str | None = None) -> list[PolicySubmission]:
    """The newest submission of every policy, the newest first."""
    query = _newest() if product is None else _newest().where(t.registered_policy.c.product == product)
    found = [PolicySubmission(**row._mapping) for row in connection.execute(query)]
    return sorted(found, key=lambda one: str(one.submitted_at), reverse=True)


def find_submissions(connection: Connection, begins: str) -> list[PolicySubmission]:
    """The newest submission of each policy whose version, or hash, begins so; two at most."""
    of, sha256 = t.registered_policy.c.version, func.encode(t.registered_policy.c.sha256, "hex")
    query = _newest().where(of.startswith(begins, autoescape=True) | sha256.startswith(begins, autoescape=True))
    return [PolicySubmission(**row._mapping) for row in connection.execute(query.limit(2))]


def _newest() -> Select[Any]:
    policy, submission, approval = t.registered_policy, t.policy_submission, t.policy_approval
    return (
        select(
            submission, policy.c.product, policy.c.version,
            approval.c.approved_by, approval.c.approved_at, approval.c.note,
        )
        .join_from(policy, submission, submission.c.policy_sha256 == policy.c.sha256)
        .outerjoin(approval, approval.c.submission_id == submission.c.id)
        .ext(distinct_on(policy.c.sha256))
        .order_by(policy.c.sha256, submission.c.submitted_at.desc())
    )  # fmt: skip


@dataclass(frozen=True)
class PostgresPolicies:
    """The registry as a process that decides reads it."""

    engine: Engine

    def policy_changes(self) -> Sequence[PolicyChange]:
        """All changes."""
        with transaction(self.engine) as connection:
            return changes_of(connection)

    def terms(self, sha256: str) -> str | None:
        """The terms of a policy."""
        with transaction(self.engine) as connection:
            return terms_of(connection, sha256)
