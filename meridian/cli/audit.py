"""`meridian audit`: does the record hold, and by which key is it signed."""

from __future__ import annotations

import typer

from meridian.cli.screen import out, print_json, progress_bar
from meridian.settings import load_settings
from meridian.wiring import Wiring

audit = typer.Typer(no_args_is_help=True)


@audit.command()
def verify(as_json: bool = typer.Option(False, "--json", help="The result as JSON.")) -> None:
    """Check every row, seal, signature and anchor; name what does not hold. Exit code 1 where anything does not."""
    wiring = Wiring(load_settings(), "audit")
    with progress_bar() as progress:
        result = wiring.audits.verify(progress)
    if as_json:
        print_json(result.document())
    else:
        for finding in result.findings:
            out.print(f"[bold red]!![/] {finding.where} ", end="")
            out.print(finding.what, markup=False)
        shown = result.document()
        verdict = "[green]The record holds[/]" if shown["holds"] else f"[bold red]{len(result.findings)} findings[/]"
        out.print(
            f"{verdict}: {result.rows:,} rows, {result.seals:,} seals, {result.unsealed:,} rows not sealed yet; "
            f"{result.seconds:.1f} s, {shown['rows_per_s']:,} rows/s."
        )
    if result.findings:
        raise typer.Exit(1)


@audit.command()
def seal() -> None:
    """Seal what is new in the record now, instead of at the schedule's next turn."""
    from meridian.db.engine import WORKER_ROLE

    made = Wiring(load_settings(), "seal", WORKER_ROLE).seals.seal()
    out.print(f"{made} seals made.")


@audit.command()
def key() -> None:
    """Print the public key that an auditor trusts: seals are signed with its other half."""
    out.print(Wiring(load_settings(), "audit").seal_keys.public)
