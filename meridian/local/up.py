"""`meridian up`: every part of the service on one machine, started in order and stopped as one."""

from __future__ import annotations

import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from meridian.bell import BATCHES, FETCHES
from meridian.db.engine import WORKER_ROLE
from meridian.errors import NotReady
from meridian.local import installation
from meridian.local.installation import Access, Say
from meridian.local.postgres import EmbeddedPostgres
from meridian.local.processes import Supervisor, wait_until
from meridian.settings import Settings, load_settings
from meridian.sources.providers import read_providers
from meridian.wiring import Wiring

READY_WITHIN_S = 60
PORTS_TRIED = 50
# What each part has no business with: to change the schema, to read as an auditor, to sign, to
# say which model decides, to be another part.
NOT_FOR_CHILDREN = {"ADMIN_DATABASE_URL", "AUDIT_DATABASE_URL", "REGISTRY_DATABASE_URL"}
NOT_FOR_API = {"WORKER_DATABASE_URL", "MERIDIAN_SEAL_KEY"}
NOT_FOR_WORKERS = {"DESK_DATABASE_URL", "MERIDIAN_SECRET_KEY"}
PID_FILE = "up.pid"
# An assessment takes milliseconds, so what is under way ends within the second; Celery itself would wait six.
# What is cut off all the same waits for its next claim.
STOP_WORKER = ((signal.SIGTERM, 1.0), (signal.SIGQUIT, 5.0))


@dataclass(frozen=True)
class Running:
    """A service that is up."""

    settings: Settings
    wiring: Wiring
    worker: Wiring
    """The objects as a worker has them, in its role."""
    children: Supervisor
    access: Access
    models: dict[str, str]
    url: str


@contextmanager
def running(say: Say, progress: Callable[[str, float], None]) -> Iterator[Running]:
    """Start everything; stop it all when the block is left, however it is left.

    `say` is told each step, `progress` the share of a long one. Raises `NotReady` with what to do.
    """
    given = load_settings() if os.environ.get("DATABASE_URL") else Settings()
    given.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    children = Supervisor(given.home / "logs")
    # Held to the end: it keeps the lock by which a second `up` on this home is refused.
    postgres = None if os.environ.get("DATABASE_URL") else EmbeddedPostgres(given.home, children)
    try:
        settings = _database(given, postgres, say)
        _note_pid(settings.home)
        models = installation.ensure_models(settings, say, progress)
        wiring, worker = Wiring(settings, "up"), Wiring(settings, "up-worker", WORKER_ROLE)
        access = installation.ensure_access(wiring, settings.home)
        if postgres:
            installation.start_without_history(worker)
        url = _start_service(settings, children, say)
        yield Running(settings, wiring, worker, children, access, models, url)
    finally:
        children.stop()
        if postgres:
            postgres.stop()
        _forget_pid(given.home)


def _database(given: Settings, postgres: EmbeddedPostgres | None, say: Say) -> Settings:
    if postgres is None:
        settings = installation.server_settings(given, _free_port(given))
        installation.prepare_database(settings, say)
        return settings
    say("embedded PostgreSQL")
    postgres.start()
    for notice in postgres.notices:
        say(notice)
    postgres.ensure_database(installation.DATABASE)
    settings = installation.embedded_settings(postgres, given, _free_port(given))
    installation.prepare_database(settings, say)
    installation.allow_logins(postgres)
    return settings


def _start_service(settings: Settings, children: Supervisor, say: Say) -> str:
    api_env = _environment_without(NOT_FOR_CHILDREN | NOT_FOR_API)
    api_env["PROMETHEUS_MULTIPROC_DIR"] = str((settings.home / "metrics").absolute())
    env = _environment_without(NOT_FOR_CHILDREN | NOT_FOR_WORKERS)
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "-A", "meridian.workers.app"]
    say("API, worker and schedule")
    children.start(
        "api",
        [*python, "gunicorn", "-c", "python:meridian.docker.gunicorn_conf", "meridian.web:create_app()"],
        env=api_env,
    )
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    children.start("worker", [*celery, "worker", "--concurrency", "2", *quiet], env=env, stop_plan=STOP_WORKER)
    others = {"batcher": BATCHES} | ({"fetcher": FETCHES} if read_providers(settings.sources_file) else {})
    for name, queue in others.items():
        alone = [*celery, "worker", "--concurrency", "1", "-Q", queue, "-n", f"{name}@%h", *quiet]
        children.start(name, alone, env=env, stop_plan=STOP_WORKER)
    children.start("schedule", [*celery, "beat"], env=env)
    url = f"http://{settings.host}:{settings.port}"

    def ready() -> bool:
        children.check()
        return _answers(f"{url}/readyz")

    if not wait_until(ready, seconds=READY_WITHIN_S):
        raise NotReady(f"The API did not become ready within {READY_WITHIN_S} s; see {settings.home}/logs/api.log.")
    return url


def _environment_without(names: set[str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in names}


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  # our own URL
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port(settings: Settings) -> int:
    """The port that is set; without a wish, the first free one from 8000 on."""
    wished = "port" in settings.model_fields_set
    for port in range(settings.port, settings.port + (1 if wished else PORTS_TRIED)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError:
                continue
            return port
    raise NotReady(f"Port {settings.port} on {settings.host} is taken; set MERIDIAN_PORT to a free one.")


def _note_pid(home: Path) -> None:
    """The process id with the moment of its start: the number alone may be somebody else's one day."""
    (home / PID_FILE).write_text(f"{os.getpid()} {psutil.Process().create_time()}\n")


def _forget_pid(home: Path) -> None:
    """Last of all, for `meridian down` waits for it; another's note stays."""
    process = running_process(home)
    if process and process.pid == os.getpid():
        (home / PID_FILE).unlink()


def running_process(home: Path) -> psutil.Process | None:
    """The `meridian up` on this home, or None."""
    try:
        pid, started = (home / PID_FILE).read_text().split()
        process = psutil.Process(int(pid))
        return process if process.create_time() == float(started) else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
