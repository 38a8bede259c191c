"""Without its database the service says so, records nothing by halves, and heals by itself when it is back."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from meridian.db.engine import open_engine, transaction
from meridian.db.migrate import migrate
from meridian.errors import Unavailable
from meridian.local.placement import placement_for
from meridian.local.postgres import EmbeddedPostgres
from meridian.settings import Settings
from meridian.web import create_app
from tests.record_rows import count_rows
from tests.services import service
from tests.training_fixtures import TrainedModels

# Nobody listens there, and nobody can be given it by chance.
NOWHERE = "postgresql+psycopg2://meridian@127.0.0.1:1/meridian"
KEY = "mk_000000000000_secret"


def app_on(url: str, tmp_path: Path) -> Any:
    """A client of the app on this database."""
    values = {"DATABASE_URL": url, "MERIDIAN_SECRET_KEY": "k" * 32, "MERIDIAN_HOME": str(tmp_path)}
    return create_app(Settings(**values)).test_client()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/decisions"),
        ("GET", "/v1/decisions"),
        ("GET", "/v1/applications/x"),
        ("GET", "/v1/keys"),
        ("GET", "/readyz"),
    ],
)
def test_where_nothing_listens_every_call_is_told_to_come_again(
    tmp_path: Path, application: dict[str, Any], method: str, path: str
) -> None:
    client = app_on(NOWHERE, tmp_path)
    body = json.dumps(application) if method == "POST" else None
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    started = time.monotonic()
    answer = client.open(path, method=method, data=body, headers=headers)
    assert time.monotonic() - started < 5
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["type"] == "urn:meridian:problem:unavailable"
    # Neither where the database is nor what it said is a caller's business.
    assert "127.0.0.1" not in answer.text
    assert "psycopg2" not in answer.text


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/openapi.json", "/docs"])
def test_what_needs_no_database_goes_on_without_it(tmp_path: Path, path: str) -> None:
    assert app_on(NOWHERE, tmp_path).get(path).status_code == 200


def test_a_database_without_its_schema_is_not_ready(own_database: str, embedded_server: str, tmp_path: Path) -> None:
    # Its server has the roles from another database; in `postgres` itself nothing is.
    answer = app_on(embedded_server, tmp_path).get("/readyz")
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert "meridian migrate" in answer.json["detail"]


def test_a_database_that_goes_and_comes_is_found_again_without_a_restart(
    tmp_path: Path, demo_models: TrainedModels, application: dict[str, Any]
) -> None:
    home = tmp_path / "database"
    postgres = EmbeddedPostgres(home)
    postgres.start()
    try:
        postgres.ensure_database("meridian")
        url = make_url(postgres.superuser_url).set(database="meridian").render_as_string(hide_password=False)
        migrate(url)
        with service(tmp_path / "service", url, demo_models.models_dir) as running:
            running.start_api()
            key = {"Idempotency-Key": "once"}
            first = running.decide(application, key)
            assert first.status == 201
            before = count_rows(running)
            postgres.stop()
            for path in ("/v1/decisions", "/readyz"):
                assert running.get(path).status == 503
            assert running.get("/healthz").status == 200
            # A retry and an application that is new: neither can be answered now, and neither is.
            for headers in (key, {"Idempotency-Key": "twice"}, {}):
                answer = running.decide(application, headers)
                assert (answer.status, answer.json()["status"]) == (503, 503)
                assert answer.headers["retry-after"]
            postgres.start()
            assert count_rows(running) == before
            again = running.decide(application, key)
            assert (again.status, again.body) == (201, first.body)
            assert running.decide(application, {"Idempotency-Key": "twice"}).status == 201
            assert running.get("/readyz").status == 200
            running.children.check()
    finally:
        postgres.stop()
        shutil.rmtree(placement_for(home).folder, ignore_errors=True)


@pytest.fixture
def engine(own_database: str) -> Iterator[Engine]:
    engine = open_engine(own_database, role=None, name="test", pool_size=2)
    yield engine
    engine.dispose()


def backend(engine: Engine) -> int:
    """The server's process behind the connection that the pool gives."""
    with transaction(engine) as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def last_query(url: str, pid: int) -> tuple[object, ...]:
    """What a server process was asked last, and when."""
    watcher = create_engine(url)
    with watcher.connect() as connection:
        row = connection.execute(
            text("SELECT query, state_change FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid}
        )
        found = tuple(row.one())
    watcher.dispose()
    return found


def in_child(work: Any) -> int:
    """What `work` returns in a forked process; -1 where it failed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answer = -1
        try:
            answer = work()
        finally:
            os.write(writer, str(answer).encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = int(pipe.read())
    os.waitpid(child, 0)
    return answer


def test_a_child_never_speaks_on_its_parents_connection(own_database: str, engine: Engine) -> None:
    parents = backend(engine)
    before = last_query(own_database, parents)
    childs = in_child(lambda: backend(engine))
    assert childs not in (-1, parents)
    # Not even the pool's ping, whose answer the parent would read.
    assert last_query(own_database, parents) == before
    assert backend(engine) == parents


def test_a_connection_in_use_over_a_fork_stays_the_parents(own_database: str, engine: Engine) -> None:
    with engine.connect() as connection:
        parents = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        childs = in_child(lambda: backend(engine))
        assert childs not in (-1, parents)
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() == parents


def test_a_connection_that_the_server_cut_is_replaced_without_an_error(own_database: str, engine: Engine) -> None:
    first = backend(engine)
    cutter = create_engine(own_database)
    with cutter.connect() as connection:
        assert connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": first}).scalar_one()
    cutter.dispose()
    assert backend(engine) != first


def test_a_connection_cut_in_a_transaction_is_unavailable_and_nothing_of_it_stays(
    own_database: str, engine: Engine
) -> None:
    def do_half() -> None:
        with transaction(engine) as connection:
            connection.execute(text("CREATE TABLE public.half_done (a int)"))
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(Unavailable):
        do_half()
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT to_regclass('public.half_done')")).scalar() is None


def test_a_pool_with_nothing_left_is_unavailable(own_database: str) -> None:
    engine = open_engine(own_database, role=None, name="test", pool_size=1)
    engine.pool._timeout = 0.1  # type: ignore[attr-defined]
    with transaction(engine), pytest.raises(Unavailable), transaction(engine):
        pass
    engine.dispose()
