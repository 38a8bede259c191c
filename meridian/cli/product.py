"""`meridian product`: a product of your own from a table of past loans, and what is wrong with one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from meridian.cli.screen import out, print_json, progress_bar, talk
from meridian.errors import InvalidInput
from meridian.products import product_names
from meridian.products.own import NAME, load_product
from meridian.settings import load_settings

if TYPE_CHECKING:
    from meridian.training.drafting import Draft

product = typer.Typer(no_args_is_help=True)


@product.command()
def new(
    name: Annotated[str, typer.Argument(help="The product's name: small letters, digits and hyphens.")],
    data: Annotated[Path, typer.Option(help="Past loans, a table of text: CSV, tabs or semicolons, also .gz.")],
    target: Annotated[str, typer.Option(help="The column that says whether a loan defaulted.")],
    time: Annotated[str | None, typer.Option(help="The column with the day of the application.")] = None,
    entity: Annotated[str | None, typer.Option(help="The column that says whose loan it is.")] = None,
    protected: Annotated[
        list[str] | None, typer.Option(help="A protected attribute, never an input; repeatable.")
    ] = None,
    bad: Annotated[str | None, typer.Option(help="The target's value for a default.")] = None,
    include: Annotated[list[str] | None, typer.Option(help="A column to use though it would be left out.")] = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="A column not to use.")] = None,
    missing: Annotated[list[str] | None, typer.Option(help="A text that stands for nothing.")] = None,
    dates: Annotated[list[str] | None, typer.Option(help="The form of days where two would do: DD/MM/YYYY.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Draft a product from a table of past loans: fields, features, bands, reasons, and a report of what was seen."""
    # The training package is not needed to serve, so that only this command brings it in.
    from meridian.training import drafting

    _check_name(name)
    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    wishes = drafting.Wishes(
        name, data, target, time, entity, tuple(protected or ()), bad, tuple(include or ()), tuple(leave_out or ()),
        tuple(missing or ()), tuple(dates or ()),
    )  # fmt: skip
    with progress_bar() as progress:
        draft = drafting.make_draft(wishes, progress)
    written = drafting.write_product(draft, settings.products_dir)
    load_product(written)
    if as_json:
        print_json({**drafting.as_json(draft), "folder": str(written)})
        return
    _show(draft, written, data)


@product.command()
def check(
    name: Annotated[str, typer.Argument(help="The product to look at.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Say whether a product's files hold together, and what is wrong where they do not."""
    found = load_product(load_settings().products_dir / name)
    figures = {
        "product": found.name,
        "title": found.title,
        "fields": len(found.request.model_fields["application"].annotation.model_fields) - 2,  # type: ignore[union-attr]
        "features": len(found.features),
        "compact": len(found.compact_features),
        "batch": len(found.batch_features),
        "policy": found.terms.version,
    }
    if as_json:
        print_json(figures)
        return
    out.print(
        f"{found.name} holds together: {figures['fields']} fields, {figures['features']} features, "
        f"policy {figures['policy']}.",
        markup=False,
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(NAME, name):
        raise InvalidInput(
            f"{name!r} is no name for a product; 2 to 41 small letters, digits and hyphens, a letter first: my-loan."
        )
    if name in product_names():
        raise InvalidInput(f"There is a product {name!r} already; choose another name, or take its folder away first.")


def _show(draft: Draft, folder: Path, data: Path) -> None:
    from meridian.training import drafting

    for line in drafting.summary_lines(draft):
        out.print(line, markup=False)
    table = Table(title=f"{draft.summary.file}, column by column", title_justify="left")
    for heading in ("column", "is", "AUC alone", "risk", "notes"):
        table.add_column(
            heading, overflow="fold", no_wrap=heading == "is", min_width=9 if heading == "column" else None
        )
    for found in draft.findings:
        best = "" if found.auc is None else f"{max(found.auc, found.missing_auc or 0.5):.3f}"
        missing = [f"missing {found.missing_share:.1%}"] if found.missing_share else []
        notes = "; ".join([*([found.why] if found.why else []), *missing, *found.warnings, *found.notes])
        what = found.kind if found.role == "used" else found.role
        table.add_row(*map(escape, (found.column, what, best, found.direction, notes)))
    out.print(table)
    for warning in drafting.warnings_of(draft):
        talk.print(f"Look at: {warning}", style="yellow", markup=False)
    out.print(f"Written to {folder}; read REPORT.md there. Next:", markup=False)
    out.print(f"  meridian train {draft.name} --data {shlex.quote(str(data))}", markup=False)
