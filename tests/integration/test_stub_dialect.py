"""The second bureau: the same people in a wire format of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meridian.errors import InvalidInput
from meridian.simulator.stubs import StubSource
from tests.services import Answer
from tests.stub_parts import Stub, rows, small_lender, started

TYPES = {"CC": "card", "IL": "instalment", "AU": "auto", "ST": "student", "MO": "mortgage"}
STATES = {"O": "open", "C": "closed", "W": "charged_off", "K": "collection"}
STREAMS = {"trades": "tradelines", "enquiries": "inquiries", "courts": "public_records", "ratings": "scores"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lender(tmp_path_factory.mktemp("dialect") / "lender")


@pytest.fixture(scope="module")
def second(folder: Path) -> Iterator[Stub]:
    with started(folder, "bureau", dialect="second") as stub:
        yield stub


def cents(dollars: str | None) -> int | None:
    return None if dollars is None else int(Decimal(dollars) * 100)


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def understood(file: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """A credit file as the events that it was made from."""
    own = {
        "trades": lambda one: {
            "key": one["account"], "kind": TYPES[one["type"]], "opened_day": day(one["opened"]),
            "limit_cents": cents(one["limit"]), "balance_cents": cents(one["balance"]),
            "payment_cents": cents(one["monthly"]), "days_past_due": one["days_late"],
            "past_due_cents": cents(one["late"]), "status": STATES[one["state"]],
        },
        "enquiries": lambda one: {"kind": one["for"]},
        "courts": lambda one: {"kind": one["matter"], "amount_cents": cents(one["amount"])},
        "ratings": lambda one: {"score": one["points"]},
    }  # fmt: skip
    return {
        stream: [
            {
                "applicant_id": file["consumer"],
                "event_id": one["no"],
                "revision": one["ver"],
                "retracted": one["withdrawn"],
                "event_at": datetime.fromisoformat(one["reported"]),
                "known_at": datetime.fromisoformat(one["available"]),
                **own[part](one),
            }
            for one in file[part]
        ]
        for part, stream in STREAMS.items()
    }


def person_with(folder: Path, stream: str) -> str:
    """An applicant who has events of the stream."""
    people = (f"L3-{number:08}" for number in range(60))
    return next(one for one in people if rows(folder, "bureau", one)[stream])


@pytest.mark.parametrize("stream", STREAMS.values())
def test_it_tells_the_same_in_its_own_words(second: Stub, folder: Path, stream: str) -> None:
    person = person_with(folder, stream)
    answer = second.ask(person)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    file = answer.json()
    assert list(file) == ["consumer", "at", *STREAMS]
    assert file["at"].endswith("Z")
    assert datetime.now(UTC) - datetime.fromisoformat(file["at"]) < timedelta(minutes=1)
    assert understood(file) == rows(folder, "bureau", person)


def test_money_is_text_with_two_places(second: Stub) -> None:
    for trade in second.ask().json()["trades"]:
        for name in ("limit", "balance", "monthly", "late"):
            assert trade[name] is None or (isinstance(trade[name], str) and trade[name][-3] == ".")


def test_it_is_asked_by_a_moment_of_another_name(second: Stub, folder: Path) -> None:
    events = rows(folder, "bureau", second.known)
    by = sorted(event["known_at"] for of in events.values() for event in of)
    middle = by[len(by) // 2]
    file = second.ask(query=f"?at={middle:%Y-%m-%dT%H:%M:%S}%2B00:00").json()
    assert understood(file) == {name: [one for one in of if one["known_at"] <= middle] for name, of in events.items()}
    assert datetime.fromisoformat(file["at"]) == middle
    for query in ("?as_of=2026-11-01T00:00:00Z", "?at=2026-11-01T00:00:00", "?at="):
        answer = second.ask(query=query)
        assert answer.status == 400
        assert "at" in answer.json()["detail"]


@pytest.mark.parametrize("target", ["/credit-files/L3-99999999", "/v1/bureau/L3-00000001", "/credit-files/"])
def test_where_it_has_no_file_it_says_so(second: Stub, target: str) -> None:
    answer = second.call("GET", target)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_it_tells_the_same_lies(second: Stub, folder: Path) -> None:
    second.fail("lying")
    told = understood(second.ask().json())["tradelines"]
    second.fail("none")
    for one, other in zip(rows(folder, "bureau", second.known)["tradelines"], told, strict=True):
        for name in ("limit_cents", "balance_cents", "payment_cents", "past_due_cents"):
            assert other[name] == (None if one[name] is None else round(one[name] / 100))
        for name in ("opened_day", "days_past_due"):
            assert other[name] == round(one[name] / 30)


def test_it_fails_like_the_others(second: Stub) -> None:
    seen: list[Answer] = []
    for fault in ("error", "garbage"):
        second.fail(fault)
        seen.append(second.ask())
    second.fail("none")
    assert [one.status for one in seen] == [500, 200]
    with pytest.raises(ValueError, match="Expecting"):
        seen[1].json()


def test_no_other_source_speaks_it_and_there_is_no_third(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="bank does not speak 'second'"):
        StubSource("bank", folder, scale=0, seed=1, dialect="second")
    with pytest.raises(InvalidInput, match="'third'"):
        StubSource("bureau", folder, scale=0, seed=1, dialect="third")
