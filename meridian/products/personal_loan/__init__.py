"""Personal loan: unsecured, repaid in equal monthly instalments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from meridian.decision import Terms
from meridian.products.levers import Lever, down, one_of, paid_down
from meridian.products.personal_loan.features import APPLICATION, BATCH, COMPACT, FEATURES, read_application
from meridian.products.personal_loan.lending_club import LENDING_CLUB
from meridian.products.personal_loan.policy import CONTRACT, POLICY
from meridian.products.personal_loan.reasons import REASONS
from meridian.products.personal_loan.schema import PersonalLoanRequest
from meridian.products.product import Product


def sample() -> dict[str, Any]:
    """An application as a caller would send it, with a credit report of today."""
    return {
        "product": "personal-loan",
        "application": {
            "applicant_id": "applicant-0001",
            "date_of_birth": "1988-04-17",
            "amount": 9000.0,
            "term_months": 36,
            "purpose": "debt_consolidation",
            "annual_income": 58000.0,
            "employment_years": 6,
            "housing": "mortgage",
            "credit_report": {
                "as_of": datetime.now(UTC).date().isoformat(),
                "earliest_credit_line": "2009-09-01",
                "open_accounts": 9,
                "total_accounts": 21,
                "revolving_balance": 6400.0,
                "revolving_utilisation": 0.31,
                "monthly_debt_payments": 690.0,
                "delinquencies_2y": 0,
                "months_since_delinquency": None,
                "months_since_public_record": None,
                "inquiries_6m": 1,
                "public_records": 0,
                "bankruptcies": 0,
                "tax_liens": 0,
                "collections_12m": 0,
                "chargeoffs_12m": 0,
                "accounts_delinquent_now": 0,
                "delinquent_amount": 0.0,
            },
        },
    }


PERSONAL_LOAN = Product(
    name="personal-loan",
    title="Personal loan",
    request=PersonalLoanRequest,
    features=FEATURES,
    terms=Terms(POLICY, REASONS, "D04", {"application": "D05", "bureau": "D01", "history": "D02"}),
    contract=CONTRACT,
    read_application=read_application,
    compact_features=COMPACT,
    batch_features=BATCH,
    application_features=APPLICATION,
    sample=sample,
    training=(LENDING_CLUB,),
    levers=(
        Lever("amount", "Amount asked for", "USD", down(500, 500)),
        Lever("term_months", "Term asked for", "months", one_of(12, 24, 36, 48, 60)),
        Lever(
            "credit_report.revolving_balance",
            "Balances owed on cards and other revolving accounts",
            "USD",
            paid_down(),
            along=("credit_report.revolving_utilisation",),
        ),
    ),
)
