"""The fields of an application as an analyst reads them: in the form's order, with labels and units."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel

from meridian.desk.formats import NOT_KNOWN, day, in_unit, number, words

WITHHELD = frozenset({"date_of_birth", "age_years"})
"""Not shown to the person who decides. Beyond the age of majority, which its rule has judged, age is a
prohibited basis (12 CFR 1002.6(b)(2)); nobody weighs by accident what is not on the page."""

DOLLARS = frozenset({"amount", "annual_income", "revolving_balance", "monthly_debt_payments", "delinquent_amount"})
SHARES = frozenset({"revolving_utilisation"})

LABELS = {
    "applicant_id": "Applicant",
    "amount": "Amount asked for",
    "term_months": "Term",
    "annual_income": "Stated income a year",
    "employment_years": "With present employer",
    "as_of": "Report of",
    "earliest_credit_line": "Oldest account opened",
    "revolving_utilisation": "Revolving limits in use",
    "revolving_balance": "Owed on revolving accounts",
    "monthly_debt_payments": "Debt payments a month",
    "delinquencies_2y": "Times late, 2 years",
    "months_since_delinquency": "Since last delinquency",
    "months_since_public_record": "Since last public record",
    "inquiries_6m": "Inquiries, 6 months",
    "collections_12m": "Collections, 12 months",
    "chargeoffs_12m": "Written off, 12 months",
    "accounts_delinquent_now": "Accounts late now",
    "delinquent_amount": "Owed on late accounts",
}
"""Where the field's own name would not read well; every other field is called by its name."""

WHEN_NULL = {
    "employment_years": "not stated",
    "earliest_credit_line": "none on file",
    "months_since_delinquency": "never, or not known",
    "months_since_public_record": "none, or not known",
    "credit_report": "none came with the application",
}
"""What null means where it is an answer and not a gap."""

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Section:
    """A titled list of (label, value)."""

    title: str
    lines: Sequence[tuple[str, str]]


def sections(application: Mapping[str, Any], schema: type[BaseModel]) -> list[Section]:
    """The form's own fields first, then each document that came with it as a section of its own.

    The record keeps no order of fields; `schema`, the application's model or one that holds it, gives it back.
    """
    order = {name: place for place, name in reversed(list(enumerate(_field_names(schema))))}
    shown = {field: value for field, value in application.items() if field not in WITHHELD}
    documents = {field: value for field, value in shown.items() if isinstance(value, Mapping)}
    form = {field: value for field, value in shown.items() if field not in documents}
    return [
        Section("Application", _lines(form, order)),
        *(Section(label(field), _lines(document, order)) for field, document in documents.items()),
    ]


def label(field: str) -> str:
    """A field's name for people."""
    return LABELS.get(field) or words(field)


def field_value(field: str, value: Any) -> str:
    """A field's value for people. A null never reads as zero."""
    if value is None:
        return WHEN_NULL.get(field, NOT_KNOWN)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        unit = _unit(field)
        return in_unit(value, unit) if unit else number(value)
    text = str(value)
    if _ISO_DAY.fullmatch(text):
        return day(text)
    return text if field.endswith("_id") else words(text)


def _lines(fields: Mapping[str, Any], order: Mapping[str, int]) -> list[tuple[str, str]]:
    ordered = sorted(fields, key=lambda field: order.get(field, len(order)))
    return [(label(field), field_value(field, fields[field])) for field in ordered]


def _field_names(schema: type[BaseModel]) -> Iterator[str]:
    """The names of a model's fields, each followed by those of the models within it."""
    for name, field in schema.model_fields.items():
        yield name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _field_names(kind)


def _unit(field: str) -> str:
    if field in DOLLARS:
        return "USD"
    if field in SHARES:
        return "ratio"
    if field.startswith("months_since") or field.endswith("_months"):
        return "months"
    return "years" if field.endswith("_years") else ""
