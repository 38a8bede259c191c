"""API keys and sign-in: made here, shown once, kept as hashes."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from time import monotonic

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine

from meridian.db import access
from meridian.db.engine import transaction
from meridian.errors import FieldProblem, InvalidInput, NotFound, Unauthenticated

SCOPES = ("decide", "read", "admin")
MARK = "mk"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
REMEMBERED_S = 1.0
"""A key that was good is taken for good so long without asking again, and so long a revoked one may still open."""
MOST_REMEMBERED = 1000


@dataclass(frozen=True)
class Principal:
    """Who calls: the key's id, and what it may do. `admin` may do all."""

    key_id: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether this caller has the scope."""
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True)
class Keys:
    """Who may come in. The secret of a key has 256 random bits, so its SHA-256 is enough; a password has not."""

    engine: Engine
    clock: Callable[[], datetime]
    _remembered: dict[str, tuple[float, Principal]] = field(default_factory=dict)
    """Good keys of the last second: SHA-256 of the key's text -> since when, and whose it is."""

    def create(self, name: str, scopes: Sequence[str]) -> tuple[str, access.StoredKey]:
        """A new key: the text to hand out, once, and what is stored of it."""
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise InvalidInput(
                f"Scopes {', '.join(unknown) or 'none'} are not known; choose from {', '.join(SCOPES)}.",
                [FieldProblem("/scopes", repr(list(scopes)), f"some of {', '.join(SCOPES)}")],
            )
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        stored = access.StoredKey(key_id, name, _sha256(secret), list(dict.fromkeys(scopes)), self.clock())
        with transaction(self.engine) as connection:
            access.add_key(connection, stored)
        return f"{MARK}_{key_id}_{secret}", stored

    def authenticate(self, text: str) -> Principal:
        """The caller behind a key. Raises `Unauthenticated`, which never says what was wrong with it."""
        mark, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        if mark != MARK or not secret:
            raise Unauthenticated("The API key is not of the form mk_<id>_<secret>.")
        digest, now = _sha256(text), monotonic()
        since, principal = self._remembered.get(digest, (-REMEMBERED_S, None))
        if principal is not None and now - since < REMEMBERED_S:
            return principal
        with transaction(self.engine) as connection:
            stored = access.find_key(connection, key_id)
        good = stored is not None and secrets.compare_digest(stored.secret_sha256, _sha256(secret))
        if stored is None or not good or stored.revoked_at is not None:
            raise Unauthenticated("The API key is not known, or was revoked.")
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        principal = Principal(stored.id, frozenset(stored.scopes))
        self._remembered[digest] = (now, principal)
        return principal

    def list(self) -> list[access.StoredKey]:
        """Every key, without secrets."""
        with transaction(self.engine) as connection:
            return access.list_keys(connection)

    def revoke(self, key_id: str) -> None:
        """Close a key for good. Raises `NotFound`."""
        with transaction(self.engine) as connection:
            if not access.revoke_key(connection, key_id):
                raise NotFound(f"There is no key {key_id!r} that is still open.")
        self._remembered.clear()

    def set_password(self, username: str, password: str) -> None:
        """Add a person, or change one's password (argon2id)."""
        if not NAME.fullmatch(username):
            raise InvalidInput(
                f"{username!r} is no name to sign in with: letters of a to z, digits, and . _ @ + - after the first, "
                "64 at most; two spellings of one name would be two people.",
                [FieldProblem("/username", repr(username), NAME.pattern)],
            )
        if len(password) < 12:
            raise InvalidInput(
                "A password needs at least 12 characters.", [FieldProblem("/password", "(hidden)", "12 or more")]
            )
        with transaction(self.engine) as connection:
            spelt = access.spelling_of(connection, username)
            if spelt not in (None, username):
                raise InvalidInput(f"There is {spelt!r} already, who is the same person as {username!r}.")
            access.put_analyst(connection, username, self._hasher.hash(password))

    def sign_in(self, username: str, password: str) -> bool:
        """Whether the password is this analyst's. It takes as long for a name that is not known."""
        with transaction(self.engine) as connection:
            stored = access.password_hash_of(connection, username)
        try:
            self._hasher.verify(stored or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    @cached_property
    def _hasher(self) -> PasswordHasher:
        return PasswordHasher()

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe(16))


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
