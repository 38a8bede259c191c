"""The engine against a plain reference: nothing is used before it had happened and was known, however it came."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from meridian.errors import InvalidInput
from meridian.features.engine import Vectors, changed_applicants, check_folder, fields_at
from meridian.features.events import EventHistory, connect
from tests.events import DAY, FACTS, SOURCE, START, STATES, Event, expected, history, write

PAIRS = 10_000
APPLICANTS = [f"applicant-{number:04d}" for number in range(400)]
Told = Mapping[str, Sequence[Event]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Told, EventHistory]:
    """Events of both streams, in two files each, and where they lie."""
    random, folder = Random(20), tmp_path_factory.mktemp("events")
    events = {stream.name: history(random, APPLICANTS) for stream in (FACTS, STATES)}
    for stream in (FACTS, STATES):
        half = len(events[stream.name]) // 2
        write(folder, stream, events[stream.name][:half], "part-0")
        write(folder, stream, events[stream.name][half:], "part-1")
    return events, EventHistory(folder)


def at(folder: EventHistory, applicants: Sequence[str], moments: Sequence[datetime]) -> Vectors:
    return fields_at(connect(threads=2), SOURCE, folder, applicants, np.array(moments, "datetime64[us]"))


def moment(random: Random) -> datetime:
    """A cut-off, now and then exactly at a moment at which events happen or get known."""
    return START + timedelta(days=random.randint(-5, 190), seconds=random.choice((0, 43_200, 86_399, 12_345)))


def test_ten_thousand_pairs_are_what_the_definitions_say(told: tuple[Told, EventHistory]) -> None:
    events, folder = told
    random = Random(21)
    applicants = random.choices([*APPLICANTS, "nobody"], k=PAIRS)
    moments = [moment(random) for _ in range(PAIRS)]
    found = at(folder, applicants, moments)
    of: dict[str, dict[str, list[Event]]] = {one: {name: [] for name in events} for one in (*APPLICANTS, "nobody")}
    for name, every in events.items():
        for event in every:
            of[event.applicant_id][name].append(event)
    rows = found.rows()
    for pair, (applicant, cut_off) in enumerate(zip(applicants, moments, strict=True)):
        wanted = expected(SOURCE, of[applicant], cut_off)
        np.testing.assert_array_equal(rows[pair], list(wanted.values()), err_msg=f"{applicant} at {cut_off}")
    # No condition is so narrow that the comparison above says nothing (days since something of one day are 0).
    varied = {name for name, column in found.fields.items() if np.unique(column[~np.isnan(column)]).size > 1}
    assert {name for name in set(found.fields) - varied if "since" not in name} == set()
    assert 0.5 < found.present.mean() < 1


def test_what_gets_known_later_never_changes_the_past(told: tuple[Told, EventHistory], tmp_path: Path) -> None:
    """The vectors at a cut-off are the same to the bit when all that was known after it is thrown away."""
    events, folder = told
    cut_off = START + timedelta(days=60)
    for stream in (FACTS, STATES):
        write(tmp_path, stream, [one for one in events[stream.name] if one.known_at <= cut_off])
    before = at(EventHistory(tmp_path), APPLICANTS, [cut_off] * len(APPLICANTS))
    now = at(folder, APPLICANTS, [cut_off] * len(APPLICANTS))
    np.testing.assert_array_equal(before.rows(), now.rows())
    np.testing.assert_array_equal(before.newest_at, now.newest_at)


def test_an_earlier_cut_off_gives_other_features(told: tuple[Told, EventHistory]) -> None:
    _, folder = told
    late = at(folder, APPLICANTS, [START + timedelta(days=90)] * len(APPLICANTS)).rows()
    early = at(folder, APPLICANTS, [START + timedelta(days=60)] * len(APPLICANTS)).rows()
    different = ~((late == early) | (np.isnan(late) & np.isnan(early))).all(axis=1)
    assert different.mean() > 0.8


@pytest.mark.parametrize(
    ("later", "count"),
    [
        pytest.param({}, 1.0, id="delivered twice"),
        pytest.param({"revision": 1, "retracted": True}, 0.0, id="taken back"),
        pytest.param({"revision": 1, "event_at": START + 10 * DAY}, 0.0, id="moved to after the cut-off"),
        pytest.param({"revision": 1, "kind": "b"}, 1.0, id="corrected"),
    ],
)
def test_a_later_version_counts_from_when_it_is_known(tmp_path: Path, later: dict[str, object], count: float) -> None:
    first = Event("a", 1, START, START)
    second = Event(**{**vars(first), "known_at": START + 3 * DAY, **later})
    write(tmp_path, FACTS, [second, first])
    write(tmp_path, STATES, [])
    name = "facts_count_None_None"
    found = at(EventHistory(tmp_path), ["a"] * 3, [START - DAY, START + 2 * DAY, START + 4 * DAY]).fields[name]
    assert found.tolist() == [0.0, 1.0, count]


def test_who_changed_is_who_has_news(told: tuple[Told, EventHistory]) -> None:
    """Whoever is not among the changed has, but for windows that moved on, the very same vector."""
    _, folder = told
    before, now = START + timedelta(days=70), START + timedelta(days=75)
    changed = changed_applicants(connect(), SOURCE, folder, before.replace(tzinfo=UTC), now.replace(tzinfo=UTC))
    assert changed == sorted(changed)
    early, late = (at(folder, APPLICANTS, [cut_off] * len(APPLICANTS)) for cut_off in (before, now))
    lasting = [one.name for one in SOURCE.aggregates if one.days is None and not one.op.value.startswith("since")]
    for name in lasting:
        a, b = early.fields[name], late.fields[name]
        moved = [APPLICANTS[i] for i in np.flatnonzero(~((a == b) | (np.isnan(a) & np.isnan(b))))]
        assert set(moved) <= set(changed), name
    assert 0 < len(changed) < len(APPLICANTS)
    everybody = changed_applicants(connect(), SOURCE, folder, None, now.replace(tzinfo=UTC))
    assert set(changed) <= set(everybody)


def test_a_stream_without_events_is_named(tmp_path: Path) -> None:
    write(tmp_path, FACTS, [])
    with pytest.raises(InvalidInput, match="no events of tested/states"):
        at(EventHistory(tmp_path), ["a"], [START])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: pa.table({"applicant_id": ["a"], "event_id": [1]}), "has no column event_at"),
        (lambda: pa.table({"applicant_id": ["a"], "event_id": [1.5]}), "event_id is DOUBLE; it must be TINYINT or"),
        (lambda: pa.table({"applicant_id": ["a"], "event_id": pa.array([[1]])}), r"event_id is BIGINT\[\]; it must be"),
        (lambda: None, "cannot be read"),
    ],
)
def test_events_that_are_not_as_the_stream_says_are_refused(
    tmp_path: Path, content: Callable[[], pa.Table | None], said: str
) -> None:
    write(tmp_path, FACTS, [])
    file = tmp_path / "tested" / "states" / "x.parquet"
    file.parent.mkdir()
    table = content()
    if table is None:
        file.write_bytes(b"no parquet")
    else:
        pq.write_table(table, file)
    with pytest.raises(InvalidInput, match=said):
        at(EventHistory(tmp_path), ["a"], [START])


@pytest.mark.parametrize("column", ["event_at", "known_at", "event_id", "revision", "retracted"])
def test_an_event_that_lacks_what_every_event_has_is_refused(tmp_path: Path, column: str) -> None:
    """A time that is not there would be no time at all: an event could be used before it was known."""
    write(tmp_path, STATES, [])
    write(tmp_path, FACTS, [replace(Event("a", 1, START, START), **{column: None})])
    with pytest.raises(InvalidInput, match=f"1 events of tested/facts, of a for one, lack one of .*{column}"):
        at(EventHistory(tmp_path), ["a"], [START])


@pytest.mark.parametrize("wrong", [{"applicant_id": None}, {"applicant_id": "a\0b"}, {"known_at": None}])
def test_an_event_that_would_be_found_for_nobody_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    write(tmp_path, STATES, [])
    write(tmp_path, FACTS, [replace(Event("a", 1, START, START), **wrong)])
    with pytest.raises(InvalidInput, match="1 events of tested/facts lack an applicant_id"):
        changed_applicants(connect(), SOURCE, EventHistory(tmp_path), None, START.replace(tzinfo=UTC))


def test_a_file_that_lacks_a_column_of_the_others_is_refused(tmp_path: Path) -> None:
    """Its events would be read as having nothing there."""
    write(tmp_path, STATES, [])
    write(tmp_path, FACTS, [Event("a", 1, START, START)])
    file = tmp_path / "tested" / "facts" / "part-0.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["amount_cents"]), file.with_name("part-1.parquet"))
    with pytest.raises(InvalidInput, match="amount_cents"):
        at(EventHistory(tmp_path), ["a"], [START])


def test_nothing_of_nobody(told: tuple[Told, EventHistory]) -> None:
    _, folder = told
    found = at(folder, ["nobody"], [START])
    assert not found.present[0]
    assert np.isnat(found.newest_at[0])
    counts = [math.isnan(value) for value in found.rows()[0]]
    assert counts == [math.isnan(one.op.of_nothing) for one in SOURCE.aggregates]


def test_events_are_added_to_the_history_once(tmp_path: Path) -> None:
    """By whatever name the files come, and however often; a folder without events is refused."""
    for part in ("first", "second"):
        write(tmp_path / part, FACTS, [Event("a", 1, START, START)], part)
    write(tmp_path / "second", FACTS, [Event("a", 2, START, START)], "more")
    write(tmp_path / "history", STATES, [])
    folder = EventHistory(tmp_path / "history")
    added = [folder.add(tmp_path / part) for part in ("first", "second", "first")]
    assert added == [{"tested/facts": 1}, {"tested/facts": 2}, {"tested/facts": 1}]
    assert at(folder, ["a"], [START + DAY]).fields["facts_count_None_None"].tolist() == [2.0]
    with pytest.raises(InvalidInput, match="holds no events"):
        folder.add(tmp_path)


def test_what_is_added_is_held_against_the_streams_first(tmp_path: Path) -> None:
    write(tmp_path, FACTS, [Event("a", 1, START, START)])
    check_folder(tmp_path, [SOURCE])
    with pytest.raises(InvalidInput, match="No product reads tested/facts"):
        check_folder(tmp_path, [])
    write(tmp_path, STATES, [replace(Event("a", 1, START, START), known_at=None)])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="1 events of tested/states lack"):
        check_folder(tmp_path, [SOURCE])
