"""`meridian features`: what is defined, bringing the store up to date, and the check that nothing is skewed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import typer

from meridian.cli.replay import SEED, moment
from meridian.cli.screen import out, print_json, print_table, progress_bar, talk
from meridian.db.engine import WORKER_ROLE
from meridian.errors import InvalidInput
from meridian.features import Source
from meridian.features.engine import check_folder
from meridian.features.events import EventHistory
from meridian.products import Product, find_product, products
from meridian.products.catalogue import catalogue as catalogue_of
from meridian.products.catalogue import entry
from meridian.service import Checked, summed
from meridian.settings import load_settings
from meridian.wiring import Wiring

features = typer.Typer(no_args_is_help=True)
SHOWN = 5


@features.command("list")
def list_features(
    product: str = typer.Argument(help="The product, e.g. consumer-loan."),
    source: str | None = typer.Option(None, help="Only those of one source."),
    as_json: bool = typer.Option(False, "--json", help="Definitions as JSON."),
) -> None:
    """List a product's features."""
    of = find_product(product)
    entries = [entry(of)(feature) for feature in of.features]
    chosen = [one for one in entries if source in (None, one["source"])]
    if not chosen:
        raise InvalidInput(f"{product} has no features of the source {source!r}.")
    if as_json:
        print_json(chosen)
        return
    columns = ("name", "source", "unit", "meaning", "direction", "models")
    print_table(columns, [tuple(one[name] for name in columns) for one in chosen])


@features.command("select")
def select_features(
    product: str = typer.Argument(help="The product, e.g. consumer-loan."),
    data: Path = typer.Option(..., help="Past loans: a file, or a folder."),
    budget: int = typer.Option(40, min=1, help="How many features the model may read."),
    as_json: bool = typer.Option(False, "--json", help="Every step as JSON."),
) -> None:
    """Choose a fast model's features among all that the product trains on, and say what the others would bring."""
    from meridian.training.growing.recipes import COMPACT
    from meridian.training.selecting import select
    from meridian.training.train import read_loans

    of = find_product(product)
    with progress_bar() as progress:
        loans = read_loans(of, data, progress=lambda what, share: progress(what, share / 2))
        chosen = select(
            of.features, loans.frame, loans.frame.names, budget, COMPACT,
            progress=lambda share: progress("leaving features out", 0.5 + share / 2),
        )  # fmt: skip
    if as_json:
        print_json({"kept": chosen.kept, "cost_in_auc": chosen.cost, "steps": [vars(step) for step in chosen.steps]})
        return
    full = chosen.steps[0]
    rows = [(f"{len(step.features)}", f"{step.auc:.4f}", f"{full.auc - step.auc:+.4f}") for step in chosen.steps]
    print_table(("features", "AUC", "cost in AUC"), rows)
    out.print(f"Kept: {', '.join(chosen.kept)}", markup=False)
    now = set(of.compact_features)
    for what, names in (("not in the fast model now", set(chosen.kept) - now), ("left out", now - set(chosen.kept))):
        if names:
            out.print(f"{what}: {', '.join(sorted(names))}", markup=False)
    talk.print("AUC is of training loans that were not learnt from; the product's folder says what the models read.")


@features.command("show")
def show(
    name: str = typer.Argument(help="The feature's name."),
    product: str | None = typer.Option(None, help="Of this product; default: every one that has it."),
    as_json: bool = typer.Option(False, "--json", help="The definition as JSON."),
) -> None:
    """Show everything about one feature."""
    among = [find_product(product)] if product else list(products().values())
    found = [{"product": one.title, **entry(one)(one.features[name])} for one in among if name in one.features]
    if not found:
        near = sorted({other for one in among for other in one.features.names if name in other})[:8]
        hint = f" Do you mean {', '.join(near)}?" if near else " `meridian features list PRODUCT` has their names."
        raise InvalidInput(f"There is no feature {name!r}.{hint}")
    if as_json:
        print_json(found)
        return
    for one in found:
        print_table(("", one["product"]), [(key, value) for key, value in one.items() if key != "product"])


@features.command("catalogue")
def catalogue(
    product: str = typer.Argument(help="The product, e.g. consumer-loan."),
    output: Path | None = typer.Option(None, help="Write the page here; default: print it."),
) -> None:
    """Make the page that documents a product's sources and features, in Markdown."""
    page = catalogue_of(find_product(product))
    if output is None:
        out.print(page, markup=False, end="")
    else:
        output.write_text(page)


