"""`meridian jobs`: what waits for workers, what they have in hand, what failed, and having it tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from meridian.cli.screen import out, print_json, print_table, talk
from meridian.db.engine import WORKER_ROLE
from meridian.errors import InvalidInput
from meridian.service import Work
from meridian.settings import load_settings
from meridian.wiring import Wiring

AS_JSON = Annotated[bool, typer.Option("--json", help="The result as JSON.")]

jobs = typer.Typer(invoke_without_command=True)


@jobs.callback()
def show(
    context: typer.Context,
    failed: Annotated[bool, typer.Option("--failed", help="List what was set aside, and why.")] = False,
    as_json: AS_JSON = False,
) -> None:
    """What waits for workers: how much of each kind, for how long, in whose hands, and what was set aside."""
    if context.invoked_subcommand is not None:
        return
    work = _work()
    if failed:
        found = work.set_aside()
        if as_json:
            print_json({"set_aside": [one.document() for one in found]})
        elif found:
            for one in found:
                of = f"{one.kind}, {one.attempts} attempts, since {one.since:%Y-%m-%d %H:%M}"
                out.print(f"{one.id}  {one.of}: {one.error} ({of})", markup=False)
            out.print("`meridian jobs again ID`, or `--all`, has them tried again.", markup=False)
        else:
            out.print("Nothing was set aside.", markup=False)
        return
    kinds = work.standing()
    if as_json:
        print_json({"work": [one.document() for one in kinds]})
        return
    heads = ("kind", "waiting", "held", "lease ends", "oldest", "failed", "done in 1 h")
    print_table(
        heads,
        [(one.kind, f"{one.waiting:,}", f"{one.held:,}",
          f"{one.soonest_lease_end:%H:%M:%S}" if one.soonest_lease_end else "",
          timedelta(seconds=round(one.oldest_s)) if one.oldest_s is not None else "",
          f"{one.set_aside:,}", f"{one.done_last_hour:,}") for one in kinds],
    )  # fmt: skip


@jobs.command()
def again(
    ids: Annotated[list[UUID] | None, typer.Argument(metavar="[ID]...", help="Of jobs and of batches.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that was set aside.")] = False,
    as_json: AS_JSON = False,
) -> None:
    """Have what was set aside tried again, as if for the first time."""
    if not ids and not everything:
        raise InvalidInput("Which? Give ids, or --all; `meridian jobs --failed` lists what was set aside.")
    count = _work().again(ids or [], everything=everything)
    if as_json:
        print_json({"again": count})
    else:
        talk.print(f"{count:,} wait again.", markup=False)


def _work() -> Work:
    return Work(Wiring(load_settings(), "jobs", WORKER_ROLE).engine)
