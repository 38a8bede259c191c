"""Aliases: which model is whose. The champion decides, a challenger for a share of applicants, a shadow for nobody."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from meridian.registry.manifest import Purpose

HASHED = 2.0**64


class Alias(StrEnum):
    """What a model of the registry is, of a product and purpose."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    SHADOW = "shadow"


class Place(NamedTuple):
    """What one model at a time can be."""

    product: str
    purpose: Purpose
    alias: Alias


@dataclass(frozen=True)
class Change:
    """From `changed_at` on, that model has the place; None: none has. `back` puts the former champion back."""

    place: Place
    number: int
    model_sha256: str | None
    share: float | None
    back: bool
    because: str
    changed_by: str
    changed_at: datetime | None = None
    """Set by the database."""


def former(held: Iterable[tuple[str | None, bool]]) -> str | None:
    """Who held a place before the one that does, by all who ever did, `(hash, whether it was a way back)`, the oldest
    first; None: there was nobody.

    Whoever went back twice is two back, and not where the first step back began.
    """
    line: list[str] = []
    for sha256, back in held:
        if back and sha256 in line[:-1]:
            # Back to where it stood last: what came after it is over.
            place = max(at for at, one in enumerate(line[:-1]) if one == sha256)
            line = line[: place + 1]
        elif sha256 is not None and line[-1:] != [sha256]:
            line.append(sha256)
    return line[-2] if len(line) > 1 else None


def is_challenged(model_sha256: str, share: float, applicant_id: str) -> bool:
    """Whether an applicant is among the share whom this challenger decides about.

    By the SHA-256 of model and applicant: always the same applicants, who stay when the share grows, and others than
    another challenger's.
    """
    digest = hashlib.sha256(f"{model_sha256}:{applicant_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / HASHED < share
