"""`sources.toml`: which providers are asked for which source, the preferred one first."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from meridian.errors import InvalidInput, NotReady

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class ProviderSettings(BaseModel):
    """One provider of one source. What is secret is named here and stands in the environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    source: Name
    adapter: str = "events"
    """A module of `meridian.sources.providers`, or, with a dot in it, any other that can be imported."""
    url: str
    timeout_ms: int = Field(45, ge=1, le=600_000)
    """How long one answer may take while a decision waits for it."""
    in_path: bool = True
    """Whether it is asked while a decision waits, and not only ahead of it: for who answers within the time-out."""
    ahead_timeout_s: float = Field(30, gt=0, le=300)
    """How long one answer may take when it is fetched ahead."""
    threads: int = Field(8, ge=1, le=128)
    """How many questions a process asks it at once. The next one is not asked, and counts as no failure."""
    ca_file: Path | None = None
    """Certificates that are trusted, where the system's are not meant."""
    cert_file: Path | None = None
    """The certificate that we show, with its key in `key_file`."""
    key_file: Path | None = None
    api_key_env: str = ""
    """The environment variable that has the key to show."""

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("an address such as https://bureau.example, without user or query")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("https:// for another machine: what is asked is about people")
        return value.rstrip("/")

    @property
    def api_key(self) -> str:
        """The key to show; empty: none. Raises `NotReady` where its variable is not set."""
        if self.api_key_env and not os.environ.get(self.api_key_env):
            raise NotReady(f"{self.name}: {self.api_key_env} is to have the key of this provider, and is not set")
        key = os.environ.get(self.api_key_env, "") if self.api_key_env else ""
        if not (key.isascii() and key.isprintable()):
            raise NotReady(f"{self.name}: {self.api_key_env} has what no key has; is there a line break at its end?")
        return key


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    provider: list[ProviderSettings] = []


def read_providers(path: Path) -> tuple[ProviderSettings, ...]:
    """The providers of a file, in its order; none where there is no file. Raises `InvalidInput` with what is wrong."""
    if not path.exists():
        return ()
    try:
        told = _File.model_validate(tomllib.loads(path.read_text()))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path}: {error}; write [[provider]] tables") from None
    except ValidationError as error:
        raise InvalidInput("\n".join(f"{path}: {_told(told)}" for told in error.errors())) from None
    names = [one.name for one in told.provider]
    if ours := {"online", "online-replica"} & set(names):
        raise InvalidInput(f"{path}: name: {min(ours)!r} is the online store's own; give the provider another")
    if twice := {name for name in names if names.count(name) > 1}:
        raise InvalidInput(f"{path}: name: {min(twice)!r} stands twice; give each provider its own")
    return tuple(told.provider)


def _told(problem: object) -> str:
    """One thing that is wrong, with field, value and what is expected."""
    assert isinstance(problem, dict)  # noqa: S101  # what pydantic documents
    field = ".".join(str(part) for part in problem["loc"])
    return f"{field}: {problem['input']!r}; {problem['msg'].removeprefix('Value error, ')}"
