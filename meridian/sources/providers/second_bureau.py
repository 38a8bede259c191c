"""A second bureau, with a form of its own: the example of how a provider is added. docs/providers.md goes through it.

`GET /credit-files/<consumer>` answers with trades, enquiries, courts and ratings; money in dollars as texts, days as
dates, kinds and states as letters. 404 and a problem document that says so: no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from meridian.sources.deadline import Deadline
from meridian.sources.providers.config import ProviderSettings
from meridian.sources.providers.http import Http
from meridian.sources.reply import Checker, Later, NotUnderstood, Told

NO_FILE = "urn:meridian:problem:no-file"
EPOCH = date(1970, 1, 1)
KINDS = {"CC": "card", "IL": "instalment", "AU": "auto", "ST": "student", "MO": "mortgage"}
STATES = {"O": "open", "C": "closed", "W": "charged_off", "K": "collection"}
Dollars = Annotated[Decimal, Field(max_digits=13, decimal_places=2)]


@with_config(ConfigDict(strict=True, extra="ignore"))
class _Told(TypedDict):
    no: int
    ver: int
    withdrawn: bool
    reported: AwareDatetime
    available: AwareDatetime


class _Trade(_Told):
    account: int
    type: Literal["CC", "IL", "AU", "ST", "MO"]
    opened: date
    limit: Dollars | None
    balance: Dollars | None
    monthly: Dollars | None
    days_late: int | None
    late: Dollars | None
    state: Literal["O", "C", "W", "K"]


_Enquiry = TypedDict("_Enquiry", {"for": str})


class _EnquiryTold(_Told, _Enquiry):
    pass


class _Court(_Told):
    matter: str
    amount: Dollars | None


class _Rating(_Told):
    points: int


class _File(TypedDict):
    consumer: str
    at: AwareDatetime
    trades: list[_Trade]
    enquiries: list[_EnquiryTold]
    courts: list[_Court]
    ratings: list[_Rating]


_FILE = TypeAdapter(_File)


class Provider:
    """See `meridian.sources.providers.Provider`."""

    def __init__(self, settings: ProviderSettings, checker: Checker, clock: Callable[[], datetime]):
        self._http = Http(settings)
        self._checker = checker
        self._clock = clock

    def ask(self, applicant_id: str, deadline: Deadline) -> Told:
        """The consumer's file."""
        answer = self._http.get(f"/credit-files/{quote(applicant_id, safe='')}", deadline, no_file=NO_FILE)
        if answer.status == 404:
            return self._checker.nothing(applicant_id, self._clock())
        try:
            file = _FILE.validate_json(answer.body)
        except ValidationError:
            raise NotUnderstood from None
        return self._checker.from_values(_in_our_words(file), applicant_id, self._clock())

    def fetch(self, applicant_id: str, later: Later, deadline: Deadline) -> Told:  # noqa: ARG002
        """It answers at once or not at all."""
        raise NotUnderstood


def _in_our_words(file: _File) -> Mapping[str, Any]:
    whose = file["consumer"]
    return {
        "applicant_id": whose,
        "as_of": file["at"],
        "streams": {
            "tradelines": _events(whose, file["trades"], _account),
            "inquiries": _events(whose, file["enquiries"], lambda one: {"kind": one["for"]}),
            "public_records": _events(whose, file["courts"], _record),
            "scores": _events(whose, file["ratings"], lambda one: {"score": one["points"]}),
        },
    }


def _events(whose: str, told: Sequence[Any], own: Callable[[Any], Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [
        {
            "applicant_id": whose,
            "event_id": one["no"],
            "event_at": one["reported"],
            "known_at": one["available"],
            "revision": one["ver"],
            "retracted": one["withdrawn"],
            **own(one),
        }
        for one in told
    ]


def _account(trade: _Trade) -> Mapping[str, Any]:
    return {
        "key": trade["account"],
        "kind": KINDS[trade["type"]],
        "opened_day": (trade["opened"] - EPOCH).days,
        "limit_cents": _cents(trade["limit"]),
        "balance_cents": _cents(trade["balance"]),
        "payment_cents": _cents(trade["monthly"]),
        "days_past_due": trade["days_late"],
        "past_due_cents": _cents(trade["late"]),
        "status": STATES[trade["state"]],
    }


def _record(court: _Court) -> Mapping[str, Any]:
    return {"kind": court["matter"], "amount_cents": _cents(court["amount"])}


def _cents(dollars: Decimal | None) -> int | None:
    return None if dollars is None else int(dollars * 100)
