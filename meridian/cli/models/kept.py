"""All models that are kept: those of the registry, and those of the home's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meridian.cli.screen import talk
from meridian.db.engine import REGISTRAR_ROLE
from meridian.db.registry import Registered
from meridian.errors import InvalidInput, NotReady, Unavailable
from meridian.products import products
from meridian.registry import Alias, Change, Manifest, Place, load_manifest
from meridian.registry.bundle import RETIRED
from meridian.settings import Settings, load_settings
from meridian.wiring import Wiring

CARD = "card.html"


@dataclass(frozen=True)
class Kept:
    """A model, where it lies, and what it is."""

    manifest: Manifest
    folder: Path | None
    """None: in the registry alone."""
    retired: bool
    registered: Registered | None
    places: tuple[Change, ...]
    """What it is in the registry."""
    decides: bool | None
    """Whether it decides about anybody now; None where the registry cannot be asked."""

    @property
    def status(self) -> str:
        """In words."""
        if self.places:
            return ", ".join(_words(change) for change in self.places)
        if self.decides is None:
            return "not known"
        if self.decides:
            return "in use"
        if self.registered is not None:
            return "approved" if self.registered.approved_by else "submitted"
        return "retired" if self.retired else "not in use"

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        manifest, of = self.manifest, self.registered
        return {
            "name": manifest.name, "product": manifest.product, "purpose": manifest.purpose.value,
            "sha256": manifest.sha256, "is": self.status, "in_use": self.decides, "trained_at": manifest.trained_at,
            "metrics": manifest.metrics, "folder": str(self.folder) if self.folder else None,
            "submitted_by": of.submission.submitted_by if of else None, "approved_by": of.approved_by if of else None,
        }  # fmt: skip


def registrar(settings: Settings | None = None) -> Wiring:
    """The objects of who says which model decides."""
    return Wiring(settings or load_settings(), "registry", REGISTRAR_ROLE)


def all_kept() -> list[Kept]:
    """Every model, by product and purpose, those that decide first."""
    settings = load_settings()
    registered, holders = _registry(settings)
    by_hash = {one.manifest.sha256: one for one in registered}
    found: dict[str, Kept] = {}
    for folder, manifest, retired in _folders(settings):
        if manifest.sha256 not in found:
            found[manifest.sha256] = _kept(settings, manifest, folder, retired, by_hash, holders)
    for sha256, one in by_hash.items():
        if sha256 not in found:
            found[sha256] = _kept(settings, one.manifest, None, False, by_hash, holders)
    return sorted(
        found.values(),
        key=lambda one: (one.manifest.product, one.manifest.purpose, not one.decides, one.manifest.trained_at),
    )


def named(sha256: str) -> Kept:
    """The one model whose hash begins so."""
    found = [one for one in all_kept() if one.manifest.sha256.startswith(sha256.lower())]
    if len(found) != 1:
        what = "No model" if not found else f"{len(found)} models"
        raise InvalidInput(f"{what} with a hash that begins with {sha256!r}; `meridian models list` shows all.")
    return found[0]


def _registry(settings: Settings) -> tuple[list[Registered], Mapping[Place, Change] | None]:
    """None in the place of who holds what, where nobody can be asked."""
    if not settings.database_url:
        return [], {}
    wiring = registrar(settings)
    try:
        return wiring.registrations.list()
    except Unavailable:
        talk.print("The registry cannot be reached: the models of the folder are shown, whichever decide.")
        return [], None
    finally:
        wiring.close()


def _folders(settings: Settings) -> Iterator[tuple[Path, Manifest, bool]]:
    for name in products():
        for place, retired in ((settings.models_dir / name, False), (settings.models_dir / name / RETIRED, True)):
            # What begins with a dot is being written, or was left by somebody who was killed.
            for folder in sorted(place.glob("[!.]*")) if place.is_dir() else ():
                try:
                    yield folder, load_manifest(folder), retired
                except NotReady:
                    continue


def _kept(
    settings: Settings,
    manifest: Manifest,
    folder: Path | None,
    retired: bool,
    by_hash: Mapping[str, Registered],
    holders: Mapping[Place, Change] | None,
) -> Kept:
    if holders is None:
        return Kept(manifest, folder, retired, None, (), decides=False if retired else None)
    places = tuple(change for change in holders.values() if change.model_sha256 == manifest.sha256)
    champion = Place(manifest.product, manifest.purpose, Alias.CHAMPION)
    by_folder = folder is not None and not retired and settings.models == "any" and champion not in holders
    by_registry = any(change.place.alias is not Alias.SHADOW for change in places)
    return Kept(
        manifest, folder, retired, by_hash.get(manifest.sha256), places, decides=by_folder or by_registry
    )  # fmt: skip


def _words(change: Change) -> str:
    share = f" of {change.share:.0%}" if change.share is not None else ""
    return f"{change.place.alias.value}{share}"
