"""Two clocks, ours and the database's: what is recorded must have happened when it says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from meridian.errors import Unavailable

MOST_SKEW_S = 120.0
"""How far the two may be apart."""


def refuse_skew(database_now: datetime, ours: datetime) -> None:
    """Raises `Unavailable` where the database's clock and ours are too far apart to record what happened when."""
    apart = (ours - database_now).total_seconds()
    if abs(apart) > MOST_SKEW_S:
        ahead = "ahead of" if apart > 0 else "behind"
        raise Unavailable(
            f"Nothing is recorded: this server's clock is {abs(apart):.0f} s {ahead} the database's. "
            "Set the clocks right; then the same request is answered."
        )


def compare_clocks(connection: Connection, ours: datetime) -> None:
    """Ask the database for its time. Raises `Unavailable` as `refuse_skew` does."""
    refuse_skew(connection.execute(select(func.now())).scalar_one(), ours)


def seconds(number: float | ColumnElement[Any]) -> ColumnElement[Any]:
    """So many seconds as the database adds them to a moment."""
    return func.make_interval(0, 0, 0, 0, 0, 0, number)
