"""`meridian models`: which models there are, what is known of one, and whether it passes its gates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from meridian.cli.screen import out, print_json, print_table, progress_bar, talk
from meridian.errors import InvalidInput, NotReady
from meridian.products import find_product, products
from meridian.registry import Manifest, Purpose, bundle_folder, load_manifest, load_scorer
from meridian.registry.bundle import RETIRED
from meridian.settings import load_settings
from meridian.wiring import Wiring

models = typer.Typer(no_args_is_help=True)
SHOWN = 12
"""Digits of a hash that are shown, and that are enough to name a model."""
MOST_CHANGED = 0.10
"""Of past decisions: what changes more is not the same model a little better."""
SEED = 1


@models.command("list")
def list_models(as_json: bool = typer.Option(False, "--json", help="Everything as JSON.")) -> None:
    """List the models that are kept here, in use and retired."""
    found = sorted(_kept(), key=lambda one: (one[1].product, one[1].purpose, one[2], one[1].trained_at))
    if as_json:
        print_json([_line(folder, manifest, in_use) for folder, manifest, in_use in found])
        return
    rows = [
        (
            manifest.sha256[:SHOWN], manifest.name, "in use" if in_use else "retired", manifest.trained_at[:10],
            f"{manifest.metrics['test']['auc']:.4f}",
        )
        for _, manifest, in_use in found
    ]  # fmt: skip
    print_table(("hash", "model", "is", "trained", "AUC"), rows)


@models.command("show")
def show(
    sha256: str = typer.Argument(help="The model's hash, or its first digits."),
    as_json: bool = typer.Option(False, "--json", help="The manifest as JSON."),
) -> None:
    """Show what a model is: data, features, figures, limits, and where its card lies."""
    folder, manifest, in_use = _named(sha256)
    if as_json:
        print_json(_line(folder, manifest, in_use) | {"manifest": manifest.document()})
        return
    lineage = manifest.lineage
    out.print(f"{manifest.name} {manifest.sha256}", markup=False)
    for what, text in (
        ("is", "in use" if in_use else "retired"),
        ("trained", f"{manifest.trained_at}, seed {manifest.seed}"),
        ("data", f"{lineage.table}, {lineage.file}, SHA-256 {lineage.sha256}"),
        ("loans", f"{lineage.rows['train']:,} to train, {lineage.rows['test']:,} to test"),
        ("recipe", ", ".join(f"{name} {value}" for name, value in manifest.training.get("recipe", {}).items())),
        ("features", ", ".join(manifest.features)),
        ("card", str(folder / "card.html")),
    ):  # fmt: skip
        out.print(f"  {what:<24} {text}", markup=False)
    for part, figures in manifest.metrics.items():
        told = ", ".join(f"{name} {figures[name]:.4f}" for name in ("auc", "ks", "brier", "calibration_slope"))
        out.print(f"  {part:<24} {told}", markup=False)
    for limit in manifest.limits:
        out.print(f"  - {limit}", markup=False)


@models.command("check")
def check(
    product: str = typer.Argument(help="The product, e.g. personal-loan."),
    data: Path = typer.Option(..., help="Past loans to measure on: a file, or a folder."),
    purpose: Purpose = typer.Option(Purpose.COMPACT, help="Which of its models."),
    folder: Path | None = typer.Option(None, help="A model elsewhere than among those in use."),
    decisions: int = typer.Option(0, min=0, help="Make so many past decisions again with it; needs the database."),
    as_json: bool = typer.Option(False, "--json", help="Every gate as JSON."),
) -> None:
    """Measure a model anew and hold it against the gates. Exit code 1 where it does not pass them all.

    Nothing that its manifest or card states is taken for true. A model that would change more than a tenth of past
    decisions does not pass either.
    """
    from meridian.training.gates import Gate, pass_gates
    from meridian.training.train import read_loans

    if decisions and purpose is not Purpose.COMPACT:
        raise InvalidInput(f"--decisions holds a model against past fast answers, which no {purpose} model gives.")
    settings, of = load_settings(), find_product(product)
    place = folder or bundle_folder(settings.models_dir, product, purpose)
    with progress_bar() as progress:
        frame = read_loans(of, data, progress=lambda what, share: progress(what, share)).frame
        gates = list(pass_gates(of, place, frame))
        if decisions and gates[0].passed:
            wiring = Wiring(settings, "models")
            swaps = wiring.reproduction.of(
                product, load_scorer(place, of), decisions, SEED, lambda share: progress("decisions made again", share)
            )
            found = (
                f"{swaps.changed} of {swaps.decisions} past decisions come out otherwise, at most {MOST_CHANGED:.0%}; "
                f"{swaps.skipped} could not be made again"
            )
            gates.append(Gate("reproduction", swaps.changed_share <= MOST_CHANGED, found))
    passed = all(gate.passed for gate in gates)
    if as_json:
        print_json({"folder": str(place), "passed": passed, "gates": [gate.document() for gate in gates]})
    else:
        print_table(
            ("gate", "", "found"), [(gate.name, "passed" if gate.passed else "FAILED", gate.found) for gate in gates]
        )
        talk.print("It passes." if passed else "It does not pass: it must not decide.")
    raise typer.Exit(0 if passed else 1)


def _kept() -> Iterator[tuple[Path, Manifest, bool]]:
    """Every model's folder and manifest, and whether it is in use."""
    models_dir = load_settings().models_dir
    for name in products():
        for place, in_use in ((models_dir / name, True), (models_dir / name / RETIRED, False)):
            # What begins with a dot is being written, or was left by somebody who was killed.
            for folder in sorted(place.glob("[!.]*")) if place.is_dir() else ():
                try:
                    yield folder, load_manifest(folder), in_use
                except NotReady:
                    continue


def _named(sha256: str) -> tuple[Path, Manifest, bool]:
    found = [one for one in _kept() if one[1].sha256.startswith(sha256.lower())]
    if len(found) != 1:
        what = "No model" if not found else f"{len(found)} models"
        raise InvalidInput(f"{what} with a hash that begins with {sha256!r}; `meridian models list` shows all.")
    return found[0]


def _line(folder: Path, manifest: Manifest, in_use: bool) -> dict[str, object]:
    return {
        "name": manifest.name, "product": manifest.product, "purpose": manifest.purpose.value,
        "sha256": manifest.sha256, "in_use": in_use, "trained_at": manifest.trained_at,
        "metrics": manifest.metrics, "folder": str(folder),
    }  # fmt: skip
