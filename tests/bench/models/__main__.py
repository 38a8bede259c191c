"""`python -m tests.bench.models`: train on each data set, and print what came of it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from meridian.products import Product, find_product
from meridian.registry import Purpose, bundle_folder, load_scorer
from meridian.simulator.lender import LenderSettings, simulate
from meridian.training.describe import fairness
from meridian.training.fit import Options
from meridian.training.measure import measure
from meridian.training.train import Loans, read_loans, train_frame
from tests.bench.models.hmda import best_f1, mortgages
from tests.bench.models.scorecard import scorecard_pds

DATA = Path(os.environ.get("MERIDIAN_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
SHOWN = ("auc", "ks", "brier", "calibration_slope")
SCORECARD = "scorecard"
HMDA = "HMDA"
ROUND_CUT = 0.20
"""Beside that of the best F1: about where the published ratios lie."""


def bench(
    applicants: Annotated[int, typer.Option(min=5000, help="Of the simulated lender.")] = 20_000,
    search: Annotated[int, typer.Option(min=0, help="Try so many recipes for each model.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """AUC, KS, Brier score and calibration slope on loans that no model has seen, out of time where there is a time."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="meridian-bench-") as place:
        for name, product, loans in _sets(Path(place), applicants):
            print(f"training on {name} ...", file=sys.stderr, flush=True)
            found[name] = _figures(name, product, loans, Path(place) / name, search)
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 124
    console.print(_table(found))
    for name, figures in found.items():
        for one in figures["fairness"]:
            groups = f"{one['group']['name']} / {one['control']['name']}"
            (low, high), cut = one["interval"] or (float("nan"), float("nan")), one["cut_off"]
            said = f"AIR {one['air']:.3f} ({low:.3f} to {high:.3f}), SMD {one['smd']:.3f}"
            console.print(f"- {name}, cut at {cut}: {groups}: {said}", markup=False)


def _sets(place: Path, applicants: int) -> Iterator[tuple[str, Product, Loans]]:
    for name, product, file in (
        ("LendingClub", "personal-loan", "lending_club_2007_2011.csv.gz"),
        ("Taiwan", "credit-card", "taiwan_default_2005.csv.gz"),
    ):
        if (DATA / file).exists():
            yield name, find_product(product), read_loans(find_product(product), DATA / file)
    train, test = (DATA / f"hmda_2018_{part}.csv.gz" for part in ("train", "test"))
    if train.exists():
        (place / "products").mkdir()
        drafted = mortgages(train, test, place / "products")
        yield HMDA, drafted.product, drafted.loans
    simulate(LenderSettings(applicants=applicants, seed=3), place / "past")
    lender = find_product("consumer-loan")
    yield "simulated lender", lender, read_loans(lender, place / "past")


def _figures(name: str, product: Product, loans: Loans, place: Path, search: int) -> dict[str, Any]:
    frame = loans.frame
    manifests = train_frame(product, frame, loans.lineage, place, options=Options(search=search))
    figures: dict[str, Any] = {
        "loans": dict(loans.lineage.rows),
        "models": {str(one.purpose): {of: one.metrics["test"][of] for of in SHOWN} for one in manifests},
    }
    plain = measure(frame.target[~frame.trains], scorecard_pds(frame)[~frame.trains])
    figures["models"][SCORECARD] = {of: plain[of] for of in SHOWN}
    scorer = load_scorer(bundle_folder(place, product.name, Purpose.COMPACT), product)
    pds = scorer.pds(frame.inputs(scorer.features))
    cuts = [product.policy.at(Purpose.COMPACT.rung).bands.approve_below]
    if name == HMDA:
        # Published with the cut-off of the best F1.
        cuts = [best_f1(frame.target[frame.trains], pds[frame.trains]), ROUND_CUT]
    figures["fairness"] = [
        {"cut_off": round(cut, 4), **one.document()} for cut in cuts for one in fairness(frame, pds, cut)
    ]
    return figures


def _table(found: dict[str, Any]) -> Table:
    table = Table(title="On loans that no model has seen", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("data", "model"):
        table.add_column(heading, no_wrap=True)
    for heading in ("AUC", "KS", "Brier", "slope"):
        table.add_column(heading, justify="right")
    for name, figures in found.items():
        here = f"{name} ({figures['loans']['train']:,} / {figures['loans']['test']:,})"
        for model, of in figures["models"].items():
            table.add_row(here, model, *(f"{of[one]:.4f}" for one in SHOWN[:3]), f"{of['calibration_slope']:.3f}")
            here = ""
        table.add_section()
    return table


if __name__ == "__main__":
    typer.run(bench)
