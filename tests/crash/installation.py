"""The whole service on a PostgreSQL server of its own, all of which may be killed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from meridian.bell import QUEUES
from meridian.db.dsn import libpq_dsn
from meridian.db.engine import BROKER_ROLE
from meridian.db.migrate import migrate
from meridian.local.broker import install_pgmq
from meridian.local.placement import placement_for
from meridian.local.postgres import NAME, SUPERUSER, EmbeddedPostgres
from tests.services import Service, service

DATABASE = "crash"
RECOVERY_S = 30.0
LEASE_S = 3
QUICK = {"MERIDIAN_LEASE_S": str(LEASE_S), "MERIDIAN_SWEEP_AFTER_S": "1"}
"""What a killed worker held is taken up soon."""

# The embedded server's command line says `on`, which outranks ALTER SYSTEM, and a service may refuse a server that
# says `off`. So the tables say it: from inside each transaction, and in sessions that were open before.
COMMIT_WITHOUT_WAITING = """
CREATE FUNCTION public.commit_without_waiting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN NULL;
END $$;
DO $$
DECLARE written regclass;
BEGIN
    FOR written IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname IN ('record', 'work', 'pgmq') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    LOOP
        EXECUTE format('CREATE TRIGGER commit_without_waiting BEFORE INSERT OR UPDATE OR DELETE ON %s '
                       'FOR EACH STATEMENT EXECUTE FUNCTION public.commit_without_waiting()', written);
    END LOOP;
END $$;
"""


@dataclass(frozen=True)
class Installation:
    """The service, and the server under it."""

    postgres: EmbeddedPostgres
    service: Service
    engine: Engine

    def leader(self, name: str) -> psutil.Process | None:
        """The process that was started under this name, while it lives."""
        children = self.postgres._children if name == NAME else self.service.children
        for child in children._children:
            if child.name == name and child.process.poll() is None:
                return psutil.Process(child.process.pid)
        return None

    def query(self, sql: str) -> list[Any]:
        """Rows, read as the administrator, also where the server is just coming back."""
        ends_at = time.monotonic() + RECOVERY_S
        while True:
            try:
                with self.engine.connect() as connection:
                    return list(connection.execute(text(sql)))
            except DBAPIError:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(0.05)

    def restart(self, name: str) -> None:
        """What an init system does: clear away what is left of a dead process's group, and start it again."""
        if name == NAME:
            self.postgres.stop()
            self.postgres.start()
            return
        self.service.children.stop(name)
        start = {
            "api": self.service.start_api,
            "worker": self.service.start_worker,
            "schedule": self.service.start_schedule,
        }
        start[name]()

    def commit_without_waiting(self) -> None:
        """From now on what is committed is not durable at once, as with `synchronous_commit=off`."""
        self.service.execute(COMMIT_WITHOUT_WAITING)


@contextmanager
def installation(home: Path, models: Path, **settings: str) -> Iterator[Installation]:
    """API, worker and schedule, started, on an embedded PostgreSQL that nobody else uses."""
    postgres = EmbeddedPostgres(home / "embedded")
    try:
        postgres.start()
        postgres.ensure_database(DATABASE)
        url = postgres.url(SUPERUSER, postgres.secret("postgres_superuser"), DATABASE)
        migrate(url)
        install_pgmq(libpq_dsn(url), BROKER_ROLE, QUEUES)
        with service(home / "service", url, models, **QUICK, **settings) as running:
            running.start_api()
            running.start_worker()
            running.start_schedule()
            yield Installation(postgres, running, create_engine(url, pool_pre_ping=True))
    finally:
        postgres.stop()
        shutil.rmtree(placement_for(home / "embedded").folder, ignore_errors=True)
