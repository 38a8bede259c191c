"""Which models the registry has decide, in the memory of this process, and never more than some seconds behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from time import monotonic
from typing import Protocol

import structlog

from meridian.errors import NotReady
from meridian.followed import Followed
from meridian.products import Product
from meridian.registry.alias import Alias, Change, Place, is_challenged
from meridian.registry.bundle import usable_scorer
from meridian.registry.manifest import Purpose
from meridian.scoring import Scorer

log = structlog.get_logger()

TRY_AGAIN_S, LONGEST_S = 2.0, 60.0
"""A model that could not be loaded is tried again after so long, and then after twice as long, up to a minute."""


class Register(Protocol):
    """Where models are registered. Both may raise `Unavailable`."""

    def holders(self) -> Mapping[Place, Change]:
        """Who has which place."""

    def files(self, sha256: str) -> Mapping[str, bytes] | None:
        """The files of a model, its manifest among them; None where it is not registered."""


@dataclass(frozen=True)
class Held:
    """A place with who is to have it, and the model that has: the former one, or none, where that cannot be used."""

    change: Change
    scorer: Scorer | None
    failures: int = 0
    again_at: float = 0.0
    """Where it could not be used: how often, and when it is tried again (monotonic seconds)."""

    @property
    def as_said(self) -> bool:
        """Whether the one who is to have it has it."""
        return self.scorer is not None and self.scorer.sha256 == self.change.model_sha256

    def challenges(self, applicant_id: str) -> bool:
        """Whether this challenger is the one to decide about an applicant."""
        return self.scorer is not None and is_challenged(self.scorer.sha256, self.change.share or 0.0, applicant_id)


class ModelsInUse:
    """The registry's models that decide now.

    A thread looks every second, loads what is new and puts it in the place of what was there: whoever has a model in
    hand keeps it to the end of that decision. Where the registry cannot be reached, what it said last goes on. A model
    that cannot be loaded takes nobody's place and keeps no other from its own, and is tried again.
    """

    def __init__(self, register: Register, offered: Mapping[str, Product]):
        self._register = register
        self._offered = offered
        self._held = Followed("models", self._look)

    def decides(self, product: str, purpose: Purpose, applicant_id: str | None) -> Held | None:
        """Whoever is to decide about an applicant (None: the champion); None where the registry has nobody for it.

        Raises `Unavailable` where the registry was never reached: then nobody knows.
        """
        held = self._held.now()
        challenger = held.get(Place(product, purpose, Alias.CHALLENGER))
        if applicant_id is not None and challenger is not None and challenger.challenges(applicant_id):
            return challenger
        return held.get(Place(product, purpose, Alias.CHAMPION))

    def challenger(self, product: str, purpose: Purpose) -> Scorer | None:
        """The challenger there is. Raises `Unavailable` as `decides`."""
        held = self._held.now().get(Place(product, purpose, Alias.CHALLENGER))
        return held.scorer if held is not None else None

    def shadows(self, product: str) -> list[tuple[Purpose, Scorer]]:
        """The models that score a product's applications for comparison. Raises `Unavailable` as `decides`."""
        places = [(place, held) for place, held in self._held.now().items() if place[::2] == (product, Alias.SHADOW)]
        return [(place.purpose, held.scorer) for place, held in places if held.scorer is not None]

    def unusable(self) -> list[Place]:
        """The places whose model cannot be used. Raises `Unavailable` as `decides`."""
        return [place for place, held in self._held.now().items() if not held.as_said]

    def look(self) -> Mapping[Place, Held]:
        """Take over what the registry says now. Raises `Unavailable`."""
        return self._held.look()

    def stop(self) -> None:
        """Look no more."""
        self._held.stop()

    def _look(self, before: Mapping[Place, Held] | None) -> Mapping[Place, Held]:
        changes = [
            change
            for place, change in self._register.holders().items()
            if change.model_sha256 is not None and place.product in self._offered
        ]
        # A shadow that takes long keeps no champion waiting.
        changes.sort(key=lambda change: list(Alias).index(change.place.alias))
        return {change.place: self._take_over((before or {}).get(change.place), change) for change in changes}

    def _take_over(self, before: Held | None, change: Change) -> Held:
        place, sha256 = change.place, change.model_sha256 or ""
        same = before is not None and before.change == change
        if before is not None and same and (before.as_said or monotonic() < before.again_at):
            return before
        in_hand = before.scorer if before is not None else None
        if in_hand is not None and in_hand.sha256 == sha256:
            return Held(change, in_hand)
        told = {"product": place.product, "purpose": place.purpose.value, "alias": place.alias.value, "sha256": sha256}
        try:
            scorer = self._load(sha256, place)
        except Exception as error:
            said = str(error) if isinstance(error, NotReady) else type(error).__name__
            log.error("model_unusable", **told, error=said)  # noqa: TRY400  # the sentence says it all
            failures = before.failures + 1 if before is not None and same else 1
            # The last champion was signed for; nobody has to be decided about by a challenger.
            kept = in_hand if place.alias is Alias.CHAMPION else None
            return Held(change, kept, failures, monotonic() + min(TRY_AGAIN_S * 2 ** (failures - 1), LONGEST_S))
        log.info("model_in_use", **told)
        return Held(change, scorer)

    def _load(self, sha256: str, place: Place) -> Scorer:
        files = self._register.files(sha256)
        if files is None:
            raise NotReady(f"The registry has no files of the model {sha256}.")
        scorer = usable_scorer(files, self._offered[place.product], PurePosixPath("registry", sha256))
        if scorer.sha256 != sha256:
            raise NotReady(f"The registry's files of the model {sha256} are those of {scorer.sha256}.")
        return scorer
