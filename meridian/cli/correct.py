"""`meridian correct`: put a recorded decision right, by a further version."""

from __future__ import annotations

import typer

from meridian.cli.screen import out, print_json
from meridian.errors import InvalidInput
from meridian.outcome import Outcome
from meridian.service import Settling
from meridian.settings import load_settings
from meridian.wiring import Wiring


def correct(
    application_ref: str = typer.Argument(metavar="REF", help="The application."),
    outcome: str = typer.Option(help="approve or decline."),
    person: str = typer.Option("--by", help="Who corrects, e.g. a user name."),
    note: str = typer.Option(help="What was wrong, and how it was found."),
    code: list[str] = typer.Option([], help="A reason's code, for a decline; up to four."),
    as_json: bool = typer.Option(False, "--json", help="The new version as JSON."),
) -> None:
    """Record a correction: it governs from now on, and the versions before it stay as they are."""
    try:
        wanted = Outcome(outcome)
    except ValueError:
        raise InvalidInput(f"--outcome {outcome!r} is not known; write approve or decline.") from None
    wiring = Wiring(load_settings(), "correct")
    version_id = wiring.desk.reviews.correct(application_ref, person, Settling(wanted, code, note))
    if as_json:
        print_json(wiring.queries.decision(version_id))
    else:
        out.print(f"Application {application_ref} is now governed by {version_id}: {wanted.value}.", markup=False)
