"""What fails in which phase, and what may then be said of a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FAILS = ("slow", "hung", "error", "garbage", "flapping", "lying", "refused", "stranger")
SOMETIMES = frozenset({"slow", "flapping", "tail"})
"""Some answers come in time all the same."""
SPOILS = frozenset({"garbage", "lying"})
"""An answer is given, and cannot be used."""
RECOVERY_S = 8.0
"""Longer than a breaker rests."""
OUTSIDE = ("bureau", "bank", "employment")


@dataclass(frozen=True)
class Phase:
    """Faults by provider; `store`: what befalls the online store, `held` (it hangs) or `cut`."""

    name: str
    faults: Mapping[str, str] = field(default_factory=dict)
    store: str = ""

    def may_fail(self, source: str) -> bool:
        """Whether the source may be without an answer."""
        return all(one in self.faults for one in providers(source))

    def must_fail(self, source: str) -> bool:
        """Whether it may not answer at all."""
        return all(self.faults.get(one, "tail") not in SOMETIMES for one in providers(source))

    def is_spoilt(self, source: str) -> bool:
        """Whether answers come, though none that can be used."""
        return any(self.faults.get(one) in SPOILS for one in providers(source))


def providers(source: str) -> tuple[str, ...]:
    """Who is asked for a source."""
    return ("bureau", "bureau-two") if source == "bureau" else (source,)


def phases() -> list[Phase]:
    """Each source in each fault alone, a fallback that holds, the store, and everything together."""
    alone = [
        Phase(f"{source} {fault}", dict.fromkeys(providers(source), fault)) for source in OUTSIDE for fault in FAILS
    ]
    every = {"bureau": "hung", "bureau-two": "stranger", "bank": "lying", "employment": "garbage"}
    return [
        Phase("nothing"),
        *alone,
        Phase("bureau error, fallback well", {"bureau": "error"}),
        Phase("store hung", store="held"),
        Phase("store refused", store="cut"),
        Phase("all three", every),
        Phase("everything", every, store="held"),
    ]
