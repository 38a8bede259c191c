"""`meridian train`: models from past loans, or from simulated applicants to try things out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from meridian.errors import InvalidInput
from meridian.products import Product, find_product
from meridian.registry import Manifest, bundle_folder
from meridian.settings import load_settings


def train(
    product: Annotated[str, typer.Argument(help="The product to train, e.g. personal-loan.")],
    data: Annotated[Path | None, typer.Option(help="Past loans: a .csv or .csv.gz file, or a folder.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Train on simulated applicants instead.")] = False,
    columns: Annotated[
        list[str] | None,
        typer.Option(help="A column the models must be able to use; it is checked, and refused if it is a leak."),
    ] = None,
    calibration: Annotated[
        str, typer.Option(help="How scores become probabilities: logistic, or isotonic where there are many defaults.")
    ] = "logistic",
    search: Annotated[
        int,
        typer.Option(min=0, max=500, help="Try so many recipes, and take the one that does best; 0: the usual one."),
    ] = 0,
    rejects: Annotated[
        str, typer.Option(help="Take the declined in, by an assumption: none, fuzzy or parcelling (for a folder).")
    ] = "none",
    factor: Annotated[
        float, typer.Option(min=0.1, max=10, help="How much likelier the declined default than granted loans alike.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Where chance has a part; the same seed, the same models.")] = None,
    engine: Annotated[
        str, typer.Option(help="Where trees are grown: local, or dask for the workers of a Dask cluster.")
    ] = "local",
    cluster: Annotated[
        str | None, typer.Option(help="With dask: the scheduler of a cluster that runs, e.g. tcp://10.0.0.5:8786.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="With dask and no cluster: so many worker processes of this machine (2).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifests as JSON.")] = False,
) -> None:
    """Train a product's compact and batch model, prove them, and put them in place with their cards."""
    if (data is None) != demo:
        raise InvalidInput("Say what to train on: either --data FILE or --demo.")
    wanted = [name.strip() for text in columns or () for name in text.split(",") if name.strip()]
    models_dir = load_settings().models_dir
    chosen = Chosen(calibration, search, seed, rejects, factor, engine, cluster, workers)
    manifests = _train(find_product(product), data, models_dir, wanted, chosen)
    folders = [bundle_folder(models_dir, manifest.product, manifest.purpose) for manifest in manifests]
    if as_json:
        made = [
            {**manifest.document(), "sha256": manifest.sha256, "folder": str(folder)}
            for manifest, folder in zip(manifests, folders, strict=True)
        ]
        typer.echo(json.dumps(made, indent=2))
        return
    out = Console()
    out.print(_table(manifests))
    for folder in folders:
        out.print(f"card: {folder / 'card.html'}", soft_wrap=True, highlight=False)
    out.print(
        "A running service goes on with the models it has. Put these forward: meridian models submit; or restart it."
    )


@dataclass(frozen=True)
class Chosen:
    """What the caller chose, before it was looked at."""

    calibration: str
    search: int
    seed: int | None
    rejects: str
    factor: float
    engine: str
    cluster: str | None
    workers: int | None


def _train(product: Product, data: Path | None, models_dir: Path, wanted: list[str], chosen: Chosen) -> list[Manifest]:
    # The training package is not needed to serve, so that only this command brings it in.
    from meridian.training import train_product
    from meridian.training.calibrate import Method
    from meridian.training.demo import train_demo
    from meridian.training.fit import Options
    from meridian.training.growing.joining import engine_of
    from meridian.training.growing.recipes import SEED
    from meridian.training.rejects import Inference

    if chosen.calibration not in list(Method):
        raise InvalidInput(f"--calibration {chosen.calibration!r} is neither of {', '.join(Method)}.")
    if chosen.rejects not in list(Inference):
        raise InvalidInput(f"--rejects {chosen.rejects!r} is none of {', '.join(Inference)}.")
    if chosen.rejects == Inference.NONE and chosen.factor != 1.0:
        raise InvalidInput(
            f"--factor {chosen.factor} is of the declined, whom nobody takes in; give --rejects as well."
        )
    if chosen.rejects != Inference.NONE and data is None:
        raise InvalidInput("--demo has nobody who was declined; --rejects is for a folder of a lender's own.")
    seed = SEED if chosen.seed is None else chosen.seed
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True
    )
    task = bar.add_task("starting", total=1.0)
    with bar, engine_of(chosen.engine, chosen.cluster, chosen.workers) as engine:
        options = Options(seed, Method(chosen.calibration), chosen.search, engine=engine)

        def advance(what: str, share: float) -> None:
            bar.update(task, description=what, completed=share)

        if data is None:
            return train_demo(product, models_dir, advance, options)
        return train_product(
            product, data, models_dir, advance, wanted, options, Inference(chosen.rejects), chosen.factor
        )


def _table(manifests: list[Manifest]) -> Table:
    rows = manifests[0].lineage.rows
    loans = f"{rows['train']:,} loans to train, {rows['test']:,} to test"
    table = Table(title=f"{manifests[0].lineage.table}: {loans}", title_justify="left")
    table.add_column("model", no_wrap=True)
    for heading in ("AUC learnt", "AUC test", "KS", "Brier", "slope"):
        table.add_column(heading, justify="right", no_wrap=True)
    for manifest in manifests:
        test = manifest.metrics["test"]
        table.add_row(
            manifest.name,
            f"{manifest.metrics['train']['auc']:.4f}",
            f"{test['auc']:.4f}",
            f"{test['ks']:.4f}",
            f"{test['brier']:.4f}",
            f"{test['calibration_slope']:.3f}",
        )
    return table
