"""Who asks, and for what: the few values that offers depend on, as whole cents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from meridian.errors import InvalidOffers
from meridian.offers.money import cents, dollars, down, of_evidence, up
from meridian.offers.stated import MONEY, MONTHS, check_whole

MONTHS_OF_YEAR = 12


@dataclass(frozen=True)
class Asked:
    """The amount asked for, in dollars, and the term in months."""

    amount: Decimal
    term: int

    def __post_init__(self) -> None:
        MONEY.check("asked.amount", self.amount)
        if self.amount == 0:
            raise InvalidOffers("asked.amount is 0; expected the dollars that were asked for.")
        check_whole("asked.term", self.term, *MONTHS)

    @property
    def cents(self) -> int:
        """The amount in cents."""
        return cents("asked.amount", self.amount)

    @classmethod
    def of_application(cls, application: Mapping[str, Any]) -> Asked:
        """From the fields `amount` and `term_months`; of the amount what is less than a cent is dropped."""
        amount = of_evidence(application["amount"])
        if amount is None:
            raise InvalidOffers(f"asked.amount is {application['amount']!r}; expected an amount in dollars.")
        return cls(dollars(down(amount)), int(application["term_months"]))


@dataclass(frozen=True)
class Applicant:
    """A month's gross income and a month's payments on other debts, in dollars, and the state of residence.

    None is what is not known. Where one of them is, nothing is offered: what is not known never passes in silence.
    """

    monthly_income: Decimal | None
    monthly_debts: Decimal | None
    state: str | None

    def __post_init__(self) -> None:
        for name, value in (("monthly_income", self.monthly_income), ("monthly_debts", self.monthly_debts)):
            if value is not None:
                MONEY.check(f"applicant.{name}", value)

    @classmethod
    def of_values(cls, values: Mapping[str, float], state: str | None) -> Applicant:
        """From the features `annual_income` and `debt_to_income` (payments due a month over monthly income).

        The income is rounded down to the cent, the debts up: of what cannot be told the more careful.
        """
        income, ratio = of_evidence(values.get("annual_income")), of_evidence(values.get("debt_to_income"))
        if income is None:
            return cls(None, None, state)
        debts = None if ratio is None else dollars(up(income * ratio / MONTHS_OF_YEAR))
        return cls(dollars(down(income / MONTHS_OF_YEAR)), debts, state)
