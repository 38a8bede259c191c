"""The stubs of the outside sources: what they answer over HTTP, when, and how they fail on command."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from meridian.errors import InvalidInput
from meridian.simulator.stubs import AT_ONCE_S, PACES, FaultName, Latency, StubSource
from tests.services import Answer, eventually
from tests.stub_parts import LATER, Stub, rows, small_lender, started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lender(tmp_path_factory.mktemp("stubs") / "lender")


Start = Callable[..., AbstractContextManager[Stub]]


@pytest.fixture(scope="module")
def start(folder: Path) -> Start:
    return partial(started, folder)


@pytest.fixture(scope="module")
def shared(start: Start) -> Iterator[Stub]:
    with start("bureau") as stub:
        yield stub


@pytest.fixture
def bureau(shared: Stub) -> Stub:
    """A bureau without a fault, that answers at once."""
    shared.fail("none")
    return shared


def moment(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def written(streams: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Events as JSON gives them, with their moments read."""
    times = ("event_at", "known_at")
    return {
        name: [{k: moment(v) if k in times else v for k, v in event.items()} for event in events]
        for name, events in streams.items()
    }


@pytest.mark.parametrize("name", PACES)
def test_a_source_tells_all_that_it_has_of_an_applicant(start: Start, folder: Path, name: str) -> None:
    with start(name) as stub:
        document = stub.ask().json()
    assert document["applicant_id"] == stub.known
    assert datetime.now(UTC) - moment(document["as_of"]) < timedelta(minutes=1)
    assert written(document["streams"]) == rows(folder, name, stub.known)


def test_what_became_known_later_is_not_told(bureau: Stub, folder: Path) -> None:
    events = rows(folder, "bureau", bureau.known)
    by = sorted(event["known_at"] for of in events.values() for event in of)
    middle = by[len(by) // 2]
    document = bureau.ask(query=f"?as_of={middle:%Y-%m-%dT%H:%M:%SZ}").json()
    wanted = {name: [event for event in of if event["known_at"] <= middle] for name, of in events.items()}
    assert written(document["streams"]) == wanted
    assert moment(document["as_of"]) == middle
    none = bureau.ask(query=f"?as_of={by[0] - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}")
    assert none.status == 404


def test_of_an_applicant_it_does_not_know_it_says_so(bureau: Stub) -> None:
    answer = bureau.ask("L3-99999999")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:meridian:problem:no-file"
    assert "L3-99999999" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/", "/v1/bank/L3-00000001", "/v1/bureau/", "/v1/bureau/results/bm8=", "/v2/x"])
def test_an_unknown_path_is_not_found(bureau: Stub, path: str) -> None:
    answer = bureau.call("GET", path)
    assert answer.status == 404
    assert "/v1/bureau/<applicant_id>" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "named"),
    [("?as_of=yesterday", "'yesterday'"), ("?as_of=", "''"), ("?as_of=2026-11-01T00:00:00", "2026-11-01T00:00:00"),
     ("?asof=2026-11-01T00:00:00Z", "'asof'")],
)  # fmt: skip
def test_a_moment_that_cannot_be_read_is_refused_by_name(bureau: Stub, query: str, named: str) -> None:
    """One that was passed over would let later knowledge through."""
    answer = bureau.ask(query=query)
    assert answer.status == 400
    assert named in answer.json()["detail"]


@pytest.mark.parametrize("name", LATER)
def test_a_slow_source_takes_the_question_and_keeps_the_answer(start: Start, name: str) -> None:
    asked = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
    now = [asked.timestamp()]
    with start(name, scale=1, now=lambda: now[0]) as stub:
        taken = stub.ask()
        ready = taken.json()["ready_in_s"]
        assert taken.status == 202
        assert PACES[name].least_s <= ready <= PACES[name].most_s
        assert int(taken.headers["retry-after"]) == ceil(ready)
        now[0] += ready - 1.5
        early = stub.call("GET", taken.headers["location"])
        assert (early.status, early.headers["retry-after"]) == (202, "2")
        assert early.headers["location"] == taken.headers["location"]
        assert stub.ask("L3-99999999").status == 404
        assert stub.call("GET", f"/v1/{name}/results/bm8=").status == 404
    with start(name, now=lambda: now[0]) as restarted:
        # What the question was stands in its address, so that a restart forgets nothing.
        assert restarted.call("GET", taken.headers["location"]).status == 202
        now[0] += 3
        result = restarted.call("GET", taken.headers["location"])
    assert result.status == 200
    assert moment(result.json()["as_of"]) == asked


