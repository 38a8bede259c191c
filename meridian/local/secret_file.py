"""The secrets of a local installation: made at random once, kept in one file that its owner alone reads."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path

from meridian.errors import NotReady


class SecretFile:
    """Names and secrets in a JSON file of mode 0600, replaced whole at each change."""

    def __init__(self, path: Path):
        self._path = path

    def secret(self, name: str) -> str:
        """The secret of that name; a new one (256 random bits, hexadecimal) where there was none."""
        found = self.get(name)
        if found is None:
            found = secrets.token_hex(32)
            self.put(name, found)
        return found

    def get(self, name: str) -> str | None:
        """What is kept under `name`, or None."""
        return self._read().get(name)

    def put(self, name: str, value: str) -> None:
        """Keep `value` under `name`, durable when this returns."""
        content = self._read() | {name: value}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        # Created with its mode: at no moment can another user open it.
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def _read(self) -> dict[str, str]:
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return {}
        try:
            content = json.loads(text)
            return {str(name): str(value) for name, value in content.items()}
        except (ValueError, AttributeError) as error:
            raise NotReady(
                f"{self._path} is not readable as secrets: {error}. "
                "Restore it; without it the database beside it cannot be opened."
            ) from error
