"""Events and (applicant, cut-off) pairs, always the same ones: each value is a hash of its row's number."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meridian.features.events import connect
from tests.bench.features.sources import LEDGER

SEED = 20
DAY_US = 86_400_000_000
FIRST, DAYS = "TIMESTAMP '2022-01-01'", 3 * 365
MEMORY = "6GB"
COLUMNS = "applicant_id, event_id, event_at, known_at, revision, retracted, number, amount, kind, good"


@dataclass(frozen=True)
class Size:
    """How many rows of events, how many pairs; two pairs for each applicant."""

    events: int
    pairs: int

    @property
    def applicants(self) -> int:
        """All have about as many events."""
        return self.pairs // 2


@dataclass(frozen=True)
class Inputs:
    """Where they lie. `number` of an event is that of its row, so that an answer tells where it is from."""

    folder: Path

    @property
    def history(self) -> Path:
        """The folder of the event history."""
        return self.folder / "events"

    @property
    def events(self) -> str:
        """The pattern of the events' files."""
        return str(self.history / LEDGER / LEDGER / "*.parquet")

    @property
    def pairs(self) -> Path:
        """The file of the pairs: pair, applicant_id, cut_off."""
        return self.folder / "pairs.parquet"


def make_inputs(folder: Path, size: Size, say: Callable[[str], None]) -> Inputs:
    """Write both. The files hold events as they got known, which is how a history grows."""
    inputs = Inputs(folder)
    target = inputs.history / LEDGER / LEDGER
    target.mkdir(parents=True)
    with closing(connect(memory=MEMORY, spill=folder)) as connection:
        connection.execute(f"CREATE MACRO chance(row, what) AS hash(row * 64 + what + {SEED} * 4611686018427)")
        say("events")
        connection.execute(f"CREATE TABLE event AS {_events(size)}")
        connection.execute(
            f"COPY (SELECT {COLUMNS} FROM event ORDER BY known_at, number) TO '{target}' "
            "(FORMAT parquet, FILE_SIZE_BYTES '64MB', FILENAME_PATTERN 'part-{i}')"
        )
        say("pairs")
        connection.execute(f"COPY ({_pairs(size)}) TO '{inputs.pairs}' (FORMAT parquet)")
    return inputs


def _events(size: Size) -> str:
    """1 % of the events are corrected later, and a tenth of that taken back; 0.5 % arrive twice.

    Most get known within the hour, 8 % within a week, 2 % within three months.
    """
    again = int(size.events / 1.015 * 0.005)
    first = size.events - 3 * again
    late = f"""CASE WHEN chance(row, 3) % 100 < 90 THEN chance(row, 4) % 3600000000
        WHEN chance(row, 3) % 100 < 98 THEN chance(row, 4) % (7 * {DAY_US})
        ELSE chance(row, 4) % (90 * {DAY_US}) END"""
    return f"""
        WITH base AS (
            SELECT range AS row, {_applicant("range", size)} AS applicant_id, range // {size.applicants} AS event_id,
                   {_moment("chance(range, 2)", 0, DAYS)} AS event_at FROM range({first})),
        dated AS (SELECT *, event_at + to_microseconds(({late})::BIGINT) AS known_at FROM base),
        corrected AS (
            SELECT * REPLACE (known_at + to_microseconds((1 + chance(row, 5) % (60 * {DAY_US}))::BIGINT) AS known_at)
            FROM dated WHERE row % {first // (2 * again)} = 0 AND row < {2 * again} * {first // (2 * again)}),
        twice AS (SELECT * FROM dated WHERE row % {first // again} = 1 AND row < {again} * {first // again}),
        written AS (
            SELECT *, 0 AS revision, false AS retracted, row AS number FROM dated
            UNION ALL SELECT *, 1, chance(row, 6) % 10 = 0, row + {first} FROM corrected
            UNION ALL SELECT *, 0, false, row FROM twice)
        SELECT applicant_id, event_id, event_at, known_at, revision::INTEGER AS revision, retracted, number,
               (chance(number, 7) % 200000)::BIGINT AS amount, 'kind-' || chance(number, 8) % 8 AS kind,
               chance(number, 9) % 5 > 0 AS good
        FROM written"""


def _pairs(size: Size) -> str:
    return f"""
        SELECT range AS pair, {_applicant("range", size)} AS applicant_id,
               {_moment("chance(range, 10)", DAYS // 3, DAYS)} AS cut_off
        FROM range({size.pairs}) ORDER BY chance(range, 11)"""


def _applicant(number: str, size: Size) -> str:
    return f"'applicant-' || lpad(({number} % {size.applicants})::VARCHAR, 8, '0')"


def _moment(chance: str, first_day: int, last_day: int) -> str:
    return f"{FIRST} + to_microseconds(({first_day * DAY_US} + {chance} % {(last_day - first_day) * DAY_US})::BIGINT)"


def read_pairs(connection: Any, inputs: Inputs) -> Any:
    """The pairs as an Arrow table, in their order."""
    return connection.sql(f"SELECT * FROM read_parquet('{inputs.pairs}') ORDER BY pair").to_arrow_table()
