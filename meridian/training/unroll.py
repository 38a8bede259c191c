"""Tables of dated snapshots as an event history, so that they are trained on by the same engine as live events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from meridian.extra import need
from meridian.training.table import Columns, TableFile


@contextmanager
def unrolled(file: TableFile, columns: Columns) -> Iterator[Path | None]:
    """A folder with the events that the table itself holds, gone afterwards; None where it holds none."""
    if file.table.unrolled is None:
        yield None
        return
    with TemporaryDirectory(prefix="meridian-events-") as folder:
        write_events(file.table.unrolled(columns), Path(folder))
        yield Path(folder)


def write_events(events: Mapping[str, Columns], folder: Path) -> None:
    """Write columns of events, by `source/stream`, as the event history has them."""
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    for place, columns in events.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        parquet.write_table(arrow.table(dict(columns)), folder / place / "part-0.parquet")
