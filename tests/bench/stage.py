"""Everything that is measured, on one machine and one PostgreSQL: started, warmed, and taken down again."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy.engine import make_url

from meridian.local.placement import placement_for
from meridian.local.postgres import EmbeddedPostgres
from meridian.products import find_product
from meridian.training.demo import train_demo
from tests.bench.figures import Figures
from tests.bench.insert import Insert, make_plain_table
from tests.bench.load import Load
from tests.bench.row import PlainRow, plain_row
from tests.bench.subjects import PRODUCT, Asked, check_same_probabilities, meridian, peer

GROUP, DIRECT, STATIC, PEER, INSERT = "meridian-group", "meridian-direct", "static", "peer", "pgbench"
SUBJECTS = {
    GROUP: "Meridian, group",
    DIRECT: "Meridian, direct",
    PEER: "peer",
    INSERT: "pgbench",
    STATIC: "static route",
}
COMMITS = {GROUP: "group", DIRECT: "direct"}
DATABASE = "bench"


class Subject(Protocol):
    """What can be put under load."""

    name: str

    def measure(self, load: Load, seconds: int, seed: int) -> Figures:
        """So many seconds of this load. Every seed brings applications of its own."""


@dataclass(frozen=True)
class Stage:
    """The subjects, ready, and what is good to know of them."""

    subjects: Sequence[Subject]
    row: PlainRow
    postgresql: str


@contextmanager
def stage(wanted: set[str], say: Callable[[str], None]) -> Iterator[Stage]:
    """Start what is wanted. All of it is there for the whole time, idle but for the one that is measured."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meridian-bench-")))
        say("PostgreSQL")
        server = stack.enter_context(postgres(home / "server"))
        say("models, from simulated applicants")
        models = home / "models"
        train_demo(find_product(PRODUCT), models)
        say("Meridian")
        # One is needed in any case: its decision is the row that the others write.
        running = {
            kind: stack.enter_context(meridian(home / kind, server.superuser_url, models, commit))
            for kind, commit in COMMITS.items()
            if kind in wanted or (kind == GROUP and not wanted & set(COMMITS))
        }
        first = next(iter(running.values()))
        row = plain_row(first)
        client = stack.enter_context(ProcessPoolExecutor(1, multiprocessing.get_context("spawn")))
        found: dict[str, Subject] = {
            kind: Asked(kind, one.settings.port, client, one.api_key) for kind, one in running.items()
        }
        found[STATIC] = Asked(STATIC, first.settings.port, client)
        plain = _plain_database(server)
        found[INSERT] = Insert(placement_for(home / "server").programs / "bin" / "pgbench", plain, row, home / INSERT)
        if PEER in wanted:
            say("peer")
            port = stack.enter_context(peer(home / PEER, plain, models, row, first.settings.api_workers))
            check_same_probabilities(first, port)
            found[PEER] = Asked(PEER, port, client, "no key is asked for")
        version = str(first.query("SHOW server_version")[0][0])
        yield Stage([found[name] for name in SUBJECTS if name in wanted], row, version)


@contextmanager
def postgres(home: Path) -> Iterator[EmbeddedPostgres]:
    """A server of its own, gone afterwards."""
    server = EmbeddedPostgres(home)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        # For root the cluster lies outside the home.
        shutil.rmtree(placement_for(home).folder, ignore_errors=True)


def _plain_database(server: EmbeddedPostgres) -> str:
    """The URL of a database with nothing but the plain table."""
    server.ensure_database(DATABASE)
    url = make_url(server.superuser_url).set(database=DATABASE).render_as_string(hide_password=False)
    make_plain_table(url)
    return url
