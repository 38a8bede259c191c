"""The commands, and what becomes of an error."""

from __future__ import annotations

import sys

import typer

from meridian import __version__
from meridian.cli.commands import Deferred
from meridian.cli.screen import complain
from meridian.errors import InvalidInput, MeridianError
from meridian.logs import configure_logs

app = typer.Typer(
    name="meridian",
    cls=Deferred,
    help="Credit decisions that answer at once, give exact reasons and keep their evidence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run one command. A foreseen error is a sentence and an exit code, never a trace."""
    # What goes on below belongs neither on the terminal nor among the JSON: a command says itself what failed.
    configure_logs("ERROR")
    try:
        app()
    except MeridianError as error:
        complain(str(error))
        for problem in error.problems if isinstance(error, InvalidInput) else ():
            complain(f"  {problem.pointer}: {problem.value}; expected {problem.expected}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
