"""The database restarted, or its wire cut at the worst moment, while decisions flow: each once, and none lost."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from meridian.db.migrate import migrate
from meridian.local.placement import placement_for
from meridian.local.postgres import EmbeddedPostgres
from meridian.simulator import requests
from tests.callers import Callers, check_record, check_refusal, check_replays, key_of
from tests.conftest import PATIENT
from tests.faults import Moment, Wire
from tests.record_rows import count_rows
from tests.services import Service, eventually, fresh_database, service
from tests.training_fixtures import TrainedModels

ADDS = b"EXECUTE add_entries"


def stop_fast(postgres: EmbeddedPostgres) -> None:
    """As an administrator does it: who is connected is cut off, and a checkpoint is written."""
    postgres.stop()


def stop_at_once(postgres: EmbeddedPostgres) -> None:
    """As in an emergency: nothing is written any more, and the next start recovers."""
    (child,) = postgres._children._children
    os.kill(child.process.pid, signal.SIGQUIT)
    child.process.wait(10)
    postgres.stop()


def test_a_restart_of_the_database_is_refusals_while_it_is_away_and_no_more(
    demo_models: TrainedModels, tmp_path: Path, today: date
) -> None:
    """One API lives through both kinds of stop, with eight callers who go on all the while."""
    home = tmp_path / "database"
    postgres = EmbeddedPostgres(home)
    postgres.start()
    try:
        postgres.ensure_database("meridian")
        url = make_url(postgres.superuser_url).set(database="meridian").render_as_string(hide_password=False)
        migrate(url)
        asked = requests(160, 23, today)
        with service(tmp_path / "service", url, demo_models.models_dir, **PATIENT) as running:
            running.start_api()
            callers = Callers(running)
            for stop, part in ((stop_fast, asked[:80]), (stop_at_once, asked[80:])):
                before = len(callers.answers)
                refused = len(callers.refusals)
                with callers.asking(part):
                    assert eventually(lambda before=before: len(callers.answers) >= before + 20)
                    stop(postgres)
                    assert eventually(lambda refused=refused: len(callers.refusals) >= refused + 8)
                    assert running.get("/readyz").status == 503
                    postgres.start()
            running.children.check()
            check_record(running, callers.answers)
            assert set(callers.answers) == {one["application_ref"] for one in asked}
            check_replays(running, asked, callers.answers)
            check_record(running, callers.answers)
    finally:
        postgres.stop()
        shutil.rmtree(placement_for(home).folder, ignore_errors=True)


@dataclass(frozen=True)
class Wired:
    """An API that reaches its database over a wire that can be cut; its record is read on the side."""

    service: Service
    wire: Wire

    def rows_of(self, ref: str) -> list[Any]:
        return self.service.query(
            "SELECT v.id::text, v.document FROM record.application a JOIN record.version v ON v.application_id = a.id "
            "WHERE a.ref = :ref",
            ref=ref,
        )


@pytest.fixture(scope="module")
def wired(
    embedded_server: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Wired]:
    with fresh_database(embedded_server) as url:
        wire = Wire(url)
        wire.whole()
        home = tmp_path_factory.mktemp("wired")
        with service(home, url, demo_models.models_dir, **{**PATIENT, "DATABASE_URL": wire.url}) as running:
            running.start_api()
            yield Wired(running, wire)
        wire.cut()


@pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.name.lower())
@pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "no key"])
def test_what_a_broken_connection_left_unknown_is_found_out_and_answered(
    wired: Wired, application: dict[str, Any], moment: Moment, keyed: bool
) -> None:
    """Committed or not, the caller gets a first answer and no replay, and that decision is the one in the record."""
    application["application_ref"] = f"{moment.name}-{'keyed' if keyed else 'no-key'}"
    broken = wired.wire.broken
    wired.wire.cut_once(ADDS, moment)
    answer = wired.service.decide(application, key_of(application) if keyed else {})
    assert wired.wire.broken == broken + 1
    assert answer.status == 201, answer.body
    assert "idempotent-replayed" not in answer.headers
    (row,) = wired.rows_of(application["application_ref"])
    assert (row.id, row.document.encode()) == (answer.json()["id"], answer.body)


def test_two_broken_connections_are_a_refusal_and_the_retry_gets_what_the_first_committed(
    wired: Wired, application: dict[str, Any]
) -> None:
    """It is not known then whether it was recorded; the key finds it."""
    application["application_ref"] = "twice"
    for _ in range(2):
        wired.wire.cut_once(ADDS, Moment.ON_THE_WAY_BACK)
    refused = wired.service.decide(application, key_of(application))
    check_refusal(refused)
    (row,) = wired.rows_of("twice")
    before = count_rows(wired.service)
    again = wired.service.decide(application, key_of(application))
    assert (again.status, again.json()["id"], again.body) == (201, row.id, row.document.encode())
    assert again.headers["idempotent-replayed"] == "true"
    assert count_rows(wired.service) == before


def test_callers_who_share_a_commit_whose_answer_is_lost_are_all_answered(wired: Wired, today: date) -> None:
    """Eight callers, and every few commits one whose connection breaks, at each moment in turn."""
    asked = requests(80, 29, today)
    callers, broken = Callers(wired.service), wired.wire.broken
    with callers.asking(asked):
        for number in range(9):
            assert eventually(lambda number=number: len(callers.answers) >= 8 * number)
            wired.wire.cut_once(ADDS, list(Moment)[number % 3])
    assert wired.wire.broken == broken + 9
    assert set(callers.answers) == {one["application_ref"] for one in asked}
    for one in asked:
        (row,) = wired.rows_of(one["application_ref"])
        assert row.document.encode() == callers.answers[one["application_ref"]].body
    check_replays(wired.service, asked, callers.answers)
