"""Work in progress: what waits, what failed, and having it tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine

from meridian.db import waiting
from meridian.db.batches import Batch, list_batches
from meridian.db.disagreements import Disagreements, disagreements
from meridian.db.engine import transaction
from meridian.errors import InvalidInput

MOST_SHOWN, MOST_BATCHES = 1_000, 50


@dataclass(frozen=True)
class Work:
    """What workers have before them."""

    engine: Engine

    def standing(self) -> list[waiting.Waiting]:
        """Of each kind, how many wait, are held, were set aside."""
        with transaction(self.engine) as connection:
            return waiting.waiting(connection)

    def set_aside(self) -> list[waiting.SetAside]:
        """What failed too often, the oldest first."""
        with transaction(self.engine) as connection:
            return waiting.set_aside(connection, MOST_SHOWN)

    def batches(self) -> list[Batch]:
        """The newest files of applications, and how far each is."""
        with transaction(self.engine) as connection:
            return list_batches(connection, MOST_BATCHES)

    def disagreements(self, product: str, since: datetime, until: datetime) -> Disagreements:
        """Where the fast answers of a time and their assessments differ."""
        with transaction(self.engine) as connection:
            return disagreements(connection, product, since, until)

    def again(self, ids: Sequence[UUID], *, everything: bool = False) -> int:
        """Have jobs and batches tried again that were set aside; how many. The next sweep rings for them.

        Raises `InvalidInput` where there is nothing of that name to be tried.
        """
        with transaction(self.engine) as connection:
            jobs, parts = waiting.put_back(connection, ids, everything=everything)
        if not jobs and not parts and not everything:
            raise InvalidInput(
                f"Nothing of {', '.join(map(str, ids))} was set aside; `meridian jobs --failed` lists what was."
            )
        return jobs + parts
