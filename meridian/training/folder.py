"""Reading past loans from a folder: `applications/` and `outcomes/` in Parquet parts, the sources' `events/` beside."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidTrainingData
from meridian.extra import need
from meridian.features.events import connect, listed, quoted
from meridian.products import Product, TrainingTable
from meridian.training.table import Columns, TableFile, sha256_of_file

APPLICATIONS, OUTCOMES, EVENTS = "applications", "outcomes", "events"
PROTECTED = "protected"
"""May lie beside: what says who belongs to which group, a row for each applicant."""
KEY, APPLICANT, DECLINED = "application_ref", "applicant_id", "declined"


def read_folder(product: Product, folder: Path, *, declined: bool = False) -> TableFile:
    """The loans of a folder whose outcome is known, or the applications that were declined, by their references.

    Raises `InvalidTrainingData` where the product has no such table, or the folder lacks a part or a column.
    """
    table = next((one for one in product.training if one.outcome and one.cut_off), None)
    if table is None or table.outcome is None:
        raise InvalidTrainingData(f"{product.name} is trained on one file of loans, not on a folder; name the file.")
    for part in (APPLICATIONS, OUTCOMES, EVENTS):
        if not any((folder / part).rglob("*.parquet")):
            raise InvalidTrainingData(f"{folder} has no Parquet files in {part}/; a folder of loans needs them.")
    files = {part: str(folder / part / "*.parquet") for part in (APPLICATIONS, OUTCOMES)}
    condition = f"{quoted(table.outcome)} IS NOT NULL"
    if declined:
        if table.declined is None:
            raise InvalidTrainingData(f"{table.name} does not say which applications were declined.")
        column, files[DECLINED] = table.declined
        condition = f"{quoted(column)} = ${DECLINED} AND {quoted(table.outcome)} IS NULL"
    query = f"""
        SELECT {listed(table.columns)}
        FROM read_parquet($applications) AS a JOIN read_parquet($outcomes) AS o USING ({KEY})
        WHERE {condition} ORDER BY {KEY}"""
    duckdb = need("duckdb")
    try:
        with closing(connect()) as connection:
            raw = connection.execute(query, files).fetchnumpy()
    except duckdb.Error as error:
        raise InvalidTrainingData(f"{folder} cannot be read as loans: {str(error).splitlines()[0]}") from None
    columns = {name: _column(name, raw[name]) for name in table.columns}
    if not len(columns[table.columns[0]]):
        what = "declined application" if declined else f"loan with a known {table.outcome}"
        raise InvalidTrainingData(f"{folder} has no {what}.")
    membership = None if declined else _membership(table, folder, columns)
    return TableFile(table, folder.name, _digest(sorted(folder.rglob("*.parquet")), folder), columns, membership)


def _membership(table: TrainingTable, folder: Path, columns: Columns) -> Columns | None:
    """The protected columns of each loan's applicant, as texts, empty where nothing is known of them."""
    if not any((folder / PROTECTED).rglob("*.parquet")):
        return None
    names = table.membership_columns
    texts = "".join(f", CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" for name in names)
    query = f"SELECT {APPLICANT}{texts} FROM read_parquet($protected) ORDER BY {APPLICANT}"
    duckdb = need("duckdb")
    try:
        with closing(connect()) as connection:
            raw = connection.execute(query, {"protected": str(folder / PROTECTED / "*.parquet")}).fetchnumpy()
    except duckdb.Error as error:
        where = folder / PROTECTED
        raise InvalidTrainingData(f"{where} cannot be read as groups: {str(error).splitlines()[0]}") from None
    ids = _column(APPLICANT, raw[APPLICANT])
    twice = ids[1:][ids[1:] == ids[:-1]]
    if len(twice):
        raise InvalidTrainingData(f"{folder / PROTECTED} has two rows of {twice[0]}; leave one for each applicant.")
    wanted = columns[APPLICANT]
    places = np.minimum(np.searchsorted(ids, wanted), max(len(ids) - 1, 0))
    known = ids[places] == wanted if len(ids) else np.zeros(len(wanted), np.bool_)
    return {name: np.where(known, _column(name, raw[name])[places] if len(ids) else "", "") for name in names}


def _column(name: str, raw: NDArray[Any]) -> NDArray[Any]:
    """A column as DuckDB gives it: texts as texts, numbers as numbers, NaN where there is none."""
    if raw.dtype.kind == "M" and np.ma.getmaskarray(raw).any():
        raise InvalidTrainingData(f"{np.ma.getmaskarray(raw).sum()} loans have no {name}; every loan needs one.")
    if raw.dtype == object:
        return np.asarray(np.ma.filled(np.ma.asarray(raw), ""), dtype=np.str_)
    if isinstance(raw, np.ma.MaskedArray) and raw.dtype.kind in "iuf":
        return np.asarray(np.ma.filled(raw.astype(np.float64), np.nan))
    return np.asarray(raw)


def _digest(files: Iterable[Path], folder: Path) -> str:
    """SHA-256 over the names and hashes of all files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(folder)} {sha256_of_file(file)}\n".encode())
    return digest.hexdigest()
