"""What a provider answers is held against what its source declares, in form, range, time, person and unit."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meridian.features import Aggregate, Column, Kind, Op, Plausible, Silence, Source, Stream
from meridian.sources.reply import Checker, Implausible, NotUnderstood, ProviderFailed

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
COLUMNS = (Column("kind", Kind.TEXT, ""), Column("amount_cents", Kind.CENTS, ""), Column("paid", Kind.FLAG, ""))


def source(*plausible: Plausible, columns: tuple[Column, ...] = COLUMNS) -> Source:
    return Source(
        name="shop",
        meaning="",
        fresh_for=timedelta(1),
        too_old_after=timedelta(2),
        silence=Silence.NOT_KNOWN,
        streams=(Stream("sales", "", columns), Stream("states", "", columns, key="event_id", stored_as="sales")),
        aggregates=(Aggregate("sales", "sales", Op.COUNT),),
        plausible=plausible,
    )


CHECKER = Checker([source(Plausible("sales", "amount_cents", 1_000, 100_000, (("kind", "a"),)))])


def event(**changed: Any) -> dict[str, Any]:
    told = {
        "applicant_id": "X",
        "event_id": 1,
        "event_at": "2026-10-01T00:00:00Z",
        "known_at": "2026-10-02T00:00:00+02:00",
        "revision": 0,
        "retracted": False,
        "kind": "a",
        "amount_cents": 5_000,
        "paid": True,
    }
    return told | changed


def document(*events: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {"applicant_id": "X", "as_of": "2026-11-01T11:59:00Z", "streams": {"sales": list(events)}} | changed


def read(told: Any) -> Any:
    return CHECKER.from_json(json.dumps(told).encode(), "X", NOW)


def test_a_true_reply_is_read() -> None:
    reply = read(document(event(), event(event_id=2, amount_cents=None, kind=None, added_by_the_provider=7)))
    assert reply.as_of == datetime(2026, 11, 1, 11, 59, tzinfo=UTC)
    (first, second) = reply.events["sales"]
    assert first["known_at"] == datetime(2026, 10, 1, 22, tzinfo=UTC)
    assert (second["amount_cents"], "added_by_the_provider" in second) == (None, False)
    assert json.loads(reply.events_json())["sales"][0]["event_at"] == "2026-10-01T00:00:00Z"


def test_to_have_nothing_is_a_reply_without_events() -> None:
    assert CHECKER.nothing("X", NOW).events == {"sales": []}


FORMS: dict[str, Any] = {
    "no document": [],
    "a stream missing": document(streams={}),
    "a column missing": document({key: value for key, value in event().items() if key != "paid"}),
    "a text for a number": document(event(amount_cents="5000")),
    "a fraction": document(event(amount_cents=50.5)),
    "a truth value for a number": document(event(amount_cents=True)),
    "a number for a truth value": document(event(paid=1)),
    "a moment without zone": document(event(event_at="2026-10-01T00:00:00")),
    "no moment": document(event(event_at="yesterday")),
    "more money than there is": document(event(amount_cents=10**14)),
    "an endless text": document(event(kind="a" * 201)),
    "a number below none": document(event(event_id=-1)),
    "endless events": document(*(event() for _ in range(5_001))),
}


@pytest.mark.parametrize("told", FORMS.values(), ids=FORMS)
def test_another_form_is_not_understood(told: Any) -> None:
    with pytest.raises(NotUnderstood):
        read(told)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"{'applicant_id': 'X'}", b"[" * 5_000])
def test_what_is_no_json_is_not_understood(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        CHECKER.from_json(body, "X", NOW)


UNTRUE: dict[str, Any] = {
    "of somebody else": document(applicant_id="Y"),
    "with somebody else's event": document(event(applicant_id="Y")),
    "as of tomorrow": document(as_of="2026-11-02T12:00:00Z"),
    "known tomorrow": document(event(known_at="2026-11-02T12:00:00Z")),
    "of the year 1": document(event(event_at="0001-01-01T00:00:00Z")),
    "as of the year 1": document(as_of="0001-01-01T00:00:00Z"),
    "in dollars": document(*(event(event_id=number, amount_cents=50) for number in range(3))),
    "in thousandths": document(*(event(event_id=number, amount_cents=5_000_000) for number in range(3))),
}


@pytest.mark.parametrize("told", UNTRUE.values(), ids=UNTRUE)
def test_the_right_form_may_be_implausible(told: Any) -> None:
    with pytest.raises(Implausible):
        read(told)


def test_one_odd_value_is_life_and_few_are_not_judged() -> None:
    read(document(event(amount_cents=-2_000), event(event_id=2), event(event_id=3, amount_cents=1)))
    read(document(event(amount_cents=1), event(event_id=2, amount_cents=1)))
    read(document(*(event(event_id=number, amount_cents=1, kind="b") for number in range(9))))


def test_what_was_checked_may_not_name_values_in_its_error() -> None:
    """The error's class alone goes into logs and evidence; what it holds names people."""
    with pytest.raises(ProviderFailed) as raised:
        read(document(event(kind=7)))
    assert raised.value.args == ()


DEFECTS: dict[str, Callable[[], object]] = {
    "no such stream": lambda: source(Plausible("sold", "amount_cents", 0, 1)),
    "a stream stored as another": lambda: source(Plausible("states", "amount_cents", 0, 1)),
    "no such column": lambda: source(Plausible("sales", "amount", 0, 1)),
    "no such column to choose by": lambda: source(Plausible("sales", "amount_cents", 0, 1, (("sort", "a"),))),
    "other columns in another product": lambda: Checker([source(), source(columns=COLUMNS[:2])]),
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_wrong_declaration_is_refused(defect: Callable[[], object]) -> None:
    with pytest.raises((ValueError, KeyError)):
        defect()
