"""`meridian history load`: the lender's own history of its applicants."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import typer

from meridian.cli.screen import talk
from meridian.db.engine import WORKER_ROLE, transaction
from meridian.db.online import count_vectors, get_coverage, load_fields
from meridian.errors import InvalidInput
from meridian.products.personal_loan.features import HISTORY
from meridian.settings import load_settings
from meridian.wiring import Wiring

COLUMNS = ("applicant_id", "loans", "worst_days_late")
MOST = 1_000_000

history = typer.Typer(no_args_is_help=True)


@history.callback()
def _group() -> None:
    """A group of one command for now, so that it is called by its full name."""


@history.command("load")
def load(
    file: Path = typer.Argument(help=f"A CSV file with the columns {', '.join(COLUMNS)}."),
    as_of: datetime = typer.Option(..., formats=["%Y-%m-%d"], help="The day the file describes."),
) -> None:
    """Take over a complete load of the own history: all of it or, where a line is wrong, none of it."""
    now = datetime.now(UTC)
    described = as_of.replace(tzinfo=UTC)
    if described > now:
        raise InvalidInput(f"--as-of {as_of:%Y-%m-%d} is in the future; give the day that the file describes.")
    rows = list(_rows(file))
    worker = Wiring(load_settings(), "cli", WORKER_ROLE)
    with transaction(worker.engine) as connection:
        newest = get_coverage(connection, HISTORY).cut_off
        if newest is not None and described.date() < newest.date() and count_vectors(connection, HISTORY):
            raise InvalidInput(f"--as-of {as_of:%Y-%m-%d} is before what is in place, as of {newest:%Y-%m-%d}.")
        count = load_fields(connection, HISTORY, rows, as_of=described)
    talk.print(f"{count} applicants, as of {as_of:%Y-%m-%d}.")


def _rows(file: Path) -> Iterator[dict[str, str | int]]:
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InvalidInput(f"{file} lacks the columns {', '.join(missing)}; it needs {', '.join(COLUMNS)}.")
            seen: set[str] = set()
            for row in reader:
                if row["applicant_id"] in seen:
                    raise InvalidInput(
                        f"{file}, line {reader.line_num}, applicant_id: {row['applicant_id']!r} stands there twice; "
                        "nothing was loaded."
                    )
                seen.add(row["applicant_id"])
                yield {
                    "applicant_id": row["applicant_id"],
                    "loans": _count(row, "loans", file, reader.line_num),
                    "worst_days_late": _count(row, "worst_days_late", file, reader.line_num),
                }
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{file} is not a CSV file in UTF-8: {error}.") from None


def _count(row: dict[str, str], name: str, file: Path, line: int) -> int:
    text = (row[name] or "").strip()
    if not (text.isascii() and text.isdigit()) or int(text) > MOST:
        raise InvalidInput(
            f"{file}, line {line}, {name}: {text!r} is not a whole number from 0 to {MOST}; nothing was loaded."
        )
    return int(text)
