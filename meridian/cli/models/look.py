"""Look at models: list, show, compare."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import typer

from meridian.cli.models.kept import CARD, Kept, all_kept, named, registrar
from meridian.cli.screen import out, print_json, print_table, progress_bar
from meridian.errors import InvalidInput, NotFound
from meridian.products import find_product
from meridian.scoring import Scorer
from meridian.settings import load_settings
from meridian.wiring import Wiring

SHOWN = 12
"""Digits of a hash that are shown, and that are enough to name a model."""
SEED = 1
FIGURES = ("auc", "ks", "brier", "calibration_slope", "mean_pd", "base_rate")
AS_JSON = typer.Option(False, "--json", help="Everything as JSON.")


def list_models(as_json: bool = AS_JSON) -> None:
    """List the models that are kept here, in the registry and in the home, and what each of them is."""
    found = all_kept()
    if as_json:
        print_json([one.document() for one in found])
        return
    rows = [
        (
            one.manifest.sha256[:SHOWN], one.manifest.name, one.status, one.manifest.trained_at[:10],
            f"{one.manifest.metrics['test']['auc']:.4f}",
        )
        for one in found
    ]  # fmt: skip
    print_table(("hash", "model", "is", "trained", "AUC"), rows)


def show(
    sha256: str = typer.Argument(help="The model's hash, or its first digits."),
    card: Path | None = typer.Option(None, help="Write its card to this file as well, to be opened in a browser."),
    as_json: bool = AS_JSON,
) -> None:
    """Show what a model is: data, features, figures, gates, signatures, limits, and where its card lies."""
    one = named(sha256)
    if card is not None:
        card.write_bytes(_card(one))
    if as_json:
        gates = {"gates": one.registered.submission.gates} if one.registered else {}
        print_json(one.document() | {"manifest": one.manifest.document()} | gates)
        return
    manifest = one.manifest
    lineage = manifest.lineage
    out.print(f"{manifest.name} {manifest.sha256}", markup=False)
    for what, text in (
        ("is", one.status),
        ("trained", f"{manifest.trained_at}, seed {manifest.seed}"),
        ("data", f"{lineage.table}, {lineage.file}, SHA-256 {lineage.sha256}"),
        ("loans", f"{lineage.rows['train']:,} to train, {lineage.rows['test']:,} to test"),
        ("recipe", ", ".join(f"{name} {value}" for name, value in manifest.training.get("recipe", {}).items())),
        ("features", ", ".join(manifest.features)),
        ("card", str(one.folder / CARD) if one.folder else "in the registry; --card FILE writes it"),
        *_signatures(one),
    ):
        out.print(f"  {what:<24} {text}", markup=False)
    for part, figures in manifest.metrics.items():
        told = ", ".join(f"{name} {figures[name]:.4f}" for name in FIGURES[:4])
        out.print(f"  {part:<24} {told}", markup=False)
    for limit in manifest.limits:
        out.print(f"  - {limit}", markup=False)


def compare(
    one: str = typer.Argument(help="A model's hash, or its first digits."),
    other: str = typer.Argument(help="Another's, of the same product and purpose."),
    decisions: int = typer.Option(0, min=0, help="Make so many past decisions with both; needs the database."),
    as_json: bool = AS_JSON,
) -> None:
    """Hold two models side by side: what they read, how good they are, and what each would have decided."""
    first, second = named(one), named(other)
    of, purposes = first.manifest.product, {first.manifest.purpose, second.manifest.purpose}
    if second.manifest.product != of or len(purposes) > 1:
        raise InvalidInput(
            f"{first.manifest.name} and {second.manifest.name} are not for the same: nothing to compare."
        )
    swaps = None
    if decisions:
        wiring, product = Wiring(load_settings(), "models"), find_product(of)
        scorers = [_scorer(wiring, kept) for kept in (first, second)]
        with progress_bar() as progress:
            swaps = wiring.reproduction.of(
                product.name, first.manifest.purpose, scorers[1], decisions, SEED,
                partial(progress, "decisions made again"), instead_of=scorers[0],
            )  # fmt: skip
    if as_json:
        print_json(
            {"models": [first.document(), second.document()], "swaps": swaps.document() if swaps else None}
        )  # fmt: skip
        return
    tests = [kept.manifest.metrics["test"] for kept in (first, second)]
    rows: list[tuple[object, ...]] = [(name, *(f"{test[name]:.4f}" for test in tests)) for name in FIGURES]
    rows.append(("tested on", *(f"{kept.manifest.lineage.rows['test']:,} of {kept.manifest.lineage.sha256[:SHOWN]}"
                                for kept in (first, second))))  # fmt: skip
    rows.append(("features", *(str(len(kept.manifest.features)) for kept in (first, second))))
    rows.append(("reads alone", *_alone(first, second)))
    print_table(("", f"{one[:SHOWN]} ({first.status})", f"{other[:SHOWN]} ({second.status})"), rows)
    if swaps is not None:
        print_table(
            ("first", "second", "decisions"), [(*pair, count) for pair, count in swaps.outcomes.most_common()]
        )  # fmt: skip
        out.print(
            f"{swaps.changed} of {swaps.decisions} past decisions differ ({swaps.skipped} could not be made again); "
            f"{swaps.other_reasons} that neither approves have other reasons."
        )


def _card(one: Kept) -> bytes:
    """The card, from the folder or the registry. Raises `NotFound` where it was put forward without."""
    if one.folder is not None and (one.folder / CARD).exists():
        return (one.folder / CARD).read_bytes()
    found = registrar().models.register.files(one.manifest.sha256) if one.registered else None
    if CARD not in (found or {}):
        raise NotFound(f"No card of {one.manifest.sha256[:SHOWN]} is kept; train it again to have one.")
    return dict(found or {})[CARD]


def _signatures(one: Kept) -> list[tuple[str, str]]:
    if one.registered is None:
        return []
    of = one.registered
    told = [
        ("submitted", f"{of.submission.submitted_at:%Y-%m-%d %H:%M} by {of.submission.submitted_by}"),
        ("owner", of.submission.owner),
        ("intended use", of.submission.intended_use),
        ("signed for", f"{of.approved_at:%Y-%m-%d %H:%M} by {of.approved_by}" if of.approved_at else "by nobody"),
    ]
    failed = [(f"gate {name}", f"NOT PASSED; {of.waivers.get(name, 'not waived')}") for name in of.submission.failed]
    return told + failed


def _alone(first: Kept, second: Kept) -> tuple[str, str]:
    one, other = set(first.manifest.features), set(second.manifest.features)
    return ", ".join(sorted(one - other)) or "-", ", ".join(sorted(other - one)) or "-"


def _scorer(wiring: Wiring, kept: Kept) -> Scorer:
    scorer = wiring.models.archive(kept.manifest.product, kept.manifest.sha256)
    if scorer is None:
        raise InvalidInput(f"The files of {kept.manifest.sha256[:SHOWN]} are not those that were trained.")
    return scorer
