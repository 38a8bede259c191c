"""Bulk: files of applications as rows, each a request or a reason why it is none."""

from meridian.bulk.columns import Column, columns_of
from meridian.bulk.reading import Form, read_rows
from meridian.bulk.requests import Asked, asked_in, rows_in, taken
from meridian.bulk.rows import Reject, Row, parts_of
from meridian.bulk.writing import REJECTS, RESULTS, as_text, write_rows

__all__ = [
    "REJECTS",
    "RESULTS",
    "Asked",
    "Column",
    "Form",
    "Reject",
    "Row",
    "as_text",
    "asked_in",
    "columns_of",
    "parts_of",
    "read_rows",
    "rows_in",
    "taken",
    "write_rows",
]
