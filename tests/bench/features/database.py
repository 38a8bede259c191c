"""A PostgreSQL of the benchmark's own, with Meridian's tables, gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meridian.local.placement import placement_for
from meridian.local.postgres import EmbeddedPostgres
from tests.services import fresh_database


@contextmanager
def database() -> Iterator[str]:
    """The administrator's URL of a migrated database on an embedded server."""
    with tempfile.TemporaryDirectory(prefix="meridian-bench-") as folder:
        home = Path(folder)
        postgres = EmbeddedPostgres(home)
        try:
            postgres.start()
            with fresh_database(postgres.superuser_url) as url:
                yield url
        finally:
            postgres.stop()
            # For root the cluster lies outside the home.
            shutil.rmtree(placement_for(home).folder, ignore_errors=True)
