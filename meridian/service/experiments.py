"""What an experiment has shown so far: a challenger beside the champion, or a shadow beside what decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine

from meridian.db import experiments, registry
from meridian.db.engine import transaction
from meridian.errors import RegistryConflict
from meridian.experiments import Experiment, Groups, Swaps, paired, side_by_side
from meridian.outcome import Stage
from meridian.registry import Alias, Change, Place, Purpose
from meridian.scoring import Scorer
from meridian.service.reproduction import Reproduction

MOST_SWAPPED = 2000
"""Of so many decisions, drawn by their ids, outcomes and reasons are held against each other one by one."""


@dataclass(frozen=True)
class Experiments:
    """Reads the record; changes nothing. Both arms begin when the last of the two models got its place, or the
    challenger its share: before, other applicants were dealt out, or to another model.
    """

    engine: Engine
    reproduction: Reproduction
    models: Callable[[str, str], Scorer | None]
    """(product, hash) -> that very model; None where it is not kept here."""
    champions: Callable[[str, Purpose], Scorer | None]
    """(product, purpose) -> the model that decides where no challenger does, whether registered or of the folder."""

    def challenger(
        self, product: str, purpose: Purpose, groups: Groups | None, progress: Callable[[float], None]
    ) -> tuple[Change, Experiment]:
        """The challenger there is, and what it decided beside what the champion did.

        What they decide unlike is found by making the challenger's decisions again with the champion's model, on the
        same evidence. Raises `RegistryConflict` where there is no challenger, or nobody beside it.
        """
        champion = self._champion(product, purpose)
        stage = Stage.BATCH if purpose is Purpose.BATCH else Stage.FAST
        with transaction(self.engine) as connection:
            holder, since = self._began(connection, Place(product, purpose, Alias.CHALLENGER))
            sha256 = str(holder.model_sha256)
            arms = experiments.decided(connection, product, stage.value, since, champion.sha256, sha256)
        swaps = self.reproduction.against(product, champion, _drawn(arms.ids), progress)
        return holder, side_by_side((champion.sha256, arms.champion), (sha256, arms.other), swaps, groups)

    def shadow(self, product: str, purpose: Purpose, groups: Groups | None) -> tuple[Change, Experiment]:
        """The shadow there is, beside what the champion decided. Raises `RegistryConflict` as `challenger`."""
        champion, swaps = self._champion(product, purpose), Swaps()
        with transaction(self.engine) as connection:
            holder, since = self._began(connection, Place(product, purpose, Alias.SHADOW))
            sha256 = str(holder.model_sha256)
            arms = experiments.shadowed(connection, since, champion.sha256, sha256)
            for was, would_be in experiments.said(connection, _drawn(arms.ids), sha256):
                swaps.note(was, would_be)
        return holder, paired((champion.sha256, arms.champion), (sha256, arms.other), swaps, groups)

    def _champion(self, product: str, purpose: Purpose) -> Scorer:
        champion = self.champions(product, purpose)
        if champion is None:
            raise RegistryConflict(f"No {purpose} model of {product} decides, beside which another could be held.")
        return champion

    @staticmethod
    def _began(connection: Connection, place: Place) -> tuple[Change, datetime]:
        """Who has the place, and when the experiment as it is now began."""
        changes = registry.changes_of(connection, place)
        if not changes or changes[-1].model_sha256 is None:
            raise RegistryConflict(f"{place.product} has no {place.alias} of purpose {place.purpose}; set one first.")
        champions = registry.changes_of(connection, place._replace(alias=Alias.CHAMPION))
        return changes[-1], max(one.changed_at for one in (changes[-1], *champions[-1:]) if one.changed_at)


def _drawn(ids: Sequence[UUID]) -> list[UUID]:
    """A sample, by what is random in an id and not by its moment: the same for the same ids."""
    return sorted(ids, key=lambda one: one.bytes[8:])[:MOST_SWAPPED]
