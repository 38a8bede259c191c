"""The event history: Parquet files in a folder for each source and stream, added to and never changed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from meridian.errors import InvalidInput
from meridian.extra import need
from meridian.features.source import Source
from meridian.features.stream import COMMON, Kind, Stream

WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
MOMENT = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S")
ACCEPTED = {
    Kind.CENTS: WHOLE,
    Kind.DAYS: WHOLE,
    Kind.COUNT: WHOLE,
    Kind.FLAG: ("BOOLEAN",),
    Kind.TEXT: ("VARCHAR", "ENUM"),
}
COMMON_TYPES = dict(zip(COMMON, (("VARCHAR",), WHOLE, MOMENT, MOMENT, WHOLE, ("BOOLEAN",)), strict=True))


@dataclass(frozen=True)
class EventHistory:
    """`<folder>/<source>/<stream>/*.parquet`, times in UTC."""

    folder: Path

    def files(self, source: Source, stream: Stream) -> str:
        """The pattern of a stream's files. Raises `InvalidInput` where there is none."""
        place = self.folder / source.name / (stream.stored_as or stream.name)
        if not any(place.glob("*.parquet")):
            raise InvalidInput(
                f"There are no events of {source.name}/{stream.name}: {place} holds no .parquet file. "
                f"Each row of one has {', '.join(stream.stored_columns)}."
            )
        return str(place / "*.parquet")

    def add(self, folder: Path) -> dict[str, int]:
        """Take over the files of a folder of the same form; how many, by `source/stream`.

        A file is named by its content and renamed into place, so that the same events are added once and nobody ever
        reads half a file. Raises `InvalidInput` where there are none.
        """
        files = sorted(folder.glob("*/*/*.parquet"))
        if not files:
            raise InvalidInput(f"{folder} holds no events: <source>/<stream>/*.parquet is what is looked for.")
        counts: dict[str, int] = {}
        for file in files:
            place = self.folder / file.parent.relative_to(folder)
            place.mkdir(parents=True, exist_ok=True)
            with file.open("rb") as opened:
                name = f"part-{hashlib.file_digest(opened, 'sha256').hexdigest()[:16]}"
            shutil.copyfile(file, place / f".{name}")
            (place / f".{name}").rename(place / f"{name}.parquet")
            stream = str(place.relative_to(self.folder))
            counts[stream] = counts.get(stream, 0) + 1
        return counts

    def write(self, source: str, stored: str, stream: Stream, events: Sequence[Mapping[str, Any]]) -> None:
        """Add events to what is stored of a source under a stream's name, as a file of their own.

        None are written too where there is no file yet: that a stream has no event is no reason not to read the others.
        """
        place = self.folder / source / stored
        if not events and any(place.glob("*.parquet")):
            return
        pa, parquet = need("pyarrow"), need("pyarrow.parquet")
        moment, whole = pa.timestamp("us", "UTC"), pa.int64()
        kinds = dict(zip(COMMON, (pa.string(), whole, moment, moment, pa.int32(), pa.bool_()), strict=True))
        own = {Kind.TEXT: pa.string(), Kind.FLAG: pa.bool_()}
        kinds |= {column.name: own.get(column.kind, whole) for column in stream.columns}
        rows = [{name: event[name] for name in kinds} for event in events]
        place.mkdir(parents=True, exist_ok=True)
        name = f"reply-{uuid4().hex}"
        parquet.write_table(pa.Table.from_pylist(rows, pa.schema(kinds.items())), place / f".{name}")
        # On the disk before whoever asks for it lets go of the events elsewhere.
        _sync(place / f".{name}")
        (place / f".{name}").rename(place / f"{name}.parquet")
        _sync(place)

    def open(self, connection: Any, source: Source, stream: Stream) -> str:
        """Make the stream a view of the connection, its columns checked, and give the view's name.

        Raises `InvalidInput` for a column that is not there, or of a type that the stream cannot have.
        """
        files = self.files(source, stream)
        view = f"{source.name}_{stream.name}"
        literal = files.replace("'", "''")
        # Not by the union of their names: a file that lacks a column is an error, and not a column of nothing.
        read = f"FROM read_parquet('{literal}')"
        _check_columns(connection, read, files, stream)
        # Times may be stored with their zone; from here on they are UTC without saying so.
        utc = "event_at::TIMESTAMP AS event_at, known_at::TIMESTAMP AS known_at"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(view)} AS SELECT * REPLACE ({utc}) {read}")
        return view


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_columns(connection: Any, read: str, files: str, stream: Stream) -> None:
    with readable(files):
        found = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {read}").fetchall()}
    wanted = {**COMMON_TYPES, **{column.name: ACCEPTED[column.kind] for column in stream.columns}}
    for name, kinds in wanted.items():
        if name not in found:
            raise InvalidInput(f"{files} has no column {name}; an event has {', '.join(stream.stored_columns)}.")
        if found[name].partition("(")[0] not in kinds:
            raise InvalidInput(f"{files}: {name} is {found[name]}; it must be {' or '.join(kinds)}.")


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turns what the engine says of events that it cannot read into `InvalidInput`."""
    duckdb = need("duckdb")
    try:
        yield
    except duckdb.Error as error:
        raise InvalidInput(f"The events of {what} cannot be read: {str(error).splitlines()[0]}") from None


def connect(*, memory: str = "2GB", threads: int | None = None, spill: Path | None = None) -> Any:
    """A DuckDB of its own in memory, that never takes more than `memory` and writes what is beyond to `spill`."""
    connection = need("duckdb").connect()
    connection.execute(f"SET memory_limit='{memory}'; SET preserve_insertion_order=false; SET TimeZone='UTC'")
    if threads is not None:
        connection.execute(f"SET threads={int(threads)}")
    if spill is not None:
        connection.execute("SET temp_directory=?", [str(spill)])
    return connection


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Iterable[str]) -> str:
    """Names as SQL has them, comma between."""
    return ", ".join(quoted(name) for name in names)
