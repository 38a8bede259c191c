"""Settings of the HTTP server, the same under `meridian up` and in the image.

gunicorn -c python:meridian.docker.gunicorn_conf 'meridian.web:create_app()'
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from gunicorn.arbiter import Arbiter

from meridian.errors import NotReady
from meridian.settings import load_settings

_settings = load_settings()

bind = f"{_settings.host}:{_settings.port}"
# Processes, because scoring holds the interpreter's lock; threads, because sources and commits wait.
workers = _settings.api_workers
# gunicorn's threads, with a door that refuses what would be answered too late. "gthread" works as well, without it.
worker_class = "meridian.shedding.worker.SheddingWorker"
threads = _settings.api_threads
# Each worker makes its own connections and loads its own models: a model loaded before the fork can
# hang the child's first prediction, and a connection shared over it answers one child with the
# other's rows. The memory that preloading would share is small.
preload_app = False

# A worker that shows no sign of life for this long is killed. A decision takes less than a second;
# this is for what hangs.
timeout = 30
# Decisions under way are finished when the service stops; an orchestrator kills after 30 s.
graceful_timeout = 20
# Longer than the idle time-out of usual load balancers (60 s), so that it is they who close.
keepalive = 75

# Restarting workers hides leaks instead of showing them. Where one must be hidden:
# GUNICORN_CMD_ARGS="--max-requests 10000 --max-requests-jitter 1000".
max_requests = 0
max_requests_jitter = 0

# Nothing in the interface needs more; what is longer is refused before it is read.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190

# The heartbeat is a file; on a disk its fchmod can block a worker for as long as the disk is busy.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# The application writes one structured line per request itself.
accesslog = None
errorlog = "-"
loglevel = _settings.log_level.lower()
# By default every service of this account would share one socket in the account's home.
control_socket_disable = True
proc_name = "meridian-api"

# There is no `post_fork`: with preload off nothing is opened before the fork, and the engine refuses
# a connection that was opened by another process.


def on_starting(_server: Any) -> None:
    """Each start counts from zero: files of processes that are gone would be added up for ever."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(parents=True)


def post_worker_init(worker: Any) -> None:
    """Models loaded and connections made before the first request, whose time limits are for look-ups alone.

    Where the service must not run (on a database that may lose what it commits) all of it stops, with the reason as
    the last word: each worker that followed would meet the same. A database that is away is waited for.
    """
    try:
        worker.app.wsgi().extensions["meridian"].warm()
    except NotReady as error:
        worker.log.critical("Not started: %s", error)
        sys.exit(Arbiter.WORKER_BOOT_ERROR)
    if hasattr(worker, "shed"):
        # Imported here and not above: what counts must not begin to before the fork.
        from meridian.web import refusal

        worker.shed(refusal(_settings.budget_ms / 1000))


def child_exit(_server: Any, worker: Any) -> None:
    """Let go of the gauges of a worker that is gone; its counters keep counting in the totals."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
