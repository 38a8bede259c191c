"""What is wrong with an answer: rows that nobody knew yet, and rows that were not what stood."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meridian.features.events import connect
from tests.bench.features.inputs import MEMORY, Inputs, read_pairs

EACH_OF = 500
"""One applicant of so many has its answers looked up by the definition."""


@dataclass(frozen=True)
class Wrong:
    """Of all pairs: `leaked` were answered by a row that got known after the cut-off, `other` not as Meridian does."""

    leaked: int
    other: int


def wrong(inputs: Inputs, answer: NDArray[np.float64], truth: NDArray[np.float64]) -> Wrong:
    """Each value is the number of the event's row, so it tells when it got known."""
    other = int((~((answer == truth) | (np.isnan(answer) & np.isnan(truth)))).sum())
    with closing(connect(memory=MEMORY, spill=inputs.folder)) as connection:
        pairs = read_pairs(connection, inputs).append_column("number", [answer])
        connection.register("answer", pairs)
        leaked = connection.execute(f"""
            SELECT count(*) FROM answer a JOIN (
                SELECT number, min(known_at) AS known_at FROM read_parquet('{inputs.events}') GROUP BY number) e
            ON e.number = a.number::BIGINT AND NOT isnan(a.number) WHERE e.known_at > a.cut_off""").fetchone()[0]
    return Wrong(int(leaked), other)


def check_definition(inputs: Inputs, answer: NDArray[np.float64]) -> None:
    """Meridian's answers are the definition's, written down once more as it is said; else nothing means anything.

    Of the versions known at the cut-off the highest revision stands, among equals the one known last; it counts unless
    it takes the event back or has not happened yet; the newest of these is the answer.
    """
    with closing(connect(memory=MEMORY, spill=inputs.folder)) as connection:
        connection.register("pairs", read_pairs(connection, inputs))
        found = connection.execute(f"""
            WITH chosen AS (SELECT * FROM pairs WHERE right(applicant_id, 8)::BIGINT % {EACH_OF} = 0),
            known AS (
                SELECT p.pair, p.cut_off, e.* FROM chosen p JOIN read_parquet('{inputs.events}') e
                ON e.applicant_id = p.applicant_id AND e.known_at <= p.cut_off),
            standing AS (
                SELECT * FROM known QUALIFY row_number() OVER (
                    PARTITION BY pair, event_id ORDER BY revision DESC, known_at DESC) = 1),
            newest AS (
                SELECT * FROM standing WHERE NOT retracted AND event_at <= cut_off
                QUALIFY row_number() OVER (PARTITION BY pair ORDER BY event_at DESC, event_id DESC) = 1)
            SELECT chosen.pair, coalesce(newest.number, 'nan'::DOUBLE) AS number
            FROM chosen LEFT JOIN newest USING (pair)""").fetchnumpy()
    np.testing.assert_array_equal(answer[np.asarray(found["pair"])], np.asarray(found["number"], np.float64))
