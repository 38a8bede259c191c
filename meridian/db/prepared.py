"""Statements of the hot path: planned once on each connection, because to plan one takes as long as to run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, CursorResult


@dataclass(frozen=True)
class Prepared:
    """A statement with `{name}` for each parameter; `parameters` has their types in PostgreSQL's words."""

    name: str
    sql: str
    parameters: Mapping[str, str]

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it, preparing it first where this connection has not met it."""
        known: set[str] = connection.info.setdefault("prepared", set())
        if self.name not in known:
            connection.exec_driver_sql(self._prepare)
            known.add(self.name)
        return connection.exec_driver_sql(self._execute, dict(values))

    @cached_property
    def _prepare(self) -> str:
        places = {name: f"${place}" for place, name in enumerate(self.parameters, start=1)}
        # One plan is as good as the other here; to weigh them anew each time would be planning again.
        kinds = ", ".join(self.parameters.values())
        prepare = f"PREPARE {self.name} ({kinds}) AS {self.sql.format(**places)}"
        return f"SET plan_cache_mode = force_generic_plan; {prepare}"

    @cached_property
    def _execute(self) -> str:
        return f"EXECUTE {self.name} ({', '.join(f'%({name})s::{kind}' for name, kind in self.parameters.items())})"
