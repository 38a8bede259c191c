"""What every product's application has in common."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)]


class Strict(BaseModel):
    """No unknown fields, no silent conversion, no NaN or Infinity, no change after validation."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Application(Strict):
    """What an applicant states; a product's schema adds its own fields."""

    applicant_id: Reference = Field(
        description="The lender's token for this person. Never a name or an account number."
    )
    date_of_birth: date = Field(description="Date of birth, for the age of majority alone; never read by a model.")


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
