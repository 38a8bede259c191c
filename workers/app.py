"""The Celery app: `celery -A meridian.workers.app worker` and `... beat`."""

from __future__ import annotations

from functools import cache
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from celery import Celery, signals
from kombu.transport import TRANSPORT_ALIASES

from meridian.bell import ASSESS, BATCH, broker_settings
from meridian.db.durability import check_durable
from meridian.db.engine import WORKER_ROLE
from meridian.errors import NotReady, Unavailable
from meridian.logs import configure_logs
from meridian.settings import load_settings
from meridian.sources.providers import read_providers
from meridian.wiring import Wiring

from .settings import (
    FETCH,
    LONGEST_FETCH_S,
    LONGEST_PART_S,
    PARTITIONS,
    PARTS_FOR_S,
    SEAL,
    SWEEP,
    VECTORS,
    WITH_PROVIDERS,
    WORKER_SETTINGS,
)

log = structlog.get_logger()
app = Celery("meridian")


@cache
def wiring() -> Wiring:
    """This process's objects, made at first use, after the fork."""
    return Wiring(load_settings(), "worker", WORKER_ROLE)


@app.on_configure.connect
def _configure(sender: Celery, **_: Any) -> None:
    settings = load_settings()
    sender.conf.update(broker_settings(settings), **WORKER_SETTINGS)
    if read_providers(settings.sources_file):
        sender.conf.beat_schedule = {**WORKER_SETTINGS["beat_schedule"], **WITH_PROVIDERS}


@signals.celeryd_init.connect
def _listen(conf: Any, **_: Any) -> None:
    """A worker, unlike a sender, listens for the queue's notices, so that an idle one wakes at once."""
    if str(conf.broker_url).startswith("pgmq:"):
        TRANSPORT_ALIASES["pgmq"] = "meridian.workers.queue:Transport"
        conf.broker_transport_options = {**conf.broker_transport_options, "use_notify": True}
        conf.worker_prefetch_multiplier = 4


@signals.worker_init.connect
def _refuse_lossy(**_: Any) -> None:
    """No start on a database that may lose what it commits. One that is away is waited for: each connection is asked
    anew when it is made."""
    engine = Wiring(load_settings(), "worker", WORKER_ROLE).engine
    try:
        check_durable(engine)
    except Unavailable:
        return
    except NotReady as error:
        log.critical("not_started", why=str(error))
        raise SystemExit(error.exit_code) from None
    finally:
        # Before the fork: the children make connections of their own.
        engine.dispose()


@signals.setup_logging.connect
def _logs(**_: Any) -> None:
    configure_logs(load_settings().log_level)


@app.task(name=ASSESS)
def assess(*job_ids: str) -> None:
    """Make the assessments of these jobs, one after the other."""
    for job_id in job_ids:
        wiring().assessments.assess(UUID(job_id))


@app.task(name=BATCH, soft_time_limit=LONGEST_PART_S, time_limit=LONGEST_PART_S + 60)
def decide_part() -> None:
    """Decide parts of batches that wait, for some time."""
    end = monotonic() + PARTS_FOR_S
    wiring().batches.work(lambda: monotonic() > end)


@app.task(name=SWEEP)
def sweep() -> None:
    """Ring for the jobs, and the parts of batches, that nobody took."""
    wiring().assessments.sweep()
    wiring().batches.sweep()


@app.task(name=SEAL)
def seal() -> None:
    """Seal what is new in the record."""
    wiring().seals.seal()


@app.task(name=VECTORS)
def make_vectors() -> None:
    """Make vectors of what providers told while decisions waited."""
    wiring().replies.make_vectors()


@app.task(name=FETCH, soft_time_limit=LONGEST_FETCH_S, time_limit=LONGEST_FETCH_S + 60)
def fetch() -> None:
    """Ask providers what decisions will need, and decide again those for whom it comes too late."""
    wiring().fetches.run()
    wiring().redecisions.told_late()


@app.task(name=PARTITIONS)
def make_partitions() -> None:
    """Have the coming months' partitions."""
    wiring().seals.make_partitions()
    wiring().fetches.tidy()
