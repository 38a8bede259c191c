"""A clock that is wrong: nothing is recorded at a time at which it did not happen, until the clock is set right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meridian.local.placement import placement_for
from meridian.simulator import requests
from tests.callers import Callers, check_record, check_refusal, check_replays, key_of
from tests.conftest import PATIENT
from tests.faults import Clock, bare_server
from tests.record_rows import count_rows
from tests.services import Answer, Service, service
from tests.training_fixtures import TrainedModels

HOUR = 3600
# One process, so that whoever is asked is the one that was asked before.
ONE_WORKER = {**PATIENT, "MERIDIAN_API_WORKERS": "1"}
# By the moment in their ids the rows come into their months; `tableoid` is the partition in which a row lies.
MISPLACED = """
SELECT v.id FROM record.version v JOIN record.application a ON a.id = v.application_id
WHERE abs(extract(epoch FROM a.received_at) * 1000
          - ('x' || left(replace(a.id::text, '-', ''), 12))::bit(48)::bigint) > 1000
   OR abs(extract(epoch FROM v.decided_at - a.received_at)) > 60 OR abs(extract(epoch FROM now() - a.received_at)) > 600
   OR v.tableoid::regclass::text <> 'record.version_' || to_char(a.received_at AT TIME ZONE 'UTC', 'YYYY_MM')
"""


def check_apart(answer: Answer, sides: str) -> None:
    """It is refused with the clocks' difference, to a few seconds an hour."""
    check_refusal(answer)
    found = re.search(r"clock is (\d+) s (ahead of|behind) the database's", answer.json()["detail"])
    assert found, answer.body
    assert abs(int(found[1]) - HOUR) <= 5
    assert found[2] == sides


def move_and_set_right(running: Service, clock: Clock, moves: list[tuple[int, str]], asked: list[Any]) -> None:
    """Decide, move the clock, be refused, set it right and go on: with the same API and the same keys."""
    callers = Callers(running)
    for number, (ahead_s, sides) in enumerate(moves):
        part = asked[number :: len(moves)]
        clock.move(ahead_s)
        before = count_rows(running)
        for one in part:
            check_apart(running.decide(one, key_of(one)), sides)
        assert count_rows(running) == before
        clock.move(0)
        with callers.asking(part):
            pass
        assert callers.refusals == []
    running.children.check()
    check_record(running, callers.answers)
    check_replays(running, asked, callers.answers)
    assert running.query(MISPLACED) == []


def test_an_api_whose_clock_is_an_hour_off_records_nothing_until_it_is_set_right(
    own_database: str, demo_models: TrainedModels, tmp_path: Path, today: date
) -> None:
    """It starts with a clock that is ahead: not even the policy is stored at a time that is not."""
    clock = Clock(tmp_path, HOUR)
    with service(tmp_path / "service", own_database, demo_models.models_dir, **ONE_WORKER) as running:
        running.env |= clock.env
        running.start_api()
        moves = [(HOUR, "ahead of"), (-HOUR, "behind"), (HOUR, "ahead of")]
        move_and_set_right(running, clock, moves, requests(18, 41, today))


@pytest.fixture
def clock_of_database(tmp_path: Path) -> Iterator[Clock]:
    """A clock whose file the server's account may read."""
    folder = placement_for(tmp_path / "database").folder
    folder.mkdir(parents=True, exist_ok=True)
    return Clock(folder)


def test_a_database_whose_clock_is_an_hour_off_records_nothing_until_it_is_set_right(
    clock_of_database: Clock, demo_models: TrainedModels, tmp_path: Path, today: date
) -> None:
    with (
        bare_server(tmp_path / "database", clock_of_database.env) as server,
        service(tmp_path / "service", server.make_database(), demo_models.models_dir, **ONE_WORKER) as running,
    ):
        running.start_api()
        moves = [(HOUR, "behind"), (-HOUR, "ahead of")]
        move_and_set_right(running, clock_of_database, moves, requests(12, 43, today))