@pytest.mark.parametrize("name", LATER)
def test_a_slow_source_answers_at_once_what_takes_a_second_at_most(start: Start, name: str) -> None:
    """One and the same draw, shortened to either side of the second."""
    with start(name, scale=1) as stub:
        drawn = stub.ask().json()["ready_in_s"]
    with start(name, scale=0.5 * AT_ONCE_S / drawn) as stub:
        begun = time.monotonic()
        answer = stub.ask()
        assert answer.status == 200
        assert answer.json()["streams"]
        assert 0.5 <= time.monotonic() - begun < 5
    with start(name, scale=1.01 * AT_ONCE_S / drawn) as stub:
        assert stub.ask().status == 202


@pytest.mark.parametrize("name", LATER)
def test_a_slow_source_that_is_slower_promises_so_many_times_as_late(start: Start, name: str) -> None:
    ready = []
    for fault in ("none", "slow", "tail"):
        with start(name, scale=1) as stub:
            stub.fail(fault)
            ready.append(stub.ask().json()["ready_in_s"])
    assert ready[1:] == pytest.approx([10 * ready[0], 20 * ready[0]], abs=0.02)


def test_a_tail_is_a_share_of_the_answers_twenty_times_as_late(start: Start) -> None:
    ready = []
    for share in (0, 0.2):
        with start("bank", scale=1) as stub:
            stub.fail("tail", share=share)
            ready.append([stub.ask().json()["ready_in_s"] for _ in range(50)])
    times = [round(late / usual, 3) for usual, late in zip(*ready, strict=True)]
    assert set(times) == {1, 20}
    assert 3 <= times.count(20) <= 20


def test_a_quick_source_keeps_the_caller_on_the_line(start: Start) -> None:
    with start("bureau", scale=0.01) as stub:
        begun = time.monotonic()
        assert stub.ask().status == 200
        usual = time.monotonic() - begun
        stub.fail("slow")
        begun = time.monotonic()
        assert stub.ask().status == 200
        assert usual >= 0.05
        assert time.monotonic() - begun >= 0.5


def test_latencies_lie_between_the_bounds_and_repeat() -> None:
    for pace in PACES.values():
        drawn = [Latency(pace, 0.001, 5).draw() for _ in range(2)]
        assert drawn[0] == drawn[1]
        latency = Latency(pace, 1, 5)
        many = [latency.draw() for _ in range(2000)]
        assert pace.least_s <= min(many)
        assert max(many) <= pace.most_s
        assert median(many) == pytest.approx((pace.least_s * pace.most_s) ** 0.5, rel=0.08)
    with pytest.raises(InvalidInput, match="-1"):
        Latency(PACES["bank"], -1, 1)


def test_errors(bureau: Stub) -> None:
    bureau.fail("error")
    answer = bureau.ask()
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    bureau.fail("none")
    assert bureau.ask().status == 200


def test_a_share_of_the_answers_fails_and_the_same_ones_each_time(bureau: Stub) -> None:
    runs = []
    for _ in range(2):
        bureau.fail("error", share=0.5)
        runs.append([bureau.ask().status for _ in range(40)])
    assert runs[0] == runs[1]
    assert 8 < runs[0].count(500) < 32
    assert set(runs[0]) == {200, 500}


def test_garbage_of_four_kinds_in_turn(bureau: Stub) -> None:
    right = bureau.ask(query="?as_of=2027-01-01T00:00:00Z")
    bureau.fail("garbage")

    def ask() -> Answer:
        return bureau.ask(query="?as_of=2027-01-01T00:00:00Z")

    broken = ask()
    assert (broken.status, broken.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match="Expecting"):
        broken.json()
    with pytest.raises(http.client.IncompleteRead):
        ask()
    mistyped = ask()
    assert mistyped.headers["content-type"] == "application/octet-stream"
    assert mistyped.body == right.body
    page = ask()
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert page.body.startswith(b"<!DOCTYPE html>")


def test_flapping_is_errors_for_a_while_and_none_for_as_long(start: Start) -> None:
    now = [100.0]
    with start("bureau", clock=lambda: now[0]) as stub:
        stub.fail("flapping", seconds=5)
        seen = []
        for now[0] in (100.0, 104.9, 105.0, 109.9, 110.0):
            seen.append(stub.ask().status)
    assert seen == [500, 500, 200, 200, 500]


