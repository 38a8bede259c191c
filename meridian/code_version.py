"""Which code decided: the release, and a hash of the sources that a decision depends on."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from meridian import __version__

DECIDES = ("features", "evidence", "policy", "scoring", "reasons", "decision")
"""The packages between a capture and its decision: what is changed in them may change an outcome."""


@cache
def code_version() -> str:
    """For example `0.1.0+3f2a91c04d17`: two that are equal decide alike."""
    sources = hashlib.sha256()
    for package in DECIDES:
        folder = files("meridian") / package
        for file in sorted((one for one in folder.iterdir() if one.name.endswith(".py")), key=lambda one: one.name):
            sources.update(f"{package}/{file.name}\0".encode() + file.read_bytes() + b"\0")
    return f"{__version__}+{sources.hexdigest()[:12]}"
