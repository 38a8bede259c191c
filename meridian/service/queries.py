"""Look up: decisions, applications, the state of things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from meridian.db import decisions
from meridian.db.durability import check_durable
from meridian.db.engine import transaction
from meridian.db.migrate import current_revision, head_revision
from meridian.errors import NotFound, NotReady


@dataclass(frozen=True)
class Queries:
    """What is only read."""

    engine: Engine

    def decision(self, version_id: UUID) -> dict[str, Any]:
        """One version. Raises `NotFound`."""
        with transaction(self.engine) as connection:
            found = decisions.get_version(connection, version_id)
        if found is None:
            raise NotFound(f"There is no decision {version_id}.")
        return found.shown()

    def decisions(self, limit: int, starting_after: UUID | None) -> dict[str, Any]:
        """A page of versions, the newest first, and whether there are more."""
        with transaction(self.engine) as connection:
            page = decisions.list_versions(connection, limit + 1, starting_after)
        return {"data": [version.shown() for version in page[:limit]], "has_more": len(page) > limit}

    def application(self, ref: str) -> dict[str, Any]:
        """Every version of one application, the governing one marked. Raises `NotFound`."""
        with transaction(self.engine) as connection:
            versions = decisions.versions_of(connection, ref)
        if not versions:
            raise NotFound(f"There is no application {ref!r}.")
        governing = next(v for v in versions if v.governs)
        return {
            "application_ref": ref,
            "outcome": governing.version.outcome.value,
            "governing": str(governing.version.id),
            "versions": [v.shown() for v in versions],
        }

    def check_ready(self) -> None:
        """Raises `Unavailable` or `NotReady` unless the database answers, keeps what it commits and has the schema."""
        check_durable(self.engine)
        self.check_schema()

    def check_schema(self) -> None:
        """Raises `Unavailable` or `NotReady` unless the database answers and has the present schema."""
        present = current_revision(self.engine)
        if present != head_revision():
            raise NotReady(
                f"The database is at schema {present or 'none'}, this version needs {head_revision()}; "
                "run `meridian migrate`."
            )
