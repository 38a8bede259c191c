"""What fails when: the phases of a demonstration, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate

RECOVERY_S = 15.0
"""The least that recovery is given: a breaker rests for five seconds, and for as many again where a stub that has only
been started does not answer the first probe."""


class Trouble(StrEnum):
    """What is wrong with a provider. All but the last two the stub does by itself, when it is told to."""

    NONE = "none"
    SLOW = "slow"
    HUNG = "hung"
    ERROR = "error"
    GARBAGE = "garbage"
    FLAPPING = "flapping"
    LYING = "lying"
    STOPPED = "stopped"
    """Its process is halted: the kernel takes connections, and nobody ever reads from them."""
    DOWN = "down"
    """There is no process, and connections are refused."""


@dataclass(frozen=True)
class Phase:
    """So many seconds in which those providers are in trouble, and no others."""

    name: str
    seconds: float
    troubles: Mapping[str, Trouble] = field(default_factory=dict)


ONE_BY_ONE = tuple(trouble for trouble in Trouble if trouble is not Trouble.NONE)
ALL_AT_ONCE = (Trouble.HUNG, Trouble.ERROR, Trouble.STOPPED, Trouble.DOWN)


def schedule(sources: Sequence[str], fallbacks: Sequence[str], phase_s: float) -> tuple[Phase, ...]:
    """All well; each source in each trouble; all of them, the fallbacks too, in the worst ones; recovery.

    Each trouble goes round the sources before the next one begins, so that a source recovers between two of its own
    and its breaker is seen to open and to close.
    """
    return (
        Phase("all well", phase_s),
        *(Phase(f"{source}: {trouble}", phase_s, {source: trouble}) for trouble in ONE_BY_ONE for source in sources),
        *(Phase(f"all: {trouble}", phase_s, dict.fromkeys((*sources, *fallbacks), trouble)) for trouble in ALL_AT_ONCE),
        Phase("recovery", max(phase_s, RECOVERY_S)),
    )


def ends(phases: Sequence[Phase]) -> tuple[float, ...]:
    """When each phase ends, in seconds from the beginning of the first."""
    return tuple(accumulate(phase.seconds for phase in phases))
