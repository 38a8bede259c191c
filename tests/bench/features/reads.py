"""An applicant's vectors of four sources, read as a decision reads them, beside one row by its primary key."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, create_engine, text

from meridian.db.engine import APP_ROLE, open_engine
from meridian.db.online import finish_run, look_up, start_run
from meridian.db.prepared import Prepared
from meridian.features import Silence, Source
from tests.bench.figures import Figures, figures

LOOK_UP, BARE = "look-up", "bare-read"
READS = {LOOK_UP: "Meridian, 4 vectors", BARE: "one row, primary key"}
FIELDS, SEED, WARM_UP = 60, 20, 2_000
DIFFERENT = 1_000
WEEK = timedelta(days=7)
SOURCES = tuple(
    Source(
        name, "made for measuring", WEEK, WEEK, Silence.NOT_KNOWN, loaded=[f"{name}_{place}" for place in range(FIELDS)]
    )
    for name in ("first", "second", "third", "fourth")
)
ROW = Prepared(
    "bare_row", "SELECT fields FROM public.bare WHERE applicant_id = {applicant_id}", {"applicant_id": "text"}
)

Read = Callable[[str], object]


def fill(url: str, applicants: int, say: Callable[[str], None]) -> None:
    """Vectors of random numbers for everybody, and the same numbers of an applicant in one row of a plain table."""
    # A thousand different ones are enough: each has its own row all the same. To name `n` has them made each time.
    numbers = f"""
        SELECT n, (SELECT array_agg(floor(random() * 1e6) / 100 + 0 * i)
                   FROM generate_series(1, {FIELDS * len(SOURCES)}) AS i WHERE n >= 0) AS fields
        FROM generate_series(0, {DIFFERENT - 1}) AS n"""
    people = f"""
        SELECT 'applicant-' || lpad(number::text, 8, '0') AS applicant_id, pool.fields
        FROM generate_series(0, {applicants - 1}) AS number JOIN pool ON pool.n = number % {DIFFERENT}"""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"SELECT setseed(0.{SEED})"))
        connection.execute(text(f"CREATE TEMP TABLE pool AS {numbers}"))
        for place, source in enumerate(SOURCES):
            say(f"vectors of the {source.name} source")
            _put(connection, source, people, slice(place * FIELDS + 1, (place + 1) * FIELDS))
        say("bare rows")
        connection.execute(text("CREATE TABLE public.bare (applicant_id text PRIMARY KEY, fields float8[] NOT NULL)"))
        connection.execute(text(f"INSERT INTO public.bare {people}"))
        connection.execute(text(f"GRANT SELECT ON public.bare TO {APP_ROLE}"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE online.vector, online.coverage, public.bare"))
        connection.execute(text("CHECKPOINT"))
    engine.dispose()


def _put(connection: Connection, source: Source, people: str, part: slice) -> None:
    moment = datetime.now(UTC)
    start_run(connection, source, moment)
    connection.execute(
        text(f"""
            INSERT INTO online.vector (applicant_id, fingerprint, cut_off, newest_at, fields)
            SELECT applicant_id, decode(:fingerprint, 'hex'), :moment, :moment, fields[{part.start}\\:{part.stop}]
            FROM ({people}) AS everybody"""),
        {"fingerprint": source.fingerprint, "moment": moment},
    )
    finish_run(connection, source, moment)


@dataclass(frozen=True)
class Reads:
    """So many reads of each kind, in turn, in one process, each kind on a connection like the service's."""

    url: str
    applicants: int
    count: int

    def run(self, repeats: int, report: Callable[[int], None]) -> dict[str, list[Figures]]:
        """The figures of each round; applicants are drawn at random."""
        results: dict[str, list[Figures]] = {name: [] for name in READS}
        chance = random.Random(SEED)
        engine = open_engine(self.url, role=APP_ROLE, name="bench", each_by_itself=True)
        with engine.connect() as ours, engine.connect() as bare:
            reads = {LOOK_UP: look_up_with(ours), BARE: bare_with(bare)}
            self._in_turn(reads, [self._one(chance) for _ in range(WARM_UP)])
            for number in range(1, repeats + 1):
                report(number)
                for name, took in self._in_turn(reads, [self._one(chance) for _ in range(self.count)]).items():
                    results[name].append(figures(took, sum(took), {}))
        engine.dispose()
        return results

    def _one(self, chance: random.Random) -> str:
        return f"applicant-{chance.randrange(self.applicants):08d}"

    def _in_turn(self, reads: dict[str, Read], applicants: Sequence[str]) -> dict[str, list[float]]:
        took: dict[str, list[float]] = {name: [] for name in reads}
        for place, applicant in enumerate(applicants):
            # Whoever comes first finds the pages cold, so they take turns.
            for name in list(reads)[:: 1 if place % 2 else -1]:
                start = time.perf_counter()
                reads[name](applicant)
                took[name].append(time.perf_counter() - start)
        return took


def look_up_with(connection: Connection) -> Read:
    """What the service does."""

    def read(applicant: str) -> object:
        found = look_up(connection, SOURCES, applicant, datetime.now(UTC))
        if any(stored is None for stored in found.stored.values()) or len(found.stored) < len(SOURCES):
            raise AssertionError(f"{applicant} has not all its vectors")
        return found

    return read


def bare_with(connection: Connection) -> Read:
    """What no read can be faster than: prepared, and the same driver makes floats of as many numbers."""

    def read(applicant: str) -> object:
        fields = ROW.run(connection, {"applicant_id": applicant}).scalar_one()
        if len(fields) != FIELDS * len(SOURCES):
            raise AssertionError(f"{applicant} has {len(fields)} fields")
        return fields

    return read
