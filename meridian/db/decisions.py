"""Applications, evidence, versions and the pointer that says which governs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from meridian.db import tables as t
from meridian.evidence import Evidence
from meridian.outcome import Outcome, Stage
from meridian.record import Version

VERSION_COLUMNS = tuple(column.name for column in t.version.columns)


@dataclass(frozen=True)
class NewApplication:
    """An application as its row stands in `record.application`."""

    id: UUID
    ref: str
    product: str
    applicant_id: str
    caller: str
    received_at: datetime


@dataclass(frozen=True)
class Governed:
    """A version, and whether it governs its application."""

    version: Version
    governs: bool

    def shown(self) -> dict[str, Any]:
        """As the API answers it."""
        return self.version.shown(governs=self.governs)


def add_application(connection: Connection, application: NewApplication) -> None:
    """Raises IntegrityError on `application_ref_unique` where the reference is taken."""
    connection.execute(insert(t.application), asdict(application))


def add_evidence(connection: Connection, evidence_id: UUID, application_id: UUID, evidence: Evidence) -> None:
    """Store a capture."""
    row = {
        "id": evidence_id,
        "application_id": application_id,
        "sha256": evidence.sha256,
        "rung": int(evidence.rung),
        "document": evidence.document,
        "captured_at": datetime.fromisoformat(evidence.document["received_at"]),
    }
    connection.execute(insert(t.evidence), row)


def add_version(connection: Connection, version: Version, *, governs_because: str | None) -> None:
    """Store a version; with a `governs_because`, it governs from now on."""
    row = {
        **{name: getattr(version, name) for name in VERSION_COLUMNS},
        "stage": version.stage.value,
        "outcome": version.outcome.value,
    }
    connection.execute(insert(t.version), row)
    if governs_because is not None:
        pointer = {
            "application_id": version.application_id,
            # A version governs at most once, so its number serves as the pointer's place in the order.
            "seq": version.number,
            "version_id": version.id,
            "since": version.decided_at,
            "because": governs_because,
        }
        connection.execute(insert(t.governing), pointer)


def next_number(connection: Connection, application_id: UUID) -> int:
    """The number of the next version; ask under `lock_application`."""
    highest = select(func.max(t.version.c.number)).where(t.version.c.application_id == application_id)
    return int(connection.execute(highest).scalar() or 0) + 1


def get_version(connection: Connection, version_id: UUID) -> Governed | None:
    """One version by its id."""
    row = connection.execute(_versions().where(t.version.c.id == version_id)).one_or_none()
    return _governed(row) if row else None


def versions_of(connection: Connection, application_ref: str) -> list[Governed]:
    """Every version of an application, the first one first; empty where there is no such application."""
    query = (
        _versions()
        .join(t.application, t.application.c.id == t.version.c.application_id)
        .where(t.application.c.ref == application_ref)
        .order_by(t.version.c.number)
    )
    return [_governed(row) for row in connection.execute(query)]


def list_versions(connection: Connection, limit: int, older_than: UUID | None) -> list[Governed]:
    """The newest versions, or those before the one given. Ids rise with time, so their order is that of making."""
    query = _versions().order_by(t.version.c.id.desc()).limit(limit)
    if older_than is not None:
        query = query.where(t.version.c.id < older_than)
    return [_governed(row) for row in connection.execute(query)]


def get_evidence(connection: Connection, evidence_id: UUID) -> Evidence:
    """A stored capture."""
    return Evidence(
        connection.execute(select(t.evidence.c.document).where(t.evidence.c.id == evidence_id)).scalar_one()
    )


def governing_version(connection: Connection, application_id: UUID) -> Version:
    """The version that governs an application now."""
    return governing_versions(connection, [application_id])[application_id]


def governing_versions(connection: Connection, application_ids: Sequence[UUID]) -> dict[UUID, Version]:
    """The version that governs now, by application."""
    query = (
        select(t.version)
        .join(t.governing, t.governing.c.version_id == t.version.c.id)
        .where(t.governing.c.application_id.in_(application_ids))
        .ext(distinct_on(t.governing.c.application_id))
        .order_by(t.governing.c.application_id, t.governing.c.seq.desc())
    )
    return {version.application_id: version for version in map(_version, connection.execute(query))}


def _versions() -> Any:
    latest = (
        select(t.governing.c.version_id)
        .where(t.governing.c.application_id == t.version.c.application_id)
        .order_by(t.governing.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(t.version, (latest == t.version.c.id).label("governs"))


def _governed(row: Row[Any]) -> Governed:
    return Governed(_version(row), bool(row.governs))


def _version(row: Row[Any]) -> Version:
    values = {name: getattr(row, name) for name in VERSION_COLUMNS}
    return Version(**{**values, "stage": Stage(row.stage), "outcome": Outcome(row.outcome)})
