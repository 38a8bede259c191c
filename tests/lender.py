"""A simulated lender for tests: its folder, its applicants as callers' requests, and a service on its events."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from meridian.products import find_product
from meridian.service import Checked, Reply, Wanted, summed
from meridian.simulator.lender import LenderSettings, requests, simulate
from tests.services import Service, copied_database, service

SOURCES = find_product("consumer-loan").sources
APPLICANTS = 300


def quiet(_what: str, _share: float) -> None:
    """Progress for who does not watch."""


@dataclass(frozen=True)
class Lender:
    """A service whose applicants apply today, with the events that the sources have of them."""

    service: Service
    folder: Path
    requests: list[dict[str, Any]]

    @property
    def events(self) -> Path:
        return self.folder / "events"

    def materialise(self, **how: Any) -> dict[str, int]:
        """Bring all sources up to now; how many applicants each took."""
        run = self.service.worker.materialisation.run
        return {source.name: run(source, quiet, **how).applicants for source in SOURCES}

    def decide(self, count: int, first: int = 0) -> list[Reply]:
        """Decide so many of the applications."""
        return [
            self.service.wiring.decisions.decide(Wanted("tests", json.dumps(request).encode()))
            for request in self.requests[first : first + count]
        ]

    def verify(self, count: int = 10_000) -> Checked:
        """The check for skew on all decisions."""
        return summed(list(self.service.wiring.skew.sample(count, None, 1)[1]))

    def rewrite(self, stream: str, change: str) -> Callable[[], None]:
        """Change a stream's events by a SELECT list over `*`; gives what puts them back."""
        (file,) = (self.events / stream).glob("*.parquet")
        before = file.read_bytes()
        changed = file.with_name("changed")
        duckdb.sql(f"COPY (SELECT * REPLACE ({change}) FROM '{file}') TO '{changed}' (FORMAT parquet)")
        changed.rename(file)

        def back() -> None:
            file.write_bytes(before)

        return back


@pytest.fixture(scope="session")
def lender_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lender of whose applicants all apply today."""
    folder = tmp_path_factory.mktemp("lender") / "today"
    today: date = datetime.now(UTC).date()
    simulate(LenderSettings(applicants=APPLICANTS, seed=11, first_day=today, last_day=today), folder)
    return folder


@pytest.fixture
def lender(lender_folder: Path, template: str, tmp_path: Path) -> Iterator[Lender]:
    """A service without models; nothing is materialised yet."""
    with lender_service(lender_folder, template, tmp_path) as made:
        yield made


@contextmanager
def lender_service(folder: Path, template: str, place: Path, models: Path | None = None) -> Iterator[Lender]:
    """A service on a database and a copy of the lender's events of its own."""
    own = place / "lender"
    shutil.copytree(folder, own)
    settings = {
        "BROKER_URL": "memory://",
        "MERIDIAN_ONLINE_TIMEOUT_MS": "2000",
        "MERIDIAN_EVENTS": str(own / "events"),
    }
    with copied_database(template) as url, service(place / "home", url, models, **settings) as running:
        yield Lender(running, own, list(requests(own)))
