"""An application is begun, and its decision finds what was asked for meanwhile: real HTTP, the workers' own objects."""

from __future__ import annotations

import json
import time
import zlib
from typing import Any

import pytest

from meridian.bell import FETCHES
from meridian.evidence import Rung
from meridian.service import Replies
from meridian.simulator.stubs import FaultName
from tests.lender import quiet
from tests.outside import BY_NAME, OUTSIDE, Asking, patiently, somebody, sources, stubs
from tests.services import eventually

KNOWN = 3
"""The number of an applicant of whom every source has something."""


def applicant(asking: Asking, number: int = KNOWN) -> str:
    return str(asking.lender.requests[number]["application"]["applicant_id"])


def begin(asking: Asking, number: int = KNOWN) -> dict[str, str]:
    return dict(asking.lender.service.wiring.prefetch.begin("consumer-loan", applicant(asking, number), "tests"))


def waiting(asking: Asking) -> list[tuple[str, str, int]]:
    return [
        tuple(row) for row in asking.lender.service.query("SELECT source, state, attempts FROM work.fetch ORDER BY 1")
    ]


def due_now(asking: Asking) -> None:
    asking.lender.service.execute("UPDATE work.fetch SET due_at = now()")


def test_what_was_fetched_is_there_for_the_decision(asking: Asking) -> None:
    assert begin(asking) == {**dict.fromkeys(OUTSIDE, "fetching"), "history": "ready"}
    assert asking.lender.service.worker.fetches.run() == 3
    assert begin(asking) == dict.fromkeys((*OUTSIDE, "history"), "ready")
    for stub in asking.stubs.values():
        stub.fails(FaultName.ERROR)
    decided = asking.decide(KNOWN)
    assert decided["evidence"]["rung"] == Rung.FULL
    assert not any("provider" in one for one in sources(decided).values())
    assert asking.lender.service.worker.replies.to_history() == 3
    assert asking.lender.verify().differences == ()


def test_to_begin_again_asks_nobody_twice(asking: Asking) -> None:
    for _ in range(3):
        begin(asking)
    assert waiting(asking) == [(name, "waiting", 0) for name in sorted(OUTSIDE)]


def test_that_a_source_has_nothing_is_fetched_too(asking: Asking) -> None:
    """Asked once, nobody is asked again whether a bank is linked that is not."""
    for number in range(12):
        begin(asking, number)
    asking.lender.service.worker.fetches.run()
    for stub in asking.stubs.values():
        stub.fails(FaultName.ERROR)
    told = [sources(asking.decide(number)) for number in range(12)]
    assert {one["bank"]["status"] for one in told} >= {"fresh", "nothing"}
    assert not any(one["bank"]["status"] == "failed" for one in told)


def test_what_fails_is_tried_again_and_then_no_more(asking: Asking) -> None:
    asking.stubs["bureau"].fails(FaultName.ERROR)
    begin(asking)
    fetches = asking.lender.service.worker.fetches
    for attempt in range(1, 9):
        fetches.run()
        assert ("bureau", "waiting" if attempt < 8 else "failed", attempt) in waiting(asking)
        due_now(asking)
    row = asking.lender.service.query("SELECT error, done_at IS NOT NULL FROM work.fetch WHERE source = 'bureau'")[0]
    assert row[0] in ("answered with an error (RefusesUs)", "not asked: its last look-ups failed")
    assert row[1]
    assert begin(asking)["bureau"] == "fetching"


def test_one_that_dies_each_time_is_not_tried_for_ever(asking: Asking) -> None:
    begin(asking)
    asking.lender.service.execute("UPDATE work.fetch SET attempts = 8 WHERE source = 'bank'")
    assert asking.lender.service.worker.fetches.run() == 2
    asking.lender.service.execute("UPDATE work.fetch SET asked_at = now() - interval '3 days' WHERE source = 'bank'")
    asking.lender.service.worker.fetches.tidy()
    rows = asking.lender.service.query("SELECT state, error FROM work.fetch WHERE source = 'bank'")
    assert [tuple(row) for row in rows] == [("failed", "nobody brought it")]
    asking.lender.service.execute("UPDATE work.fetch SET done_at = now() - interval '8 days'")
    asking.lender.service.worker.fetches.tidy()
    assert waiting(asking) == []


