"""Providers asked while a decision waits: real HTTP, and every way in which they fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meridian.evidence import Rung
from meridian.simulator.stubs import FaultName
from meridian.sources.reply import Checker, Reply
from tests.outside import BY_NAME, OUTSIDE, Asking, Stub, patiently, somebody, sources, stubs
from tests.services import free_port

CAP = 10_000
"""The product's, where a source is away."""
FAILING = {
    FaultName.HUNG: "no answer within 400 ms",
    FaultName.ERROR: "answered with an error (RefusesUs)",
    FaultName.LYING: "answered with an error (Implausible)",
}
GARBAGE = ("NotUnderstood", "Unreachable", "NotUnderstood", "NotUnderstood")


def test_what_is_not_held_is_asked_for_and_said_to_be(asking: Asking) -> None:
    decided = asking.decide(3)
    told = sources(decided)
    assert decided["evidence"]["rung"] == Rung.FULL
    assert decided["score"]["model"] == "consumer-loan-compact"
    assert {name: told[name].get("provider") for name in (*OUTSIDE, "history")} == {
        "bureau": "bureau-one", "bank": "bank-one", "employment": "employment-one", "history": None
    }  # fmt: skip
    audited = "SELECT provider FROM audit.evidence_sources WHERE source = 'bank'"
    assert asking.lender.service.query(audited)[0][0] == "bank-one"


def test_what_is_told_is_what_the_materialised_store_would_have_had(asking: Asking) -> None:
    """One definition: live replies folded in memory, and the same events by the engine, give the same features."""
    live = [asking.decide(number) for number in range(40)]
    service = asking.lender.service
    kept = service.query("SELECT count(*), count(in_vectors_at) FROM work.reply")[0]
    assert kept[0] > 80
    assert kept[1] == 0
    assert service.worker.replies.to_history() == kept[0]
    assert service.query("SELECT count(*) FROM work.reply WHERE in_history_at IS NULL")[0][0] == 0
    checked = asking.lender.verify()
    assert (checked.decisions, checked.differences) == (len(live), ())


def test_what_was_told_is_held_for_the_next(asking: Asking) -> None:
    first = asking.decide(3)
    assert asking.lender.service.worker.replies.make_vectors() == 3
    for stub in asking.stubs.values():
        stub.fails(FaultName.ERROR)
    second = asking.decide(3)
    assert second["evidence"]["rung"] == Rung.FULL
    assert [one.get("provider") for one in sources(second).values()] == [None] * 5
    assert second["score"]["pd"] == first["score"]["pd"]


def test_to_have_no_file_is_an_answer(asking: Asking) -> None:
    unlinked = somebody(asking, lambda told: told["bank"]["status"] == "nothing")
    assert sources(asking.decide(unlinked))["bank"]["provider"] == "bank-one"
    no_file = somebody(asking, lambda told: told["bureau"]["status"] == "missing")
    assert sources(asking.decide(no_file))["bureau"]["detail"] == "no file on this applicant"


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("fault", FAILING)
def test_a_source_that_fails_is_said_to(asking: Asking, name: str, fault: FaultName) -> None:
    asking = asking.provided_by(*(patiently(one, asking.stubs[one], timeout_ms=400) for one in OUTSIDE))
    number = somebody(asking, lambda told: all(told[one]["status"] == "fresh" for one in OUTSIDE))
    asking.stubs[name].fails(fault)
    decided = asking.decide(number)
    told = sources(decided)
    assert (told[name]["status"], told[name]["detail"]) == ("failed", f"not asked for yet; asked: {FAILING[fault]}")
    assert {told[one]["status"] for one in OUTSIDE if one != name} == {"fresh"}
    assert decided["evidence"]["rung"] == Rung.APPLICATION_ONLY
    assert decided["outcome"] != "approve" or decided["offer"]["limit"] <= CAP


def test_no_garbage_is_taken_for_an_answer(asking: Asking) -> None:
    number = somebody(asking, lambda told: told["bureau"]["status"] == "fresh")
    asking.stubs["bureau"].fails(FaultName.GARBAGE)
    for why in GARBAGE:
        assert sources(asking.decide(number))["bureau"]["detail"].endswith(f"answered with an error ({why})")


def test_who_does_not_listen_fails_like_any_other(asking: Asking) -> None:
    nobody = Stub(f"http://127.0.0.1:{free_port()}", asking.stubs["bureau"].faults)
    decided = asking.provided_by(patiently("bureau", nobody)).decide(3)
    assert sources(decided)["bureau"]["detail"] == "not asked for yet; asked: answered with an error (Unreachable)"


def test_what_is_held_and_stale_stands_where_the_provider_fails(asking: Asking) -> None:
    number = somebody(asking, lambda told: all(told[one]["status"] == "fresh" for one in OUTSIDE))
    asking.lender.service.worker.replies.make_vectors()
    older = "cut_off - interval '60 days', newest_at = newest_at - interval '60 days'"
    fingerprint = f"'\\x{BY_NAME['bureau'].fingerprint}'"
    asking.lender.service.execute(f"UPDATE online.vector SET cut_off = {older} WHERE fingerprint = {fingerprint}")
    asked_anew = asking.decide(number)
    assert (asked_anew["evidence"]["rung"], sources(asked_anew)["bureau"]["provider"]) == (0, "bureau-one")
    asking.stubs["bureau"].fails(FaultName.ERROR)
    held = asking.decide(number)
    assert held["evidence"]["rung"] == Rung.STALE
    told = sources(held)["bureau"]
    assert told["status"] == "stale"
    assert told["detail"].endswith("days ago; asked anew: answered with an error (RefusesUs)")


