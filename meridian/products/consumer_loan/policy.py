"""The first policy for consumer loans. The limits are this lender's own, not law, but for the age of majority."""

from __future__ import annotations

from datetime import timedelta

from meridian.assessment import CAUTIOUS
from meridian.evidence import Rung
from meridian.outcome import Outcome
from meridian.policy import Bands, Policy, PriceTier, Rule, Step, Test

DECLINE, REFER = Outcome.DECLINE, Outcome.REFER
BELOW, ABOVE = Test.BELOW, Test.ABOVE

CONTRACT = CAUTIOUS

POLICY = Policy(
    "consumer-loan-1",
    (
        Rule("age-of-majority", DECLINE, "age_years", BELOW, 18, "P01", "P01", "Nobody under 18 can agree a loan"),
        Rule("income-floor", DECLINE, "annual_income", BELOW, 10_000, "P02", "D03", "Stated income a year, USD"),
        Rule("loan-to-income", DECLINE, "loan_to_income", ABOVE, 1.0, "P03", "D03", "Amount over yearly income"),
        Rule("debt-to-income", DECLINE, "debt_to_income", ABOVE, 0.65, "P04", "D01", "Payments due over income"),
        Rule("bankruptcies", DECLINE, "bankruptcies", ABOVE, 1, "P05", "D01", "More than one bankruptcy on record"),
        Rule("late-now", DECLINE, "worst_days_late", ABOVE, 90, "P06", "D01", "Days late with others now, at worst"),
        Rule("own-arrears", DECLINE, "own_days_late_now", ABOVE, 60, "P07", "D02", "Days late with us now"),
        Rule("inquiries", REFER, "inquiries_180d", ABOVE, 12, "P08", "D01", "Inquiries in half a year"),
        Rule("own-velocity", REFER, "own_applications_90d", ABOVE, 4, "P09", "D02", "Applications to us in 90 days"),
    ),
    Bands(approve_below=0.12, decline_above=0.35),
    (PriceTier(0.03, 0.079), PriceTier(0.05, 0.099), PriceTier(0.08, 0.129), PriceTier(0.12, 0.169)),
    ("age_years",),
    (
        Step(Rung.PRE_COMPUTED, Bands(0.08, decline_above=1.0), limit_cap=10_000, valid_for=timedelta(days=30)),
        Step(Rung.APPLICATION_ONLY, Bands(approve_below=0.08, decline_above=0.35), limit_cap=10_000),
    ),
)
