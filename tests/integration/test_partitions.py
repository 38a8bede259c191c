"""The record by month, and the statement that adds to it: all of an entry or nothing, and a bad one alone."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from meridian.db import decisions
from meridian.db.engine import APP_ROLE, WORKER_ROLE, open_engine, transaction
from meridian.db.entries import Entry
from meridian.errors import Unavailable
from tests.entries import admin, counts, entries, in_one_group, record_entries, with_ids
from tests.services import Service, copied_database, service

BY_MONTH = ("evidence", "version")
AHEAD = 3


@pytest.fixture
def superuser(running: Service) -> Iterator[Engine]:
    engine = admin(running)
    yield engine
    engine.dispose()


def month(ahead: int) -> date:
    """The first day of the month that is so many ahead of this one."""
    today = datetime.now(UTC).date()
    months = today.year * 12 + today.month - 1 + ahead
    return date(months // 12, months % 12 + 1, 1)


def partition(table: str, ahead: int) -> str:
    return f"{table}_{month(ahead):%Y_%m}"


def ids_of(first: date) -> Callable[[], UUID]:
    """Makes ids of noon of that day, as `meridian.identity` would."""
    milliseconds = int(datetime(first.year, first.month, first.day, 12, tzinfo=UTC).timestamp() * 1000)
    return lambda: UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62 | uuid4().int >> 66)


def partitions(running: Service) -> dict[str, str]:
    """Each partition of the record, and its bounds."""
    found = running.query(
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits i "
        "JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent IN ('record.evidence'::regclass, 'record.version'::regclass) AND c.relkind = 'r'"
    )
    return {row.relname: row.bounds for row in found}


# Months


def test_there_are_partitions_from_last_month_to_three_months_ahead(running: Service) -> None:
    assert set(partitions(running)) == {partition(table, ahead) for table in BY_MONTH for ahead in range(-1, AHEAD + 1)}


def test_a_partition_ends_where_the_next_begins_at_midnight_utc(running: Service) -> None:
    made = partitions(running)
    for table in BY_MONTH:
        bounds = [re.findall(r"'([0-9a-f-]{36})'", made[partition(table, ahead)]) for ahead in range(-1, AHEAD + 1)]
        moments = [[datetime.fromtimestamp((UUID(one).int >> 80) / 1000, UTC) for one in pair] for pair in bounds]
        assert [moment.date() for moment, _ in moments] == [month(ahead) for ahead in range(-1, AHEAD + 1)]
        assert all(
            start.timetz() == end.timetz() == datetime.min.replace(tzinfo=UTC).timetz() for start, end in moments
        )
        assert [end for _, end in moments[:-1]] == [start for start, _ in moments[1:]]


def test_to_make_them_again_makes_nothing(running: Service) -> None:
    before = partitions(running)
    assert running.worker.seals.make_partitions() == 0
    assert partitions(running) == before


def test_a_month_that_is_missing_is_made_with_all_that_the_others_have(running: Service) -> None:
    last = {table: partition(table, AHEAD) for table in BY_MONTH}
    described = structure(running)
    for table, name in reversed(last.items()):
        running.execute(f"ALTER TABLE record.{table} DETACH PARTITION record.{name}")
        running.execute(f"DROP TABLE record.{name}")
    assert running.worker.seals.make_partitions() == len(BY_MONTH)
    assert structure(running) == described


def structure(running: Service) -> list[Any]:
    """Every index, constraint and owner of the partitions."""
    return running.query(
        "SELECT c.relname, c.relowner::regrole::text, array_agg(DISTINCT pg_get_constraintdef(k.oid)), "
        "(SELECT array_agg(regexp_replace(indexdef, '.* USING', '') ORDER BY indexdef) FROM pg_indexes x "
        " WHERE x.tablename = c.relname) "
        "FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_constraint k ON k.conrelid = c.oid "
        "WHERE c.relnamespace = 'record'::regnamespace AND c.relkind = 'r' GROUP BY c.oid ORDER BY 1"
    )


def test_further_months_are_made_by_those_who_ask_at_once_once_each(running: Service) -> None:
    engines = [open_engine(running.settings.admin_url, role=WORKER_ROLE, name=f"maker-{i}") for i in range(4)]
    start = threading.Barrier(len(engines))

    def make(engine: Engine) -> int:
        with transaction(engine) as connection:
            start.wait(10)
            return int(connection.execute(text(f"SELECT record.make_partitions({AHEAD + 2})")).scalar_one())

    with ThreadPoolExecutor(len(engines)) as threads:
        made = list(threads.map(make, engines))
    for engine in engines:
        engine.dispose()
    assert sorted(made) == [0, 0, 0, 2 * len(BY_MONTH)]
    assert len(partitions(running)) == len(BY_MONTH) * (AHEAD + 4)


def test_the_api_may_not_make_partitions(running: Service) -> None:
    engine = open_engine(running.settings.admin_url, role=APP_ROLE, name="test")
    with pytest.raises(ProgrammingError, match="permission denied"), transaction(engine) as connection:
        connection.execute(text("SELECT record.make_partitions(1)"))
    engine.dispose()


@pytest.mark.parametrize("ahead", [-1, 0, 1, AHEAD])
def test_all_that_belongs_to_an_application_lies_in_its_month(running: Service, ahead: int) -> None:
    """The month of its id, whenever its rows are added: that of receipt."""
    (made,) = entries(running, 1)
    assert running.wiring.add_entry(with_ids(made, ids_of(month(ahead))))
    for table in BY_MONTH:
        (row,) = running.query(f"SELECT tableoid::regclass::text AS stands_in FROM record.{table}")
        assert row.stands_in == f"record.{partition(table, ahead)}"


@pytest.mark.parametrize("ahead", [-2, AHEAD + 1])
def test_an_application_of_a_month_without_partition_is_refused_whole(
    running: Service, superuser: Engine, ahead: int
) -> None:
    (made,) = entries(running, 1)
    before = counts(superuser)
    with pytest.raises(Unavailable, match="no partition for this month"):
        running.wiring.add_entry(with_ids(made, ids_of(month(ahead))))
    assert counts(superuser) == before
    assert running.wiring.add_entry(made)


def test_in_a_group_only_those_of_the_missing_month_are_refused(running: Service, superuser: Engine) -> None:
    """As at the turn of a month whose partition was not made."""
    made = entries(running, 6)
    made[2:4] = [with_ids(entry, ids_of(month(AHEAD + 1))) for entry in made[2:4]]
    answered = in_one_group(running.wiring.add_entry, made)
    assert [type(answer) for answer in answered] == [bool, bool, Unavailable, Unavailable, bool, bool]
    assert counts(superuser)["record.application"] == 4


# Look-ups


@contextmanager
def explained(connection: Connection) -> Iterator[list[str]]:
    """Of every query made meanwhile, the partitions that it read."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    read: list[str] = []
    try:
        yield read
    finally:
        event.remove(connection, "before_cursor_execute", note)
    for statement, parameters in asked:
        (plan,) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
        read += sorted(scanned(plan["Plan"]))


