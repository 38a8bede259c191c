"""`meridian models`: which there are, whether they pass their gates, who signed for them, and which of them decide."""

import typer

from meridian.cli.models.examine import check
from meridian.cli.models.experiment import challenger, shadow
from meridian.cli.models.look import compare, list_models, show
from meridian.cli.models.register import approve, promote, rollback, submit

models = typer.Typer(no_args_is_help=True)
models.command("list")(list_models)
models.command("show")(show)
models.command("compare")(compare)
models.command("check")(check)
models.command("submit")(submit)
models.command("approve")(approve)
models.command("promote")(promote)
models.command("rollback")(rollback)
models.command("challenger")(challenger)
models.command("shadow")(shadow)

__all__ = ["models"]
