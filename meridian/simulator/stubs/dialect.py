"""The forms in which a stub speaks: Meridian's own, and that of a second bureau, which says the same differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from meridian.errors import InvalidInput

Events = list[dict[str, Any]]
EPOCH = date(1970, 1, 1)
TYPES = {"card": "CC", "instalment": "IL", "auto": "AU", "student": "ST", "mortgage": "MO"}
STATES = {"open": "O", "closed": "C", "charged_off": "W", "collection": "K"}


@dataclass(frozen=True)
class Dialect:
    """Where an applicant is asked about, what the moment of the question is called, and the form of the answer.

    `sources` are those that can speak it; none named: all.
    """

    path: str
    moment: str
    document: Callable[[str, str, Mapping[str, Events]], dict[str, Any]]
    sources: frozenset[str] = frozenset()


def find_dialect(name: str, source: str) -> Dialect:
    """The dialect of that name. Raises `InvalidInput` where there is none, or the source does not speak it."""
    if name not in DIALECTS:
        raise InvalidInput(f"There is no dialect {name!r}; the dialects are {', '.join(DIALECTS)}")
    dialect = DIALECTS[name]
    if dialect.sources and source not in dialect.sources:
        raise InvalidInput(f"{source} does not speak {name!r}; {', '.join(sorted(dialect.sources))} does")
    return dialect


def _as_stored(applicant_id: str, moment: str, streams: Mapping[str, Events]) -> dict[str, Any]:
    return {"applicant_id": applicant_id, "as_of": moment, "streams": streams}


def _credit_file(applicant_id: str, moment: str, streams: Mapping[str, Events]) -> dict[str, Any]:
    """Money in dollars as texts, days as dates, kinds and states as letters."""
    return {
        "consumer": applicant_id,
        "at": moment,
        "trades": _each(streams["tradelines"], _trade),
        "enquiries": _each(streams["inquiries"], lambda event: {"for": event["kind"]}),
        "courts": _each(
            streams["public_records"],
            lambda event: {"matter": event["kind"], "amount": _dollars(event["amount_cents"])},
        ),
        "ratings": _each(streams["scores"], lambda event: {"points": event["score"]}),
    }


def _each(events: Events, own: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Events:
    return [
        {
            "no": event["event_id"],
            "ver": event["revision"],
            "withdrawn": event["retracted"],
            "reported": event["event_at"],
            "available": event["known_at"],
            **own(event),
        }
        for event in events
    ]


def _trade(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "account": event["key"],
        "type": _letter(TYPES, event["kind"]),
        "opened": _day(event["opened_day"]),
        "limit": _dollars(event["limit_cents"]),
        "balance": _dollars(event["balance_cents"]),
        "monthly": _dollars(event["payment_cents"]),
        "days_late": event["days_past_due"],
        "late": _dollars(event["past_due_cents"]),
        "state": _letter(STATES, event["status"]),
    }


def _letter(letters: Mapping[str, str], text: str | None) -> str | None:
    return None if text is None else letters[text]


def _day(number: int | None) -> str | None:
    return None if number is None else (EPOCH + timedelta(days=number)).isoformat()


def _dollars(cents: int | None) -> str | None:
    return None if cents is None else str(Decimal(cents).scaleb(-2))


DIALECTS: Mapping[str, Dialect] = {
    "events": Dialect("/v1/{source}", "as_of", _as_stored),
    "second": Dialect("/credit-files", "at", _credit_file, frozenset({"bureau"})),
}
