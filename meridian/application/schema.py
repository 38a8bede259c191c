"""What every product's application has in common."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


def _written_out(value: object) -> object:
    """Pydantic reads a text of digits as seconds since 1970: `19880417` would be a day in August 1970."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("a date as YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"a date that exists, as YYYY-MM-DD ({error})") from None


Day = Annotated[date, BeforeValidator(_written_out)]
EARLIEST_BIRTH = date(1900, 1, 1)


def _can_be_alive(born: date) -> date:
    if born < EARLIEST_BIRTH:
        raise ValueError(f"a day from {EARLIEST_BIRTH} on")
    return born


Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)]


class Strict(BaseModel):
    """No unknown fields, no silent conversion, no NaN or Infinity, no change after validation."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Application(Strict):
    """What an applicant states; a product's schema adds its own fields."""

    applicant_id: Reference = Field(
        description="The lender's token for this person. Never a name or an account number."
    )
    date_of_birth: Annotated[Day, AfterValidator(_can_be_alive)] = Field(
        description="Date of birth, for the age of majority alone; never read by a model."
    )


A = TypeVar("A", bound=Application)


class DecisionRequest(Strict, Generic[A]):
    """One application for one product."""

    product: str = Field(description="Name of the product applied for, e.g. `personal-loan`.")
    application_ref: Reference | None = Field(
        None, description="The caller's own reference; made up where it is left out."
    )
    application: A

    def document(self) -> dict[str, Any]:
        """The request as JSON values, for the record and for hashing."""
        return self.model_dump(mode="json")


def month_index(day: date) -> int:
    """Months since year 0, so that a difference is a number of calendar months."""
    return day.year * 12 + day.month - 1
