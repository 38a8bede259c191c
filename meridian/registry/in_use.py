"""Which models the registry has decide, in the memory of this process, and never more than some seconds behind."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

import structlog

from meridian.errors import NotReady
from meridian.forks import renew_in_child
from meridian.keeper import Keeper
from meridian.products import Product
from meridian.registry.alias import Alias, Change, Place, is_challenged
from meridian.registry.bundle import usable_scorer
from meridian.registry.manifest import Purpose
from meridian.scoring import Scorer

log = structlog.get_logger()

LOOK_AGAIN_S = 1.0


class Register(Protocol):
    """Where models are registered. Both may raise `Unavailable`."""

    def holders(self) -> Mapping[Place, Change]:
        """Who has which place."""

    def files(self, sha256: str) -> Mapping[str, bytes] | None:
        """The files of a model, its manifest among them; None where it is not registered."""


@dataclass(frozen=True)
class Held:
    """A place with its model; `scorer` is None where it cannot be used."""

    change: Change
    scorer: Scorer | None

    def challenges(self, applicant_id: str) -> bool:
        """Whether this challenger is the one to decide about an applicant."""
        return self.scorer is not None and is_challenged(self.scorer.sha256, self.change.share or 0.0, applicant_id)


class ModelsInUse:
    """The registry's models that decide now.

    A thread looks every second, loads what is new and puts it in the place of what was there: whoever has a model in
    hand keeps it to the end of that decision. Where the registry cannot be reached, what it said last goes on; a
    model that cannot be loaded takes nobody's place.
    """

    def __init__(self, register: Register, offered: Mapping[str, Product]):
        self._register = register
        self._offered = offered
        self._held: Mapping[Place, Held] | None = None
        self._keeper = Keeper("models", self._look)
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """In a child: nobody is loading."""
        self._lock = threading.Lock()

    def decides(self, product: str, purpose: Purpose, applicant_id: str | None) -> Held | None:
        """Whoever is to decide about an applicant (None: the champion); None where the registry has nobody for it.

        Raises `Unavailable` where the registry was never reached: then nobody knows.
        """
        held = self._now()
        challenger = held.get(Place(product, purpose, Alias.CHALLENGER))
        if applicant_id is not None and challenger is not None and challenger.challenges(applicant_id):
            return challenger
        return held.get(Place(product, purpose, Alias.CHAMPION))

    def shadows(self, product: str) -> list[tuple[Purpose, Scorer]]:
        """The models that score a product's applications for comparison. Raises `Unavailable` as `decides`."""
        places = [(place, held) for place, held in self._now().items() if place[::2] == (product, Alias.SHADOW)]
        return [(place.purpose, held.scorer) for place, held in places if held.scorer is not None]

    def stop(self) -> None:
        """Look no more."""
        self._keeper.stop()

    def _now(self) -> Mapping[Place, Held]:
        self._keeper.start()
        held = self._held
        return held if held is not None else self.look()

    def _look(self) -> float:
        try:
            self.look()
        except Exception as error:
            log.warning("registry_not_read", error=type(error).__name__)
        return LOOK_AGAIN_S

    def look(self) -> Mapping[Place, Held]:
        """Take over what the registry says now. Raises `Unavailable`."""
        with self._lock:
            before = self._held or {}
            holders = self._register.holders()
            held = {
                place: self._take_over(before.get(place), change)
                for place, change in holders.items()
                if change.model_sha256 is not None and place.product in self._offered
            }
            # One assignment: who reads meanwhile has all of the old or all of the new.
            self._held = held
            return held

    def _take_over(self, before: Held | None, change: Change) -> Held:
        # What could not be loaded a second ago cannot be now: neither its files nor our features change.
        if before is not None and before.change == change:
            return before
        place, sha256 = change.place, change.model_sha256 or ""
        in_hand = before.scorer if before is not None else None
        if in_hand is not None and in_hand.sha256 == sha256:
            return Held(change, in_hand)
        told = {"product": place.product, "purpose": place.purpose.value, "alias": place.alias.value, "sha256": sha256}
        try:
            scorer = self._load(sha256, place)
        except NotReady as error:
            log.error("model_unusable", **told, error=str(error))  # noqa: TRY400  # the sentence says it all
            # The last champion was signed for; nobody has to be decided about by a challenger.
            return Held(change, in_hand if place.alias is Alias.CHAMPION else None)
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
