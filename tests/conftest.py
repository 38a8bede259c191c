"""What tests are given. Integration tests run on the embedded PostgreSQL, and again on a server that answers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meridian.local.placement import placement_for
from meridian.local.postgres import EmbeddedPostgres
from meridian.products import Product
from tests.services import (
    BROKERS,
    SERVER_URL,
    Service,
    answers,
    copied_database,
    fresh_database,
    service,
    with_quorum_queues,
)

if TYPE_CHECKING:
    # Not at run time: pytest itself brings the plugin in, and rewrites its assertions.
    from tests.training_fixtures import TrainedModels

pytest_plugins = [
    "tests.training_fixtures",
    "tests.browser_fixtures",
    "tests.lender",
    "tests.outside",
    "tests.registered",
]

# Nothing from the outside decides which parts a test runs on.
for name in ("DATABASE_URL", "ADMIN_DATABASE_URL", "BROKER_URL", "ONLINE_DATABASE_URL", "MERIDIAN_HOME"):
    os.environ.pop(name, None)

# A test that is not about a slow source must not meet one because the machine is busy.
PATIENT = {"MERIDIAN_ONLINE_TIMEOUT_MS": "2000"}


ON_EVERY_SERVER = {
    "test_decisions_api.py", "test_history_load.py", "test_idempotency.py", "test_outage.py", "test_schema.py",
}  # fmt: skip
"""What PostgreSQL does itself may differ from server to server; what pages, forms and refusals say does not."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what would only be the same again on another server."""
    again = [item for item in items if "[server" in item.name and item.path.name not in ON_EVERY_SERVER]
    if again:
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item not in set(again)]


def pytest_report_header() -> list[str]:
    """Which servers this run is on."""
    found = [f"PostgreSQL server: {'yes' if answers(SERVER_URL) else 'none answers, embedded alone'}"]
    return found + [f"{name}: {'yes' if answers(url) else 'none answers, skipped'}" for name, url in BROKERS.items()]


@pytest.fixture
def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def application(personal_loan: Product) -> dict[str, Any]:
    """A request that is approved, for an applicant nobody knows."""
    request = personal_loan.sample()
    request["application"]["applicant_id"] = f"applicant-{os.urandom(6).hex()}"
    return request


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The superuser's URL of an embedded PostgreSQL."""
    home = tmp_path_factory.mktemp("embedded")
    postgres = EmbeddedPostgres(home)
    postgres.start()
    yield postgres.superuser_url
    postgres.stop()
    placement = placement_for(home)
    shutil.rmtree(placement.folder, ignore_errors=True)


@pytest.fixture(scope="session", params=["embedded", "server"])
def database_server(request: pytest.FixtureRequest) -> str:
    """The superuser's URL of each PostgreSQL there is."""
    if request.param == "embedded":
        return str(request.getfixturevalue("embedded_server"))
    if not answers(SERVER_URL):
        pytest.skip(f"no PostgreSQL server answers at {SERVER_URL}")
    return SERVER_URL


# One for each server and kept to the end, because tests change from server to server many times over a run.
@pytest.fixture(scope="session")
def database_on_embedded(embedded_server: str) -> Iterator[str]:
    """The administrator's URL of a migrated database on the embedded server."""
    with fresh_database(embedded_server) as url:
        yield url


@pytest.fixture(scope="session")
def database_on_server() -> Iterator[str]:
    """The administrator's URL of a migrated database on the server that answers."""
    with fresh_database(SERVER_URL) as url:
        yield url


@pytest.fixture(scope="session")
def database(database_server: str, request: pytest.FixtureRequest) -> str:
    """The administrator's URL of a migrated database, one for the whole run on each server."""
    return str(request.getfixturevalue(f"database_on_{_name(database_server)}"))


def _name(database_server: str) -> str:
    return "server" if database_server == SERVER_URL else "embedded"


@pytest.fixture
def own_database(template: str) -> Iterator[str]:
    """A migrated database for one test that does what others could not bear."""
    with copied_database(template) as url:
        yield url


@pytest.fixture(scope="session")
def template(embedded_server: str) -> Iterator[str]:
    """A migrated database, to be copied."""
    with fresh_database(embedded_server) as database:
        yield database


@pytest.fixture
def running(template: str, tmp_path: Path) -> Iterator[Service]:
    """A service on a database of its own; nothing is started, nothing recorded."""
    with (
        copied_database(template) as database,
        service(tmp_path, database, BROKER_URL="memory://", **PATIENT) as it,
    ):
        yield it


@pytest.fixture(scope="session")
def api_on_embedded(
    database_on_embedded: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The API on the embedded server's database."""
    with _api(database_on_embedded, demo_models, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="session")
def api_on_server(
    database_on_server: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The API on the answering server's database."""
    with _api(database_on_server, demo_models, tmp_path_factory.mktemp("service")) as running:
        yield running


@contextmanager
def _api(database: str, models: TrainedModels, home: Path) -> Iterator[Service]:
    with service(home, database, models.models_dir, **PATIENT) as running:
        running.start_api()
        yield running


@pytest.fixture(scope="session")
def server(database_server: str, request: pytest.FixtureRequest) -> Service:
    """The API under gunicorn on real HTTP, with demo models; no worker."""
    api: Service = request.getfixturevalue(f"api_on_{_name(database_server)}")
    return api


@pytest.fixture(params=["pgmq", *BROKERS])
def broker_url(request: pytest.FixtureRequest) -> str:
    """Each broker there is; empty for the queue in PostgreSQL itself."""
    if request.param == "pgmq":
        return ""
    url = BROKERS[request.param]
    if not answers(url):
        pytest.skip(f"no {request.param} broker answers at {url}")
    return with_quorum_queues(url) if request.param == "amqp" else url


@pytest.fixture
def full_service(own_database: str, broker_url: str, demo_models: TrainedModels, tmp_path: Path) -> Iterator[Service]:
    """API, worker and schedule on each broker, on a database of their own."""
    with service(tmp_path, own_database, demo_models.models_dir, broker_url, **PATIENT) as running:
        running.start_api()
        running.start_worker()
        running.start_schedule()
        yield running
