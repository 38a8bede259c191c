"""Consumer loan: an instalment loan of a lender with five sources, four of them looked up in the feature store."""

from __future__ import annotations

from typing import Any

from meridian.decision import Terms
from meridian.products.consumer_loan.features import APPLICATION, BATCH, COMPACT, FEATURES, REDUCED
from meridian.products.consumer_loan.form import read_application
from meridian.products.consumer_loan.lender import LENDER
from meridian.products.consumer_loan.offers import OFFERS
from meridian.products.consumer_loan.policy import CONTRACT, POLICY
from meridian.products.consumer_loan.reasons import REASONS
from meridian.products.consumer_loan.schema import ConsumerLoanRequest
from meridian.products.levers import Lever, down, one_of
from meridian.products.product import Product


def sample() -> dict[str, Any]:
    """An application as a caller would send it, of an applicant whom no source knows."""
    return {
        "product": "consumer-loan",
        "application": {
            "applicant_id": "applicant-0001",
            "date_of_birth": "1988-04-17",
            "amount": 9000.0,
            "term_months": 36,
            "purpose": "debt_consolidation",
            "annual_income": 58000.0,
            "employment_years": 6,
            "housing": "mortgage",
            "state": "FL",
        },
    }


UNKNOWN = {"application": "D05", "bureau": "D01", "bank": "D06", "employment": "D05", "history": "D02"}

FAILED = {"bureau": "D07", "bank": "D06", "employment": "D08", "history": "D02"}

CONSUMER_LOAN = Product(
    name="consumer-loan",
    title="Consumer loan",
    request=ConsumerLoanRequest,
    features=FEATURES,
    terms=Terms(POLICY, REASONS, "D04", UNKNOWN, {"bank": "R19", "employment": "R28"}, FAILED, OFFERS),
    contract=CONTRACT,
    read_application=read_application,
    compact_features=COMPACT,
    batch_features=BATCH,
    reduced_features=REDUCED,
    application_features=APPLICATION,
    sample=sample,
    training=(LENDER,),
    levers=(
        Lever("amount", "Amount asked for", "USD", down(500, 500), ("amount",)),
        Lever("term_months", "Term asked for", "months", one_of(12, 24, 36, 48, 60), ("term_months",)),
    ),
)
