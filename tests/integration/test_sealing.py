"""Sealing: every row in exactly one seal, one chain without gaps, whoever fails or is killed; and its anchors."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meridian.db.engine import WORKER_ROLE
from meridian.errors import NotReady, Unavailable
from meridian.outcome import Outcome
from meridian.record import Kind, Leaf
from meridian.record.seal import BEFORE_THE_FIRST
from meridian.service import Seals, Settling
from meridian.wiring import Wiring
from tests.entries import SCORER, entries, leaves_in, record_entries, rows_of
from tests.services import Service

MERIDIAN = Path(sys.executable).with_name("meridian")


def numbers(running: Service) -> list[int]:
    return [row.number for row in running.query("SELECT number FROM record.seal ORDER BY number")]


def lines(running: Service) -> list[dict[str, object]]:
    """The anchors in the file."""
    path = Path(running.settings.anchor_place)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def check_chain(running: Service) -> None:
    """Every row is in exactly one seal, the chain has no gap, and the record holds."""
    assert leaves_in(running, "work.unsealed") == []
    assert leaves_in(running, "record.seal") == rows_of(running)
    made = numbers(running)
    assert made == list(range(1, len(made) + 1))
    verified = running.wiring.audits.verify()
    assert (verified.findings, verified.rows) == ((), len(rows_of(running)))


# Waiting


def test_rows_wait_to_be_sealed_from_the_commit_on_that_records_them(running: Service) -> None:
    (entry,) = entries(running, 1, referred=True)
    before = leaves_in(running, "work.unsealed")
    assert [Leaf.unpacked(leaf).kind for leaf in before] == [Kind.POLICY]
    assert running.wiring.add_entry(entry)
    rows = (entry.application, entry.evidence, entry.version)
    assert leaves_in(running, "work.unsealed") == sorted([*before, *(row.leaf.packed() for row in rows)])
    assert leaves_in(running, "work.unsealed") == rows_of(running)


def test_what_assessments_and_people_add_waits_too(running: Service) -> None:
    made = entries(running, 2, referred=True)
    assert all(map(running.wiring.add_entry, made))
    running.worker.seals.seal()
    assessments = replace(running.worker.assessments, scorers=lambda *_: SCORER)
    assert all(assessments.assess(entry.job_id) for entry in made)
    settling = Settling(Outcome.DECLINE, ["A01"], "the payslips were of another person")
    running.wiring.desk.reviews.correct(made[0].application.ref, "ana", settling)
    waiting = [Leaf.unpacked(leaf) for leaf in leaves_in(running, "work.unsealed")]
    stages = running.query("SELECT id, stage FROM record.version WHERE stage <> 'fast' ORDER BY stage")
    assert [row.stage for row in stages] == ["batch", "batch", "correction"]
    assert {leaf.id for leaf in waiting} == {row.id for row in stages}
    running.worker.seals.seal()
    check_chain(running)


def test_who_comes_second_under_a_key_has_nothing_that_waits(running: Service) -> None:
    (first,) = record_entries(running, 1)
    (second,) = entries(running, 1)
    taken = replace(second.application, idempotency_key=first.application.idempotency_key)
    assert not running.wiring.add_entry(replace(second, application=taken))
    assert leaves_in(running, "work.unsealed") == rows_of(running)


# Sealing


def test_sealing_leaves_nothing_that_waits_and_every_row_in_one_seal(running: Service) -> None:
    for n in (3, 1, 4):
        record_entries(running, n)
        assert running.worker.seals.seal() == 1
    check_chain(running)
    assert numbers(running) == [1, 2, 3]


def test_where_nothing_waits_no_seal_is_made(running: Service) -> None:
    assert running.worker.seals.seal() == 0
    assert numbers(running) == []
    assert running.wiring.audits.verify().findings == ()


def test_each_seal_is_signed_by_the_key_and_follows_the_one_before(running: Service) -> None:
    for _ in range(3):
        record_entries(running, 1)
        running.worker.seals.seal()
    seals = running.query("SELECT * FROM record.seal ORDER BY number")
    assert {bytes(seal.key).hex() for seal in seals} == {running.wiring.seal_keys.public}
    shas = [bytes(seal.sha256).hex() for seal in seals]
    assert [bytes(seal.previous).hex() for seal in seals] == [BEFORE_THE_FIRST, *shas[:-1]]


def test_many_commits_are_sealed_in_seals_of_bounded_size(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meridian.service.seals.COMMITS_AT_ONCE", 4)
    record_entries(running, 10)
    assert running.worker.seals.seal() == 3  # ten commits, and the policy's
    check_chain(running)


def test_two_who_seal_at_once_make_one_chain_while_decisions_go_on(running: Service) -> None:
    made, done = entries(running, 120), threading.Event()
    sealers = [Wiring(running.settings, f"sealer-{i}", WORKER_ROLE) for i in range(2)]

    def seal(wiring: Wiring) -> int:
        count = 0
        while not done.is_set():
            count += wiring.seals.seal()
        return count

    with ThreadPoolExecutor(6) as threads:
        sealing = [threads.submit(seal, wiring) for wiring in sealers]
        recorded = list(threads.map(running.wiring.add_entry, made))
        done.set()
        counts = [one.result() for one in sealing]
    last = running.worker.seals.seal()
    for wiring in sealers:
        wiring.engine.dispose()
    assert all(recorded)
    assert len(numbers(running)) == sum(counts) + last
    check_chain(running)


def test_processes_that_seal_at_once_make_one_chain(running: Service) -> None:
    record_entries(running, 20)
    command = [str(MERIDIAN), "audit", "seal"]
    processes = [subprocess.Popen(command, env=running.env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    record_entries(running, 20)
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    running.worker.seals.seal()
    check_chain(running)


# Sealers that fail


def fails() -> Ed25519PrivateKey:
    raise RuntimeError("in the middle")


def test_a_sealer_that_fails_in_the_middle_loses_nothing(running: Service) -> None:
    record_entries(running, 5)
    with pytest.raises(RuntimeError, match="in the middle"):
        replace(running.worker.seals, signing_key=fails).seal()
    assert leaves_in(running, "work.unsealed") == rows_of(running)
    assert numbers(running) == []
    assert running.worker.seals.seal() == 1
    check_chain(running)


def test_a_sealer_whose_connection_is_killed_in_the_middle_loses_nothing(running: Service) -> None:
    record_entries(running, 5)

    def killed() -> datetime:
        """It asks for the time when it has taken the rows."""
        running.query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'meridian-test-worker' AND state = 'idle in transaction'"
        )
        return datetime.now(UTC)

    with pytest.raises(Unavailable):
        replace(running.worker.seals, clock=killed).seal()
    assert leaves_in(running, "work.unsealed") == rows_of(running)
    assert numbers(running) == []
    assert running.worker.seals.seal() == 1
    check_chain(running)


def test_without_a_key_nothing_is_sealed_and_the_message_says_how_to_make_one(running: Service) -> None:
    record_entries(running, 2)
    keyless = Wiring(running.settings.model_copy(update={"seal_key": type(running.settings.seal_key)("")}), "keyless")
    with pytest.raises(NotReady, match=r"MERIDIAN_SEAL_KEY is not set.*openssl rand -hex 32"):
        replace(running.worker.seals, signing_key=keyless.seals.signing_key).seal()
    keyless.engine.dispose()
    assert leaves_in(running, "work.unsealed") == rows_of(running)


def test_a_new_key_signs_on_and_the_old_one_is_trusted_where_it_is_named(running: Service) -> None:
    record_entries(running, 2)
    running.worker.seals.seal()
    old = running.wiring.seal_keys.public
    seed = type(running.settings.seal_key)(token_hex(32))

    def renewed(named: str) -> Wiring:
        update = {"seal_key": seed, "seal_public_keys": named}
        return Wiring(running.settings.model_copy(update=update), "renewed", WORKER_ROLE)

    wirings = [renewed(f" {old.upper()}, "), renewed("")]
    record_entries(running, 2)
    assert wirings[0].seals.seal() == 1
    assert wirings[0].audits.verify().findings == ()
    assert [one.where for one in wirings[1].audits.verify().findings] == ["seal 1"]
    for wiring in wirings:
        wiring.engine.dispose()


# The place outside


class Place:
    """A place outside, with its troubles."""

    def __init__(self, trouble: Callable[[int], None] = lambda _: None):
        self.lines: dict[int, str] = {}
        self.calls = 0
        self._trouble = trouble

    def get(self, number: int) -> str | None:
        self.calls += 1
        self._trouble(self.calls)
        return self.lines.get(number)

    def add(self, number: int, line: str) -> None:
        self.calls += 1
        self._trouble(self.calls)
        assert number not in self.lines, "overwritten"
        self.lines[number] = line


def seal_often(running: Service, n: int, seals: Seals | None = None) -> None:
    """Make so many seals; whether they come outside is not asked."""
    for _ in range(n):
        record_entries(running, 1)
        with suppress(NotReady):
            (seals or running.worker.seals).seal()


def test_seals_stand_outside_in_their_order_as_they_were_signed(running: Service) -> None:
    seal_often(running, 3)
    assert [line["number"] for line in lines(running)] == [1, 2, 3]
    kept = running.query("SELECT encode(sha256, 'hex') AS sha256, encode(signature, 'hex') AS signature "
                         "FROM record.seal ORDER BY number")  # fmt: skip
    assert [(line["sha256"], line["signature"]) for line in lines(running)] == [tuple(row) for row in kept]


def test_while_the_place_outside_is_down_sealing_goes_on_and_it_is_caught_up_with(running: Service) -> None:
    """A folder stands where the file should be."""
    path = Path(running.settings.anchor_place)
    path.mkdir()
    for number in (1, 2, 3):
        record_entries(running, 1)
        with pytest.raises(NotReady, match=f"The anchor file {path} cannot be read"):
            running.worker.seals.seal()
        assert numbers(running)[-1] == number
    assert leaves_in(running, "work.unsealed") == []
    path.rmdir()
    assert running.worker.seals.seal() == 0
    assert [line["number"] for line in lines(running)] == [1, 2, 3]
    check_chain(running)


def test_a_place_that_fails_now_and_then_is_caught_up_with(running: Service) -> None:
    """What it took is remembered: it fails at every seventh call, and there are twenty seals to bring."""

    def now_and_then(call: int) -> None:
        if call % 7 == 0:
            raise NotReady("the place outside has a bad moment")

    seal_often(running, 20)
    place = Place(now_and_then)
    seals = replace(running.worker.seals, place="elsewhere", anchors=place)
    attempts = 0
    while len(place.lines) < 20:
        attempts += 1
        assert attempts < 15, f"no more than {len(place.lines)} came there"
        with suppress(NotReady):
            seals.anchor()
    assert seals.anchor() == 0
    assert list(place.lines) == list(range(1, 21))


def test_while_a_slow_place_is_waited_for_others_seal(running: Service) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(_: int) -> None:
        asked.set()
        assert go_on.wait(20)

    record_entries(running, 1)
    waits = replace(running.worker.seals, place="slow", anchors=Place(slow))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(waits.seal)
        assert asked.wait(20)
        record_entries(running, 1)
        made = replace(running.worker.seals, place="quick", anchors=Place()).seal()
        go_on.set()
        waiting.result()
    assert made == 1
    assert numbers(running) == [1, 2]


def test_a_line_that_came_there_and_whose_note_was_lost_is_not_put_there_twice(running: Service) -> None:
    seal_often(running, 3)
    running.execute("UPDATE work.anchored SET number = 1")
    assert running.worker.seals.anchor() == 2
    assert [line["number"] for line in lines(running)] == [1, 2, 3]


def test_another_seal_under_the_same_number_is_refused_and_nothing_is_overwritten(running: Service) -> None:
    """As after a restore from a backup that is older than the anchors."""
    seal_often(running, 2)
    path = Path(running.settings.anchor_place)
    before = path.read_bytes()
    running.execute("DELETE FROM record.seal WHERE number = 2; UPDATE work.anchored SET number = 1")
    record_entries(running, 1)
    with pytest.raises(NotReady, match=r"Another seal is anchored under number 2.*Nothing is overwritten"):
        running.worker.seals.seal()
    assert path.read_bytes() == before
    assert "seal 2" in {one.where for one in running.wiring.audits.verify().findings}


def test_two_who_anchor_at_once_put_each_seal_there_once(running: Service) -> None:
    seal_often(running, 6, replace(running.worker.seals, anchors=Place(lambda _: bad_moment())))
    others = [Wiring(running.settings, f"anchors-{i}", WORKER_ROLE) for i in range(3)]
    with ThreadPoolExecutor(3) as threads:
        put = list(threads.map(lambda wiring: wiring.seals.anchor(), others))
    for wiring in others:
        wiring.engine.dispose()
    assert sum(put) + running.worker.seals.anchor() == 6
    assert [line["number"] for line in lines(running)] == list(range(1, 7))


def bad_moment() -> None:
    raise NotReady("the place outside has a bad moment")
