"""What the page on work in progress shows: files of applications, and what was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from meridian.db.batches import Batch
from meridian.db.waiting import SetAside
from meridian.service import Work

RUNNING = ("arriving", "running")


@dataclass(frozen=True)
class BatchRow:
    """A file, with the share that is done (0 to 100), rows a second and what is left, where that can be said."""

    batch: Batch
    share: float
    rate: float | None
    left: str

    @classmethod
    def of(cls, batch: Batch, now: datetime) -> BatchRow:
        """As it stands at a moment."""
        done = batch.decided + batch.rejected
        end = now if batch.state in RUNNING else batch.done_at or now
        seconds = (end - batch.created_at).total_seconds()
        rate = done / seconds if done and seconds > 0 else None
        left = in_words(timedelta(seconds=(batch.rows - done) / rate)) if rate and batch.state == "running" else ""
        return cls(batch, 100 * done / batch.rows if batch.rows else 0.0, rate, left)


@dataclass(frozen=True)
class WorkPage:
    """All of it; `running` says that it is another one in a moment."""

    batches: Sequence[BatchRow]
    set_aside: Sequence[SetAside]

    @property
    def running(self) -> bool:
        """Whether any file is not done yet."""
        return any(one.batch.state in RUNNING for one in self.batches)


def work_page(work: Work, now: datetime) -> WorkPage:
    """The page at a moment."""
    return WorkPage([BatchRow.of(one, now) for one in work.batches()], work.set_aside())


def in_words(span: timedelta) -> str:
    """About how long: the two largest units are enough."""
    seconds = round(span.total_seconds())
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
