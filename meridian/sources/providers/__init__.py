"""Providers: who is asked for what a source has of an applicant. One file each; docs/providers.md shows how."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import Protocol, cast

from meridian.errors import InvalidInput
from meridian.sources.deadline import Deadline
from meridian.sources.providers.config import ProviderSettings, read_providers
from meridian.sources.reply import Checker, Later, Told

__all__ = ["Provider", "ProviderSettings", "make_provider", "read_providers"]


class Provider(Protocol):
    """Made as `Provider(settings, checker, clock)` by its module. Both questions raise `ProviderFailed`."""

    def ask(self, applicant_id: str, deadline: Deadline) -> Told:
        """All that it has of the applicant, checked, or where the answer will be."""

    def fetch(self, applicant_id: str, later: Later, deadline: Deadline) -> Told:
        """The answer to an earlier question, or that it is still not ready."""


def make_provider(settings: ProviderSettings, checker: Checker, clock: Callable[[], datetime]) -> Provider:
    """The provider that the settings name. Raises `InvalidInput` where there is no such adapter."""
    where = settings.adapter if "." in settings.adapter else f"{__name__}.{settings.adapter}"
    try:
        made = import_module(where).Provider
    except (ImportError, AttributeError) as error:
        raise InvalidInput(
            f"{settings.name}: adapter: {settings.adapter!r} is none ({error}); name a module with a class Provider"
        ) from None
    return cast(Provider, made(settings, checker, clock))
