"""Settings, read from the environment and from nowhere else but the local file that `meridian up` writes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOCAL_FILE = "local.env"


class Settings(BaseSettings):
    """Everything that differs between two installations. Each field names its environment variable."""

    model_config = SettingsConfigDict(extra="ignore")

    database_url: str = Field("", validation_alias="DATABASE_URL")
    """PostgreSQL of the decisions; empty: nothing is configured and nothing runs."""
    admin_database_url: str = Field("", validation_alias="ADMIN_DATABASE_URL")
    """The same database for migrations, as a role that may create schemas and roles; default DATABASE_URL."""
    audit_database_url: str = Field("", validation_alias="AUDIT_DATABASE_URL")
    """The same database as the auditors see it; default DATABASE_URL with the audit role set."""
    online_database_url: str = Field("", validation_alias="ONLINE_DATABASE_URL")
    """Where the ready vectors of applicants are looked up; default DATABASE_URL, a replica where there is one."""
    online_replica_url: str = Field("", validation_alias="ONLINE_REPLICA_URL")
    """A second database with the same vectors, read where the first takes long or fails; empty: there is none."""
    desk_database_url: str = Field("", validation_alias="DESK_DATABASE_URL")
    """The same database as the review desk reaches it; default DATABASE_URL with the analysts' role set."""
    worker_database_url: str = Field("", validation_alias="WORKER_DATABASE_URL")
    """The same database as the workers reach it; default DATABASE_URL with the workers' role set."""
    registry_database_url: str = Field("", validation_alias="REGISTRY_DATABASE_URL")
    """The same database as those reach it who say which model decides; default DATABASE_URL with their role set."""
    broker_url: str = Field("", validation_alias="BROKER_URL")
    """Celery's broker: pgmq://, amqp:// or redis://; default pgmq on DATABASE_URL."""
    home: Path = Field(Path(".meridian"), validation_alias="MERIDIAN_HOME")
    """Folder of the embedded database, models and local secrets."""
    models: Literal["any", "registered"] = Field("any", validation_alias="MERIDIAN_MODELS")
    """Whether models of the home's folder may decide where the registry has none, or only what was signed for."""
    products: Path | None = Field(None, validation_alias="MERIDIAN_PRODUCTS")
    """Folder of the lender's own products, one folder each; default `products` in the home."""
    host: str = Field("127.0.0.1", validation_alias="MERIDIAN_HOST")
    port: int = Field(8000, validation_alias="MERIDIAN_PORT", ge=1, le=65535)
    api_workers: int = Field(2, validation_alias="MERIDIAN_API_WORKERS", ge=1)
    api_threads: int = Field(4, validation_alias="MERIDIAN_API_THREADS", ge=1)
    budget_ms: int = Field(200, validation_alias="MERIDIAN_BUDGET_MS", ge=1)
    """Time for a decision from the arrival of its request; what could only be answered later is refused at once."""
    secret_key: SecretStr = Field(SecretStr(""), validation_alias="MERIDIAN_SECRET_KEY")
    """Signs the desk's session cookies."""
    https: bool = Field(True, validation_alias="MERIDIAN_HTTPS")
    """Whether browsers reach the desk over HTTPS; only then is its cookie marked Secure."""
    sources: Path | None = Field(None, validation_alias="MERIDIAN_SOURCES")
    """File that says which providers are asked for which source; default `sources.toml` in the home."""
    online_timeout_ms: int = Field(60, validation_alias="MERIDIAN_ONLINE_TIMEOUT_MS", ge=1)
    gates: Path | None = Field(None, validation_alias="MERIDIAN_GATES")
    """File with the limits of the gates that models must pass; default `gates.toml` in the home, if there is one."""
    events: Path | None = Field(None, validation_alias="MERIDIAN_EVENTS")
    """Folder of the sources' event history, Parquet files by source and stream; default `events` in the home."""
    commit: Literal["group", "direct"] = Field("group", validation_alias="MERIDIAN_COMMIT")
    """Whether decisions that come at one moment share a commit, or each has its own."""
    seal_key: SecretStr = Field(SecretStr(""), validation_alias="MERIDIAN_SEAL_KEY")
    """Signs the seals over the record: 64 hexadecimal digits. Only the workers need it."""
    seal_public_keys: str = Field("", validation_alias="MERIDIAN_SEAL_PUBLIC_KEYS")
    """Further keys whose seals are trusted when the record is verified, e.g. earlier ones; separated by commas."""
    anchor: str = Field("", validation_alias="MERIDIAN_ANCHOR")
    """Where seals are kept outside the database: a file, https:// or s3://bucket/prefix; default a file in the home."""
    max_body_bytes: int = Field(64 * 1024, validation_alias="MERIDIAN_MAX_BODY_BYTES", ge=1024)
    sweep_after_s: float = Field(2.0, validation_alias="MERIDIAN_SWEEP_AFTER_S", ge=0)
    """Age at which a job that nobody took is rung for again."""
    lease_s: float = Field(120.0, validation_alias="MERIDIAN_LEASE_S", gt=0)
    """How long a job is one worker's alone; an assessment may take 90 s. A killed worker's waits for it."""
    log_level: str = Field("INFO", validation_alias="MERIDIAN_LOG_LEVEL")

    @field_validator(
        "database_url", "admin_database_url", "audit_database_url", "online_database_url", "online_replica_url",
        "desk_database_url", "worker_database_url", "registry_database_url",
    )  # fmt: skip
    @classmethod
    def _psycopg2(cls, value: str) -> str:
        """SQLAlchemy 2.1 takes a bare `postgresql://` to mean psycopg 3; Meridian speaks psycopg2."""
        return re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", value)

    @field_validator("seal_key")
    @classmethod
    def _seed(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not re.fullmatch("[0-9a-fA-F]{64}", value.get_secret_value()):
            raise ValueError("64 hexadecimal digits; `openssl rand -hex 32` makes them")
        return value

    @property
    def models_dir(self) -> Path:
        """Folder with one folder of models per product."""
        return self.home / "models"

    @property
    def products_dir(self) -> Path:
        """Folder with one folder per product of the lender's own."""
        return self.products or self.home / "products"

    @property
    def admin_url(self) -> str:
        """The database as the migrations reach it."""
        return self.admin_database_url or self.database_url

    @property
    def events_dir(self) -> Path:
        """Where the event history lies."""
        return self.events or self.home / "events"

    @property
    def gates_file(self) -> Path:
        """Where the gates stand, if not where they stand by default."""
        return self.gates or self.home / "gates.toml"

    @property
    def sources_file(self) -> Path:
        """Which providers there are."""
        return self.sources or self.home / "sources.toml"

    @property
    def online_url(self) -> str:
        """The database in which ready vectors are looked up."""
        return self.online_database_url or self.database_url

    @property
    def anchor_place(self) -> str:
        """Where seals are anchored."""
        return self.anchor or str(self.home.absolute() / "anchors.jsonl")

    @property
    def broker(self) -> str:
        """The broker's URL: the one that is set, else the queue on the decisions' own PostgreSQL."""
        return self.broker_url or re.sub(r"^postgresql\+psycopg2://", "pgmq://", self.database_url)


def load_settings() -> Settings:
    """The settings in force: the environment, and under it the file of a local `meridian up`.

    The local file describes the embedded servers as a whole. Where DATABASE_URL is set it is not read
    at all: half of one installation and half of another is nobody's wish.
    """
    home = Path(os.environ.get("MERIDIAN_HOME", ".meridian"))
    env_file = None if os.environ.get("DATABASE_URL") else home / LOCAL_FILE
    return Settings(_env_file=env_file)
