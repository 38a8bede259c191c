"""`meridian sql`: one query over the audit views, as the auditors' role; nothing else comes through."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from meridian.cli import ask
from meridian.cli.ask import sql
from meridian.db.engine import AUDIT_ROLE
from meridian.errors import InvalidInput
from tests.record_rows import count_rows
from tests.services import Service

MERIDIAN = Path(sysconfig.get_path("scripts")) / "meridian"


@pytest.fixture
def asked(server: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service whose database the command finds in its environment, as a superuser's."""
    monkeypatch.setenv("DATABASE_URL", server.settings.admin_url)
    return server


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("select 1 as one", [{"one": 1}]),
        ("select 1 as one;", [{"one": 1}]),
        ("-- a comment\nselect 1 as one -- and one more", [{"one": 1}]),
        ("values (1)", [{"column1": 1}]),
        ("select current_user as me", [{"me": AUDIT_ROLE}]),
        ("select 'a:b %s %% ; $$' as text, '12:30'::time::text as t", [{"text": "a:b %s %% ; $$", "t": "12:30:00"}]),
        ("select 1 as one where false", []),
        ("show transaction_read_only", [{"transaction_read_only": "on"}]),
    ],
)  # fmt: skip
def test_a_query_is_answered(
    asked: Service, capsys: pytest.CaptureFixture[str], query: str, answer: list[object]
) -> None:
    sql(query, as_json=True)
    assert json.loads(capsys.readouterr().out) == answer


@pytest.mark.parametrize("query", ["explain select * from audit.decisions", "table audit.jobs"])
def test_whatever_gives_rows_is_a_query(asked: Service, query: str) -> None:
    sql(query, as_json=True)


def test_no_more_rows_are_fetched_than_are_shown(asked: Service, capsys: pytest.CaptureFixture[str]) -> None:
    sql("select generate_series(1, 1000000000) as n", as_json=True)
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 10_000
    assert "first 10000 rows" in captured.err


def test_a_query_that_takes_too_long_is_stopped_and_told_so(asked: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "LONGEST_S", 0.2)
    with pytest.raises(InvalidInput, match=r"longer than 0\.2 s"):
        ask.sql("select pg_sleep(20)", as_json=True)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "selct 1",
        "select 1; select 2",
        "select * from record.version",
        "select * from work.job",
        "select * from access.api_key",
        "select * from online.vector",
        "select 1; commit; reset role; select * from record.version",
        "commit",
        "reset role",
        "set role postgres",
        "delete from record.version",
        "with gone as (delete from record.version returning 1) select * from gone",
        "create table public.mine as select 1",
        "select 1 into public.mine",
        "copy audit.jobs to stdout",
        "do $$ begin perform 1; end $$",
        "$$ end $$; reset role; select 1",
        "select pg_read_file('/etc/passwd')",
    ],
)
def test_what_is_no_query_over_the_views_is_refused_in_one_sentence(asked: Service, query: str) -> None:
    before = count_rows(asked)
    with pytest.raises(InvalidInput) as refused:
        sql(query, as_json=True)
    assert str(refused.value)
    assert "PL/pgSQL" not in str(refused.value)
    assert count_rows(asked) == before


def test_the_command_says_what_is_refused_and_ends_with_its_code(server: Service) -> None:
    environment = {**os.environ, "DATABASE_URL": server.settings.admin_url}
    command = [MERIDIAN, "sql", "select * from record.version"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert "permission denied for schema record" in result.stderr
    assert "Traceback" not in result.stderr
