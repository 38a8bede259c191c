"""What decides, and whether it can be used: what the registry says, and else the folder's."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from meridian.errors import MeridianError, NotReady, Unavailable
from meridian.products import Product, products
from meridian.registry import Alias, Place, bundle_folder, load_scorer, purposes_of, usable_scorer
from meridian.scoring import Scorer
from meridian.settings import Settings
from meridian.wiring import Wiring


@dataclass(frozen=True)
class Deciding:
    """Models that can be used, what is wrong with others, and products that have none."""

    good: list[str]
    bad: list[str]
    untrained: list[str]


def deciding(settings: Settings) -> Deciding:
    """Each model that decides or scores now, loaded as the processes load it."""
    registered = registered_models(settings)
    found = Deciding([], [], [])
    for product in products(settings.products_dir).values():
        if not in_service(settings, product, registered):
            found.untrained.append(product.name)
            continue
        champions = [Place(product.name, purpose, Alias.CHAMPION) for purpose in purposes_of(product)]
        for place in (*champions, *(one for one in registered if one.product == product.name and one not in champions)):
            try:
                scorer, signed = _deciding(settings, registered, place, product)
                found.good.append(f"{scorer.name} {scorer.sha256[:12]}{'' if signed else ' (signed for by nobody)'}")
            except MeridianError as error:
                found.bad.append(str(error))
    return found


def registered_models(settings: Settings) -> Mapping[Place, Callable[[], Scorer]]:
    """How each model that has a place in the registry is loaded; none where that cannot be reached.

    Raises `NotReady` where the database has no registry.
    """
    if not settings.database_url:
        return {}
    offered = products(settings.products_dir)
    with closing(Wiring(settings, "doctor")) as wiring:
        register = wiring.models.register
        try:
            return {
                place: partial(
                    usable_scorer, register.files(sha256) or {}, offered[place.product], Path("registry", sha256)
                )
                for place, change in register.holders().items()
                if (sha256 := change.model_sha256) is not None and place.product in offered
            }
        except Unavailable:
            return {}


def _deciding(
    settings: Settings, registered: Mapping[Place, Callable[[], Scorer]], place: Place, product: Product
) -> tuple[Scorer, bool]:
    """The model that decides, and whether somebody signed for it. Raises `NotReady`."""
    if place in registered:
        return registered[place](), True
    if settings.models == "registered":
        raise NotReady(
            f"Nobody has signed for a {place.purpose} model of {place.product}, so that none decides: "
            f"`meridian models submit {place.product} --purpose {place.purpose}`, or MERIDIAN_MODELS=any."
        )
    return load_scorer(bundle_folder(settings.models_dir, product.name, place.purpose), product), False


def in_service(settings: Settings, product: Product, registered: Container[Place]) -> bool:
    """Whether the product has any model, in the registry or in the folder."""
    return any(
        Place(product.name, purpose, Alias.CHAMPION) in registered
        or bundle_folder(settings.models_dir, product.name, purpose).exists()
        for purpose in purposes_of(product)
    )
