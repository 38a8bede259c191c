"""A chunk's events, applications, protected attributes, outcomes and truth, as Parquet files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from meridian.simulator.lender import form, population
from meridian.simulator.lender.outcomes import Outcomes, World
from meridian.simulator.lender.settings import LenderSettings
from meridian.simulator.lender.streams import DAY, NO_DAY, Events, Stream, Type

MOMENT = pa.timestamp("us", tz="UTC")
ROW_GROUP = 262_144


def part(folder: Path, chunk: int) -> Path:
    """A chunk's file in a folder."""
    return folder / f"part-{chunk:05d}.parquet"


def applicant_ids(settings: LenderSettings, chunk: int) -> Any:
    """The ids of a chunk's applicants, in order: `L7-00000123`."""
    return pa.array([f"L{settings.seed}-{number:08d}" for number in settings.numbers(chunk)])


def write_events(path: Path, stream: Stream, ids: Any, events: Events) -> int:
    """Write one stream's events of one chunk, in the order they are given; returns how many."""
    columns = {
        "applicant_id": ids.take(pa.array(events["row"])),
        "event_id": pa.array(events["event_id"]),
        "event_at": pa.array(events["event_at"]).cast(MOMENT),
        "known_at": pa.array(events["known_at"]).cast(MOMENT),
        "revision": pa.array(events["revision"]),
        "retracted": pa.array(events["retracted"]),
    } | {name: _column(events[name], kind) for name, kind in stream.columns.items()}
    _write(path, columns)
    return len(events["row"])


def write_people(folder: Path, settings: LenderSettings, chunk: int, world: World, outcomes: Outcomes) -> None:
    """Write what is one row an application: the form, protected attributes, outcomes, and the truth."""
    ids = applicant_ids(settings, chunk)
    refs = pa.array([f"A{settings.seed}-{number:08d}" for number in settings.numbers(chunk)])
    tables: Mapping[str, Mapping[str, Any]] = {
        "applications": {"application_ref": refs, "applicant_id": ids} | _applications(world),
        "protected": {"applicant_id": ids} | _protected(world.people),
        "outcomes": {"application_ref": refs} | _outcomes(world.people, outcomes),
        "truth": {
            "application_ref": refs,
            "latent_risk": pa.array(world.people.latent),
            "pd_12m": pa.array(outcomes.pd),
            "default_90d": pa.array(outcomes.default_90d),
            "default_12m": pa.array(outcomes.default_12m),
        },
    }
    for name, columns in tables.items():
        _write(part(folder / name, chunk), columns)


def _applications(world: World) -> dict[str, Any]:
    filled = world.form
    return {
        "applied_at": pa.array(world.people.applied_at).cast(MOMENT),
        "amount": pa.array(filled.amount),
        "term_months": pa.array(filled.term_months.astype(np.int32)),
        "purpose": _text(filled.purpose, tuple(form.PURPOSES)),
        "annual_income": pa.array(filled.annual_income),
        "employment_years": pa.array(filled.employment_years, mask=np.isnan(filled.employment_years)),
        "housing": _text(filled.housing, form.HOUSING),
    }


def _protected(people: population.People) -> dict[str, Any]:
    return {
        "date_of_birth": pa.array(people.born_day.astype(np.int32)).cast(pa.date32()),
        "sex": _text(people.sex, population.SEXES),
        "ethnicity_group": _text(people.group_b, population.GROUPS),
        "marital_status": _text(people.marital, tuple(population.MARITAL)),
    }


def _outcomes(people: population.People, outcomes: Outcomes) -> dict[str, Any]:
    """What the lender knows: of those it declined, nothing."""
    unknown = ~outcomes.approved
    day = (people.applied_at // DAY + outcomes.days).astype(np.int32)
    return {
        "decision": _text(outcomes.approved, ("decline", "approve")),
        "legacy_points": pa.array(outcomes.points.astype(np.int32)),
        "default_90d": pa.array(outcomes.default_90d, mask=unknown),
        "default_12m": pa.array(outcomes.default_12m, mask=unknown),
        "defaulted_on": pa.array(day, mask=unknown | ~outcomes.default_12m).cast(pa.date32()),
    }


def _column(values: NDArray[Any], kind: Type) -> Any:
    if isinstance(kind, tuple):
        return _text(values, kind)
    if kind == "day":
        return pa.array(values, mask=values == NO_DAY)
    return pa.array(values.astype(kind, copy=False))


def _text(codes: NDArray[Any], categories: tuple[str, ...]) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), pa.array(categories))


def _write(path: Path, columns: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(columns)), path, compression="zstd", row_group_size=ROW_GROUP)
