"""Real parts for tests: databases made and dropped, the service as real processes, HTTP as a caller speaks it."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import amqp.exceptions
import kombu
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from meridian.bell import QUEUES, QUORUM
from meridian.db.dsn import libpq_dsn
from meridian.db.engine import BROKER_ROLE, WORKER_ROLE, transaction
from meridian.db.migrate import migrate
from meridian.db.online import load_fields
from meridian.local.broker import install_pgmq
from meridian.local.processes import Supervisor, wait_until
from meridian.products.personal_loan.features import HISTORY
from meridian.settings import Settings
from meridian.wiring import Wiring

# A server that answers here is used as well as the embedded one; elsewhere, name it.
SERVER_URL = os.environ.get("MERIDIAN_TEST_DATABASE_URL", "postgresql+psycopg2://postgres@127.0.0.1:5432/postgres")
MIGRATING = 7_204_511
"""The number of the advisory lock that a test run holds while it migrates."""
BROKERS = {
    "amqp": os.environ.get("MERIDIAN_TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//"),
    "redis": os.environ.get("MERIDIAN_TEST_REDIS_URL", "redis://127.0.0.1:6379/15"),
}


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """The API (and, where started, worker and schedule) as processes of their own, and the way in."""

    settings: Settings
    wiring: Wiring
    worker: Wiring
    """The objects as a worker has them, in its role."""
    children: Supervisor
    api_key: str
    url: str = ""
    env: dict[str, str] = field(default_factory=dict)

    def call(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One HTTP call, with the admin's key unless `headers` say otherwise."""
        sent = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json", **(headers or {})}
        connection = http.client.HTTPConnection(self.settings.host, self.settings.port, timeout=30)
        try:
            connection.request(method, path, body, {k: v for k, v in sent.items() if v})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.call("GET", path, None, headers)

    def decide(self, request: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        """POST an application."""
        return self.call("POST", "/v1/decisions", json.dumps(request), headers)

    def query(self, sql: str, **parameters: Any) -> list[Any]:
        """Rows, read as the administrator."""
        engine = create_engine(self.settings.admin_url)
        with engine.connect() as connection:
            rows = list(connection.execute(text(sql), parameters))
        engine.dispose()
        return rows

    def execute(self, sql: str) -> None:
        """Change something, as the administrator."""
        engine = create_engine(self.settings.admin_url)
        with engine.begin() as connection:
            connection.execute(text(sql))
        engine.dispose()

    def start_api(self) -> None:
        python = [sys.executable, "-m"]
        self.children.start(
            "api",
            [*python, "gunicorn", "-c", "python:meridian.docker.gunicorn_conf", "meridian.web:create_app()"],
            env=self.env,
        )
        self.url = f"http://{self.settings.host}:{self.settings.port}"
        self.until(lambda: self._alive(), "the API answers")

    def start_worker(self, name: str = "worker", *queues: str) -> None:
        celery = [sys.executable, "-m", "celery", "-A", "meridian.workers.app"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-n", f"{name}@{self.settings.port}"]
        chosen = ["-Q", ",".join(queues)] if queues else []
        self.children.start(name, [*celery, "worker", "--concurrency", "2", *quiet, *chosen], env=self.env)

    def start_schedule(self) -> None:
        celery = [sys.executable, "-m", "celery", "-A", "meridian.workers.app"]
        self.children.start("schedule", [*celery, "beat"], env=self.env)

    def until(self, true: Callable[[], bool], what: str, seconds: float = 30) -> None:
        """Wait until something holds; a process that died meanwhile is an error that shows its log."""

        def ready() -> bool:
            self.children.check()
            return true()

        if not wait_until(ready, seconds=seconds):
            raise AssertionError(f"waited {seconds} s in vain: {what}")

    def _alive(self) -> bool:
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False


@contextmanager
def service(
    home: Path, admin_url: str, models: Path | None = None, broker_url: str = "", **settings: str
) -> Iterator[Service]:
    """A service on this database with nothing started yet. `settings` are environment variables."""
    home.mkdir(parents=True, exist_ok=True)
    if models is not None and not (home / "models").exists():
        (home / "models").symlink_to(models)
    values = {
        "DATABASE_URL": admin_url,
        "ADMIN_DATABASE_URL": admin_url,
        "BROKER_URL": broker_url,
        "MERIDIAN_HOME": str(home),
        "MERIDIAN_PORT": str(free_port()),
        "MERIDIAN_SECRET_KEY": secrets.token_hex(32),
        "MERIDIAN_SEAL_KEY": secrets.token_hex(32),
        "MERIDIAN_HTTPS": "false",
        # A busy machine is no overload.
        "MERIDIAN_BUDGET_MS": "5000",
        **settings,
    }
    configured = Settings(**values)  # type: ignore[arg-type]
    wiring, worker = Wiring(configured, "test"), Wiring(configured, "test-worker", WORKER_ROLE)
    key, _ = wiring.keys.create("tests", ["admin"])
    now = datetime.now(UTC)
    with transaction(worker.engine) as connection:
        load_fields(connection, HISTORY, [], as_of=now)
    metrics = home / "metrics"
    metrics.mkdir(exist_ok=True)
    env = {**os.environ, **values, "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    with Supervisor(home / "logs") as children:
        try:
            yield Service(configured, wiring, worker, children, key, env=env)
        finally:
            wiring.close()
            worker.close()


@contextmanager
def migrating(server_url: str) -> Iterator[None]:
    """Alone on the server: migrations make and change roles, which all its databases share."""
    engine = create_engine(server_url)
    try:
        with engine.connect() as connection:
            connection.execute(text(f"SELECT pg_advisory_lock({MIGRATING})"))
            yield
    finally:
        engine.dispose()


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """A migrated database of its own on a server, dropped afterwards; its URL is the administrator's."""
    name = f"meridian_test_{secrets.token_hex(6)}"
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    try:
        with migrating(server_url):
            migrate(url)
            install_pgmq(libpq_dsn(url), BROKER_ROLE, QUEUES)
        yield url
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@contextmanager
def copied_database(template_url: str) -> Iterator[str]:
    """A copy of a database to which nobody is connected, dropped afterwards; its URL is the administrator's."""
    template = make_url(template_url)
    name = f"meridian_test_{secrets.token_hex(6)}"
    server = create_engine(template.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template.database}"))
    try:
        yield template.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


def answers(url: str) -> bool:
    """Whether somebody listens where the URL points."""
    parsed = make_url(url)
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((parsed.host or "127.0.0.1", parsed.port or 5432)) == 0


def with_quorum_queues(url: str) -> str:
    """A RabbitMQ whose queues are of the kind that they are now: those of an earlier version are taken away."""
    kind = {"x-queue-type": QUORUM}
    with kombu.Connection(url) as connection:
        for name in QUEUES:
            try:
                connection.channel().queue_declare(name, durable=True, auto_delete=False, arguments=kind)
            except amqp.exceptions.PreconditionFailed:
                connection.channel().queue_delete(name)
    return url


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(true: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something comes true within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False
