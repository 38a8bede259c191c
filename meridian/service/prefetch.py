"""An application is begun: what its decision will need and nobody has yet is asked for now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Engine

from meridian.application.parse import check_product
from meridian.db.engine import transaction
from meridian.db.fetches import add_fetches
from meridian.evidence import SourceReading
from meridian.products import Product
from meridian.service.budget import Budget
from meridian.service.live import will_do
from meridian.service.online import OnlineStore


class Readiness(StrEnum):
    """How a source stands for an application that was begun."""

    READY = "ready"
    """What the store holds is fresh, or there is nothing newer to be had."""
    FETCHING = "fetching"
    """Its providers are being asked."""
    AS_HELD = "as held"
    """It has no provider: the decision will take what is held, if anything is."""


@dataclass(frozen=True)
class Prefetch:
    """Notes what is to be fetched; workers do it."""

    engine: Engine
    products: Mapping[str, Product]
    look_up: OnlineStore
    provided: frozenset[str]
    """The sources that have providers."""
    budget: Budget
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]

    def begin(self, product_name: str, applicant_id: str, caller: str) -> Mapping[str, Readiness]:
        """Have fetched what is not fresh, once however often it is asked; how each source stands.

        Raises `InvalidInput` for a product that is not offered, `Unavailable` where nothing can be noted.
        """
        check_product(product_name, self.products)
        product = self.products[product_name]
        now = self.clock()
        held = self.look_up(product.sources, applicant_id, now, now, self.budget.for_look_ups(None)).readings
        standing = {one.name: self._standing(one, now) for one in held}
        due = [name for name, stands in standing.items() if stands is Readiness.FETCHING]
        rows = [
            {"id": self.new_id(), "source": name, "applicant_id": applicant_id, "caller": caller} for name in due
        ]  # fmt: skip
        with transaction(self.engine) as connection:
            add_fetches(connection, rows)
        return standing

    def _standing(self, held: SourceReading, now: datetime) -> Readiness:
        if will_do(held, now):
            return Readiness.READY
        return Readiness.FETCHING if held.name in self.provided else Readiness.AS_HELD
