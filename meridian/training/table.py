"""Reading a training table: only the columns that the product declares, and none that knows the future."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidTrainingData, LeakyColumns
from meridian.extra import need
from meridian.products import Dialect, Product, TrainingTable
from meridian.products.training_table import ROW
from meridian.training.delimited import read_delimited, texts_of

Columns = Mapping[str, NDArray[Any]]
SUFFIXES = (".csv", ".csv.gz")


@dataclass(frozen=True)
class TableFile:
    """A file read as a table: its columns as texts (empty where missing), and the SHA-256 of its bytes.

    `membership` holds the protected columns that tell compared groups apart, beside the columns and not among them, so
    that what makes inputs cannot meet them; None where the loans do not come with them.
    """

    table: TrainingTable
    name: str
    sha256: str
    columns: Columns
    membership: Columns | None = None

    @property
    def rows(self) -> int:
        """How many loans there are."""
        return len(next(iter(self.columns.values())))


def read_table(product: Product, path: Path, wanted: Sequence[str] = ()) -> TableFile:
    """Read a file of past loans as the table of the product that fits it.

    `wanted` names columns that the caller would have the models use; see `check_wanted`. Raises
    `InvalidTrainingData` for a file that cannot be read, lacks columns or has no value in one, and
    `LeakyColumns` for what may not be used.
    """
    if not product.training:
        raise InvalidTrainingData(f"{product.name} declares no training table; add one to its product folder.")
    if not path.is_file() or not (path.name.endswith(SUFFIXES) or product.training[0].dialect):
        raise InvalidTrainingData(f"{path} is not a file that can be trained on; a .csv or .csv.gz is needed.")
    if product.training[0].dialect is not None:
        return _read_delimited(product.training[0], product.training[0].dialect, path, wanted)
    duckdb = need("duckdb")
    try:
        with duckdb.connect() as connection:
            file = connection.read_csv(str(path), all_varchar=True, header=True)
            header = list(file.columns)
            table = _fitting(product, header, path)
            check_wanted(table, header, wanted)
            read = _read_of(table)
            quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in read)
            raw = file.project(quoted).fetchnumpy()
    except duckdb.Error as error:
        first_line = str(error).splitlines()[0]
        raise InvalidTrainingData(f"{path.name} cannot be read as a table: {first_line}") from None
    return _table_file(table, path, {name: _texts(raw[name]) for name in read})


def _read_of(table: TrainingTable) -> tuple[str, ...]:
    """All columns that are read, for whatever purpose."""
    return tuple(dict.fromkeys((*table.columns, *table.membership_columns)))


def _table_file(table: TrainingTable, path: Path, read: Columns) -> TableFile:
    _check_filled(read, path)
    columns, membership = (
        {name: column for name, column in read.items() if name in of or name == ROW}
        for of in (table.columns, table.membership_columns)
    )
    return TableFile(table, path.name, sha256_of_file(path), columns, membership)


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _read_delimited(table: TrainingTable, dialect: Dialect, path: Path, wanted: Sequence[str]) -> TableFile:
    """The same for a file that says itself how it is written; loans without an outcome are left out."""
    file = read_delimited(path, dialect.delimiter, dialect.encoding)
    read = _read_of(table)
    missing = [name for name in read if name not in file]
    if missing:
        raise InvalidTrainingData(f"{path.name} lacks columns of {table.name}: {', '.join(missing)}.")
    check_wanted(table, list(file), wanted)
    columns = {name: np.array(texts_of(file[name]), dtype=np.str_) for name in read}
    if table.outcome is not None and len(columns[table.outcome]):
        ended = np.array([text.casefold() not in dialect.missing for text in columns[table.outcome].tolist()])
        columns = {name: column[ended] for name, column in columns.items()} | {ROW: np.flatnonzero(ended)}
    return _table_file(table, path, columns)


def check_wanted(table: TrainingTable, header: Iterable[str], wanted: Iterable[str]) -> None:
    """Hold columns that someone wants as inputs against what the table declares.

    A file may contain leaks; they are not read. To ask for one is refused: `LeakyColumns` for what was
    known only after the loan, for the lender's own outputs, for the outcome, and for what is protected;
    `InvalidTrainingData` for what the file does not have or no feature reads. What remains is read anyway.
    """
    wanted = list(dict.fromkeys(wanted))
    declared = [name for name in table.columns if _matches(name, table.leaks + table.lender_outputs)]
    leaks = [name for name in wanted if _matches(name, table.leaks)]
    outputs = [name for name in wanted if _matches(name, table.lender_outputs)]
    protected = [name for name in wanted if name in table.protected]
    if protected:
        raise LeakyColumns(
            f"{', '.join(protected)}: {table.name} protects it; it may tell how a model treats groups, and is never an "
            "input of one. Leave it out."
        )
    if leaks:
        raise LeakyColumns(
            f"{_listed(leaks)} known only after the loan was paid out; a model that reads it would know the "
            f"outcome of the loans it learns from, and nothing of an applicant. Leave it out."
        )
    if outputs:
        raise LeakyColumns(
            f"{_listed(outputs)} the lender's own output, made from an earlier decision on the same loan; "
            "a model that reads it copies that decision. Leave it out."
        )
    if declared:
        raise LeakyColumns(f"{table.name} declares as inputs what it also lists as leaks: {', '.join(declared)}.")
    absent = sorted(set(wanted) - set(header))
    if absent:
        raise InvalidTrainingData(f"The file has no column {', '.join(absent)}.")
    unread = [name for name in wanted if name not in table.columns]
    if unread:
        raise InvalidTrainingData(
            f"No feature reads {', '.join(unread)}. A model's inputs are the product's features, so that what "
            "trains is what serves: define a feature in the product's features.py, and the column in its table."
        )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _listed(names: Sequence[str]) -> str:
    return f"{names[0]} was" if len(names) == 1 else f"{', '.join(names)} were each"


def _fitting(product: Product, header: Sequence[str], path: Path) -> TrainingTable:
    """The table that lacks no column of the file; where all lack some, the error is about the nearest one."""
    missing = {table.name: [name for name in _read_of(table) if name not in header] for table in product.training}
    nearest = min(product.training, key=lambda table: len(missing[table.name]))
    if missing[nearest.name]:
        raise InvalidTrainingData(f"{path.name} lacks columns of {nearest.name}: {', '.join(missing[nearest.name])}.")
    return nearest


def _texts(column: NDArray[Any]) -> NDArray[np.str_]:
    """A column as it came (objects, masked where there was nothing) as texts, empty where there was nothing."""
    filled = np.ma.filled(column, "") if isinstance(column, np.ma.MaskedArray) else column
    return np.array(["" if value is None else str(value).strip() for value in filled.tolist()], dtype=np.str_)


def _check_filled(columns: Columns, path: Path) -> None:
    if not len(next(iter(columns.values()))):
        raise InvalidTrainingData(f"{path.name} has a header but no loans.")
    empty = [name for name, column in columns.items() if name != ROW and not (column != "").any()]
    if empty:
        raise InvalidTrainingData(f"{path.name} has no value at all in {', '.join(empty)}.")