@pytest.mark.parametrize(
    ("name", "stream", "cents", "days"),
    [("bureau", "tradelines", "balance_cents", "opened_day"), ("employment", "records", "income_cents", "ended_day")],
)
def test_lies_have_the_right_form_and_the_wrong_units(
    start: Start, folder: Path, name: str, stream: str, cents: str, days: str
) -> None:
    with start(name) as stub:
        stub.fail("lying")
        answer = stub.ask()
    true = rows(folder, name, stub.known)[stream]
    told = written(answer.json()["streams"])[stream]
    for one, other in zip(true, told, strict=True):
        assert {k: type(v) for k, v in one.items()} == {k: type(v) for k, v in other.items()}
        assert other[cents] == round(one[cents] / 100)
        assert other[days] == (None if one[days] is None else round(one[days] / 30))
        assert {k for k in one if one[k] != other[k]} <= {k for k in one if k.endswith(("_cents", "_day", "past_due"))}


def test_one_who_hangs_keeps_nobody_else_waiting_and_is_cut_off_at_the_end(start: Start) -> None:
    with ThreadPoolExecutor(4) as pool, start("bureau") as stub:
        stub.fail("hung")
        hung = [pool.submit(stub.ask) for _ in range(3)]
        with pytest.raises(TimeoutError):
            stub.ask(timeout=0.3)
        assert stub.call("GET", "/healthz").json() == {"status": "ok", "source": "bureau"}
        stub.fail("none")
        assert stub.ask(timeout=2).status == 200
        assert not any(one.done() for one in hung)
        ending = time.monotonic()
    assert time.monotonic() - ending < 5
    assert all(isinstance(one.exception(timeout=3), ConnectionError) for one in hung)


def test_threads_are_bounded_and_a_fault_can_be_undone_while_all_hang(start: Start) -> None:
    with start("bureau", threads=1) as stub:
        stub.fail("hung")
        with socket.create_connection(("127.0.0.1", stub.port)) as hung:
            hung.sendall(f"GET /v1/bureau/{stub.known} HTTP/1.1\r\nHost: stub\r\n\r\n".encode())
            time.sleep(0.3)
            refused = stub.ask(timeout=2)
            assert (refused.status, refused.headers["retry-after"]) == (503, "2")
            stub.fail("none")
            assert stub.ask(timeout=2).status == 503
        # The caller gave up, and what it held is free again.
        assert eventually(lambda: stub.ask(timeout=2).status == 200)


def test_faults_are_shown(bureau: Stub) -> None:
    bureau.fail("flapping", share=0.25, seconds=3)
    assert bureau.call("GET", "/faults").json() == {"fault": "flapping", "share": 0.25, "seconds": 3}


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [("no", 400, "no"), ("[]", 422, "[]"), ('{"share": 1}', 422, "share"), ('{"fault": "rain"}', 422, "rain"),
     ('{"fault": "slow", "share": 1.5}', 422, "1.5"), ('{"fault": "slow", "share": true}', 422, "True"),
     ('{"fault": "slow", "seconds": 0}', 422, "0"), ('{"fault": "slow", "often": 1}', 422, "often"),
     ('{"fault": ["slow"]}', 422, "slow")],
)  # fmt: skip
def test_a_command_that_cannot_be_followed_is_refused_and_changes_nothing(
    bureau: Stub, body: str, status: int, named: str
) -> None:
    answer = bureau.call("PUT", "/faults", body)
    assert answer.status == status
    assert named in answer.json()["detail"]
    assert bureau.call("GET", "/faults").json()["fault"] == "none"
    assert bureau.call("PUT", "/elsewhere", "{}").status == 404


@pytest.mark.parametrize("name", FaultName)
def test_every_fault_can_be_commanded(bureau: Stub, name: str) -> None:
    bureau.fail(name, share=0)
    assert bureau.ask().status == 200


def test_a_folder_or_a_source_that_is_none_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="simulate lender"):
        StubSource("bank", tmp_path, scale=0, seed=1)
    with pytest.raises(InvalidInput, match="history"):
        StubSource("history", folder, scale=0, seed=1)


def test_a_stub_needs_no_database_and_no_model_library() -> None:
    heavy = ("sqlalchemy", "xgboost", "sklearn", "duckdb", "matplotlib")
    code = f"import sys, meridian.simulator.stubs; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
