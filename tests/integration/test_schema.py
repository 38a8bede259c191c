"""The schema: up, down and up again, as the code sees it, documented, and closed to every role but where it is open."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from secrets import token_hex

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from meridian.db.engine import (
    ANALYST_ROLE,
    APP_ROLE,
    AUDIT_ROLE,
    BROKER_ROLE,
    REGISTRAR_ROLE,
    WORKER_ROLE,
    open_engine,
    transaction,
)
from meridian.db.migrate import current_revision, head_revision, migrate
from meridian.db.tables import metadata
from tests.services import migrating

SCHEMAS = ("record", "work", "access", "online", "registry", "audit")
TABLES = sorted(str(table) for table in metadata.tables)
RECORD = [table for table in TABLES if table.startswith("record.")]
VIEWS = (
    "applications", "decisions", "reasons", "rule_results", "evidence_sources", "evidence_features", "policies", "seal",
    "cases", "jobs", "models", "model_gates", "model_changes", "shadow_scores",
    "policy_versions", "policy_changes", "policy_backtests", "exposures", "batches", "disagreements",
)  # fmt: skip
NAMED_BY = {
    "policies": "policy_version", "seal": "number", "models": "model", "model_gates": "gate", "model_changes": "alias",
    "policy_versions": "policy_version", "policy_changes": "policy_version", "policy_backtests": "policy_version",
    "exposures": "band", "batches": "name",
}  # fmt: skip
PARTITION = re.compile(r"_\d{4}_\d{2}$")
NO_RIGHT, NOT_UPDATABLE = "42501", "55000"

# Columns of the audit views whose names say all; every other one has a comment.
SELF_EVIDENT = {
    "application_id", "application_ref", "as_of", "attempts", "band", "captured_at", "case_id", "claimed_by", "code",
    "created_at", "decided_at", "decision_id", "detail", "done_at", "effect", "error", "evidence_id", "governing_id",
    "governing_stage", "governs_since", "job_id", "known_at", "limit", "model", "model_sha256", "number", "opened_at",
    "place", "policy_version", "product", "received_at", "rule", "settled_at", "settled_by", "source", "stage", "state",
    "text", "value", "age_s", "applicant_id", "because", "contribution", "evidence_sha256", "outcome", "reason_codes",
    "rung",
}  # fmt: skip


@contextmanager
def admin(url: str) -> Iterator[Engine]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture
def empty_database(database_server: str) -> Iterator[str]:
    """The administrator's URL of a database in which nothing is."""
    name = f"meridian_test_{token_hex(6)}"
    with admin(database_server) as engine, engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        with migrating(database_server):
            yield make_url(database_server).set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def described(url: str) -> list[tuple[object, ...]]:
    """Every column, constraint, index, view, comment and right of ours, as the server lists them."""
    ours = ", ".join(f"'{schema}'" for schema in SCHEMAS)
    parts = [
        f"SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default "
        f"FROM information_schema.columns WHERE table_schema IN ({ours})",
        f"SELECT c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid), '', '', '' FROM pg_constraint c "
        f"JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname IN ({ours})",
        f"SELECT schemaname, tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname IN ({ours})",
        f"SELECT schemaname, viewname, viewowner, definition, '', '' FROM pg_views WHERE schemaname IN ({ours})",
        f"SELECT n.nspname, r.relname, r.relacl::text, obj_description(r.oid), r.relkind::text, '' FROM pg_class r "
        f"JOIN pg_namespace n ON n.oid = r.relnamespace WHERE n.nspname IN ({ours})",
        f"SELECT nspname, nspacl::text, obj_description(oid), '', '', '' FROM pg_namespace WHERE nspname IN ({ours})",
    ]
    with admin(url) as engine, engine.connect() as connection:
        return [tuple(row) for part in parts for row in connection.execute(text(f"{part} ORDER BY 1, 2, 3, 4"))]


