"""The simulated lender's applications as the documents that the service takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meridian.errors import InvalidInput

PRODUCT = "consumer-loan"
STATES = ("FL", "FL", "FL", "IL", "IL", "NY", "AR")
"""Where its applicants live: it lends nowhere else. Nothing of what they do depends on it."""
FORM = ("amount", "term_months", "purpose", "annual_income", "employment_years", "housing")


def requests(folder: Path) -> Iterator[dict[str, Any]]:
    """Each application of a lender's folder as a request, in the order of their references.

    The date of birth comes from the protected attributes, as an applicant states it for the age of majority alone.

    Raises:
        InvalidInput: no simulated lender stands in the folder.
    """
    # pyarrow takes a moment to load, and those who only want to know of the streams have no need of it.
    import pyarrow.parquet as parquet

    parts = sorted((folder / "applications").glob("*.parquet"))
    if not parts:
        raise InvalidInput(f"{folder} holds no applications; give a folder that `simulate` has written")
    for part in parts:
        columns = ["application_ref", "applicant_id", *FORM]
        applications = parquet.read_table(part, columns=columns).to_pylist()
        born = parquet.read_table(folder / "protected" / part.name, columns=["applicant_id", "date_of_birth"])
        of = {row["applicant_id"]: row["date_of_birth"].isoformat() for row in born.to_pylist()}
        for row in applications:
            yield {
                "product": PRODUCT,
                "application_ref": row["application_ref"],
                "application": {
                    "applicant_id": row["applicant_id"],
                    "date_of_birth": of[row["applicant_id"]],
                    **{name: row[name] for name in FORM},
                    "state": _state(row["applicant_id"]),
                },
            }


def _state(applicant_id: str) -> str:
    return STATES[hashlib.sha256(applicant_id.encode()).digest()[0] % len(STATES)]
