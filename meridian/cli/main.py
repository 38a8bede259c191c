"""The commands, and what becomes of an error."""

from __future__ import annotations

import sys

import typer

from meridian import __version__
from meridian.cli import access, ask, operate, train
from meridian.cli.audit import audit
from meridian.cli.correct import correct
from meridian.cli.evidence import evidence
from meridian.cli.features import features
from meridian.cli.history import history
from meridian.cli.models import models
from meridian.cli.policy import policy
from meridian.cli.product import product
from meridian.cli.redecide import redecide
from meridian.cli.replay import replay, upgrade_check
from meridian.cli.screen import complain
from meridian.cli.simulate import simulate
from meridian.cli.sources import sources
from meridian.errors import InvalidInput, MeridianError
from meridian.logs import configure_logs

app = typer.Typer(
    name="meridian",
    help="Credit decisions that answer at once, give exact reasons and keep their evidence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(operate.up)
app.command()(operate.down)
app.command()(operate.doctor)
app.command()(operate.migrate)
app.command()(train.train)
app.command()(ask.sample)
app.command()(ask.decide)
app.command()(ask.sql)
app.command()(correct)
app.command()(replay)
app.command()(redecide)
app.command("upgrade-check")(upgrade_check)
app.add_typer(audit, name="audit", help="The record's seals: verify, seal now, public key.")
app.add_typer(evidence, name="evidence", help="Evidence packs: one decision with all that proves it.")
app.add_typer(access.keys, name="keys", help="API keys: create, list, revoke.")
app.add_typer(features, name="features", help="The feature store: definitions, materialisation, the check for skew.")
app.add_typer(history, name="history", help="The lender's own history of its applicants.")
app.add_typer(models, name="models", help="Models: which there are, what one is, whether it passes its gates.")
app.add_typer(policy, name="policy", help="Policies as tables: check, show in sentences, to a spreadsheet and back.")
app.add_typer(product, name="product", help="Products of your own: new, from a table of past loans; check.")
app.add_typer(simulate, name="simulate", help="A simulated lender: make one, its requests, stubs of its sources.")
app.add_typer(sources, name="sources", help="Providers: who is asked for which source, and a question to one.")
app.add_typer(access.users, name="users", help="Analysts who sign in at the desk.")


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
