"""Settings: from their own variables alone, normalised, and never half of one installation and half of another."""

from __future__ import annotations

from pathlib import Path

import psycopg2.extensions
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy.engine import URL

from meridian.db.dsn import libpq_dsn
from meridian.settings import Settings, load_settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without settings, in an empty folder."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_nothing_is_configured_by_default(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert (settings.database_url, settings.broker, settings.home) == ("", "", Path(".meridian"))
    assert (settings.host, settings.port, settings.https) == ("127.0.0.1", 8000, True)
    assert settings.models_dir == Path(".meridian/models")


def test_variables_of_others_do_not_leak_in(environment: pytest.MonkeyPatch) -> None:
    """Every account has HOME, many platforms set PORT and HOST."""
    before = load_settings()
    for name in Settings.model_fields:
        if name.upper() not in {str(field.validation_alias) for field in Settings.model_fields.values()}:
            environment.setenv(name.upper(), "7")
    assert load_settings() == before


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
@pytest.mark.parametrize("name", ["DATABASE_URL", "ADMIN_DATABASE_URL", "AUDIT_DATABASE_URL", "ONLINE_DATABASE_URL"])
def test_a_database_is_reached_by_psycopg2_however_it_is_written(
    environment: pytest.MonkeyPatch, scheme: str, name: str
) -> None:
    environment.setenv(name, f"{scheme}://app:postgres://@db/meridian")
    found = getattr(load_settings(), name.lower())
    assert found == "postgresql+psycopg2://app:postgres://@db/meridian"


def test_one_database_serves_for_everything_that_is_not_said(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "postgres://app@db/meridian")
    settings = load_settings()
    assert settings.admin_url == settings.online_url == settings.database_url
    assert settings.broker == "pgmq://app@db/meridian"
    environment.setenv("ADMIN_DATABASE_URL", "postgres://root@db/meridian")
    environment.setenv("ONLINE_DATABASE_URL", "postgres://app@replica/meridian")
    environment.setenv("BROKER_URL", "amqp://queue")
    settings = load_settings()
    assert settings.admin_url == "postgresql+psycopg2://root@db/meridian"
    assert settings.online_url == "postgresql+psycopg2://app@replica/meridian"
    assert settings.broker == "amqp://queue"


def test_the_local_file_counts_where_no_database_is_named(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "local.env").write_text("DATABASE_URL=postgresql://local/meridian\nMERIDIAN_PORT=8123\n")
    environment.setenv("MERIDIAN_HOME", str(home))
    assert load_settings().database_url == "postgresql+psycopg2://local/meridian"
    assert load_settings().port == 8123
    environment.setenv("MERIDIAN_PORT", "9000")
    assert load_settings().port == 9000


def test_the_local_file_is_not_read_where_a_database_is_named(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not even for what the environment leaves open."""
    (tmp_path / ".meridian").mkdir()
    (tmp_path / ".meridian" / "local.env").write_text("MERIDIAN_PORT=8123\nADMIN_DATABASE_URL=postgresql://local/x\n")
    environment.setenv("DATABASE_URL", "postgresql://db/meridian")
    settings = load_settings()
    assert (settings.port, settings.admin_url) == (8000, "postgresql+psycopg2://db/meridian")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MERIDIAN_PORT", "0"),
        ("MERIDIAN_PORT", "65536"),
        ("MERIDIAN_PORT", "web"),
        ("MERIDIAN_API_WORKERS", "0"),
        ("MERIDIAN_ONLINE_TIMEOUT_MS", "0"),
        ("MERIDIAN_MAX_BODY_BYTES", "10"),
        ("MERIDIAN_SWEEP_AFTER_S", "-1"),
        ("MERIDIAN_LEASE_S", "0"),
    ],
)
def test_a_value_out_of_range_is_refused_at_the_start(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(ValidationError, match=name):
        load_settings()


def test_secrets_do_not_show() -> None:
    settings = Settings(MERIDIAN_SECRET_KEY="s3cret" * 8)  # type: ignore[call-arg]
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "dsn"),
    [
        ("postgresql+psycopg2://app:x@db:5433/meridian", "host='db' port='5433' dbname='meridian' user='app' password='x'"),  # noqa: E501
        ("pgmq://app@/meridian?host=/run/pg&port=5433", "host='/run/pg' port='5433' dbname='meridian' user='app'"),
        ("postgresql://db/meridian", "host='db' dbname='meridian'"),
        ("postgresql://u:a%27b%5Cc%20d@db/m", "host='db' dbname='m' user='u' password='a\\'b\\\\c d'"),
    ],
)  # fmt: skip
def test_a_url_in_libpqs_own_words(url: str, dsn: str) -> None:
    assert psycopg2.extensions.parse_dsn(libpq_dsn(url)) == psycopg2.extensions.parse_dsn(dsn)


def test_what_guards_the_connection_is_not_dropped() -> None:
    """A broker that lost `sslmode=verify-full` would connect to anybody."""
    url = "postgresql://app:x@db/meridian?sslmode=verify-full&sslrootcert=/etc/ca.pem&options=-c%20timezone%3DUTC"
    parsed = psycopg2.extensions.parse_dsn(libpq_dsn(url))
    assert parsed["sslmode"] == "verify-full"
    assert parsed["sslrootcert"] == "/etc/ca.pem"
    assert parsed["options"] == "-c timezone=UTC"


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)


@given(user=texts, password=texts, database=st.from_regex(r"[a-z_]{1,10}", fullmatch=True))
def test_any_name_and_password_survive(user: str, password: str, database: str) -> None:
    url = URL.create("postgresql+psycopg2", user, password, "db", 5432, database)
    parsed = psycopg2.extensions.parse_dsn(libpq_dsn(url.render_as_string(hide_password=False)))
    assert (parsed["user"], parsed["password"], parsed["dbname"]) == (user, password, database)
