"""Settings -> the models that this process may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from meridian.products import Product
from meridian.registry import ModelArchive, ModelShelf, ModelsInUse, Purpose, Register
from meridian.scoring import Scorer
from meridian.settings import Settings


@dataclass(frozen=True)
class Models:
    """By what they are for; each is loaded when it is first asked for."""

    settings: Settings
    products: Mapping[str, Product]
    register: Register

    @cached_property
    def in_use(self) -> ModelsInUse:
        """Those of the registry."""
        return ModelsInUse(self.register, self.products)

    @cached_property
    def compact(self) -> ModelShelf:
        """Those of the fast answer."""
        return self._shelf(Purpose.COMPACT)

    @cached_property
    def fast(self) -> tuple[ModelShelf, ...]:
        """Those that may give the fast answer, the fullest first: the compact one, and what stands in for it."""
        return self.compact, self._shelf(Purpose.REDUCED), self._shelf(Purpose.APPLICATION)

    @cached_property
    def batch(self) -> ModelShelf:
        """Those of the assessment."""
        return self._shelf(Purpose.BATCH)

    def champion(self, product: str, purpose: Purpose) -> Scorer | None:
        """The model that decides where no challenger does."""
        return self._shelf(purpose)(product)

    def deciding(self, product: str, purpose: Purpose) -> list[Scorer]:
        """The models that decide, the champion first, and then the challenger."""
        return [one for one in (self.champion(product, purpose), self.in_use.challenger(product, purpose)) if one]

    @cached_property
    def archive(self) -> ModelArchive:
        """Every model that is kept, by its hash."""
        return ModelArchive(self.settings.models_dir, self.register.files)

    def warm(self) -> None:
        """Load what decisions are made with. Raises `Unavailable` where the registry cannot be reached."""
        for name, product in self.products.items():
            if product.terms.offers is not None:
                product.terms.offers.prepare()
            for shelf in self.fast:
                shelf(name)
            if product.policy.pre_computed:
                # It scores nothing here, but its hash says which earlier scores still hold.
                self.batch(name)

    def stop(self) -> None:
        """Follow the registry no more."""
        self.in_use.stop()

    def _shelf(self, purpose: Purpose) -> ModelShelf:
        folder = self.settings.models_dir if self.settings.models == "any" else None
        return ModelShelf(folder, purpose, self.products, self.in_use)
