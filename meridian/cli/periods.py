"""A time of the record as people type it: the last days, or from one moment to another."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated

import typer

from meridian.cli.replay import moment
from meridian.errors import InvalidInput

LENGTH = re.compile(r"(\d{1,5})([dwh])")
UNITS = {"d": timedelta(days=1), "w": timedelta(weeks=1), "h": timedelta(hours=1)}
EARLIEST, LATEST = 1990, 2200

LAST = Annotated[str | None, typer.Option(help="Over the decisions of so long until now, e.g. 90d, 12w or 36h.")]
SINCE = Annotated[str | None, typer.Option(help="Over those from this moment on, e.g. 2026-09-01.")]
UNTIL = Annotated[str | None, typer.Option(help="And before this one; left out: now.")]


def period(
    last: str | None, since: str | None, until: str | None, now: datetime, instead: str = ""
) -> tuple[datetime, datetime]:
    """From when until when. Raises `InvalidInput`, naming what might be given `instead`."""
    end = moment(until) or now
    if (last is None) == (since is None):
        raise InvalidInput(f"Over which decisions? Give --last, e.g. 90d, or --since{instead}.")
    if last is None:
        begin = moment(since) or end
    else:
        said = LENGTH.fullmatch(last)
        if said is None:
            raise InvalidInput(f"--last {last!r} is no length of time; write e.g. 90d, 12w or 36h.")
        begin = end - int(said[1]) * UNITS[said[2]]
    if begin.year < EARLIEST or end.year > LATEST:
        raise InvalidInput(f"From {begin:%Y-%m-%d} until {end:%Y-%m-%d} is no time of a record; give other days.")
    if begin >= end:
        raise InvalidInput(f"From {begin:%Y-%m-%d %H:%M} until {end:%Y-%m-%d %H:%M} there is no time; swap them.")
    return begin, end
