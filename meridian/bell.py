"""The bell: a message that says what waits, a job or a part of a batch. It may be late, doubled or lost; the row is the
truth.

Ringing never holds up an answer: ids go into a small queue, and a thread of their own sends them. Where
the broker does not answer, they are dropped, and the sweep finds the jobs.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from typing import Any
from uuid import UUID

import structlog
from celery import Celery
from kombu import Queue

from meridian.db.dsn import libpq_dsn
from meridian.settings import Settings

log = structlog.get_logger()

ASSESS = "meridian.assess"
BATCH = "meridian.batch"
QUEUE = "assessments"
UPKEEP = "upkeep"
"""For what the schedule asks: a backlog of assessments must not hold up a seal."""
FETCHES = "fetches"
"""For asking providers ahead: seconds of waiting, which a worker of its own does, where there are providers."""
BATCHES = "batches"
"""For files of applications: a worker of its own does them, so that nobody who waits for an answer waits for a file."""
QUEUES = (QUEUE, UPKEEP, FETCHES, BATCHES)
QUORUM = "quorum"
"""RabbitMQ's replicated kind of queue."""
MOST_WAITING = 1000
GATHER_S = 0.02
"""How long a ring waits for company: a message costs more than to carry one more id."""
MOST_AT_ONCE = 20
"""Ids in one message: what its worker does one after the other, well within a task's time."""


def broker_settings(settings: Settings) -> dict[str, Any]:
    """Celery's settings for the broker in use, the same for who rings and for who hears."""
    options: dict[str, Any] = {}
    kind = "classic"
    if settings.broker.startswith("pgmq:"):
        options = {
            # The key=value form, because the URI form drops a socket directory.
            "conn_string": libpq_dsn(settings.broker),
            # The queue was installed by `meridian migrate`, from SQL: no server extension is needed.
            "init_extension": False,
            # Only the worker listens (see workers.app). A sender that would listen too, or poll for long, makes
            # every other wait for its lock on the queue: seconds, measured, for the first message.
            "use_notify": False,
            "wait_time_seconds": 0,
            "notify_throttle_interval_ms": 0,
            # How long a killed worker's messages stay hidden: longer than all it may have fetched take.
            "visibility_timeout": 600,
        }
    elif settings.broker.startswith("amqp"):
        # Without a confirm, a publish into a broker that is going down is lost in silence.
        options = {"confirm_publish": True}
        # On a majority of the cluster's disks before it is confirmed, and gone on with when one of them is lost.
        kind = QUORUM
    return {
        "broker_url": settings.broker,
        "broker_transport_options": options,
        # One try: a broker that is down must not hold the thread, the sweep rings again.
        "task_publish_retry": False,
        "broker_connection_timeout": 2,
        "task_default_queue": QUEUE,
        # What a worker takes from unless it is told otherwise.
        "task_queues": [Queue(name, queue_arguments=_arguments(kind)) for name in (QUEUE, UPKEEP)],
        "task_create_missing_queue_type": kind,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
    }


def _arguments(kind: str) -> dict[str, str] | None:
    return {"x-queue-type": kind} if kind == QUORUM else None


class Bell:
    """Rings for jobs from a thread that starts at the first ring, in the process that rings."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._lock = threading.Lock()
        self._pid = 0
        self._waiting: queue.Queue[UUID | None] = queue.Queue(MOST_WAITING)

    def ring(self, job_id: UUID) -> None:
        """Say that this job waits. Returns at once and never fails."""
        self._put(job_id)

    def ring_batch(self) -> None:
        """Say that a part of a batch waits, whichever it is."""
        self._put(None)

    def _put(self, waits: UUID | None) -> None:
        try:
            if self._pid != os.getpid():
                self._start()
            self._waiting.put_nowait(waits)
        except (queue.Full, RuntimeError) as error:  # RuntimeError: no thread could be started
            log.warning("bell_dropped", job=str(waits or "a part of a batch"), error=type(error).__name__)

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._waiting = queue.Queue(MOST_WAITING)
            threading.Thread(target=self._send, args=(self._waiting,), name="bell", daemon=True).start()
            self._pid = os.getpid()

    def _send(self, waiting: queue.Queue[UUID | None]) -> None:
        app = Celery("meridian-bell", set_as_current=False)
        app.conf.update(broker_settings(self._settings))
        # The queue in PostgreSQL was made by migration; to declare it anew costs a lock on it. On other
        # brokers the first to come makes it.
        declared: dict[str, Any] = {"declare": []} if self._settings.broker.startswith("pgmq:") else {}
        while True:
            gathered = _gathered(waiting)
            job_ids = [str(job_id) for job_id in gathered if job_id is not None]
            try:
                if job_ids:
                    app.send_task(ASSESS, job_ids, **declared)
                for _ in range(gathered.count(None)):
                    app.send_task(BATCH, queue=BATCHES, **declared)
            except Exception as error:
                log.warning("bell_silent", jobs=job_ids, error=type(error).__name__)


def _gathered(waiting: queue.Queue[UUID | None]) -> list[UUID | None]:
    """What comes next, and what came soon after it."""
    job_ids = [waiting.get()]
    time.sleep(GATHER_S)
    with contextlib.suppress(queue.Empty):
        while len(job_ids) < MOST_AT_ONCE:
            job_ids.append(waiting.get_nowait())
    return job_ids
