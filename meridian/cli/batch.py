"""`meridian batch`: a file of applications decided by the batch model, and what came of it as files."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from meridian.bulk import REJECTS, RESULTS, Form, write_rows
from meridian.cli.screen import out, print_json, print_table, talk
from meridian.db.batches import Batch
from meridian.db.engine import WORKER_ROLE
from meridian.errors import InvalidInput
from meridian.logs import configure_logs
from meridian.service import Batches
from meridian.settings import load_settings
from meridian.wiring import Wiring

LOOK_AGAIN_S = 0.5
LISTED = 20

AS_JSON = Annotated[bool, typer.Option("--json", help="The result as JSON.")]
BATCH = Annotated[UUID, typer.Argument(help="The batch's id.")]
OUTPUT = Annotated[Path | None, typer.Option(help="Where what was decided goes: .csv, .ndjson or .parquet.")]
REJECTED = Annotated[Path | None, typer.Option(help="Where what was not, and why, goes: .csv, .ndjson or .parquet.")]

batch = typer.Typer(no_args_is_help=True)


@batch.command()
def score(
    product: Annotated[str, typer.Argument(help="The product that all of the file apply for.")],
    given: Annotated[Path, typer.Option("--input", help="Applications: .csv, .ndjson or .parquet.")],
    output: OUTPUT = None,
    rejects: REJECTED = None,
    processes: Annotated[int | None, typer.Option(min=0, help="How many decide here; left out: one a core.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Decide a file that was decided before once more.")] = False,
    as_json: AS_JSON = False,
) -> None:
    """Decide a file of applications by the batch model, and record each as any other decision.

    What was interrupted is gone on with by the same command: the same file is the same batch. Workers that run help.
    Rows that are no application are left out, each with column, value and reason; the exit code is 1 where not all of
    the file could be read or decided.
    """
    for path in (output, rejects):
        _check_writable(path)
    form = Form.of_name(given.name)
    batches = Wiring(load_settings(), "batch", WORKER_ROLE).batches
    try:
        with given.open("rb") as file, _bar() as show:
            batch_id = batches.take_in(
                product, form, file, f"command of {getpass.getuser()}", given.name, show.arrived, again=again
            )
            found = _decided(batches, batch_id, (os.cpu_count() or 1) if processes is None else processes, show)
    except OSError as error:
        raise InvalidInput(f"{given} cannot be read: {error.strerror}.") from None
    _write(batches, found, output, rejects)
    _tell(found, as_json=as_json)
    raise typer.Exit(0 if found.state == "done" and found.refused is None else 1)


@batch.command("list")
def list_(as_json: AS_JSON = False) -> None:
    """The newest batches, and how far each is."""
    found = Wiring(load_settings(), "batch", WORKER_ROLE).batches.newest(LISTED)
    if as_json:
        print_json({"batches": [one.document() for one in found]})
        return
    columns = ("batch", "product", "file", "state", "rows", "decided", "rejected", "since")
    print_table(
        columns,
        [(one.id, one.product, one.name, one.state, f"{one.rows:,}", f"{one.decided:,}", f"{one.rejected:,}",
          f"{one.created_at:%Y-%m-%d %H:%M}") for one in found],
    )  # fmt: skip


@batch.command()
def show(batch_id: BATCH, output: OUTPUT = None, rejects: REJECTED = None, as_json: AS_JSON = False) -> None:
    """How far a batch is, and what came of it so far as files."""
    for path in (output, rejects):
        _check_writable(path)
    batches = Wiring(load_settings(), "batch", WORKER_ROLE).batches
    found = batches.find(batch_id)
    _write(batches, found, output, rejects)
    _tell(found, as_json=as_json)


def _decided(batches: Batches, batch_id: UUID, processes: int, show: _Shown) -> Batch:
    """Have the parts decided by processes of our own beside the workers, and wait for the last."""
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=_work, args=(batch_id,), daemon=True) for _ in range(processes)]
    for child in children:
        child.start()
    try:
        while (found := batches.find(batch_id)).state == "running":
            show.decided(found)
            if children and not any(child.is_alive() for child in children):
                # What they left is in a worker's hands, or waits for its next attempt.
                batches.work(lambda: False)
            time.sleep(LOOK_AGAIN_S)
        return found
    finally:
        for child in children:
            child.terminate()
            child.join()


def _work(batch_id: UUID) -> None:
    settings = load_settings()
    configure_logs(settings.log_level)
    batches = Wiring(settings, "batch", WORKER_ROLE).batches
    while batches.decide_next(batch_id):
        pass


class _Shown:
    """What people see of it."""

    def __init__(self, bar: Progress):
        self._bar = bar
        self._task = bar.add_task("arriving", total=None)

    def arrived(self, rows: int) -> None:
        """So many rows are in."""
        self._bar.update(self._task, description="arriving", completed=rows)

    def decided(self, found: Batch) -> None:
        """How far it is."""
        done = found.decided + found.rejected
        self._bar.update(self._task, description="decided", total=found.rows, completed=done)


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        """Nothing until it is known."""
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "")


@contextmanager
def _bar() -> Iterator[_Shown]:
    with Progress(
        SpinnerColumn(), TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), _Rate(),
        TimeRemainingColumn(compact=True), console=talk, transient=True,
    ) as bar:  # fmt: skip
        yield _Shown(bar)


def _check_writable(path: Path | None) -> None:
    if path is None:
        return
    Form.of_name(path.name)
    if not path.parent.is_dir():
        raise InvalidInput(f"{path} is in a folder that is not there; make {path.parent} first.")


def _write(batches: Batches, found: Batch, output: Path | None, rejects: Path | None) -> None:
    written: list[tuple[Path | None, tuple[str, ...], Callable[[], Iterator[dict[str, Any]]]]] = [
        (output, RESULTS, lambda: batches.results(found.id)),
        (rejects, REJECTS, lambda: (reject._asdict() for reject in batches.rejects(found.id))),
    ]
    for path, columns, rows in written:
        if path is not None:
            count = write_rows(path, columns, rows())
            talk.print(f"{path}: {count:,} lines.", markup=False)


def _tell(found: Batch, *, as_json: bool) -> None:
    if as_json:
        print_json(found.document())
        return
    out.print(
        f"Batch {found.id} ({found.name}) is {found.state}: of {found.rows:,} rows {found.decided:,} decided, "
        f"{found.rejected:,} rejected.",
        markup=False,
    )
    if found.refused:
        out.print(f"The rest of the file was not read: {found.refused}", style="red", markup=False)
    if found.parts_failed:
        out.print(f"{found.parts_failed} parts were set aside: {found.error}", style="red", markup=False)
