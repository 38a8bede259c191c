"""A Dask cluster to train on: worker processes of this machine, for as long as training takes, or a cluster that runs.

Who may talk to a Dask scheduler may run any code on it and its workers. Processes of this machine therefore listen on
the loopback alone and talk to nobody without a certificate that was made for this training; a cluster that runs is
guarded by its network, or by `tls://` with Dask's own settings.
"""

from __future__ import annotations

import logging
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from meridian.errors import InvalidInput, NotReady
from meridian.extra import OF_CLUSTER, check_extra, need
from meridian.training.growing.cluster import Dask
from meridian.training.growing.engine import LOCAL, Engine

T = TypeVar("T")
CONNECT_SECONDS = 5
"""How long a scheduler may take to answer, and its first worker to be there."""
START_SECONDS = 60
MOST_PROCESSES = 64
ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[\w.-]+):\d{1,5}")
SETTINGS = {
    # A worker that says nothing for so long is taken off; Dask's own five minutes are long to wait for.
    "distributed.scheduler.worker-ttl": "60s",
    "distributed.comm.timeouts.connect": f"{START_SECONDS}s",
}


class Kind(StrEnum):
    """Where trees are grown."""

    LOCAL = "local"
    DASK = "dask"


def engine_of(kind: str, cluster: str | None = None, workers: int | None = None) -> AbstractContextManager[Engine]:
    """The engine that was asked for, while the context lasts; `cluster` and `workers` are for Dask alone.

    Raises `InvalidInput` for what does not go together; entering it, what `worker_processes` and `running_cluster` do.
    """
    if kind not in list(Kind):
        raise InvalidInput(f"--engine {kind!r} is none of {', '.join(Kind)}.")
    if kind == Kind.LOCAL:
        for option, value in (("--cluster", cluster), ("--workers", workers)):
            if value is not None:
                raise InvalidInput(f"{option} {value} is for training on a cluster; give --engine dask as well.")
        return nullcontext(LOCAL)
    if cluster is None:
        return worker_processes(2 if workers is None else workers)
    if workers is not None:
        raise InvalidInput(
            f"--workers {workers} is of this machine, and --cluster {cluster} has its own; leave one of the two out."
        )
    return running_cluster(cluster)


@contextmanager
def worker_processes(count: int) -> Iterator[Dask]:
    """An engine of so many worker processes of this machine, with one thread each. They end with the context.

    Nothing of the loans goes to disk: a worker has no limit of memory above which it would put them there, and where
    the machine has none left, training ends with `NotReady`. Raises `InvalidInput` for a count that makes no sense.
    """
    if not 1 <= count <= MOST_PROCESSES:
        raise InvalidInput(f"--workers {count} is not from 1 to {MOST_PROCESSES}.")
    _check_extras()
    distributed, config = _quiet("distributed"), need("dask.config")
    with (
        TemporaryDirectory(prefix="meridian-train-") as scratch,
        config.set({**SETTINGS, "temporary-directory": scratch}),
        _without_interrupts(distributed.LocalCluster)(
            n_workers=count,
            threads_per_worker=1,
            host="127.0.0.1",
            security=distributed.Security.temporary(),
            local_directory=scratch,
            memory_limit=None,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster, timeout=START_SECONDS) as client,
    ):
        client.wait_for_workers(count, timeout=START_SECONDS)
        # Pages about the cluster, which nobody looks at.
        client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.http_server.stop())
        client.run(lambda dask_worker: dask_worker.http_server.stop())
        # XGBoost tells each worker's rank on standard error, whatever its verbosity.
        client.run(_hush)
        yield Dask.of(client)


@contextmanager
def running_cluster(address: str) -> Iterator[Dask]:
    """An engine of all workers that a scheduler has, which go on when the context ends.

    Raises `InvalidInput` for what is no address, `NotReady` where nobody answers there within seconds, or a worker
    cannot train with this XGBoost.
    """
    if not ADDRESS.fullmatch(address):
        raise InvalidInput(f"--cluster {address!r} is no address of a scheduler; give one like tcp://10.0.0.5:8786.")
    _check_extras()
    distributed = _quiet("distributed")
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, TypeError) as error:  # the last where tls:// has no certificate
        raise NotReady(
            f"No Dask scheduler answers at {address} ({error}); start one with `dask scheduler`, or train without it."
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise NotReady(
                f"The scheduler {address} has no worker; start some with `dask worker {address} --nthreads 1`."
            ) from None
        engine = Dask.of(client)
        _check_versions(client, engine)
        yield engine


def _check_versions(client: Any, engine: Dask) -> None:
    """Other versions may grow other trees, or none. Raises `NotReady`."""
    here = need("xgboost").__version__
    for worker, version in client.run(_xgboost_version(), workers=list(engine.workers)).items():
        if version != here:
            raise NotReady(
                f"The worker {worker} has {f'XGBoost {version}' if version else 'no XGBoost'}, and here it is {here}: "
                f"install xgboost-cpu=={here} there."
            )


def _xgboost_version() -> Any:
    """A function that travels by itself: workers need no Meridian."""

    def version() -> str:
        try:
            import xgboost
        except ImportError:
            return ""
        return str(xgboost.__version__)

    return version


def _without_interrupts(made: Callable[..., T]) -> Callable[..., T]:
    """Ctrl-C waits while something is made, and never reaches the processes that are started meanwhile: this one ends
    them.
    """

    def make(**arguments: Any) -> T:
        # Python's own process that tidies up after others; once begun, it leaves the signals alone.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return made(**arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    return make


def _quiet(name: str) -> Any:
    """Dask's module, which is to log nothing: what went wrong is raised."""
    module = need(name)
    for logger in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    return module


def _hush() -> None:
    """Nothing that this process writes is read."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _check_extras() -> None:
    """Raises `NotReady` where a library of either extra is missing."""
    check_extra()
    for name in OF_CLUSTER:
        need(name)
