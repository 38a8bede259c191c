"""`meridian evidence`: a decision with all that it was made from, to take along."""

from __future__ import annotations

from pathlib import Path

import typer

from meridian.cli.replay import decision_uuid
from meridian.cli.screen import out, print_json
from meridian.errors import InvalidInput
from meridian.settings import load_settings
from meridian.wiring import Wiring

evidence = typer.Typer(no_args_is_help=True)


@evidence.callback()
def _group() -> None:
    """Evidence packs."""


@evidence.command()
def export(
    decision_id: str = typer.Argument(metavar="ID", help="The decision."),
    output: Path | None = typer.Option(None, "--output", "-o", help="The file; default evidence-ID.zip here."),
    as_json: bool = typer.Option(False, "--json", help="The file's name and size as JSON."),
) -> None:
    """Write one signed zip: decision, evidence, policy, model, proofs, and a small program that checks it."""
    found = decision_uuid(decision_id)
    content = Wiring(load_settings(), "evidence").packs.export(found)
    path = output or Path(f"evidence-{found}.zip")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from None
    if as_json:
        print_json({"file": str(path), "bytes": len(content)})
    else:
        out.print(f"{path} ({len(content):,} bytes). Check it anywhere: python -m meridian.record.verify {path}")
