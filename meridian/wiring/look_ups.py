"""Settings -> who is asked about an applicant: the online store, and the providers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from meridian.db.engine import APP_ROLE, open_engine
from meridian.features import Source
from meridian.products import Product
from meridian.service import Asked, Live, OnlineStore, asked_sources, sources_of
from meridian.settings import Settings
from meridian.sources import Asking, Breaker, Line, Observer
from meridian.sources.providers import ProviderSettings, read_providers
from meridian.wiring.clock import utc_now

STORE_SHARE = 0.5
"""Of the time for look-ups, what the store may take where providers are asked after it."""


@dataclass(frozen=True)
class LookUps:
    """The look-ups of one process."""

    settings: Settings
    products: Mapping[str, Product]
    observer: Observer

    @cached_property
    def sources(self) -> dict[str, list[Source]]:
        """What is looked up, by name."""
        return sources_of(self.products.values())

    @cached_property
    def online(self) -> OnlineStore:
        """The ready vectors of applicants: connections and threads of its own, so that nothing else waits for it."""
        limit_ms, threads = self.settings.online_timeout_ms, self.settings.api_threads
        places = {"online": self.settings.online_url, "online-replica": self.settings.online_replica_url}
        places = {name: url for name, url in places.items() if url}
        engines = [
            open_engine(
                url, role=APP_ROLE, name=name, statement_timeout_ms=limit_ms, pool_size=threads, each_by_itself=True
            )
            for name, url in places.items()
        ]
        timeout_s = limit_ms / 1000 * (STORE_SHARE if self.live.asked else 1)
        lines = [Line(name, Breaker(name), timeout_s=timeout_s, threads=threads) for name in places]
        provided = frozenset(one.source for one in self.providers)
        return OnlineStore(engines, Asking("online", lines, observer=self.observer), provided)

    @cached_property
    def providers(self) -> tuple[ProviderSettings, ...]:
        """Who is asked for what the store does not have."""
        return read_providers(self.settings.sources_file)

    @cached_property
    def live(self) -> Live:
        """Who of them is asked while a decision waits."""
        return Live(self._asked(ahead=False))

    @cached_property
    def asked_ahead(self) -> dict[str, Asked]:
        """All of them, by source, as who has time asks them."""
        return self._asked(ahead=True)

    @property
    def lines(self) -> Sequence[Line]:
        """Every line that a decision may wait for."""
        return [*self.online.asking.lines, *(line for asked in self.live.asked.values() for line in asked.lines)]

    def stop(self) -> None:
        """Let go of the store's connections."""
        if "online" in vars(self):
            for engine in self.online.engines:
                engine.dispose()

    def _asked(self, *, ahead: bool) -> dict[str, Asked]:
        return asked_sources(self.providers, self.sources, utc_now, self.observer, ahead=ahead)
