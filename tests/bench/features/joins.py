"""The joins: each takes pairs that are in memory and gives the newest value by pair, in their order, NaN for none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.features import Source
from meridian.features.engine import fields_at
from meridian.features.events import EventHistory, connect
from tests.bench.features.inputs import Inputs, read_pairs
from tests.bench.features.sources import NEWEST, NEWEST_ALONE, TWENTY_MORE

ENGINE, ENGINE_20 = "engine", "engine-20"
ASOF, ASOF_BOTH = "duckdb-asof", "duckdb-asof-both"
POLARS, POLARS_BOTH = "polars-asof", "polars-asof-both"
FEAST, FEAST_KNOWN = "feast", "feast-known"
JOINS = {
    ENGINE: "Meridian, newest",
    ENGINE_20: "Meridian, newest and 20 more",
    ASOF: "DuckDB ASOF, event_at",
    ASOF_BOTH: "DuckDB ASOF, both times",
    POLARS: "polars join_asof, event_at",
    POLARS_BOTH: "polars join_asof, both times",
    FEAST: "Feast on DuckDB, event_at",
    FEAST_KNOWN: "Feast on DuckDB, both times",
}
"""Both times: of what had happened and was known at the cut-off. None but Meridian's knows a row taken back."""
WITH_FEAST = {FEAST: "happened", FEAST_KNOWN: "known"}
HAPPENED, BOTH = "event_at", "greatest(event_at, known_at)"

Answer = NDArray[np.float64]
Join = Callable[[], Answer]


def prepare(name: str, inputs: Inputs, memory: str) -> Join:
    """The join, ready to be run and timed: what it needs is imported, and the pairs are read."""
    connection = connect(memory=memory, spill=inputs.folder)
    with_pairs = read_pairs(connection, inputs)
    if name in (ENGINE, ENGINE_20):
        return _engine(connection, TWENTY_MORE if name == ENGINE_20 else NEWEST_ALONE, inputs, with_pairs)
    if name in (ASOF, ASOF_BOTH):
        return _duckdb(connection, BOTH if name == ASOF_BOTH else HAPPENED, inputs, with_pairs)
    connection.close()
    return _polars(name == POLARS_BOTH, inputs, with_pairs)


def _engine(connection: Any, source: Source, inputs: Inputs, pairs: Any) -> Join:
    applicants = pairs["applicant_id"].to_numpy(zero_copy_only=False)
    cut_offs = pairs["cut_off"].to_numpy()

    def join() -> Answer:
        with closing(connection):
            vectors = fields_at(connection, source, EventHistory(inputs.history), applicants, cut_offs)
        return np.asarray(vectors.fields[NEWEST.name])

    return join


def _duckdb(connection: Any, moment: str, inputs: Inputs, pairs: Any) -> Join:
    sql = f"""
        SELECT p.pair, e.number FROM pairs p
        ASOF JOIN (SELECT applicant_id, {moment} AS moment, number FROM read_parquet('{inputs.events}')) e
          ON e.applicant_id = p.applicant_id AND p.cut_off >= e.moment"""

    def join() -> Answer:
        with closing(connection):
            connection.register("pairs", pairs)
            found = connection.execute(sql).fetchnumpy()
        return _in_order(found["pair"], found["number"], len(pairs))

    return join


def _polars(both: bool, inputs: Inputs, pairs: Any) -> Join:
    import polars as pl

    moment = pl.max_horizontal("event_at", "known_at") if both else pl.col("event_at")

    def join() -> Answer:
        columns = "applicant_id", moment.alias("moment"), "number"
        events = pl.scan_parquet(inputs.events).select(*columns).sort("moment")
        asked = pl.from_arrow(pairs).lazy().sort("cut_off")
        # It cannot see that both are in order where there are groups; they are.
        joined = asked.join_asof(
            events, left_on="cut_off", right_on="moment", by="applicant_id", check_sortedness=False
        ).select("pair", pl.col("number").cast(pl.Float64).fill_null(float("nan")))
        found = joined.collect()
        return _in_order(found["pair"].to_numpy(), found["number"].to_numpy(), len(pairs))

    return join


def _in_order(pair: NDArray[Any], value: NDArray[Any], count: int) -> Answer:
    answer = np.full(count, np.nan)
    answer[np.asarray(pair)] = np.asarray(value)
    return answer