def test_one_that_cannot_be_written_down_holds_up_no_other(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = Replies.keep

    def refuses(self: Replies, connection: Any, provider: str, reply: Any) -> None:
        if reply.source == "bank":
            raise ValueError("A string literal cannot contain NUL (0x00) characters.")
        keep(self, connection, provider, reply)

    begin(asking)
    monkeypatch.setattr(Replies, "keep", refuses)
    assert asking.lender.service.worker.fetches.run() == 2
    assert {source: state for source, state, _ in waiting(asking)} == {
        "bank": "waiting", "bureau": "done", "employment": "done"
    }  # fmt: skip


def test_who_has_no_file_is_not_asked_about_again_at_once(asking: Asking) -> None:
    number = somebody(asking, lambda told: told["bureau"]["status"] == "missing")
    begin(asking, number)
    asking.lender.service.worker.fetches.run()
    assert begin(asking, number)["bureau"] == "ready"
    asking.stubs["bureau"].fails(FaultName.ERROR)
    told = sources(asking.decide(number))["bureau"]
    assert (told["status"], told["detail"], told["no_file"]) == ("missing", "no file on this applicant", True)


def test_a_reply_of_last_night_is_taken_in_by_the_next_run(asking: Asking) -> None:
    """The run before it had begun later than the reply's moment, and had not heard of it."""
    service = asking.lender.service
    service.worker.materialisation.run(BY_NAME["bank"], quiet)
    # As if the run had known nobody's events.
    service.execute(f"DELETE FROM online.vector WHERE fingerprint = '\\x{BY_NAME['bank'].fingerprint}'")
    begin(asking)
    service.worker.fetches.run()
    service.execute("UPDATE work.reply SET as_of = as_of - interval '1 day'")
    who = applicant(asking)
    service.execute(f"UPDATE online.vector SET fields = '{{}}', newest_at = NULL WHERE applicant_id = '{who}'")
    service.worker.replies.to_history()
    assert service.worker.materialisation.run(BY_NAME["bank"], quiet).applicants >= 1
    found = service.query(f"SELECT cardinality(fields) FROM online.vector WHERE applicant_id = '{who}'")
    assert max(row[0] for row in found) == len(BY_NAME["bank"].fields)


def test_replies_of_a_source_that_nobody_knows_stay_and_of_another_form_are_set_aside(asking: Asking) -> None:
    begin(asking)
    service = asking.lender.service
    service.worker.fetches.run()
    service.execute("UPDATE work.reply SET source = 'weather', in_vectors_at = NULL WHERE source = 'bank'")
    other = zlib.compress(b'{"records": [{"event_at": "2026-01-01T00:00:00Z", "known_at": "2026-01-01T00:00:00Z"}]}')
    service.execute(f"UPDATE work.reply SET document = '\\x{other.hex()}' WHERE source = 'employment'")
    service.worker.replies.to_history()
    kept = {row[0]: (row[1], row[2]) for row in service.query(
        "SELECT source, in_history_at IS NULL, in_history_at = 'infinity' FROM work.reply")}  # fmt: skip
    assert kept == {"weather": (True, None), "employment": (False, True), "bureau": (False, False)}
    service.execute("UPDATE work.reply SET in_history_at = now() - interval '3 days' WHERE source = 'bureau'")
    service.worker.replies.to_history()
    assert {row[0] for row in service.query("SELECT source FROM work.reply")} == {"weather", "employment"}


def test_a_worker_that_dies_leaves_it_to_the_next(asking: Asking) -> None:
    begin(asking)
    asking.lender.service.execute("UPDATE work.fetch SET lease_until = now() + interval '1 minute'")
    assert asking.lender.service.worker.fetches.run() == 0
    asking.lender.service.execute("UPDATE work.fetch SET lease_until = now() - interval '1 second'")
    assert asking.lender.service.worker.fetches.run() == 3


def test_who_says_to_come_back_is_asked_when_it_has_its_answer(asking: Asking) -> None:
    """A bank that takes some seconds takes the question, and a decision meanwhile does not wait for it."""
    with stubs(asking.lender.folder, "bank", scale=1.0 / 1200) as slow:  # 1.5 to 3 s
        later = asking.provided_by(
            patiently("bank", slow["bank"]), *(patiently(one, asking.stubs[one]) for one in OUTSIDE if one != "bank")
        )
        begin(later)
        fetches = later.lender.service.worker.fetches
        fetches.run()
        (row,) = later.lender.service.query(
            "SELECT provider, result, due_at > now() FROM work.fetch WHERE result <> ''"
        )
        assert row[0] == "bank-one-ahead"
        assert row[1].startswith("/v1/bank/results/")
        assert row[2]
        assert sources(later.decide(KNOWN))["bank"]["detail"] == "not asked for yet; asked: its answer comes later"

        def fetched() -> bool:
            fetches.run()
            return ("bank", "done") in {one[:2] for one in waiting(later)}

        assert eventually(fetched)
        assert sources(later.decide(KNOWN))["bank"]["status"] == "fresh"


def test_an_older_vector_never_takes_a_newer_ones_place(asking: Asking) -> None:
    begin(asking)
    asking.lender.service.worker.fetches.run()
    fingerprint = BY_NAME["bank"].fingerprint
    read = f"SELECT cut_off FROM online.vector WHERE fingerprint = '\\x{fingerprint}'"
    ahead = asking.lender.service.query(read)
    materialisation = asking.lender.service.worker.materialisation
    asking.lender.service.execute("UPDATE online.vector SET cut_off = cut_off + interval '1 hour'")
    materialisation.run(BY_NAME["bank"], lambda _what, _share: None)
    found = asking.lender.service.query(f"{read} AND applicant_id = '{applicant(asking)}'")
    assert found[0][0] > ahead[0][0]


def test_who_was_decided_before_a_slow_source_told_is_decided_again_when_it_does(asking: Asking) -> None:
    """Once, and not before all that was away has told; what a case waited for is settled, or a person looks."""
    redecisions = asking.lender.service.worker.redecisions
    for stub in asking.stubs.values():
        stub.fails(FaultName.ERROR)
    begin(asking)
    decided = asking.decide(KNOWN)
    assert decided["evidence"]["rung"] > Rung.STALE
    assert decided["outcome"] == "refer"
    assert redecisions.told_late() == []
    for name in ("bank", "employment"):
        asking.stubs[name].fails(FaultName.NONE)
    assert eventually(lambda: fetched(asking) == {"bank", "employment"})
    assert redecisions.told_late() == [], "the bureau has not told yet"
    for stub in asking.stubs.values():
        stub.fails(FaultName.NONE)
    assert eventually(lambda: fetched(asking) == set(OUTSIDE))
    (again,) = redecisions.told_late()
    assert (again.recovered, again.rung, again.rung_now) == (True, decided["evidence"]["rung"], Rung.FULL)
    assert redecisions.told_late() == [], "once"
    stages = asking.lender.service.query("SELECT stage FROM record.version ORDER BY number")
    assert [row.stage for row in stages] == ["fast", "redecision"]


def fetched(asking: Asking) -> set[str]:
    """The sources that have told, after one more round of asking."""
    due_now(asking)
    asking.lender.service.worker.fetches.run()
    return {row.source for row in asking.lender.service.query("SELECT source FROM work.reply")}


def test_over_http(asking: Asking) -> None:
    service = asking.lender.service
    service.start_api()
    for wrong, told in (
        ({"product": "loan", "applicant_id": "A-1"}, "/product"),
        ({"product": "consumer-loan"}, "/applicant_id"),
        ({"product": "consumer-loan", "applicant_id": "A 1"}, "/applicant_id"),
        ({"product": "consumer-loan", "applicant_id": "A-1", "name": "A"}, "/name"),
    ):
        refused = service.call("POST", "/v1/applications", json.dumps(wrong))
        assert (refused.status, told in refused.body.decode()) == (422, True), refused.body
    answer = service.call("POST", "/v1/applications", json.dumps({"product": "consumer-loan", "applicant_id": "A-1"}))
    assert answer.status == 202
    assert answer.json()["sources"]["bureau"] == "fetching"


def test_a_worker_of_its_own_fetches(asking: Asking) -> None:
    service = asking.lender.service
    # The queue in PostgreSQL itself.
    service.env["BROKER_URL"] = ""
    begin(asking)
    started = time.monotonic()
    service.start_worker("fetcher", FETCHES)
    service.start_schedule()
    service.until(lambda: {state for _, state, _ in waiting(asking)} == {"done"}, "everything is fetched")
    assert time.monotonic() - started < 30
