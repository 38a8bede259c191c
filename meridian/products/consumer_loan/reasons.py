"""What an applicant for a consumer loan is told. A text must be true whenever its code is given."""

from __future__ import annotations

from meridian.products.consumer_loan.features import FEATURES
from meridian.reasons import ReasonCode, Reasons, ReasonSource

MODEL, POLICY, DATA, ANALYST = ReasonSource.MODEL, ReasonSource.POLICY, ReasonSource.DATA, ReasonSource.ANALYST

REASONS = Reasons(
    [
        ReasonCode("R01", "Income insufficient for amount of credit requested", MODEL),
        ReasonCode("R02", "Length of the repayment term requested", MODEL),
        ReasonCode("R03", "Length or kind of employment", MODEL),
        ReasonCode("R04", "Housing: home neither owned nor being bought", MODEL),
        ReasonCode("R05", "Purpose of the credit requested", MODEL),
        ReasonCode("R06", "Excessive obligations in relation to income", MODEL),
        ReasonCode("R07", "Limited credit experience", MODEL),
        ReasonCode("R08", "Number or kind of open accounts on credit bureau report", MODEL),
        ReasonCode("R09", "Balances owed on accounts, alone or in relation to limits or income", MODEL),
        ReasonCode("R10", "Delinquent past or present credit obligations with others", MODEL),
        ReasonCode("R11", "Collection action or account written off", MODEL),
        ReasonCode("R12", "Judgment, tax lien or other public record", MODEL),
        ReasonCode("R13", "Bankruptcy", MODEL),
        ReasonCode("R14", "Number or date of recent inquiries on credit bureau report", MODEL),
        ReasonCode("R15", "Credit performance with us", MODEL),
        ReasonCode("R16", "Amount already owed to us", MODEL),
        ReasonCode("R17", "Time since the newest account was opened", MODEL),
        ReasonCode("R18", "Balances on card accounts have been growing", MODEL),
        ReasonCode("R19", "No bank account was linked for review", MODEL),
        ReasonCode("R20", "Credit bureau score", MODEL),
        ReasonCode("R21", "Money coming in and going out of the linked bank account", MODEL),
        ReasonCode("R22", "Amount or regularity of salary in the linked bank account", MODEL),
        ReasonCode("R23", "Balance of the linked bank account", MODEL),
        ReasonCode("R24", "Overdrafts or returned payments in the linked bank account", MODEL),
        ReasonCode("R25", "Cash withdrawals or gambling in the linked bank account", MODEL),
        ReasonCode("R26", "Verified income, alone or in relation to the income stated", MODEL),
        ReasonCode("R27", "Number or outcome of recent applications to us", MODEL),
        ReasonCode("R28", "No employer was found to verify employment and income", MODEL),
        ReasonCode("R29", "Extent of past business with us", MODEL),
        ReasonCode("P01", "Applicant has not reached the age at which a loan can be agreed", POLICY),
        ReasonCode("P02", "Income below the minimum for this loan", POLICY),
        ReasonCode("P03", "Amount of credit requested exceeds the limit in relation to income", POLICY),
        ReasonCode("P04", "Monthly obligations exceed the limit in relation to income", POLICY),
        ReasonCode("P05", "Bankruptcies on record", POLICY),
        ReasonCode("P06", "Account with another lender seriously delinquent now", POLICY),
        ReasonCode("P07", "Past payments to us were late beyond the limit", POLICY),
        ReasonCode("P08", "Too many recent inquiries on credit bureau report", POLICY),
        ReasonCode("P09", "Too many recent applications to us", POLICY),
        ReasonCode("O01", "Income insufficient for the payments on the amount of credit requested", POLICY),
        ReasonCode(
            "O02", "Obligations excessive in relation to income, with the payments on the credit requested", POLICY
        ),
        ReasonCode("O03", "Amount of credit requested exceeds what is granted on the credit standing found", POLICY),
        ReasonCode("O04", "We do not grant credit on the terms requested", POLICY),
        ReasonCode("O05", "Credit of this kind is not offered in the state of residence", POLICY),
        ReasonCode("D09", "Unable to verify the state of residence", DATA),
        ReasonCode("D10", "Temporarily unable to grant the amount of credit requested", DATA, final=False),
        ReasonCode("D01", "Unable to verify credit references: no usable credit bureau file", DATA),
        ReasonCode("D02", "Temporarily unable to verify past business with us", DATA, final=False),
        ReasonCode("D03", "Unable to verify income", DATA),
        ReasonCode("D04", "Temporarily unable to evaluate the application", DATA, final=False),
        ReasonCode("D05", "Unable to verify employment", DATA),
        ReasonCode("D06", "Temporarily unable to read the linked bank account", DATA, final=False),
        ReasonCode("D07", "Temporarily unable to obtain the credit bureau report", DATA, final=False),
        ReasonCode("D08", "Temporarily unable to verify employment", DATA, final=False),
        ReasonCode("A01", "Income could not be confirmed from the documents provided", ANALYST),
        ReasonCode("A02", "Obligations found on review exceed the limit in relation to income", ANALYST),
        ReasonCode("A03", "Credit history reviewed: past obligations not paid as agreed", ANALYST),
        ReasonCode("A04", "Credit application incomplete: documents asked for were not provided", ANALYST),
    ],
    FEATURES.groups,
)
