"""What an applicant is told. A text must be true whenever its code is given; see the features' directions."""

from __future__ import annotations

from meridian.products.personal_loan.features import FEATURES
from meridian.reasons import ReasonCode, Reasons, ReasonSource

MODEL, POLICY, DATA, ANALYST = ReasonSource.MODEL, ReasonSource.POLICY, ReasonSource.DATA, ReasonSource.ANALYST

REASONS = Reasons(
    [
        ReasonCode("R01", "Income insufficient for amount of credit requested", MODEL),
        ReasonCode("R02", "Length of the repayment term requested", MODEL),
        ReasonCode("R03", "Length of employment", MODEL),
        ReasonCode("R04", "Housing: renting, without a home owned or being bought", MODEL),
        ReasonCode("R05", "Purpose of the credit requested", MODEL),
        ReasonCode("R06", "Excessive obligations in relation to income", MODEL),
        ReasonCode("R07", "Limited credit experience", MODEL),
        ReasonCode("R08", "Number of open accounts on credit bureau report", MODEL),
        ReasonCode("R09", "Balances owed on revolving accounts, alone or in relation to limits or income", MODEL),
        ReasonCode("R10", "Delinquent past or present credit obligations with others", MODEL),
        ReasonCode("R11", "Collection action or account written off", MODEL),
        ReasonCode("R12", "Judgment, tax lien or other public record", MODEL),
        ReasonCode("R13", "Bankruptcy", MODEL),
        ReasonCode("R14", "Number of recent inquiries on credit bureau report", MODEL),
        ReasonCode("R15", "Poor credit performance with us", MODEL),
        ReasonCode("R16", "Number of recent applications to us", MODEL),
        ReasonCode("P01", "Applicant has not reached the age at which a loan can be agreed", POLICY),
        ReasonCode("P02", "Income below the minimum for this loan", POLICY),
        ReasonCode("P03", "Amount of credit requested exceeds the limit in relation to income", POLICY),
        ReasonCode("P04", "Monthly obligations exceed the limit in relation to income", POLICY),
        ReasonCode("P05", "Bankruptcies on record", POLICY),
        ReasonCode("P06", "Too many recent delinquencies with others", POLICY),
        ReasonCode("P07", "Account written off by another lender within the last year", POLICY),
        ReasonCode("P08", "Account with another lender is delinquent now", POLICY),
        ReasonCode("P09", "Too many recent inquiries on credit bureau report", POLICY),
        ReasonCode("P10", "Length of credit history below the minimum", POLICY),
        ReasonCode("P11", "Past payments to us were late beyond the limit", POLICY),
        ReasonCode("P12", "Too many recent applications to us", POLICY),
        ReasonCode("D01", "Unable to verify credit references: credit report missing or incomplete", DATA),
        ReasonCode("D02", "Temporarily unable to verify past business with us", DATA, final=False),
        ReasonCode("D03", "Unable to verify income", DATA),
        ReasonCode("D04", "Temporarily unable to evaluate the application", DATA, final=False),
        ReasonCode("D05", "Unable to verify employment", DATA),
        ReasonCode("D06", "Unable to verify length of credit history", DATA),
        ReasonCode("A01", "Income could not be confirmed from the documents provided", ANALYST),
        ReasonCode("A02", "Obligations found on review exceed the limit in relation to income", ANALYST),
        ReasonCode("A03", "Credit history reviewed: past obligations not paid as agreed", ANALYST),
        ReasonCode("A04", "Credit application incomplete: documents asked for were not provided", ANALYST),
    ],
    FEATURES.groups,
)
