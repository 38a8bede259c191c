"""Tables of a lender's own, simulated, and what tests do with a product drafted from one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from meridian.application import parse_request
from meridian.evidence import Evidence, capture
from meridian.products import Product
from meridian.products.own import load_product
from meridian.products.own.document import ProductFile
from meridian.products.own.load import read
from meridian.products.own.values import EPOCH
from meridian.training.drafting import Draft, Wishes, make_draft, write_product
from meridian.training.frame import Frame, frame_of
from meridian.training.table import TableFile, read_table

LOANS = 600
Table = dict[str, list[str]]


def plain_table(loans: int = LOANS, seed: int = 3) -> Table:
    """Past loans with a number, a category, a day and an outcome that follows from them."""
    rng = np.random.default_rng(seed)
    income = rng.lognormal(8, 0.5, loans).round(2)
    rents = rng.random(loans) < 0.4
    applied = [date(2020, 1, 1) + timedelta(days=int(day)) for day in np.sort(rng.integers(0, 1000, loans))]
    opened = [day - timedelta(days=int(age)) for day, age in zip(applied, rng.integers(30, 4000, loans), strict=True)]
    risk = -1.2 - 0.8 * (np.log(income) - 8) + 0.9 * rents
    bad = rng.random(loans) < 1 / (1 + np.exp(-risk))
    return {
        "ref": [f"L{i:05d}" for i in range(loans)],
        "income": [f"{value:.2f}" for value in income],
        "housing": ["rent" if one else "own" for one in rents],
        "opened": [day.isoformat() for day in opened],
        "applied": [day.isoformat() for day in applied],
        "bad": [str(int(one)) for one in bad],
    }


def written(path: Path, table: Mapping[str, Sequence[str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """The table as a file."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter=delimiter)
    rows.writerow(table)
    rows.writerows(zip(*table.values(), strict=True))
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def drafted(
    folder: Path, file: Path, target: str = "bad", name: str = "own-loan", **wishes: Any
) -> tuple[Product, Draft]:
    """The product drafted from a file, loaded from its folder."""
    draft = make_draft(Wishes(name, file, target, **wishes))
    return load_product(write_product(draft, folder)), draft


Maker = Callable[..., tuple[Product, Draft]]


def maker(folder: Path) -> Maker:
    """What drafts products in a folder: from the plain table, with columns changed or, where None, left out."""

    def make(wishes: dict[str, Any] | None = None, **changes: list[str] | None) -> tuple[Product, Draft]:
        changed = {name: column for name, column in {**plain_table(), **changes}.items() if column is not None}
        return drafted(folder / "products", written(folder / "loans.csv", changed), **(wishes or {}))

    return make


def frame_and_file(product: Product, file: Path) -> tuple[Frame, TableFile]:
    """The frame that the product's models are trained on."""
    table = read_table(product, file)
    return frame_of(product, table), table


def request_of(document: ProductFile, fields: Mapping[str, Any], loan: int, name: str) -> dict[str, Any]:
    """A loan of the table as an application."""
    stated: dict[str, Any] = {}
    for column in document.column:
        value = fields[column.field][loan].item()
        if column.type == "category":
            stated[column.field] = value or None
        elif value != value:
            stated[column.field] = None
        elif column.type == "date":
            months = date(int(value) // 12, int(value) % 12 + 1, 1) if column.monthly else None
            stated[column.field] = str(months or EPOCH + timedelta(days=int(value)))
        else:
            stated[column.field] = value
    return {
        "product": name,
        "application": {"applicant_id": f"loan-{loan}", "date_of_birth": "1970-01-01", **stated},
    }


def served(product: Product, request: Mapping[str, Any], received: datetime) -> Evidence:
    """The evidence of an application."""
    parsed = parse_request(json.dumps(request).encode(), {product.name: product.request})
    return capture(
        request=parsed.document(),
        received_at=received,
        readings=product.read_application(parsed, received),
        features=product.features,
        model_sources=product.model_sources,
        versions={},
    )


def check_served_as_trained(
    folder: Path, product: Product, file: Path, loans: Sequence[int] = (0, 1, 17, 120)
) -> Frame:
    """Each of some loans, sent as an application on its own day, gives the vector that was trained on."""
    frame, table = frame_and_file(product, file)
    document = read(folder / product.name / "product.toml", ProductFile)
    fields = product.training[0].fields(table.columns)["application"]
    for loan in loans:
        received = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
        if "@day" in fields:
            received = datetime.combine(EPOCH, datetime.min.time(), UTC) + timedelta(
                days=float(fields["@day"][loan]), hours=9
            )
        evidence = served(product, request_of(document, fields, loan, product.name), received)
        vector = np.array([evidence.features[name] for name in frame.names], dtype=np.float32)
        np.testing.assert_array_equal(vector, frame.matrix[loan], err_msg=f"loan {loan}")
    return frame
