"""Check an evidence pack and decide again, offline: `python -m meridian.record.verify pack.zip`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import typer

from meridian.code_version import code_version
from meridian.errors import MeridianError
from meridian.evidence import Evidence
from meridian.outcome import Stage
from meridian.record.check_pack import MANIFEST, problems, read
from meridian.registry.bundle import scorer_of
from meridian.registry.manifest import Manifest
from meridian.replay import MADE_BY_MACHINE, Recorded, Replay, replay
from meridian.scoring import Scorer


def verify(
    pack: Path = typer.Argument(help="An evidence pack, as `meridian evidence export` writes it."),
    key: str | None = typer.Option(None, help="The lender's public key, as `meridian audit key` prints it."),
) -> None:
    """Check hashes, proofs and signatures, and make the decision again. Exit code 1 where anything does not hold."""
    try:
        files = read(str(pack))
        found = problems(files, key)
        again = None if found else decide_again(files)
    except (OSError, BadZipFile, KeyError, ValueError, MeridianError) as error:
        typer.echo(f"{pack} is no evidence pack that can be read: {error!r}", err=True)
        raise typer.Exit(2) from None
    for problem in found:
        typer.echo(f"!! {problem}")
    if again is not None and not again.exact:
        typer.echo(f"!! the decision comes out differently: {again.cause}. {again.detail}")
        for one in again.differences:
            typer.echo(f"   {one.part} was {one.recorded}\n   {one.part} now {one.replayed}")
    if found or (again is not None and not again.exact):
        raise typer.Exit(1)
    made_again = "and was made again, the same byte for byte" if again else "a person made it, so it is not made again"
    typer.echo(
        f"The pack holds: decision {json.loads(files[MANIFEST])['decision_id']} is the one sealed, {made_again}."
    )
    if key is None:
        typer.echo(f"It is signed by {json.loads(files[MANIFEST])['key']}: compare that to the lender's public key.")


def decide_again(files: Mapping[str, bytes]) -> Replay | None:
    """The replay of a pack's decision; None for what a person decided. Raises `UntrustedModel`."""
    decision = json.loads(files["decision.json"])
    if Stage(decision["stage"]) not in MADE_BY_MACHINE:
        return None
    fields = next(row["fields"] for row in json.loads(files["rows.json"]) if row["kind"] == "v")
    recorded = Recorded(
        decision_id=decision["id"],
        document=decision,
        evidence=Evidence.from_text(files["evidence.json"].decode()),
        policy_version=fields[8],
        policy_text=files["policy.json"].decode(),
        model_sha256=fields[7],
        code=decision["decided_by"].removeprefix("meridian "),
    )
    return replay(recorded, _scorer(files), code_version())


def _scorer(files: Mapping[str, bytes]) -> Scorer | None:
    model = {name.removeprefix("model/"): content for name, content in files.items() if name.startswith("model/")}
    if not model:
        return None
    manifest = Manifest.from_document(json.loads(model["manifest.json"]))
    return scorer_of(manifest, model, Path("model"))


if __name__ == "__main__":
    typer.run(verify)
