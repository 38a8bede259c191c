"""Replay recorded decisions with the models that are kept here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine

from meridian.db import recorded
from meridian.db.engine import transaction
from meridian.errors import InvalidInput, NotFound
from meridian.outcome import Stage
from meridian.replay import MADE_BY_MACHINE, Recorded, Replay, replay
from meridian.scoring import Scorer

AT_ONCE = 500


@dataclass(frozen=True)
class Replays:
    """The record made again, one decision or a sample of them."""

    engine: Engine
    models: Callable[[str, str], Scorer | None]
    """(product, hash) -> that very model, in use or retired; None where it is not kept here."""
    code_version: str

    def one(self, decision_id: UUID) -> Replay:
        """Replay one decision. Raises `NotFound`, and `InvalidInput` for what a person decided."""
        with transaction(self.engine) as connection:
            found = recorded.find_recorded(connection, [decision_id])
        if not found:
            raise NotFound(f"There is no decision {decision_id}.")
        stage = found[0].document["stage"]
        if Stage(stage) not in MADE_BY_MACHINE:
            raise InvalidInput(f"Decision {decision_id} is a {stage}, made by a person: there is nothing to re-run.")
        return self._replay(found[0])

    def sample(self, count: int, since: datetime | None, seed: int) -> tuple[int, Iterator[Replay]]:
        """Replay up to `count` decisions drawn at random (the same for the same seed): how many, and each in turn."""
        with transaction(self.engine) as connection:
            drawn = recorded.draw_decisions(connection, count, since, seed)
        return len(drawn), self._each(drawn)

    def _each(self, drawn: list[UUID]) -> Iterator[Replay]:
        for start in range(0, len(drawn), AT_ONCE):
            with transaction(self.engine) as connection:
                found = recorded.find_recorded(connection, drawn[start : start + AT_ONCE])
            yield from map(self._replay, found)

    def _replay(self, one: Recorded) -> Replay:
        scorer = None
        if one.model_sha256 is not None:
            scorer = self.models(one.document["product"], one.model_sha256)
        return replay(one, scorer, self.code_version)
