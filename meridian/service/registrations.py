"""The registry's use cases: put a model forward, sign for it, have it decide, and go back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from meridian.db import registry
from meridian.db.engine import transaction
from meridian.errors import InvalidInput, RegistryConflict
from meridian.products import Product
from meridian.registry import Alias, Change, Manifest, Place, Purpose, former, scorer_of, usable_scorer

SHORTEST_HASH = 6


@dataclass(frozen=True)
class Registrations:
    """What people do to the registry. Each `by` is a person who has just given their password."""

    engine: Engine
    products: Mapping[str, Product]
    new_id: Callable[[], UUID]

    def submit(
        self, manifest: Manifest, files: Mapping[str, bytes], gates: Sequence[Mapping[str, Any]],
        *, owner: str, intended_use: str, data: tuple[str, str], by: str,
    ) -> registry.Submission:  # fmt: skip
        """Put a model forward, with its files and what its gates found; `data` is what they were measured on, and its
        SHA-256. That gates did not pass does not hinder it: who signs will see it. Raises `UntrustedModel` where the
        files are not the manifest's.
        """
        _check_said(owner=owner, use=intended_use)
        scorer_of(manifest, files, PurePosixPath("submitted", manifest.sha256))
        submission = registry.Submission(
            self.new_id(), manifest.sha256, owner, intended_use, data[0], data[1], gates, by
        )  # fmt: skip
        with transaction(self.engine) as connection:
            registry.add_model(connection, manifest, files)
            registry.add_submission(connection, submission)
        return submission

    def approve(
        self, of: registry.Registered, waivers: Mapping[str, str], note: str, by: str
    ) -> registry.Registered:  # fmt: skip
        """Sign for a submission that was looked at, and by waivers for the gates that it did not pass.

        Raises `Forbidden` for a model of one's own, `InvalidInput` where a gate did not pass and is not waived, or was
        passed and is; `RegistryConflict` where somebody signed before.
        """
        needless = sorted(set(waivers) - set(of.submission.failed))
        if needless:
            raise InvalidInput(
                f"There is nothing to waive for {', '.join(needless)}: the gates that did not pass are "
                f"{', '.join(of.submission.failed) or 'none'}."
            )
        with transaction(self.engine) as connection:
            registry.add_approval(connection, of.submission.id, waivers, note, by)
        return self.find(of.manifest.sha256)

    def promote(self, sha256: str, because: str, by: str) -> Change:
        """Have a model decide. Where it was the challenger or the shadow, it is none any more."""
        with transaction(self.engine) as connection:
            one = self._named(connection, sha256)
            place = _place(one.manifest, Alias.CHAMPION)
            return self._crown(connection, registry.changes_of(connection, place), place, one.manifest, because, by)

    def rollback(self, product: str, purpose: Purpose, because: str, by: str) -> Change:
        """Have the former champion decide again. Raises `RegistryConflict` where there was none."""
        place = Place(product, purpose, Alias.CHAMPION)
        with transaction(self.engine) as connection:
            changes = registry.changes_of(connection, place)
            sha256 = former((one.model_sha256, one.back) for one in changes)
            if sha256 is None:
                raise RegistryConflict(
                    f"The registry knows of no champion before the {purpose} model of {product} that decides now; "
                    "promote the one that is to decide."
                )
            one = self._named(connection, sha256)
            return self._crown(connection, changes, place, one.manifest, because, by, back=True)

    def challenge(self, sha256: str, share: float, because: str, by: str) -> Change:
        """Have a model decide about a share of the applicants, always the same ones."""
        if not 0 < share < 1:
            raise InvalidInput(f"The challenger's share is {share}; it is above 0 and below 1.")
        with transaction(self.engine) as connection:
            one = self._named(connection, sha256)
            place = _place(one.manifest, Alias.CHALLENGER)
            changes = registry.changes_of(connection, place)
            return self._appoint(connection, changes, place, one.manifest, share, because, by)

    def shadow(self, sha256: str, because: str, by: str) -> Change:
        """Have a model score what another decides."""
        with transaction(self.engine) as connection:
            one = self._named(connection, sha256)
            place = _place(one.manifest, Alias.SHADOW)
            changes = registry.changes_of(connection, place)
            return self._appoint(connection, changes, place, one.manifest, None, because, by)

    def end(self, place: Place, because: str, by: str) -> Change:
        """No challenger, or no shadow, from now on. Raises `RegistryConflict` where there is none."""
        with transaction(self.engine) as connection:
            changes = registry.changes_of(connection, place)
            if not changes or changes[-1].model_sha256 is None:
                raise RegistryConflict(f"{place.product} has no {place.alias} of purpose {place.purpose}.")
            return self._appoint(connection, changes, place, None, None, because, by)

    def find(self, sha256: str) -> registry.Registered:
        """The registered model whose hash begins so. Raises `InvalidInput` where it is none, or several."""
        with transaction(self.engine) as connection:
            return self._named(connection, sha256)

    def list(self) -> tuple[list[registry.Registered], Mapping[Place, Change]]:
        """Every registered model, the newest first, and who has which place."""
        with transaction(self.engine) as connection:
            return registry.registered(connection), registry.holders(connection)

    def changes(self, place: Place) -> Sequence[Change]:
        """All changes of a place, the oldest first."""
        with transaction(self.engine) as connection:
            return registry.changes_of(connection, place)

    def _named(self, connection: Connection, sha256: str) -> registry.Registered:
        if len(sha256) < SHORTEST_HASH:
            raise InvalidInput(f"{sha256!r} is too short for a hash; give {SHORTEST_HASH} digits or more.")
        found = registry.find_registered(connection, sha256.lower())
        if len(found) != 1:
            what = "No model" if not found else "More than one model"
            raise InvalidInput(
                f"{what} of the registry with a hash that begins with {sha256!r}; `meridian models list` shows all, "
                "`meridian models submit` adds one."
            )
        return found[0]

    def _crown(
        self, connection: Connection, changes: Sequence[Change], place: Place, model: Manifest, because: str, by: str,
        *, back: bool = False,
    ) -> Change:  # fmt: skip
        """Make a model the champion; it stands beside itself as nothing else."""
        change = self._appoint(connection, changes, place, model, None, because, by, back=back)
        for alias in (Alias.CHALLENGER, Alias.SHADOW):
            beside = registry.changes_of(connection, place._replace(alias=alias))
            if beside and beside[-1].model_sha256 == model.sha256:
                self._appoint(connection, beside, beside[-1].place, None, None, "it is the champion now", by)
        return change

    def _appoint(
        self, connection: Connection, changes: Sequence[Change], place: Place, model: Manifest | None,
        share: float | None, because: str, by: str, *, back: bool = False,
    ) -> Change:  # fmt: skip
        """The change that gives a place to a model: one row, so that nobody meets half of it.

        It follows on `changes`, all there were when it was thought of: who came between is not passed over.
        """
        _check_said(because=because)
        if model is not None:
            self._check_usable(connection, place, model)
        change = Change(place, len(changes) + 1, model.sha256 if model else None, share, back, because, by)
        registry.add_change(connection, change)
        return change

    def _check_usable(self, connection: Connection, place: Place, model: Manifest) -> None:
        """Raises `NotReady` here and not in the processes that decide."""
        if place.product not in self.products:
            raise InvalidInput(f"{place.product} is not offered here; its folder is missing.")
        files = registry.files_of(connection, model.sha256) or {}
        usable_scorer(files, self.products[place.product], PurePosixPath("registry", model.sha256))


def _place(manifest: Manifest, alias: Alias) -> Place:
    return Place(manifest.product, manifest.purpose, alias)


def _check_said(**texts: str) -> None:
    for name, text in texts.items():
        if not text.strip():
            raise InvalidInput(f"--{name} is empty; say it in a few words, examiners will read it.")