def test_the_second_provider_is_asked_where_the_first_fails(asking: Asking, lender_folder: Path) -> None:
    with stubs(lender_folder, "bureau", dialect="second") as other:
        both = asking.provided_by(
            *(patiently(one, asking.stubs[one]) for one in OUTSIDE),
            patiently("bureau", other["bureau"], name="bureau-two", adapter="second_bureau"),
        )
        number = somebody(both, lambda told: all(told[one]["status"] == "fresh" for one in OUTSIDE))
        first = both.decide(number)
        asking.stubs["bureau"].fails(FaultName.ERROR)
        second = both.decide(number)
        assert (sources(first)["bureau"]["provider"], sources(second)["bureau"]["provider"]) == (
            "bureau-one",
            "bureau-two",
        )
        assert second["evidence"]["rung"] == Rung.FULL
        assert second["score"]["pd"] == first["score"]["pd"]
        other["bureau"].fails(FaultName.LYING)
        assert sources(both.decide(number))["bureau"]["detail"].endswith("(Implausible)")


def test_all_fail_at_once_and_everybody_is_answered(asking: Asking) -> None:
    for stub, fault in zip(asking.stubs.values(), (FaultName.ERROR, FaultName.LYING, FaultName.GARBAGE), strict=True):
        stub.fails(fault)
    decided = [asking.decide(number) for number in range(30)]
    assert {one["evidence"]["rung"] for one in decided} == {Rung.APPLICATION_ONLY}
    assert "not asked: its last look-ups failed" in {
        sources(one)["bureau"]["detail"].rpartition("asked: ")[2] or "" for one in decided
    } | {sources(one)["bureau"]["detail"].partition("; asked: ")[2] for one in decided}


def test_a_provider_of_nothing_that_is_looked_up_is_refused(asking: Asking) -> None:
    with pytest.raises(
        Exception, match=r"weather-one: source: 'weather' is looked up by no product; there is account, bank"
    ):
        asking.provided_by(patiently("weather", asking.stubs["bureau"])).decide(3)


def test_an_older_reply_takes_the_place_of_nothing_newer(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    number = somebody(asking, lambda told: told["bureau"]["status"] == "fresh")
    service = asking.lender.service
    service.worker.replies.make_vectors()
    of_bureau = f"fingerprint = '\\x{BY_NAME['bureau'].fingerprint}'"
    service.execute(
        "UPDATE online.vector SET cut_off = now() - interval '2 hours', newest_at = now() - interval '50 days' "
        f"WHERE {of_bureau}"
    )
    first = Checker.from_json

    def last_month(self: Checker, body: bytes, applicant_id: str, now: datetime) -> Reply:
        return replace(first(self, body, applicant_id, now), as_of=now - timedelta(days=30))

    monkeypatch.setattr(Checker, "from_json", last_month)
    told = sources(asking.decide(number))["bureau"]
    assert (told["status"], told["detail"]) == ("stale", "as of 50 days ago; asked anew: nothing newer")


def test_after_a_bureaus_outage_exactly_what_it_touched_is_decided_again(asking: Asking) -> None:
    """Nobody saw an error; what was decided on less is named, all of it and nothing else, and then put right."""
    began = datetime.now(UTC)
    before = [asking.decide(number) for number in range(20)]
    asking.stubs["bureau"].fails(FaultName.ERROR)
    during = [asking.decide(number) for number in range(20, 60)]
    asking.stubs["bureau"].works()
    usual = {number for number, one in enumerate(before) if one["evidence"]["rung"] > Rung.FULL}
    touched = {one["application_ref"] for one in during}
    assert {one["evidence"]["rung"] for one in during} == {Rung.APPLICATION_ONLY}
    worker = asking.lender.service.worker

    def again(*, record: bool) -> dict[str, Any]:
        total, each = worker.redecisions.of(began, datetime.now(UTC), Rung.STALE, record=record)
        done = {one.application_ref: one for one in each}
        assert len(done) == total
        return done

    dry = again(record=False)
    assert set(dry) == touched | {before[number]["application_ref"] for number in usual}
    # What a dry run was told is kept: nobody is asked, and perhaps paid, for it twice.
    asking.stubs["bureau"].fails(FaultName.ERROR)
    recorded = again(record=True)
    recovered = {ref for ref, one in recorded.items() if one.recovered}
    assert recovered == {ref for ref, one in dry.items() if one.recovered}
    assert recovered <= touched
    # All but those of whom the bureau has nothing, or nothing new enough.
    assert len(recovered) > 30
    assert {recorded[ref].rung_now for ref in recovered} <= {Rung.FULL, Rung.STALE}
    assert not recovered & set(again(record=True))
    assert asking.lender.service.worker.replies.to_history() > 0
    assert asking.lender.verify().differences == ()
