"""On a server that may lose what it has committed nothing is decided, and who looks is told which setting it is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from meridian.cli.doctor import examine
from meridian.db.durability import check_durable, keep_durable
from meridian.db.engine import open_engine, transaction
from meridian.errors import NotReady
from meridian.local.processes import ChildDied
from tests.callers import check_record, check_refusal, key_of
from tests.conftest import PATIENT
from tests.faults import BareServer, bare_server
from tests.record_rows import count_rows
from tests.services import Service, service
from tests.training_fixtures import TrainedModels

RELOAD = "SELECT pg_reload_conf()"
SETTINGS = ["fsync", "full_page_writes", "synchronous_commit"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareServer]:
    with bare_server(tmp_path_factory.mktemp("settings")) as server:
        yield server


@pytest.fixture(scope="module")
def idle(server: BareServer, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on that server of which nothing is started."""
    home = tmp_path_factory.mktemp("idle")
    # One process: a second one that is still starting when a setting is turned off would, rightly, stop the service.
    with service(
        home, server.make_database(), demo_models.models_dir, MERIDIAN_API_WORKERS="1", **PATIENT
    ) as running:  # fmt: skip
        yield running


@contextmanager
def off(server: BareServer, setting: str) -> Iterator[None]:
    """Off for the whole server, as it stands in its files; as it was afterwards."""
    server.execute(f"ALTER SYSTEM SET {setting} = off", RELOAD)
    try:
        yield
    finally:
        server.execute(f"ALTER SYSTEM RESET {setting}", RELOAD)


def settled(server: BareServer, setting: str, value: str) -> bool:
    """A reload reaches the server's processes one after the other."""
    with create_engine(server.url).connect() as connection:
        return bool(connection.exec_driver_sql(f"SHOW {setting}").scalar_one() == value)


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_is_off_is_named_with_its_remedy(server: BareServer, idle: Service, setting: str) -> None:
    check_durable(idle.wiring.engine)
    with off(server, setting):
        idle.until(lambda: settled(server, setting, "off"), "the server has read its settings")
        with pytest.raises(
            NotReady, match=f"{setting} is off .* `ALTER SYSTEM SET {setting} = on`, then `{RELOAD[:6]}"
        ):
            check_durable(idle.wiring.engine)
        finding = next(one for one in examine(idle.settings) if one.what == "database")
        assert not finding.good
        assert f"ALTER SYSTEM SET {setting} = on" in finding.text
    idle.until(lambda: settled(server, setting, "on"), "the server has read its settings")
    check_durable(idle.wiring.engine)
    assert next(one for one in examine(idle.settings) if one.what == "database").good


@pytest.mark.parametrize(
    ("whose", "remedy"),
    [
        ("DATABASE {database}", "ALTER DATABASE {database} RESET synchronous_commit"),
        ("ROLE postgres", "ALTER ROLE postgres RESET synchronous_commit"),
        ("ROLE postgres IN DATABASE {database}", "ALTER ROLE postgres IN DATABASE {database} RESET synchronous_commit"),
        ("ROLE ALL", "ALTER ROLE ALL RESET synchronous_commit"),
    ],
)
def test_a_setting_of_one_database_or_role_is_found_and_the_remedy_is_what_it_takes(
    server: BareServer, idle: Service, whose: str, remedy: str
) -> None:
    url = idle.settings.database_url
    named = {"database": make_url(url).database}
    server.execute(f"ALTER {whose.format(**named)} SET synchronous_commit = off")
    with pytest.raises(NotReady, match=f"`{remedy.format(**named)}`"):
        check_durable(open_engine(url, role=None, name="test", pool_size=1))
    server.execute(remedy.format(**named))
    check_durable(open_engine(url, role=None, name="test", pool_size=1))


@pytest.mark.parametrize("value", ["local", "remote_write", "remote_apply"])
def test_every_way_to_wait_for_the_disk_is_good_enough(server: BareServer, idle: Service, value: str) -> None:
    options = {"options": f"-csynchronous_commit={value}"}
    check_durable(create_engine(make_url(idle.settings.database_url).update_query_dict(options)))


def test_each_connection_is_asked_and_a_refused_one_takes_no_place_in_the_pool(
    server: BareServer, idle: Service
) -> None:
    """A server may be set up anew under a service that goes on; and a pool that leaks would be empty when it heals."""
    engine = keep_durable(open_engine(idle.settings.database_url, role=None, name="asked", pool_size=1))
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'meridian-asked'"
    with off(server, "fsync"):
        idle.until(lambda: settled(server, "fsync", "off"), "the server has read its settings")
        for _ in range(3):
            with pytest.raises(NotReady, match="fsync"), transaction(engine):
                pass
        idle.until(lambda: idle.query(asked)[0].count == 0, "refused connections are closed")
    idle.until(lambda: settled(server, "fsync", "on"), "the server has read its settings")
    with transaction(engine) as connection:
        assert connection.exec_driver_sql("SHOW fsync").scalar_one() == "on"
    engine.dispose()


def test_no_part_starts_on_such_a_server_and_its_last_words_say_why(
    server: BareServer, idle: Service, tmp_path: Path
) -> None:
    with off(server, "fsync"):
        idle.until(lambda: settled(server, "fsync", "off"), "the server has read its settings")
        before = count_rows(idle)
        with pytest.raises(
            ChildDied, match=r"(?s)exit code 3.*Not started: .*fsync is off .*ALTER SYSTEM SET fsync = on"
        ):
            idle.start_api()
        idle.start_worker()
        with pytest.raises(ChildDied, match=r"(?s)exit code 3.*not_started.*fsync is off .*ALTER SYSTEM SET fsync"):
            idle.until(lambda: False, "the worker ends")
        up = [sys.executable, "-m", "meridian.cli", "up", "--once"]
        home = {"MERIDIAN_HOME": str(tmp_path / "home"), "MERIDIAN_PORT": str(idle.settings.port)}
        done = subprocess.run(up, env={**idle.env, **home}, capture_output=True, text=True, check=False)
        assert done.returncode == 3
        assert "fsync is off" in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
        assert count_rows(idle) == before


def test_a_server_that_comes_back_lossy_is_refused_until_it_is_set_right(
    server: BareServer, idle: Service, application: dict[str, Any]
) -> None:
    """The database is away when the API starts, comes with fsync off, and is set right: nobody restarts the API."""
    application["application_ref"] = "patient"
    server.execute("ALTER SYSTEM SET fsync = off")
    server.stop()
    try:
        idle.start_api()
        check_refusal(idle.decide(application, key_of(application)))
        server.start()
        before = count_rows(idle)
        for answer in (idle.get("/readyz"), idle.decide(application, key_of(application))):
            check_refusal(answer)
            assert "fsync is off" in answer.json()["detail"]
        assert idle.get("/healthz").status == 200
        assert count_rows(idle) == before
    finally:
        server.execute("ALTER SYSTEM RESET fsync", RELOAD)
    idle.until(lambda: idle.get("/readyz").status == 200, "it is ready")
    answer = idle.decide(application, key_of(application))
    assert answer.status == 201
    idle.children.check()
    check_record(idle, {"patient": answer})
    with off(server, "full_page_writes"):
        # Connections that are there were good when they were made; who asks whether it is ready is told all the same.
        idle.until(lambda: idle.get("/readyz").status == 503, "it is not ready any more")
    idle.until(lambda: idle.get("/readyz").status == 200, "it is ready again")