def scanned(node: dict[str, Any]) -> set[str]:
    """The tables by month that a plan's nodes read when it was run."""
    inner = {name for child in node.get("Plans", []) for name in scanned(child)}
    own = node.get("Relation Name", "")
    return inner | ({own} if node["Actual Loops"] and re.search(r"_\d{4}_\d{2}$", own) else set())


LOOK_UPS: dict[str, Callable[[Connection, Entry], object]] = {
    "a version of an application": lambda c, e: decisions.get_version(c, e.version.id, e.application.id),
    "an application's evidence": lambda c, e: decisions.get_evidence(c, e.application.id, e.evidence.id),
    "the version that governs": lambda c, e: decisions.governing_versions(c, [e.application.id]),
    "an application's versions by its reference": lambda c, e: decisions.versions_of(c, e.application.ref),
    "the answer to a retry": lambda c, e: decisions.find_answered(
        c, e.application.caller, e.application.idempotency_key, e.application.ref
    ),
    "the next version's number": lambda c, e: decisions.get_standing(c, e.application.id),
    "what an assessment takes": lambda c, e: decisions.get_decided(c, e.application.id, e.version.id),
}


@pytest.fixture(scope="module")
def filled(template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Entry]]:
    """Some hundred decisions in every month, so that the planner has a choice; and one of this month."""
    with (
        copied_database(template) as database,
        service(tmp_path_factory.mktemp("filled"), database, MERIDIAN_ONLINE_TIMEOUT_MS="2000") as running,
    ):
        (one,) = record_entries(running, 1)
        fill(running, one)
        running.execute("ANALYZE")
        yield running, one


