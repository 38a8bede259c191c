"""Tables of dated snapshots as an event history, so that they are trained on by the same engine as live events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from meridian.errors import InvalidTrainingData
from meridian.extra import need
from meridian.products import Product
from meridian.training.table import Columns, TableFile, read_table


@contextmanager
def unrolled(file: TableFile, columns: Columns) -> Iterator[Path | None]:
    """A folder with the events that the table itself holds, gone afterwards; None where it holds none."""
    if file.table.unrolled is None:
        yield None
        return
    with TemporaryDirectory(prefix="meridian-events-") as folder:
        write_events(file.table.unrolled(columns), Path(folder))
        yield Path(folder)


def unroll_file(
    product: Product, path: Path, folder: Path, progress: Callable[[float], None] = lambda _share: None
) -> dict[str, int]:
    """Write the events of a table's snapshots into the event history; how many, by `source/stream`.

    The file's hash names what is written, so that the same file is written once. Raises `InvalidTrainingData` where the
    product's table has no snapshots, or cannot be read.
    """
    file = read_table(product, path)
    progress(0.3)
    if file.table.unrolled is None:
        raise InvalidTrainingData(f"{file.table.name} holds no dated snapshots that could be unrolled into events.")
    try:
        events = file.table.unrolled(file.columns)
    except ValueError as error:
        raise InvalidTrainingData(f"{file.name} has a value that cannot be read: {error}.") from None
    progress(0.6)
    write_events(events, folder, f"part-{file.sha256[:16]}")
    progress(1.0)
    return {place: len(columns["applicant_id"]) for place, columns in events.items()}


def write_events(events: Mapping[str, Columns], folder: Path, part: str = "part-0") -> None:
    """Write columns of events, by `source/stream`, as the event history has them."""
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    for place, columns in events.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        # Beside and renamed into place: whoever reads meanwhile never meets half a file.
        beside = folder / place / f".{part}"
        parquet.write_table(arrow.table(dict(columns)), beside)
        beside.rename(folder / place / f"{part}.parquet")
