"""`meridian replay` and `upgrade-check`: past decisions made again, and what comes out differently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

import typer

from meridian.cli.screen import out, print_json, progress_bar
from meridian.errors import InvalidInput
from meridian.replay import Replay
from meridian.settings import load_settings
from meridian.wiring import Wiring

SHOWN = 10
SEED = 1


def replay(
    decision_id: str | None = typer.Argument(None, metavar="ID", help="One decision; or use --sample."),
    sample: int = typer.Option(0, "--sample", min=0, help="So many decisions, drawn at random."),
    since: str | None = typer.Option(None, help="Only decisions from this moment on, e.g. 2026-11-01."),
    seed: int = typer.Option(SEED, help="Another seed draws other decisions."),
    as_json: bool = typer.Option(False, "--json", help="The result as JSON."),
) -> None:
    """Make recorded decisions again from what is recorded. Exit code 1 where one comes out differently."""
    wiring = Wiring(load_settings(), "replay")
    if decision_id is not None and not sample:
        _report([wiring.replays.one(decision_uuid(decision_id))], as_json)
    elif sample and decision_id is None:
        _sample(wiring, sample, moment(since), seed, as_json)
    else:
        raise InvalidInput("Say what to replay: either a decision's ID or --sample N.")


def upgrade_check(
    sample: int = typer.Option(1000, "--sample", min=1, help="So many decisions, drawn at random."),
    since: str | None = typer.Option(None, help="Only decisions from this moment on, e.g. 2026-11-01."),
    seed: int = typer.Option(SEED, help="Another seed draws other decisions."),
    as_json: bool = typer.Option(False, "--json", help="The result as JSON."),
) -> None:
    """The gate before a new release goes to work: with it, past decisions and reasons must come out the same.

    Run it with the new release, on the record that the old one wrote. Exit code 1 where anything differs.
    """
    wiring = Wiring(load_settings(), "upgrade-check")
    wiring.queries.check_schema()
    _sample(wiring, sample, moment(since), seed, as_json)


def _sample(wiring: Wiring, count: int, since: datetime | None, seed: int, as_json: bool) -> None:
    total, replays = wiring.replays.sample(count, since, seed)
    done: list[Replay] = []
    with progress_bar() as progress:
        for one in replays:
            done.append(one)
            progress("decisions made again", len(done) / total)
    _report(done, as_json)


def _report(replays: Iterable[Replay], as_json: bool) -> None:
    every = list(replays)
    different = [one for one in every if one.cause is not None]
    causes = Counter(one.cause for one in different if one.cause)
    if as_json:
        named = {cause.name.lower(): count for cause, count in causes.items()}
        shown = [one.document() for one in different]
        print_json({"replayed": len(every), "exact": len(every) - len(different), "causes": named, "different": shown})
    else:
        _talk(every, different, causes)
    if different:
        raise typer.Exit(1)


def _talk(every: list[Replay], different: list[Replay], causes: Counter) -> None:  # type: ignore[type-arg]
    out.print(f"{len(every):,} decisions made again, {len(every) - len(different):,} the same byte for byte.")
    for cause, count in causes.most_common():
        out.print(f"[bold red]{count:,}[/] differ: {cause.value}.")
    for one in different[:SHOWN]:
        out.print(f"  {one.decision_id}  {one.cause.name.lower() if one.cause else ''}  {one.detail}", markup=False)
        for difference in one.differences:
            out.print(f"    {difference.part} was {difference.recorded}", markup=False)
            out.print(f"    {difference.part} now {difference.replayed}", markup=False)
    if len(different) > SHOWN:
        out.print(f"  and {len(different) - SHOWN:,} more; --json lists all.")


def decision_uuid(text: str) -> UUID:
    """The id that was typed. Raises `InvalidInput`."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(
            f"{text!r} is no decision's id; it looks like 01a208df-1932-7c6d-b43b-28dda029c0c7."
        ) from None


def moment(text: str | None) -> datetime | None:
    """The moment that was typed, in UTC where it says no zone. Raises `InvalidInput`."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no moment; write 2026-11-01 or 2026-11-01T08:30:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