@features.command("materialise")
def materialise(
    product: str | None = typer.Argument(None, help="Only this product's sources."),
    source: str | None = typer.Option(None, help="Only this source."),
    everybody: bool = typer.Option(False, help="Compute all applicants anew, not only those with new events."),
    as_json: bool = typer.Option(False, "--json", help="What was done, as JSON."),
) -> None:
    """Bring ready vectors up to now. A run that was broken off is gone on with."""
    chosen = _sources([find_product(product)] if product else list(products().values()), source)
    worker = Wiring(load_settings(), "materialise", WORKER_ROLE)
    with progress_bar() as progress:
        worker.replies.to_history()
        done = [worker.materialisation.run(one, progress, everybody=everybody) for one in chosen]
    if as_json:
        print_json([vars(one) for one in done])
        return
    for one in done:
        resumed = ", going on with a run that was broken off" if one.resumed else ""
        out.print(f"{one.source}: {one.applicants:,} applicants up to {one.cut_off:%Y-%m-%d %H:%M:%S %Z}{resumed}")


@features.command("import")
def import_events(
    folder: Path = typer.Argument(help="Events as Parquet files, <source>/<stream>/*.parquet."),
) -> None:
    """Add a folder of events, as the products' streams say, to the event history. The same twice changes nothing."""
    settings = load_settings()
    check_folder(folder, [source for product in products().values() for source in product.sources])
    for stream, count in EventHistory(settings.events_dir).add(folder).items():
        out.print(f"{stream}: {count} files in {settings.events_dir / stream}")


@features.command("unroll")
def unroll(
    product: str = typer.Argument(help="The product, e.g. credit-card."),
    data: Path = typer.Option(..., help="A table whose rows hold dated snapshots, a .csv or .csv.gz file."),
) -> None:
    """Add the events that a table of snapshots holds to the event history. The same file twice changes nothing."""
    # The training package is not needed to serve, so that only this command brings it in.
    from meridian.training.unroll import unroll_file

    folder = load_settings().events_dir
    with progress_bar() as progress:
        counts = unroll_file(find_product(product), data, folder, lambda share: progress("unrolling", share))
    for place, count in counts.items():
        out.print(f"{place}: {count:,} events in {folder / place}")


@features.command("verify")
def verify(
    sample: int = typer.Option(1000, "--sample", min=1, help="So many decisions, drawn at random."),
    since: str | None = typer.Option(None, help="Only decisions from this moment on, e.g. 2026-11-01."),
    seed: int = typer.Option(SEED, help="Another seed draws other decisions."),
    as_json: bool = typer.Option(False, "--json", help="The result as JSON."),
) -> None:
    """Compute the features of past decisions again from the events. Exit code 1 where one comes out differently."""
    wiring = Wiring(load_settings(), "verify")
    total, parts = wiring.skew.sample(sample, moment(since), seed)
    done: list[Checked] = []
    with progress_bar() as progress:
        for part in parts:
            done.append(part)
            progress("decisions checked", sum(one.decisions for one in done) / total)
    result = summed(done)
    if as_json:
        shown = [vars(found) for found in result.differences]
        print_json({"decisions": result.decisions, "values": result.values, "differences": shown,
                    "not_checked": result.not_checked})  # fmt: skip
    else:
        _report(result)
    if result.differences:
        raise typer.Exit(1)


def _report(result: Checked) -> None:
    count = len(result.differences)
    out.print(f"{result.decisions:,} decisions, {result.values:,} values computed again, {count:,} differ.")
    by_feature = Counter((found.source, found.feature) for found in result.differences)
    for (source, feature), many in by_feature.most_common():
        out.print(f"[bold red]{many:,}[/] in {source} {feature}")
        same = [one for one in result.differences if (one.source, one.feature) == (source, feature)]
        for one in same[:SHOWN]:
            out.print(f"  {one.decision_id}  logged {one.logged}, computed {one.computed}", markup=False)
    for line in result.not_checked:
        talk.print(f"not checked: {line}")


def _sources(chosen: list[Product], name: str | None) -> list[Source]:
    every = {one.fingerprint: one for product in chosen for one in product.sources if one.streams}
    found = [one for one in every.values() if name in (None, one.name)]
    if not found:
        raise InvalidInput(f"No source{f' {name!r}' if name else ''} with events is declared; nothing to materialise.")
    return found
