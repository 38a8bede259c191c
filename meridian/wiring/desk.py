"""Settings -> what the desk needs, in the analysts' role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine

from meridian.db.engine import ANALYST_ROLE
from meridian.identity import new_id
from meridian.products import Product
from meridian.service import Backtests, PolicyVersions, Reviews, Work
from meridian.settings import Settings
from meridian.wiring.clock import utc_now
from meridian.wiring.databases import open_database
from meridian.wiring.models import Models


@dataclass(frozen=True)
class Desk:
    """Cases, and policies as they are put forward and signed for by people at the desk."""

    settings: Settings
    products: Mapping[str, Product]
    declared: Mapping[str, Product]
    models: Models

    @cached_property
    def engine(self) -> Engine:
        """The decisions' database."""
        return open_database(self.settings, ANALYST_ROLE, "desk")

    @cached_property
    def reviews(self) -> Reviews:
        """The cases."""
        return Reviews(self.engine, self.products, utc_now, new_id)

    @cached_property
    def policies(self) -> PolicyVersions:
        """What decides, what is put forward, and who signs for it."""
        return PolicyVersions(self.engine, self.declared, utc_now, new_id, self.models.deciding)

    @cached_property
    def backtests(self) -> Backtests:
        """Those that were kept, to be read."""
        return Backtests(self.engine, self.models.archive, new_id)

    @cached_property
    def work(self) -> Work:
        """Files in progress, and what was set aside."""
        return Work(self.engine)
