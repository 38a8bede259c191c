"""Settings -> the keys that sign seals, and those that are trusted to."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meridian.errors import NotReady
from meridian.record.seal import public_key, signing_key
from meridian.settings import Settings


@dataclass(frozen=True)
class SealKeys:
    """Read when they are used: only the workers have the key that signs."""

    settings: Settings

    def signing(self) -> Ed25519PrivateKey:
        """The key that signs. Raises `NotReady` where there is none."""
        seed = self.settings.seal_key.get_secret_value()
        if not seed:
            raise NotReady(
                "MERIDIAN_SEAL_KEY is not set, so the record cannot be sealed; `openssl rand -hex 32` makes one."
            )
        return signing_key(seed)

    @property
    def public(self) -> str:
        """Its public half."""
        return public_key(self.signing())

    def trusted(self) -> frozenset[str]:
        """The public keys whose seals hold. Raises `NotReady` where there is none."""
        stated = {key.strip().lower() for key in self.settings.seal_public_keys.split(",") if key.strip()}
        own = {self.public} if self.settings.seal_key.get_secret_value() else set()
        if not stated | own:
            raise NotReady(
                "No key is trusted: set MERIDIAN_SEAL_PUBLIC_KEYS to what `meridian audit key` prints where the seals "
                "are made."
            )
        return frozenset(stated | own)
