"""Applications, evidence, versions, and which of them governs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from meridian.db import tables as t
from meridian.db.clock import compare_clocks
from meridian.db.exposures import lend
from meridian.evidence import Evidence
from meridian.outcome import Outcome, Stage
from meridian.record import Application, Version

APPLICATION_FIELDS = tuple(Application.__dataclass_fields__)
VERSION_FIELDS = tuple(Version.__dataclass_fields__)


@dataclass(frozen=True)
class Governed:
    """A version, and whether it governs its application."""

    version: Version
    governs: bool

    def shown(self) -> dict[str, Any]:
        """As the API answers it."""
        return self.version.shown(governs=self.governs)


@dataclass(frozen=True)
class Answered:
    """An application that was decided before: its own fields, and its first version's id and text."""

    application: Application
    version_id: UUID
    text: str


def find_answered(connection: Connection, caller: str, idempotency_key: str | None, ref: str) -> Answered | None:
    """The application that this caller decided under this key, or else the one with this reference."""
    named = t.application.c.ref == ref
    keyed = (t.application.c.caller == caller) & (t.application.c.idempotency_key == idempotency_key)
    first = (t.version.c.application_id == t.application.c.id) & (t.version.c.number == 1)
    query = (
        select(t.application, t.version.c.id.label("version_id"), t.version.c.document)
        .join(t.version, first)
        .where(named if idempotency_key is None else or_(keyed, named))
        .order_by((keyed if idempotency_key is not None else named).desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    fields = {name: getattr(row, name) for name in APPLICATION_FIELDS}
    return Answered(Application(**fields), row.version_id, row.document)


def get_application(connection: Connection, application_id: UUID) -> Application:
    """One application by its id."""
    columns = [t.application.c[name] for name in APPLICATION_FIELDS]
    row = connection.execute(select(*columns).where(t.application.c.id == application_id)).one()
    return Application(**row._mapping)


def add_version(connection: Connection, version: Version) -> None:
    """Store a version, that it is to be sealed, and what it lends.

    Raises `Unavailable` where our clock and the database's differ.
    """
    compare_clocks(connection, version.decided_at)
    row = {
        **{name: getattr(version, name) for name in VERSION_FIELDS},
        "stage": version.stage.value,
        "outcome": version.outcome.value,
        "document": version.text,
        "row_sha256": version.leaf.sha256,
    }
    connection.execute(insert(t.version), row)
    connection.execute(insert(t.unsealed), {"id": version.id, "leaves": version.leaf.packed()})
    lend(connection, version)


# Written once: of what an assessment takes, making a query anew is as much as running it.
DECIDED = (
    select(t.version, t.evidence.c.document.label("evidence"))
    .join(
        t.evidence,
        (t.evidence.c.application_id == t.version.c.application_id) & (t.evidence.c.id == t.version.c.evidence_id),
    )
    .where(t.version.c.application_id == bindparam("application_id"), t.version.c.id == bindparam("version_id"))
)
STANDING = select(func.max(t.version.c.number), func.bool_or(t.version.c.stage == Stage.REDECISION.value)).where(
    t.version.c.application_id == bindparam("application_id")
)


def get_decided(connection: Connection, application_id: UUID, version_id: UUID) -> tuple[Version, Evidence] | None:
    """A version and the evidence that it was made of; None where there is no such version."""
    row = connection.execute(DECIDED, {"application_id": application_id, "version_id": version_id}).one_or_none()
    return (_version(row), Evidence.from_text(row.evidence)) if row else None


def get_standing(connection: Connection, application_id: UUID) -> tuple[int, bool]:
    """The number of the next version, and whether it was decided again; ask under `lock_application`."""
    highest, redecided = connection.execute(STANDING, {"application_id": application_id}).one()
    return int(highest or 0) + 1, bool(redecided)


def get_version(connection: Connection, version_id: UUID, application_id: UUID | None = None) -> Governed | None:
    """One version by its id; where its application is known, only that month is looked into."""
    query = _versions().where(t.version.c.id == version_id)
    if application_id is not None:
        query = query.where(t.version.c.application_id == application_id)
    row = connection.execute(query).one_or_none()
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


def get_evidence(connection: Connection, application_id: UUID, evidence_id: UUID) -> Evidence:
    """A stored capture of this application."""
    query = select(t.evidence.c.document).where(
        t.evidence.c.application_id == application_id, t.evidence.c.id == evidence_id
    )
    return Evidence.from_text(connection.execute(query).scalar_one())


def governing_versions(connection: Connection, application_ids: Sequence[UUID]) -> dict[UUID, Version]:
    """The version that governs now, by application: the last of those that came to govern."""
    query = (
        select(t.version)
        .where(t.version.c.application_id.in_(application_ids), t.version.c.governs_because.is_not(None))
        .ext(distinct_on(t.version.c.application_id))
        .order_by(t.version.c.application_id, t.version.c.number.desc())
    )
    return {version.application_id: version for version in map(_version, connection.execute(query))}


def _versions() -> Select[Any]:
    other = t.version.alias()
    last = (
        select(func.max(other.c.number))
        .where(other.c.application_id == t.version.c.application_id, other.c.governs_because.is_not(None))
        .scalar_subquery()
    )
    return select(t.version, (t.version.c.number == last).label("governs"))


def _governed(row: Row[Any]) -> Governed:
    return Governed(_version(row), bool(row.governs))


def _version(row: Row[Any]) -> Version:
    values = {name: getattr(row, name) for name in VERSION_FIELDS}
    return Version(
        **{
            **values,
            "stage": Stage(row.stage),
            "outcome": Outcome(row.outcome),
            "document": json.loads(row.document),
        }
    )
