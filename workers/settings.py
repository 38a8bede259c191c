"""Every setting of the workers, with its why."""

from __future__ import annotations

from typing import Any

from meridian.bell import BATCH, BATCHES, FETCHES, UPKEEP

SWEEP = "meridian.sweep"
SEAL = "meridian.seal"
PARTITIONS = "meridian.partitions"
VECTORS = "meridian.vectors"
FETCH = "meridian.fetch"

LONGEST_FETCH_S = 840
"""Providers may take 300 s each, and a fallback is asked after the first."""

LONGEST_PART_S = 300
"""Thousands of rows take seconds; a model of thousands of trees on a busy machine takes more."""

PARTS_FOR_S = 30.0
"""So long one message is worked by: a worker that is stopped in between has not far to go."""

WORKER_SETTINGS: dict[str, Any] = {
    # A message is acknowledged when its task has ended, and goes back when the child that ran it is killed:
    # without the second, six of three hundred were lost. Attempts are counted on the job's row, so it cannot loop.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    # One message at a time: a slow task holds nothing back from the other children. (On pgmq it is four, see
    # workers.app: there a fetch is a poll, and one message a poll is slow.)
    "worker_prefetch_multiplier": 1,
    # Processes, as usual, but with locks that a killed one does not take along.
    "worker_pool": "meridian.workers.pool:TaskPool",
    # A soft limit ends one assessment with an error on its job; the hard one a child that does not listen.
    "task_soft_time_limit": 60,
    "task_time_limit": 90,
    # No remote control: nobody sends it, and it would keep a queue of its own for each worker.
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    # A broker that is away at the start or goes away is waited for, however long; the jobs' rows wait too.
    "broker_connection_retry": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    # A task under way when the broker goes is finished: its claim in PostgreSQL keeps it from being made twice.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # Our own structured log, not Celery's.
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "enable_utc": True,
    "timezone": "UTC",
    "task_routes": {
        **{name: {"queue": UPKEEP} for name in (SWEEP, SEAL, PARTITIONS, VECTORS)},
        FETCH: {"queue": FETCHES},
        BATCH: {"queue": BATCHES},
    },
    # In memory: nothing that is scheduled here needs to survive, for every run looks at the rows.
    "beat_scheduler": "celery.beat:Scheduler",
    # Celery's own wake-ups every five minutes would let a short interval slip.
    "beat_max_loop_interval": 1,
    "beat_schedule": {
        "sweep": {"task": SWEEP, "schedule": 2.0, "options": {"expires": 10.0}},
        # What is not sealed yet could be changed unseen by whoever rules the database: keep that time short.
        "seal": {"task": SEAL, "schedule": 5.0, "options": {"expires": 30.0}},
        # Months ahead are there; hourly, because a schedule that is restarted counts from its start.
        "partitions": {"task": PARTITIONS, "schedule": 3600.0, "options": {"expires": 600.0}},
    },
}
# Only where providers are asked: elsewhere nobody would take these messages from their queue.
WITH_PROVIDERS: dict[str, Any] = {
    "vectors": {"task": VECTORS, "schedule": 2.0, "options": {"expires": 10.0}},
    # A run goes on while there is something to fetch; the messages that come meanwhile are stale when it ends.
    "fetch": {"task": FETCH, "schedule": 1.0, "options": {"expires": 1.0}},
}
