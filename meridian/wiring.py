"""Settings -> objects. The one place that knows them all; nothing is connected or loaded before it is used."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from sqlalchemy import Engine

from meridian import __version__
from meridian.bell import Bell
from meridian.db.engine import APP_ROLE, open_engine, open_pool
from meridian.errors import NotReady, Unavailable
from meridian.identity import new_id
from meridian.products import Product, products
from meridian.registry import ModelShelf, Purpose
from meridian.service import Assessments, Decisions, HistoryLookUp, Keys, Queries, Reviews
from meridian.settings import Settings
from meridian.sources import Breaker, GuardedSource

STATEMENT_TIMEOUT_MS = 10_000


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Wiring:
    """The objects of one process."""

    settings: Settings
    name: str

    @cached_property
    def engine(self) -> Engine:
        """The decisions' database, as the app."""
        if not self.settings.database_url:
            raise NotReady(
                "No database is configured. Run `meridian up`, or set DATABASE_URL, "
                "e.g. postgresql://user:password@host/meridian."
            )
        return open_engine(
            self.settings.database_url,
            role=APP_ROLE,
            name=self.name,
            # A statement that hangs behind somebody's lock ends in a 503, not in a thread that is gone.
            statement_timeout_ms=STATEMENT_TIMEOUT_MS,
            pool_size=self.settings.api_threads + 1,
        )

    @cached_property
    def products(self) -> dict[str, Product]:
        """What is offered."""
        return products()

    @cached_property
    def bell(self) -> Bell:
        """Rings for jobs."""
        return Bell(self.settings)

    @cached_property
    def compact_models(self) -> ModelShelf:
        """The models of the fast answer."""
        return ModelShelf(self.settings.models_dir, Purpose.COMPACT, self.products)

    @cached_property
    def batch_models(self) -> ModelShelf:
        """The models of the assessment."""
        return ModelShelf(self.settings.models_dir, Purpose.BATCH, self.products)

    @cached_property
    def history(self) -> HistoryLookUp:
        """The lender's own history: connections and threads of its own, so that nothing else waits for it."""
        limit_ms, threads = self.settings.history_timeout_ms, self.settings.api_threads
        engine = open_engine(
            self.settings.history_url, role=APP_ROLE, name="history", statement_timeout_ms=limit_ms, pool_size=threads
        )
        guard = GuardedSource("history", Breaker("history"), timeout_s=limit_ms / 1000, threads=threads)
        return HistoryLookUp(engine, guard)

    def warm(self) -> None:
        """Load models and connect, so that the first caller does not wait for it. What fails, fails again when used."""
        for product in self.products:
            self.compact_models(product)
        for engine in (self.engine, self.history.engine):
            with contextlib.suppress(Unavailable):
                open_pool(engine)

    @cached_property
    def decisions(self) -> Decisions:
        """The fast path."""
        return Decisions(
            engine=self.engine,
            products=self.products,
            scorers=self.compact_models,
            history=self.history,
            clock=utc_now,
            new_id=new_id,
            ring=self.bell.ring,
            code_version=__version__,
        )

    @cached_property
    def assessments(self) -> Assessments:
        """The workers' part."""
        return Assessments(
            engine=self.engine,
            products=self.products,
            scorers=self.batch_models,
            clock=utc_now,
            new_id=new_id,
            ring=self.bell.ring,
            code_version=__version__,
            sweep_after_s=self.settings.sweep_after_s,
            lease_s=self.settings.lease_s,
        )

    @cached_property
    def queries(self) -> Queries:
        """Look-ups."""
        return Queries(self.engine)

    @cached_property
    def reviews(self) -> Reviews:
        """The analysts' part."""
        return Reviews(self.engine, self.products, utc_now, new_id)

    @cached_property
    def keys(self) -> Keys:
        """Who may come in."""
        return Keys(self.engine, utc_now)
