"""A disk that is full: nothing is recorded by halves, callers are told so, and room is all it takes to go on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from meridian.db.migrate import migrate
from meridian.errors import NotReady
from meridian.local.placement import placement_for
from meridian.local.postgres import EmbeddedPostgres
from meridian.local.processes import ChildDied
from meridian.simulator import requests
from tests.callers import Callers, check_record, check_refusal, check_replays, key_of
from tests.conftest import PATIENT
from tests.faults import fill_disk, small_disk
from tests.services import Service, eventually, service
from tests.training_fixtures import TrainedModels

MEGABYTES = 80
"""A new cluster takes 42, and grows by a segment of its log, 16, when it is told to write one."""


@dataclass(frozen=True)
class Crammed:
    """A service whose database lies on a small disk."""

    service: Service
    postgres: EmbeddedPostgres
    disk: Path
    log: Path
    callers: Callers

    def write_log(self, megabytes: int) -> None:
        """Have the server write so much into its log (WAL), as many other changes would, and nothing else."""
        message = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1 << 20), true)"
        for _ in range(megabytes):
            self.service.query(message)


@pytest.fixture(scope="module")
def crammed(demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crammed]:
    folder = tmp_path_factory.mktemp("crammed")
    disk = placement_for(folder / "database").folder
    disk.mkdir(parents=True, exist_ok=True)
    with small_disk(disk, MEGABYTES):
        postgres = EmbeddedPostgres(folder / "database")
        postgres.start()
        try:
            postgres.ensure_database("meridian")
            url = make_url(postgres.superuser_url).set(database="meridian").render_as_string(hide_password=False)
            migrate(url)
            with service(folder / "service", url, demo_models.models_dir, **PATIENT) as running:
                running.start_api()
                log = folder / "database" / "logs" / "postgres.log"
                yield Crammed(running, postgres, disk, log, Callers(running))
        finally:
            postgres.stop()
    shutil.rmtree(disk, ignore_errors=True)


def test_while_the_tables_cannot_grow_callers_are_refused_and_room_heals_it(crammed: Crammed, today: date) -> None:
    """PostgreSQL refuses the one statement that needs room, whole. What fits into pages it has is still answered."""
    running, callers, asked = crammed.service, crammed.callers, requests(120, 31, today)
    with callers.asking(asked):
        assert eventually(lambda: len(callers.answers) >= 10)
        answered = list(callers.answers)
        filler = fill_disk(crammed.disk)
        assert eventually(lambda: len(callers.refusals) >= 24)
        # What was answered before is there to be read.
        for ref in answered:
            assert running.get(f"/v1/applications/{ref}").status == 200
        assert running.get("/readyz").status == 200
        filler.unlink()
    crammed.postgres._children.check()
    running.children.check()
    check_record(running, callers.answers)
    check_replays(running, asked, callers.answers)
    log = crammed.log.read_text()
    assert "No space left on device" in log
    # Each refused statement held all that an applicant had stated.
    assert asked[0]["application"]["applicant_id"][:7] not in log


def test_a_server_whose_log_cannot_grow_ends_and_comes_back_with_all_it_acknowledged(
    crammed: Crammed, today: date
) -> None:
    """PostgreSQL ends itself rather than go on without its log, and cannot start before there is room. Then a start,
    as an init system makes it, is enough; the API is the same all the while."""
    running, callers, asked = crammed.service, crammed.callers, requests(40, 37, today)
    with callers.asking(asked[:20]):
        pass
    filler = fill_disk(crammed.disk)
    with pytest.raises(OperationalError, match=r"server closed the connection|No space left"):
        crammed.write_log(40)
    with pytest.raises(ChildDied, match="No space left on device"):
        assert eventually(lambda: crammed.postgres._children.check() or False)
    for one in asked:
        check_refusal(running.decide(one, key_of(one)))
    crammed.postgres.stop()
    with pytest.raises(NotReady, match="No space left on device"):
        crammed.postgres.start()
    filler.unlink()
    refused = len(callers.refusals)
    with callers.asking(asked[20:]):
        assert eventually(lambda: len(callers.refusals) >= refused + 8)
        crammed.postgres.start()
    running.children.check()
    check_record(running, callers.answers)
    check_replays(running, asked, callers.answers)