def go_down(url: str) -> None:
    """Take every migration back."""
    config = Config()
    config.set_main_option("script_location", str(files("meridian.migrations")))
    config.attributes["url"] = url
    command.downgrade(config, "base")


def test_migrations_go_up_and_down_and_up_again_to_the_same_schema(empty_database: str) -> None:
    nothing = described(empty_database)
    migrate(empty_database)
    first = described(empty_database)
    assert first
    go_down(empty_database)
    assert described(empty_database) == nothing == []
    migrate(empty_database)
    assert described(empty_database) == first


def test_a_second_migration_finds_nothing_to_do(empty_database: str) -> None:
    migrate(empty_database)
    first = described(empty_database)
    migrate(empty_database)
    assert described(empty_database) == first


def test_before_the_first_migration_the_schema_is_none(empty_database: str) -> None:
    with admin(empty_database) as engine:
        assert current_revision(engine) is None
        migrate(empty_database)
        assert current_revision(engine) == head_revision()


def test_of_migrations_that_run_at_once_each_ends_well(empty_database: str) -> None:
    program = f"from meridian.db.migrate import migrate; migrate({empty_database!r})"
    running = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(3)]
    said = [process.communicate(timeout=60)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    with admin(empty_database) as engine:
        assert current_revision(engine) == head_revision()


def test_the_tables_in_the_code_are_those_in_the_database(database: str) -> None:
    dialect = postgresql.dialect()
    with admin(database) as engine:
        inspector = inspect(engine)
        there = {f"{schema}.{name}" for schema in SCHEMAS for name in inspector.get_table_names(schema=schema)}
        there = {name for name in there if not PARTITION.search(name)}
        assert there == set(TABLES)
        for table in metadata.tables.values():
            found = inspector.get_columns(table.name, schema=table.schema)
            assert [(column["name"], column["type"].compile(dialect)) for column in found] == [
                (column.name, column.type.compile(dialect)) for column in table.columns
            ], str(table)
            key = inspector.get_pk_constraint(table.name, schema=table.schema)["constrained_columns"]
            assert set(key) == {column.name for column in table.primary_key.columns}, str(table)
            assert not [column["name"] for column in found if column["nullable"] and column["name"] in key]


def test_every_schema_and_every_view_of_the_auditors_says_what_it_is(database: str) -> None:
    with admin(database) as engine, engine.connect() as connection:
        views = connection.execute(
            text(
                "SELECT r.relname, obj_description(r.oid), a.attname, col_description(r.oid, a.attnum) FROM pg_class r "
                "JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 "
                "WHERE r.relnamespace = 'audit'::regnamespace AND r.relkind = 'v'"
            )
        ).all()
        schemas = connection.execute(
            text("SELECT nspname, obj_description(oid) FROM pg_namespace WHERE nspname = ANY(:names)"),
            {"names": list(SCHEMAS)},
        ).all()
    assert {view for view, *_ in views} == set(VIEWS)
    assert not [view for view, comment, *_ in views if not comment]
    assert not [f"{view}.{name}" for view, _, name, comment in views if not comment and name not in SELF_EVIDENT]
    assert len(schemas) == len(SCHEMAS)
    assert all(comment for _, comment in schemas)


WRITES = ("UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE")


def written(table: str, statement: str) -> str:
    column = metadata.tables[table].columns[0].name
    return statement.format(table, *[column] * (statement.count("{}") - 1))


ALL_READS = [f"SELECT FROM {table}" for table in TABLES]
VIEW_READS = [f"SELECT FROM audit.{view}" for view in VIEWS]
MADE = ("CREATE TABLE {}.mine (a int)", "CREATE VIEW {}.mine AS SELECT 1")
DDL = [made.format(schema) for schema in (*SCHEMAS, "public") for made in MADE] + ["CREATE SCHEMA mine"]
# Rights of others, and how each role would come by them.
TAKEN = [
    "ALTER TABLE record.version OWNER TO meridian_app",
    "ALTER TABLE record.version DISABLE TRIGGER ALL",
    "DROP TABLE record.policy",
    "ALTER TABLE record.version DETACH PARTITION record.version_{month}",
    "DROP TABLE record.evidence_{month}",
    "DROP VIEW audit.jobs",
    "ALTER ROLE meridian_app SUPERUSER",
    "UPDATE schema_version SET version_num = '0'",
]

# Written by one role alone, or by none that answers callers.
NOT_FOR_APP = ("INSERT INTO record.seal DEFAULT VALUES", "SELECT record.make_partitions(1)")


def inserts_but(*tables: str) -> list[str]:
    """An insert into every table but these."""
    return [f"INSERT INTO {table} DEFAULT VALUES" for table in TABLES if table not in tables]


DROPPED_BY_WORKERS = ("work.unsealed", "work.fetch", "work.reply")
SIGNED_AT_THE_DESK = ("registry.policy", "registry.policy_submission", "registry.policy_approval")
BACKTESTS = "registry.backtest"
REGISTRY = [table for table in TABLES if table.startswith("registry.")]
FORBIDDEN = {
    APP_ROLE: [
        *NOT_FOR_APP,
        # Which model decides is for neither callers nor the API to say.
        *(f"INSERT INTO {table} DEFAULT VALUES" for table in REGISTRY),
        *(written(table, WRITES[0]) for table in TABLES if table.startswith("work.") and table != "work.batch"),
        # What providers told of people is for the workers alone.
        "SELECT FROM work.reply",
        *(written("online." + table, WRITES[0]) for table in ("vector", "coverage", "score")),
        "INSERT INTO online.score DEFAULT VALUES",
        "INSERT INTO online.vector DEFAULT VALUES",
        "INSERT INTO online.coverage DEFAULT VALUES",
        *(written(table, write) for table in RECORD for write in WRITES),
        *(written(table, write) for table in TABLES for write in WRITES[1:]),
        *(f"DELETE FROM audit.{view}" for view in VIEWS),
        *DDL,
        *TAKEN,
    ],
    WORKER_ROLE: [
        *(written(table, write) for table in RECORD for write in WRITES),
        *(written(table, WRITES[1]) for table in TABLES if table not in DROPPED_BY_WORKERS),
        *(written(table, WRITES[2]) for table in TABLES),
        *inserts_but(
            "record.application",
            "record.policy",
            "record.evidence",
            "record.version",
            "record.seal",
            "work.review_case",
            "work.unsealed",
            "work.exposure",
            "work.anchored",
            "work.reply",
            "work.batch",
            "work.batch_part",
            "online.vector",
            "online.coverage",
            "online.score",
            "online.breaker",
            "registry.shadow_score",
        ),
        *(f"SELECT FROM {table}" for table in TABLES if table.startswith("access.") or table == BACKTESTS),
        *DDL,
        *TAKEN,
    ],
    ANALYST_ROLE: [
        *(written(table, write) for table in TABLES if table != "work.review_case" for write in WRITES),
        *(written("work.review_case", write) for write in WRITES[1:]),
        # At the desk policies are put forward and signed for; to have one decide is the registrar's.
        *inserts_but("record.policy", "record.version", "work.unsealed", "work.exposure", *SIGNED_AT_THE_DESK),
        *(f"SELECT FROM {table}" for table in TABLES if table.startswith(("access.", "online."))),
        *(f"SELECT FROM {table}" for table in REGISTRY if "policy" not in table and table != BACKTESTS),
        "SELECT FROM work.fetch",
        "SELECT FROM work.reply",
        # How far a file is, and nothing of what is in it.
        *(f"SELECT {column} FROM work.batch_part" for column in ("content", "results", "rejects")),
        *NOT_FOR_APP,
        *DDL,
        *TAKEN,
    ],
    AUDIT_ROLE: [
        *ALL_READS,
        *(written(table, write) for table in TABLES for write in WRITES),
        *NOT_FOR_APP,
        *(f"INSERT INTO {table} DEFAULT VALUES" for table in TABLES),
        *(f"DELETE FROM audit.{view}" for view in VIEWS),
        *(f"INSERT INTO audit.{view} DEFAULT VALUES" for view in VIEWS),
        *(f"UPDATE audit.{view} SET {NAMED_BY.get(view, 'application_ref')} = NULL" for view in VIEWS),
        "SELECT FROM schema_version",
        *DDL,
        *TAKEN,
    ],
    REGISTRAR_ROLE: [
        *(written(table, write) for table in TABLES for write in WRITES),
        *inserts_but(*(table for table in REGISTRY if table != "registry.shadow_score")),
        *(f"SELECT FROM {table}" for table in TABLES if table.startswith(("work.", "online."))),
        "SELECT FROM access.api_key",
        *NOT_FOR_APP,
        *DDL,
        *TAKEN,
    ],
    BROKER_ROLE: [
        *ALL_READS,
        *VIEW_READS,
        *(f"INSERT INTO {table} DEFAULT VALUES" for table in TABLES),
        *DDL,
        *TAKEN,
    ],
}
ALLOWED = {
    APP_ROLE: [
        *(read for read in ALL_READS if read != "SELECT FROM work.reply"),
        *VIEW_READS,
        "SELECT FROM schema_version",
    ],
    WORKER_ROLE: [
        *(f"SELECT FROM {table}" for table in TABLES if table.startswith(("record.", "work.", "online."))),
        *(f"SELECT FROM {table}" for table in REGISTRY if table != BACKTESTS),
        written("online.score", WRITES[0]),
    ],
    ANALYST_ROLE: [*(f"SELECT FROM {table}" for table in (*RECORD, BACKTESTS)), "SELECT FROM work.review_case"],
    AUDIT_ROLE: VIEW_READS,
    REGISTRAR_ROLE: [
        *(f"SELECT FROM {table}" for table in REGISTRY),
        "SELECT FROM record.version",
        "SELECT FROM access.analyst",
        "SELECT FROM audit.models",
    ],
    BROKER_ROLE: ["SELECT FROM pgmq.meta"],
}


def refusals(engine: Engine, statements: list[str]) -> dict[str, str | None]:
    """For each statement the server's error code, or None where it was carried out (and taken back)."""
    found: dict[str, str | None] = {}
    statements = [one.replace("{month}", f"{datetime.now(UTC):%Y_%m}") for one in statements]
    with engine.connect() as connection:
        for statement in statements:
            try:
                connection.execute(text(statement))
                found[statement] = None
            except DBAPIError as error:
                found[statement] = error.orig.pgcode if error.orig is not None else ""
            connection.rollback()
    return found


@pytest.mark.parametrize("role", FORBIDDEN)
def test_each_role_does_what_it_is_for_and_nothing_else(database: str, role: str) -> None:
    engine = open_engine(database, role=role, name="test", pool_size=1)
    refused = refusals(engine, FORBIDDEN[role])
    allowed = refusals(engine, ALLOWED[role])
    engine.dispose()
    assert {statement: code for statement, code in refused.items() if code not in (NO_RIGHT, NOT_UPDATABLE)} == {}
    assert {statement: code for statement, code in allowed.items() if code is not None} == {}


def test_the_roles_are_no_superusers_and_members_of_nothing(database: str) -> None:
    ours = text(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'meridian%' AND "
        "(rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication "
        "OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = pg_roles.oid))"
    )
    with admin(database) as engine, engine.connect() as connection:
        assert connection.execute(ours).all() == []


def test_a_connection_runs_as_its_role_in_utc_and_says_its_name(database: str) -> None:
    engine = open_engine(database, role=AUDIT_ROLE, name="test", statement_timeout_ms=1234, pool_size=1)
    shown = "SELECT current_user, current_setting('timezone'), current_setting('application_name'), \
        current_setting('statement_timeout')"
    with transaction(engine) as connection:
        assert tuple(connection.execute(text(shown)).one()) == (AUDIT_ROLE, "UTC", "meridian-test", "1234ms")
    engine.dispose()
