"""Policies in the record: what a decision was made by is stored before the decision is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine

from meridian.db.engine import transaction
from meridian.db.policies import add_policy
from meridian.decision import Terms
from meridian.record import PolicyRow


@dataclass(frozen=True)
class PolicyBook:
    """Knows which terms this process has seen stored."""

    engine: Engine
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    _stored: set[str] = field(default_factory=set)

    def publish(self, terms: Terms) -> None:
        """Have the terms in the record under their version; asks the database once in a process."""
        if terms.version in self._stored:
            return
        with transaction(self.engine) as connection:
            add_policy(connection, PolicyRow.of(terms.version, terms.document(), self.new_id(), self.clock()))
        self._stored.add(terms.version)
