"""Who watches look-ups, so that they can be counted."""

from __future__ import annotations

from typing import Protocol

import pybreaker


class Observer(Protocol):
    """Is told from any thread, and must neither wait nor raise."""

    def on_read(self, source: str, line: str, what: str, took_s: float) -> None:
        """A line was asked or refused: `answered`, `failed`, `too slow`, `busy` or `open`, after so many seconds."""

    def on_transition(self, line: str, old: str, new: str) -> None:
        """The line's breaker went from one state to another: `closed`, `open`, `half-open`."""

    def on_hedge(self, source: str) -> None:
        """A second read was begun, because the first took longer than 95 in 100 do."""


class Nobody:
    """Is told and does nothing."""

    def on_read(self, source: str, line: str, what: str, took_s: float) -> None:
        """Do nothing."""

    def on_transition(self, line: str, old: str, new: str) -> None:
        """Do nothing."""

    def on_hedge(self, source: str) -> None:
        """Do nothing."""


class Transitions(pybreaker.CircuitBreakerListener):
    """Tells an observer of a line's breaker."""

    def __init__(self, line: str, observer: Observer):
        self._line = line
        self._observer = observer

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,  # noqa: ARG002
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        """Pass it on."""
        self._observer.on_transition(self._line, old_state.name if old_state else "", new_state.name)
