"""Objects that are made before a fork and used after it: in the child their locks and threads are made anew.

A lock that somebody held at the moment of the fork is held in the child for ever, by a thread that is not there.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Renewed(Protocol):
    """Has locks, threads, or calls on their way."""

    def renew(self) -> None:
        """In a child: hold nothing of the parent's."""


_known: WeakSet[Renewed] = WeakSet()


def renew_in_child(one: Renewed) -> None:
    """Call its `renew` in every child that is forked while it lives."""
    _known.add(one)


def _renew() -> None:
    for one in list(_known):
        one.renew()


os.register_at_fork(after_in_child=_renew)
