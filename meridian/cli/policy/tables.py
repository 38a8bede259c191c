"""The tables of a policy checked, told in sentences, taken to a spreadsheet and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from meridian.cases.saved import counted, ran, wrong_of
from meridian.cli.screen import out, print_json
from meridian.errors import InvalidInput, InvalidPolicy
from meridian.policy import Policy
from meridian.products.product import Product
from meridian.products.shelf import find_product, policy_file, product_names
from meridian.rulebook import (
    FILE,
    TABLES,
    Book,
    Finding,
    book_of_csvs,
    check_yaml,
    checked,
    complaint,
    read_yaml,
    write_csv,
    write_yaml,
)

PRODUCT = Annotated[str, typer.Argument(help="The product whose policy it is.")]
AS_JSON = Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")]
TABLES_OF = Annotated[
    Path | None,
    typer.Option("--file", help="Other tables than those of its folder: a policy.yaml, a CSV, a folder of CSVs."),
]


def check(
    name: Annotated[str | None, typer.Argument(metavar="[PRODUCT]", help="The product; left out: all of them.")] = None,
    file: TABLES_OF = None,
    as_json: AS_JSON = False,
) -> None:
    """Say all that is wrong with a policy's tables, and where. The exit code is 1 where anything is."""
    if file is not None and name is None:
        raise InvalidInput(f"Whose policy is {file}? Name the product before --file.")
    looked_at = [name] if name else [one for one in product_names() if policy_file(one)]
    documents, wrong = [], False
    for one in looked_at:
        product = find_product(one)
        book, found = book_of(product, file)
        made, found = checked(book, found, product.vocabulary, _called(file))
        done, unread = ran(product, replace(product.terms, policy=made), file) if made else ((), [])
        found = [*found, *unread]
        failed = wrong_of(done)
        wrong = wrong or bool(found or failed)
        documents.append(
            {
                "product": one,
                "policy": made.name if made else None,
                "findings": [each.document() for each in found],
                "cases": [each.document() for each in done],
            }
        )
        if not as_json:
            _say(one, book, found, f" {counted(done).capitalize()}." if done else "")
            for sentence in failed:
                out.print(sentence, style="red", markup=False)
    if as_json:
        print_json({"policies": documents})
    if wrong:
        raise typer.Exit(1)


def _say(name: str, book: Book | None, found: list[Finding], of_cases: str) -> None:
    for finding in found:
        out.print(finding.sentence(), style="red", markup=False)
    if not found and book is not None:
        rows = ", ".join(f"{len(book.rows(table))} {table}" for table in TABLES)
        out.print(f"{name}: {book.name} holds together: {rows}.{of_cases}", markup=False)


def to_csv(
    name: PRODUCT,
    folder: Annotated[Path, typer.Argument(help="Where the CSV files go; it is made where there is none.")],
    file: TABLES_OF = None,
) -> None:
    """Write a policy's tables as CSV, one file each, for a spreadsheet."""
    book, found = book_of(find_product(name), file)
    if book is None or found:
        raise InvalidPolicy(complaint(found))
    folder.mkdir(parents=True, exist_ok=True)
    for table in book.tables:
        (folder / f"{table}.csv").write_text(write_csv(book, table), encoding="utf-8", newline="")
    out.print(f"{', '.join(f'{table}.csv' for table in book.tables)} written to {folder}.", markup=False)


def from_csv(
    name: PRODUCT,
    folder: Annotated[Path, typer.Argument(help="A folder with rules.csv, bands.csv, prices.csv, or one of these.")],
    to: Annotated[Path, typer.Option("--to", help="The policy.yaml to write.")],
    called: Annotated[
        str | None, typer.Option("--name", help="The policy's name; left out: the present one's.")
    ] = None,
) -> None:
    """Check tables that come from a spreadsheet, and write them as a policy.yaml. Comments are not kept."""
    product = find_product(name)
    book, found = book_of(product, folder)
    made, found = checked(book, found, product.vocabulary, _called(folder))
    if book is None or made is None:
        raise InvalidPolicy(complaint(found))
    text = write_yaml(Book(called if called is not None else book.name, book.tables))
    # With its name, which has rules of its own.
    made, found = check_yaml(text.encode(), product.vocabulary, to.name)
    if made is None:
        raise InvalidPolicy(complaint(found))
    to.write_text(text, encoding="utf-8")
    out.print(f"{to} written: {made.name}.", markup=False)


def policy_in(product: Product, file: Path) -> Policy:
    """The policy that other tables say. Raises `InvalidPolicy` where they do not hold together."""
    book, found = book_of(product, file)
    made, found = checked(book, found, product.vocabulary, _called(file))
    if made is None:
        raise InvalidPolicy(complaint(found))
    return made


def _called(file: Path | None) -> str:
    return FILE if file is None else file.name


def book_of(product: Product, file: Path | None) -> tuple[Book | None, list[Finding]]:
    """The tables of a file or a folder, or those in force; a CSV alone stands in for its table in those in force."""
    if file is None:
        present = policy_file(product.name)
        if present is None:
            raise InvalidInput(f"The policy of {product.name} is not in tables; `meridian product check` looks at it.")
        return read_yaml(present.read_bytes(), present.name)
    if file.is_dir():
        files = {table: path for table in TABLES if (path := file / f"{table}.csv").is_file()}
    elif file.suffix == ".csv":
        files = {_table(file): file}
    else:
        return read_yaml(_content(file), file.name)
    if not files:
        raise InvalidInput(f"There is none of {', '.join(f'{table}.csv' for table in TABLES)} in {file}.")
    book, found = book_of_csvs(
        product.policy.name, {table: (path.name, _content(path)) for table, path in files.items()}
    )
    if file.is_dir():
        return book, found
    in_force, _ = book_of(product, None)
    return Book(book.name, {**(in_force.tables if in_force else {}), **book.tables}), found


def _table(file: Path) -> str:
    if file.stem not in TABLES:
        raise InvalidInput(
            f"Which table is {file.name}? Call it one of {', '.join(f'{table}.csv' for table in TABLES)}."
        )
    return file.stem


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None
