"""Rule fields that are no features: computed from the evidence by functions that a policy names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

HIGHEST_AGE_OF_MAJORITY = 21
WESTERNMOST = timedelta(hours=12)


def age_years(evidence: Mapping[str, Any]) -> float:
    """The applicant's age in whole years, no more than 21 of them: beyond that it is nobody's business here.

    On the day of receipt at the westernmost place on earth: nobody comes of age in the record before at home.
    """
    born = date.fromisoformat(evidence["request"]["application"]["date_of_birth"])
    day = (datetime.fromisoformat(evidence["received_at"]) - WESTERNMOST).date()
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return float(min(years, HIGHEST_AGE_OF_MAJORITY))


DERIVED: Mapping[str, Callable[[Mapping[str, Any]], float]] = {"age_years": age_years}
"""By the name under which rules use them."""
