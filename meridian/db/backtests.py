"""Past decisions with their evidence, many of them one after the other; and the backtests that were kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, text

from meridian.backtest import Stored
from meridian.db import tables as t
from meridian.errors import NotFound
from meridian.identity import lowest_id

AT_ONCE = 5_000
LATEST = timedelta(days=30)
"""An application is decided within so long of its receipt: parts of the record outside of that are not read."""
# All rows are wanted and none of them soon; whoever reads this long is not to be cut off.
FOR_ALL = text("SET LOCAL cursor_tuple_fraction = 1; SET LOCAL work_mem = '128MB'; SET LOCAL statement_timeout = 0")
AMONG = """
FROM record.version v
JOIN record.application a ON a.id = v.application_id
"""
WHERE = """
WHERE a.product = :product AND v.stage = :stage AND v.decided_at >= :since AND v.decided_at < :until
      AND v.application_id >= :lowest AND v.application_id < :highest"""
COUNT = text(f"SELECT count(*) {AMONG} {WHERE}")
DECIDED = text(f"""
SELECT CAST(v.id AS text), a.ref, a.applicant_id, v.outcome, v.pd, encode(v.model_sha256, 'hex') AS model_sha256,
       v.policy_version, e.document
{AMONG}
JOIN record.evidence e ON e.application_id = v.application_id AND e.id = v.evidence_id
{WHERE}""")


@dataclass(frozen=True)
class Period:
    """Which decisions of a product: of one stage, from `since` until before `until`."""

    product: str
    stage: str
    since: datetime
    until: datetime

    @property
    def parameters(self) -> dict[str, Any]:
        """For the queries of this module."""
        bounds = {"lowest": lowest_id(self.since - LATEST), "highest": lowest_id(self.until + timedelta(days=1))}
        return {**vars(self), **bounds}


def count_decided(connection: Connection, period: Period) -> int:
    """How many there are."""
    connection.execute(FOR_ALL)
    return int(connection.execute(COUNT, period.parameters).scalar_one())


def decided(connection: Connection, period: Period) -> Iterator[list[Stored]]:
    """These decisions, some at a time, in no order."""
    connection.execute(FOR_ALL)
    streamed = connection.execution_options(stream_results=True, yield_per=AT_ONCE)
    for rows in streamed.execute(DECIDED, period.parameters).partitions(AT_ONCE):
        yield [Stored(*row) for row in rows]


@dataclass(frozen=True)
class KeptBacktest:
    """A backtest that was kept, bound to the policy by its hash; the moment is the database's."""

    id: UUID
    product: str
    policy_sha256: str
    against_sha256: str
    decisions: int
    document: Mapping[str, Any]
    made_by: str
    made_at: datetime | None = None


def add_backtest(connection: Connection, one: KeptBacktest) -> None:
    """Keep a backtest. Raises what the database refuses."""
    connection.execute(insert(t.backtest), {name: value for name, value in vars(one).items() if name != "made_at"})


def get_backtest(connection: Connection, backtest_id: UUID) -> KeptBacktest:
    """One of them. Raises `NotFound`."""
    row = connection.execute(select(t.backtest).where(t.backtest.c.id == backtest_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no backtest {backtest_id}.")
    return KeptBacktest(**row._mapping)


def backtests_of(connection: Connection, policy_sha256: str) -> Sequence[KeptBacktest]:
    """Those of a policy, the newest first."""
    query = select(t.backtest).where(t.backtest.c.policy_sha256 == policy_sha256)
    rows = connection.execute(query.order_by(t.backtest.c.made_at.desc(), t.backtest.c.id.desc()))
    return [KeptBacktest(**row._mapping) for row in rows]
