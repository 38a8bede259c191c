"""`meridian policy`: its tables checked, told and taken to a spreadsheet; its versions signed for and in force."""

import typer

from meridian.cli.policy.backtest import backtest
from meridian.cli.policy.cases import cases
from meridian.cli.policy.shown import show
from meridian.cli.policy.tables import check, from_csv, to_csv
from meridian.cli.policy.versions import approve, diff, publish, rollback, submit, versions

policy = typer.Typer(no_args_is_help=True)
policy.command()(check)
policy.command()(cases)
policy.command()(show)
policy.command("export")(to_csv)
policy.command("import")(from_csv)
policy.command()(versions)
policy.command()(diff)
policy.command()(backtest)
policy.command()(submit)
policy.command()(approve)
policy.command()(publish)
policy.command()(rollback)

__all__ = ["policy"]
