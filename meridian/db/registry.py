"""The registry's rows: added, read, never changed. What may be added the database itself holds, by triggers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Select, func, insert, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError

from meridian.db import tables as t
from meridian.db.engine import transaction
from meridian.db.refusals import refused
from meridian.errors import InvalidInput, NotReady, UntrustedModel
from meridian.evidence import canonical_json
from meridian.registry import Alias, Change, Manifest, Place, Purpose
from meridian.registry.bundle import MANIFEST

log = structlog.get_logger()

LARGEST_BYTES = 100 << 20
"""Of a model with its card: what is larger is no model that a decision waits for."""
LONG = text("SET LOCAL statement_timeout = '120s'")
"""For files: they are sent and stored one by one, each in the time that its size takes."""
MISSING = ("42P01", "3F000", "42501")
"""Of PostgreSQL's codes: no such table, no such schema, no right to it."""


@dataclass(frozen=True)
class Submission:
    """A model put forward. `gates` are `{name, passed, found}`."""

    id: UUID
    model_sha256: str
    owner: str
    intended_use: str
    data: str
    data_sha256: str
    gates: Sequence[Mapping[str, Any]]
    submitted_by: str
    submitted_at: datetime | None = None
    """Set by the database."""

    @property
    def failed(self) -> list[str]:
        """The gates that did not pass."""
        return [gate["name"] for gate in self.gates if not gate["passed"]]


@dataclass(frozen=True)
class Registered:
    """A model of the registry, with how it was last put forward and who signed for it, if anybody has."""

    manifest: Manifest
    submission: Submission
    approved_by: str | None
    approved_at: datetime | None
    waivers: Mapping[str, str]


