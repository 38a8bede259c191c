"""What an experiment has shown so far: a challenger beside the champion, or a shadow beside what decides."""

from __future__ import annotations

from collections import Counter
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
"""So many of the challenger's decisions are made again with the champion's model."""


@dataclass(frozen=True)
class Experiments:
    """Reads the record; changes nothing."""

    engine: Engine
    reproduction: Reproduction
    models: Callable[[str, str], Scorer | None]
    """(product, hash) -> that very model; None where it is not kept here."""

    def challenger(
        self, product: str, purpose: Purpose, groups: Groups | None, progress: Callable[[float], None]
    ) -> tuple[Change, Experiment]:
        """The challenger there is, and what it decided beside what the champion did since it came.

        What they decide unlike is found by making the challenger's decisions again with the champion's model, on the
        same evidence. Raises `RegistryConflict` where there is no challenger.
        """
        place = Place(product, purpose, Alias.CHALLENGER)
        with transaction(self.engine) as connection:
            holder, since = self._holder(connection, place)
            champion = registry.holders(connection).get(place._replace(alias=Alias.CHAMPION))
            stage = Stage.BATCH if purpose is Purpose.BATCH else Stage.FAST
            seen = experiments.decided(connection, product, f"{product}-{purpose}", stage.value, since)
        challenger = holder.model_sha256 or ""
        others = Counter(one.model_sha256 for one in seen if one.model_sha256 != challenger)
        # Where the registry has no champion, it is the folder's that decides.
        sha256 = champion.model_sha256 if champion else next((name for name, _ in others.most_common(1)), "")
        arms = {name: [one for one in seen if one.model_sha256 == name] for name in (sha256 or "", challenger)}
        swaps = self._swaps(product, sha256 or "", [one.id for one in arms[challenger]][:MOST_SWAPPED], progress)
        was, other = ((name, [one.seen for one in of]) for name, of in arms.items())
        return holder, side_by_side(was, other, swaps, groups)

    def shadow(self, product: str, purpose: Purpose, groups: Groups | None) -> tuple[Change, Experiment]:
        """The shadow there is, beside what was decided. Raises `RegistryConflict` where there is none."""
        with transaction(self.engine) as connection:
            holder, _ = self._holder(connection, Place(product, purpose, Alias.SHADOW))
            rows = list(experiments.shadowed(connection, product, f"{product}-{purpose}", holder.model_sha256 or ""))
        by = Counter(model for model, _, _ in rows)
        was = next((name for name, _ in by.most_common(1)), ""), [one for _, one, _ in rows]
        return holder, paired(was, (holder.model_sha256 or "", [one for _, _, one in rows]), groups)

    def _swaps(self, product: str, champion: str, ids: Sequence[UUID], progress: Callable[[float], None]) -> Swaps:
        scorer = self.models(product, champion) if champion else None
        if scorer is None:
            return Swaps(skipped=len(ids))
        return self.reproduction.against(product, scorer, ids, progress)

    @staticmethod
    def _holder(connection: Connection, place: Place) -> tuple[Change, datetime]:
        """Who has the place, and since when: from the first change on after which it always was that model."""
        changes = registry.changes_of(connection, place)
        if not changes or changes[-1].model_sha256 is None:
            raise RegistryConflict(f"{place.product} has no {place.alias} of purpose {place.purpose}; set one first.")
        first = changes[-1]
        for change in reversed(changes):
            if change.model_sha256 != first.model_sha256:
                break
            first = change
        assert first.changed_at is not None  # noqa: S101  # set by the database
        return changes[-1], first.changed_at