def fill(running: Service, one: Entry) -> None:
    """The same decision many times over, under ids of every month."""
    for ahead in range(-1, AHEAD + 1):
        low = f"record.month_start('{month(ahead)}')"
        running.execute(
            f"""
            CREATE TEMPORARY TABLE made AS
            SELECT (left({low}::text, 24) || lpad(n::text, 12, '0'))::uuid AS id FROM generate_series(1, 400) AS n;
            INSERT INTO record.application
            SELECT made.id, made.id::text, product, applicant_id, caller, made.id::text, request_sha256, received_at,
                   row_sha256 FROM record.application a, made WHERE a.id = '{one.application.id}';
            INSERT INTO record.evidence SELECT made.id, made.id, sha256, rung, document, captured_at, row_sha256
            FROM record.evidence e, made WHERE e.application_id = '{one.application.id}';
            INSERT INTO record.version
            SELECT made.id, made.id, number, made.id, stage, outcome, pd, model_sha256, policy_version, decided_at,
                   decided_by, governs_because, document, row_sha256
            FROM record.version v, made WHERE v.application_id = '{one.application.id}';
            """
        )


@pytest.mark.parametrize("what", LOOK_UPS)
def test_a_look_up_by_application_reads_its_month_alone(filled: tuple[Service, Entry], what: str) -> None:
    running, one = filled
    with transaction(running.wiring.engine) as connection, explained(connection) as read:
        assert LOOK_UPS[what](connection, one)
    assert read
    assert {name[-len("_yyyy_mm") :] for name in read} == {f"{month(0):_%Y_%m}"}


# Entries: all or nothing, each for itself


def broken(entry: Entry) -> Entry:
    """An entry that a check of the table refuses."""
    return replace(entry, version=replace(entry.version, pd=1.5))


def test_a_bad_entry_adds_nothing_at_all(running: Service, superuser: Engine) -> None:
    (made,) = entries(running, 1, referred=True)
    before = counts(superuser)
    with pytest.raises(IntegrityError, match="version_pd_check"):
        running.wiring.add_entry(broken(made))
    assert counts(superuser) == before
    assert running.wiring.add_entry(made)


@pytest.mark.parametrize("place", [0, 3, 7])
def test_of_a_group_with_a_bad_entry_all_others_are_recorded_and_it_alone_fails(
    running: Service, superuser: Engine, place: int
) -> None:
    made = entries(running, 8, referred=True)
    made[place] = broken(made[place])
    before = counts(superuser)
    answered = in_one_group(running.wiring.add_entry, made)
    assert isinstance(answered.pop(place), IntegrityError)
    assert answered == [True] * 7
    assert added(before, counts(superuser)) == dict.fromkeys(ADDED, 7)


ADDED = ("record.application", "record.evidence", "record.version", "work.job", "work.review_case", "work.unsealed")


def added(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """How many rows more there are, by table."""
    return dict(Counter(after) - Counter(before))


@pytest.mark.parametrize("taken", ["ref", "idempotency_key"])
def test_an_entry_whose_name_is_taken_adds_nothing_at_all(running: Service, superuser: Engine, taken: str) -> None:
    (first,) = record_entries(running, 1)
    (second,) = entries(running, 1, referred=True)
    second = replace(second, application=replace(second.application, **{taken: getattr(first.application, taken)}))
    before = counts(superuser)
    assert running.wiring.add_entry(second) is False
    assert counts(superuser) == before


@pytest.mark.parametrize("taken", ["ref", "idempotency_key"])
def test_in_a_group_with_taken_names_the_others_are_recorded_in_one_commit(
    running: Service, superuser: Engine, taken: str
) -> None:
    (first,) = record_entries(running, 1)
    made = entries(running, 6, referred=True)
    for place, name in ((1, getattr(first.application, taken)), (4, getattr(made[3].application, taken))):
        made[place] = replace(made[place], application=replace(made[place].application, **{taken: name}))
    before = counts(superuser)
    answered = in_one_group(running.wiring.add_entry, made)
    assert answered[1] is False
    assert sorted([answered[3], answered[4]]) == [False, True], "twins within the group: one of them"
    assert [answered[place] for place in (0, 2, 5)] == [True] * 3
    assert added(before, counts(superuser)) == {**dict.fromkeys(ADDED, 4), "work.unsealed": 1}