def add_model(connection: Connection, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Store a model and what belongs to it; one that is there already is left as it is."""
    row = {
        "sha256": manifest.sha256, "product": manifest.product, "purpose": manifest.purpose.value,
        "name": manifest.name, "manifest": canonical_json(manifest.document()).decode(),
    }  # fmt: skip
    size = sum(map(len, files.values()))
    if size > LARGEST_BYTES:
        raise InvalidInput(f"The model's files have {size:,} bytes; the registry takes up to {LARGEST_BYTES:,}.")
    connection.execute(LONG)
    added = connection.execute(upsert(t.model).values(row).on_conflict_do_nothing().returning(t.model.c.sha256)).first()
    if added is None:
        return
    for name, content in files.items():
        if name != MANIFEST:
            connection.execute(insert(t.file), {"model_sha256": manifest.sha256, "name": name, "content": content})


def add_submission(connection: Connection, submission: Submission) -> None:
    """Put a model forward."""
    row = {**vars(submission), "gates": [dict(gate) for gate in submission.gates]}
    del row["submitted_at"]
    connection.execute(insert(t.submission), row)


def add_approval(
    connection: Connection, submission_id: UUID, waivers: Mapping[str, str], note: str, approved_by: str
) -> None:
    """Sign. Raises `Forbidden` for one's own model, `InvalidInput` where a gate was neither passed nor waived, and
    `RegistryConflict` where somebody has signed.
    """
    row = {"submission_id": submission_id, "waivers": dict(waivers), "note": note, "approved_by": approved_by}
    with refused("approval_pkey", "Somebody has signed for this submission before."):
        connection.execute(insert(t.approval), row)


def add_change(connection: Connection, change: Change) -> None:
    """Give a place to another. Raises `InvalidInput` where nobody signed for it, `RegistryConflict` where somebody
    else has changed the place meanwhile.
    """
    row = {
        **change.place._asdict(), "number": change.number, "model_sha256": change.model_sha256, "share": change.share,
        "back": change.back, "because": change.because, "changed_by": change.changed_by,
    }  # fmt: skip
    with refused("change_pkey"):
        connection.execute(insert(t.change), row)


def changes_of(connection: Connection, place: Place) -> list[Change]:
    """All changes of a place, the oldest first."""
    query = select(t.change).where(*(t.change.c[name] == value for name, value in place._asdict().items()))
    return [_change(row) for row in connection.execute(query.order_by(t.change.c.number))]


def holders(connection: Connection) -> dict[Place, Change]:
    """The newest change of every place."""
    by = (t.change.c.product, t.change.c.purpose, t.change.c.alias)
    query = select(t.change).ext(distinct_on(*by)).order_by(*by, t.change.c.number.desc())
    found = [_change(row) for row in connection.execute(query)]
    return {change.place: change for change in found}


def files_of(connection: Connection, sha256: str) -> dict[str, bytes] | None:
    """The files of a model, with its manifest; None where it is not registered."""
    manifest = connection.scalar(select(t.model.c.manifest).where(t.model.c.sha256 == sha256))
    if manifest is None:
        return None
    rows = connection.execute(select(t.file.c.name, t.file.c.content).where(t.file.c.model_sha256 == sha256))
    return {MANIFEST: manifest.encode(), **{row.name: bytes(row.content) for row in rows}}


def registered(connection: Connection) -> list[Registered]:
    """Every model with its newest submission, the newest first."""
    found = []
    for row in connection.execute(_with_submissions()):
        try:
            found.append(_registered(row))
        except UntrustedModel as error:
            # Of another release's format, perhaps: it keeps nobody from looking at the others.
            log.warning("manifest_unreadable", sha256=row.model_sha256, error=str(error))
    return sorted(found, key=lambda one: str(one.submission.submitted_at), reverse=True)


def find_registered(connection: Connection, prefix: str) -> list[Registered]:
    """The models whose hash begins so, two at most. Raises `UntrustedModel` where a manifest cannot be read."""
    begins = func.encode(t.model.c.sha256, "hex").startswith(prefix, autoescape=True)
    return [_registered(row) for row in connection.execute(_with_submissions().where(begins).limit(2))]


def _with_submissions() -> Select[Any]:
    approval = (t.approval.c.approved_by, t.approval.c.approved_at, t.approval.c.waivers)
    return (
        select(t.model.c.manifest, t.submission, *approval)
        .join_from(t.model, t.submission, t.submission.c.model_sha256 == t.model.c.sha256)
        .outerjoin(t.approval, t.approval.c.submission_id == t.submission.c.id)
        .ext(distinct_on(t.model.c.sha256))
        .order_by(t.model.c.sha256, t.submission.c.submitted_at.desc())
    )


def put_shadow_score(connection: Connection, row: Mapping[str, Any]) -> None:
    """Note what a shadow said of a decision, once."""
    connection.execute(upsert(t.shadow_score).values(row).on_conflict_do_nothing())


@dataclass(frozen=True)
class PostgresRegister:
    """The registry as a process that decides reads it."""

    engine: Engine

    def holders(self) -> Mapping[Place, Change]:
        """Who has which place. Raises `NotReady` where the database has no registry yet."""
        try:
            with transaction(self.engine) as connection:
                return holders(connection)
        except DBAPIError as error:
            if getattr(error.orig, "pgcode", None) in MISSING:
                raise NotReady("The database has no registry that can be read; run `meridian migrate`.") from error
            raise

    def files(self, sha256: str) -> Mapping[str, bytes] | None:
        """The files of a model; None where it is not registered."""
        with transaction(self.engine) as connection:
            return files_of(connection, sha256)


def _change(row: Any) -> Change:
    place = Place(row.product, Purpose(row.purpose), Alias(row.alias))
    return Change(
        place, row.number, row.model_sha256, row.share, row.back, row.because, row.changed_by, row.changed_at
    )  # fmt: skip


def _registered(row: Any) -> Registered:
    submission = Submission(
        row.id, row.model_sha256, row.owner, row.intended_use, row.data, row.data_sha256, row.gates, row.submitted_by,
        row.submitted_at,
    )  # fmt: skip
    manifest = Manifest.from_document(json.loads(row.manifest))
    return Registered(manifest, submission, row.approved_by, row.approved_at, row.waivers or {})
