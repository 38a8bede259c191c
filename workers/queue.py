"""The queue in PostgreSQL as a worker reads it."""

from __future__ import annotations

from typing import Any

from kombu.transport import pgmq

WHILE_FULL_S = 0.01


class Transport(pgmq.Transport):
    """kombu's own, but that a worker whose hands are full looks up at once instead of after two seconds.

    A worker on this transport acknowledges what its children have done only between two reads, and takes
    nothing new before. Reading goes on for the two seconds that Celery gives it where no more may be
    taken, so that, of a queue of waiting jobs, two were done a second and not fifty.
    """

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # type: ignore[override]
        """Read messages, or wait for some: briefly where none may be taken."""
        if any(not channel.qos.can_consume() for channel in self.channels or ()):
            timeout = WHILE_FULL_S
        super().drain_events(connection, timeout=timeout)  # type: ignore[no-untyped-call]
