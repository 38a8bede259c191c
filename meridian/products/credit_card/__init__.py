"""Credit card: a limit for the coming month, from the account's own statements and the limit that is asked for."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from meridian.application import Application, DecisionRequest
from meridian.assessment import CAUTIOUS
from meridian.decision import Terms
from meridian.evidence import FORM, SourceReading, SourceStatus
from meridian.features import Direction, Feature, FeatureSet
from meridian.features.compute import field
from meridian.products.credit_card.statements import FEATURES as OF_STATEMENTS
from meridian.products.credit_card.statements import STATEMENTS
from meridian.products.credit_card.taiwan import TAIWAN
from meridian.products.levers import Lever, down
from meridian.products.product import Product
from meridian.reasons import ReasonCode, Reasons, ReasonSource
from meridian.rulebook import FILE, load_policy, vocabulary_of

MODEL, POLICY, DATA, ANALYST = ReasonSource.MODEL, ReasonSource.POLICY, ReasonSource.DATA, ReasonSource.ANALYST


class CreditCardApplication(Application):
    """A customer's wish to keep a card's limit, or to have another."""

    limit: Annotated[float, Field(ge=1_000, le=10_000_000)] = Field(description="Asked for, in New Taiwan dollars.")


class CreditCardRequest(DecisionRequest[CreditCardApplication]):
    """An application for a credit card's limit."""


def read_application(request: DecisionRequest[Any], received_at: datetime) -> tuple[SourceReading, ...]:
    """The reading of the form."""
    fields = {"limit": request.application.limit}
    return (SourceReading(FORM, SourceStatus.FRESH, fields, received_at, received_at, 0.0),)


LIMIT = Feature("limit", FORM, "Limit asked for", "TWD", 0, 1e7, field("limit"), "R05", Direction.LOWERS_RISK)
FEATURES = FeatureSet((LIMIT, *OF_STATEMENTS), (STATEMENTS,))

COMPACT = (
    "limit", "delay_1", "delay_2", "delay_3", "delay_4", "used_1", "used_2", "paid_1", "paid_2", "paid_3",
    "paid_of_bill_1", "paid_of_bill_2", "worst_delay_3m", "worst_delay_6m", "late_months_3m", "late_months_6m",
    "very_late_months_6m", "paid_all_3m", "paid_all_6m", "mean_used_6m", "highest_used_6m", "lowest_paid_6m",
    "bill_growth",
)  # fmt: skip

REASONS = Reasons(
    [
        ReasonCode("R01", "Payments on this card were late", MODEL),
        ReasonCode("R02", "Balances on this card, alone or in relation to its limit", MODEL),
        ReasonCode("R03", "Amounts paid to this card, alone or in relation to what was billed", MODEL),
        ReasonCode("R04", "Length of the account's history", MODEL),
        ReasonCode("R05", "Limit requested", MODEL),
        ReasonCode("P01", "Applicant has not reached the age at which credit can be agreed", POLICY),
        ReasonCode("P02", "Payments on this card are late beyond the limit", POLICY),
        ReasonCode("D01", "Unable to verify the account's statements", DATA),
        ReasonCode("D02", "Temporarily unable to evaluate the application", DATA, final=False),
        ReasonCode("A01", "Account reviewed: past obligations not paid as agreed", ANALYST),
    ],
    FEATURES.groups,
)

POLICY_1 = load_policy(Path(__file__).with_name(FILE), vocabulary_of(FEATURES, CreditCardApplication, REASONS.codes))


def sample() -> dict[str, Any]:
    """An application as a caller would send it."""
    application = {"applicant_id": "applicant-0001", "date_of_birth": "1988-04-17", "limit": 120_000.0}
    return {"product": "credit-card", "application": application}


CREDIT_CARD = Product(
    name="credit-card",
    title="Credit card",
    request=CreditCardRequest,
    features=FEATURES,
    terms=Terms(POLICY_1, REASONS, "D02", {FORM: "D02", "account": "D01"}),
    contract=CAUTIOUS,
    read_application=read_application,
    compact_features=COMPACT,
    batch_features=FEATURES.names,
    sample=sample,
    training=(TAIWAN,),
    levers=(Lever("limit", "Limit asked for", "TWD", down(10_000, 10_000), ("limit",)),),
)
