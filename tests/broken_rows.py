"""Twenty ways in which a row of a CSV file is broken: what stands in it, and what is told of it."""

from __future__ import annotations

BROKEN_CELLS = {
    "a number with a thousands separator": ({"amount": '"9,000"'}, "amount", "'9,000'"),
    "a number with a currency": ({"amount": "$9000"}, "amount", "'$9000'"),
    "a number with a comma": ({"amount": '"9000,50"'}, "amount", "'9000,50'"),
    "not a number": ({"annual_income": "NaN"}, "annual_income", "'NaN'"),
    "infinity": ({"annual_income": "inf"}, "annual_income", "'inf'"),
    "half a month": ({"term_months": "36.5"}, "term_months", "36.5"),
    "a percentage": ({"credit_report.revolving_utilisation": "31%"}, "credit_report.revolving_utilisation", "'31%'"),
    "a spreadsheet's day": ({"date_of_birth": "17.04.1988"}, "date_of_birth", "'17.04.1988'"),
    "a spreadsheet's number of a day": ({"date_of_birth": "32250"}, "date_of_birth", "'32250'"),
    "a day that is none": ({"date_of_birth": "1988-02-30"}, "date_of_birth", "'1988-02-30'"),
    "a word that is none of the list": ({"purpose": "yacht"}, "purpose", "'yacht'"),
    "another case": ({"housing": "Rent"}, "housing", "'Rent'"),
    "less than nothing": ({"amount": "-5"}, "amount", "-5.0"),
    "beyond the most": ({"credit_report.inquiries_6m": "99999"}, "credit_report.inquiries_6m", "99999"),
    "a name for a token": ({"applicant_id": "Ada Lovelace"}, "applicant_id", "'Ada Lovelace'"),
    "no token": ({"applicant_id": ""}, "applicant_id", "nothing"),
    "a null by its name": ({"amount": "null"}, "amount", "'null'"),
    "a formula": ({"purpose": "=1+1"}, "purpose", "'=1+1'"),
}
"""What the cells of some columns are replaced by; the column that is told, and the value."""


def broken_line(what: str, line: bytes) -> bytes:
    """A good line spoilt as a whole."""
    return {
        "a cell too few": line.rpartition(b",")[0],
        "a cell too many": line + b",1",
        "a quote that does not end": b'"' + line,
        "another encoding": line.replace(b",", "ä,".encode("latin-1"), 1),
        "a line that is too long": line + b" " * 70_000,
    }[what]


BROKEN_LINES = {
    "a cell too few": " cells",
    "a cell too many": " cells",
    "a quote that does not end": "a quote that does not end",
    "another encoding": "byte 0xe4",
    "a line that is too long": " bytes",
}
"""What is told of such a line, in part."""
