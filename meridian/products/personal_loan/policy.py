"""The first policy for personal loans: what declines or refers whatever the score says.

The limits are this lender's own, not law, but for the age of majority (18 in most states of the US).
"""

from __future__ import annotations

from meridian.assessment import CAUTIOUS
from meridian.evidence import Rung
from meridian.outcome import Outcome
from meridian.policy import Bands, Policy, PriceTier, Rule, Step, Test

DECLINE, REFER = Outcome.DECLINE, Outcome.REFER
BELOW, ABOVE = Test.BELOW, Test.ABOVE

CONTRACT = CAUTIOUS

PRICES = (
    PriceTier(0.03, 0.079),
    PriceTier(0.05, 0.099),
    PriceTier(0.08, 0.129),
    PriceTier(0.12, 0.169),
)

POLICY = Policy(
    "personal-loan-1",
    (
        Rule("age-of-majority", DECLINE, "age_years", BELOW, 18, "P01", "P01", "Nobody under 18 can agree a loan"),
        Rule("income-floor", DECLINE, "annual_income", BELOW, 12_000, "P02", "D03", "Stated income a year, USD"),
        Rule("loan-to-income", DECLINE, "loan_to_income", ABOVE, 0.75, "P03", "D03", "Amount over yearly income"),
        Rule("payment-to-income", DECLINE, "payment_to_income", ABOVE, 0.30, "P03", "D03", "Principal a month over income a month"),
        Rule("debt-to-income", DECLINE, "debt_to_income", ABOVE, 0.43, "P04", "D01", "Debt payments over income"),
        Rule("bankruptcies", DECLINE, "bankruptcies", ABOVE, 1, "P05", "D01", "More than one bankruptcy on record"),
        Rule("delinquencies", DECLINE, "delinquencies_2y", ABOVE, 3, "P06", "D01", "Times late in two years"),
        Rule("charge-offs", DECLINE, "chargeoffs_12m", ABOVE, 0, "P07", "D01", "Written off within a year"),
        Rule("own-arrears", DECLINE, "own_worst_days_late", ABOVE, 60, "P11", "D02", "Days late with us, at worst"),
        Rule("delinquent-now", REFER, "accounts_delinquent_now", ABOVE, 0, "P08", "D01", "Late somewhere now"),
        Rule("inquiries", REFER, "inquiries_6m", ABOVE, 6, "P09", "D01", "Inquiries in six months"),
        Rule("credit-age", REFER, "credit_age_months", BELOW, 12, "P10", "D06", "Months since the first account"),
        Rule("own-velocity", REFER, "own_applications_90d", ABOVE, 4, "P12", "D02", "Applications to us in 90 days"),
    ),
    Bands(approve_below=0.12, decline_above=0.35),
    PRICES,
    ("age_years",),
    (Step(Rung.APPLICATION_ONLY, Bands(approve_below=0.08, decline_above=0.35), limit_cap=10_000),),
)  # fmt: skip
