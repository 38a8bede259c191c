"""One chunk of a simulated lender, and all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from meridian.errors import InvalidInput
from meridian.simulator.lender.bank import transact
from meridian.simulator.lender.bureau import report
from meridian.simulator.lender.business import business
from meridian.simulator.lender.employment import verify
from meridian.simulator.lender.form import fill_in
from meridian.simulator.lender.imperfections import arrive, shown
from meridian.simulator.lender.outcomes import World, come_out
from meridian.simulator.lender.population import people
from meridian.simulator.lender.settings import LenderSettings
from meridian.simulator.lender.streams import STREAMS, Events

PROCESSES = 2
SETTINGS_FILE = "lender.json"


@dataclass(frozen=True)
class Summary:
    """What was written: how many applied, and how many events each stream has."""

    applicants: int
    events: Mapping[str, int]

    @property
    def total_events(self) -> int:
        """Events of all streams."""
        return sum(self.events.values())


def quiet(_step: str, _share: float) -> None:
    """Say nothing of the progress."""


def simulate(
    settings: LenderSettings, folder: Path, progress: Callable[[str, float], None] = quiet, processes: int = PROCESSES
) -> Summary:
    """Write a simulated lender into a folder that is empty or not there yet.

    The same settings give the same bytes, on any number of processes. `progress` is told the share of the
    applicants that is written. Processes are spawned, so a script that calls this with more than one chunk has it
    behind `if __name__ == "__main__"`.

    Raises:
        InvalidInput: the folder holds something already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InvalidInput(f"{folder} is not empty; give a new folder, so that no two lenders mix")
    folder.mkdir(parents=True, exist_ok=True)
    events: Counter[str] = Counter()
    for done, counts in enumerate(_all_chunks(settings, folder, processes), start=1):
        events.update(counts)
        progress("applicants", done / settings.chunks)
    summary = Summary(settings.applicants, dict(events))
    described = {"settings": asdict(settings), "events": summary.events}
    (folder / SETTINGS_FILE).write_text(json.dumps(described, indent=2, default=date.isoformat) + "\n")
    return summary


def _all_chunks(settings: LenderSettings, folder: Path, processes: int) -> Iterator[Mapping[str, int]]:
    one = partial(write_chunk, settings, folder)
    if settings.chunks == 1 or processes == 1:
        yield from map(one, range(settings.chunks))
        return
    with ProcessPoolExecutor(min(processes, settings.chunks), mp_context=get_context("spawn")) as pool:
        yield from pool.map(one, range(settings.chunks))


def write_chunk(settings: LenderSettings, folder: Path, chunk: int) -> Mapping[str, int]:
    """Write one chunk's files, which hang on no other chunk; returns how many events each stream got."""
    # pyarrow takes a moment to load, and those who only want to know of the streams have no need of it.
    from meridian.simulator.lender import writing

    randomness = settings.randomness(chunk)
    world, streams = _live(settings, chunk)
    outcomes = come_out(randomness["outcomes"], settings, world)
    writing.write_people(folder, settings, chunk, world, outcomes)
    ids = writing.applicant_ids(settings, chunk)
    counts = {}
    for stream in STREAMS:
        # One stream at a time, and gone when it is written: memory holds one chunk, and of that one reporting.
        events = shown(arrive(randomness["imperfections"], stream, streams.pop(stream.path)))
        path = writing.part(folder / "events" / stream.source / stream.name, chunk)
        counts[stream.path] = writing.write_events(path, stream, ids, events)
    return counts


def _live(settings: LenderSettings, chunk: int) -> tuple[World, dict[str, Events]]:
    """All that happens to a chunk's applicants up to their applications, and the events it leaves, by stream."""
    randomness = settings.randomness(chunk)
    persons = people(randomness["people"], settings, len(settings.numbers(chunk)))
    form = fill_in(randomness["form"], persons)
    bureau = report(randomness["bureau"], settings, persons, form)
    bank = transact(randomness["bank"], persons, form, bureau)
    employment = verify(randomness["employment"], persons)
    own = business(randomness["business"], persons)
    streams = {f"bureau/{name}": events for name, events in bureau.events.items()}
    streams |= {"bank/transactions": bank.events, "employment/records": employment.events}
    streams |= {f"history/{name}": events for name, events in own.events.items()}
    return World(persons, form, bureau, bank, employment, own), streams
