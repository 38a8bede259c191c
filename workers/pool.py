"""A pool whose processes may be killed at any moment, without the others waiting for a dead one for ever."""

from __future__ import annotations

import fcntl
import tempfile
from types import TracebackType

from billiard.pool import Pool as BilliardPool
from celery.concurrency import prefork


class ProcessLock:
    """A lock between processes that the kernel lets go of when its holder dies, however it dies.

    A record lock on a file that has no name; between processes alone, for threads of one it is nothing.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the lock is wanted

    def acquire(self) -> bool:
        """Wait until nobody holds it."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Let go."""
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Pool(BilliardPool):
    """billiard's own, but for the locks of its two queues.

    A child waits for its next task with the lock in hand. With billiard's semaphore, one that is killed there takes the
    lock along: no other child ever gets a task again, and the worker looks alive. (Where the broker has sockets to
    wait on, as RabbitMQ and Redis have, Celery uses another pool, without such locks.)
    """

    def _setup_queues(self) -> None:
        super()._setup_queues()  # type: ignore[misc]
        for queue in (self._inqueue, self._outqueue):  # type: ignore[attr-defined]
            queue._rlock, queue._wlock = ProcessLock(), ProcessLock()


class TaskPool(prefork.TaskPool):
    """Celery's own, with that pool."""

    BlockingPool = Pool
