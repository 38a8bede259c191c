"""The queue's SQL installs once, belongs to a role of its own, and needs no extension, on every server here."""

from __future__ import annotations

import secrets
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from meridian.errors import NotReady
from meridian.local.broker import install_pgmq
from meridian.local.placement import placement_for
from meridian.local.postgres import EmbeddedPostgres

SYSTEM_SERVER = "host=127.0.0.1 port=5432 user=postgres dbname=postgres"


@pytest.fixture(scope="module", params=["embedded", "system"])
def server(request, tmp_path_factory):
    """A superuser's connection string without a database."""
    if request.param == "system":
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", 5432)):
                pytest.skip("no PostgreSQL answers at 127.0.0.1:5432")
        try:
            psycopg.connect(SYSTEM_SERVER, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            pytest.skip(f"the PostgreSQL at 127.0.0.1:5432 does not let `postgres` in: {error}")
        yield SYSTEM_SERVER.rsplit(" ", 1)[0]
        return
    home = tmp_path_factory.mktemp("home")
    embedded = EmbeddedPostgres(home)
    embedded.start()
    password = embedded.secret("postgres_superuser")
    yield f"host=127.0.0.1 port={embedded.port} user=postgres password={password}"
    embedded.stop()
    shutil.rmtree(placement_for(home).folder)


@pytest.fixture
def place(server):
    """A fresh database and a fresh role without any right."""
    name = f"queue_{secrets.token_hex(4)}"
    with psycopg.connect(f"{server} dbname=postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        yield f"{server} dbname={name}", name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        admin.execute(f"DROP ROLE {name}")


def test_many_install_at_once_and_one_queue_is_there(place):
    dsn, role = place
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: install_pgmq(dsn, role, ["assessments"]), range(6)))
    with psycopg.connect(dsn) as connection:
        connection.execute(f"SET ROLE {role}")
        connection.execute("SELECT pgmq.send('assessments', '{}'::jsonb)")
        assert connection.execute("SELECT count(*) FROM pgmq.list_queues()").fetchone() == (1,)


def test_all_of_it_belongs_to_the_role_which_gains_no_other_right(place):
    dsn, role = place
    install_pgmq(dsn, role, ["assessments"])
    with psycopg.connect(dsn) as connection:
        owners = connection.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'pgmq'::regnamespace"
        ).fetchall()
        assert owners == [(role,)]
        right = connection.execute("SELECT has_database_privilege(%s, current_database(), 'CREATE')", (role,))
        assert right.fetchone() == (False,)


def test_waiting_messages_outlive_another_install(place):
    dsn, role = place
    install_pgmq(dsn, role, ["assessments"])
    with psycopg.connect(dsn) as connection:
        connection.execute("SELECT pgmq.send('assessments', '{}'::jsonb)")
    install_pgmq(dsn, role, ["assessments"])
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pgmq.q_assessments").fetchone() == (1,)


def test_what_the_server_refuses_is_said(place):
    dsn, _ = place
    with pytest.raises(NotReady, match="nobody_of_that_name"):
        install_pgmq(dsn, "nobody_of_that_name")
