"""One applicant's events out of a simulated lender's Parquet files, without reading the others'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from meridian.errors import InvalidInput
from meridian.simulator.lender.streams import Stream

KEPT = 6
"""Row groups of each stream that stay in memory: some 15 MB each. Applicants who ask one after another share one."""
MOMENT = pa.timestamp("us", tz="UTC")
MOMENTS = ("event_at", "known_at")


@dataclass(frozen=True)
class _Group:
    """A row group of a file, and the first and the last applicant in it."""

    path: Path
    number: int
    first: str
    last: str


@dataclass(frozen=True)
class _Loaded:
    """A row group's events, and where each applicant's start and how many they are."""

    events: Any
    places: Mapping[str, tuple[int, int]]


class StreamEvents:
    """The events of one stream. The files' footers say who stands where; only the row groups asked for are read.

    Raises `InvalidInput` where the folder has no events of the stream, or has them in another order.
    """

    def __init__(self, folder: Path, stream: Stream):
        self.stream = stream
        place = folder / "events" / stream.path
        self._groups = [group for path in sorted(place.glob("*.parquet")) for group in _groups(path)]
        if not self._groups:
            raise InvalidInput(f"{place} holds no events; give a folder that `meridian simulate lender` has written")
        self._load = lru_cache(maxsize=KEPT)(_load)
        # The first read of a process takes a hundred times as long as the others; no caller should wait for it.
        self.known(self._groups[0].first, datetime.now(UTC))

    def known(self, applicant_id: str, by: datetime) -> list[dict[str, Any]]:
        """The applicant's events that were known by then, all versions of each, with every column as a JSON value."""
        found = []
        for group in self._groups:
            if group.first <= applicant_id <= group.last:
                loaded = self._load(group)
                events = loaded.events.slice(*loaded.places.get(applicant_id, (0, 0)))
                events = events.filter(pc.less_equal(events["known_at"], pa.scalar(by, MOMENT)))
                found += _with_texts(events).to_pylist()
        return found


def _groups(path: Path) -> list[_Group]:
    metadata = pq.read_metadata(path)
    ids = [metadata.row_group(number).column(0).statistics for number in range(metadata.num_row_groups)]
    return [_Group(path, number, of.min, of.max) for number, of in enumerate(ids) if of is not None and of.has_min_max]


def _load(group: _Group) -> _Loaded:
    events = pq.ParquetFile(group.path, read_dictionary=["applicant_id"]).read_row_group(group.number)
    ids = events["applicant_id"].combine_chunks()
    codes = ids.indices.to_numpy()
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    counts = np.diff(starts, append=len(codes))
    names = ids.take(pa.array(starts)).to_pylist()
    places = dict(zip(names, zip(starts.tolist(), counts.tolist(), strict=True), strict=True))
    if len(places) < len(starts):
        raise InvalidInput(f"{group.path} does not stand in the order of its applicants")
    return _Loaded(events, places)


def _with_texts(events: Any) -> Any:
    """The events with their moments as ISO 8601 texts in UTC."""
    for name in MOMENTS:
        texts = pc.strftime(events[name], format="%Y-%m-%dT%H:%M:%SZ")
        events = events.set_column(events.schema.get_field_index(name), name, texts)
    return events
