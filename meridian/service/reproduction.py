"""Past decisions made with another model: what would have come out otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Engine

from meridian.db import recorded
from meridian.db.engine import transaction
from meridian.decision import Terms
from meridian.outcome import Stage
from meridian.products import Product
from meridian.registry import Purpose
from meridian.replay import Recorded
from meridian.scoring import Scorer

AT_ONCE = 500


@dataclass
class Swaps:
    """What became of so many decisions; `outcomes` counts (was, would be). `skipped` lack what the model reads."""

    decisions: int = 0
    skipped: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    other_reasons: int = 0
    """Of those that are not approved either way, how many have other reasons."""

    @property
    def changed(self) -> int:
        """How many have another outcome."""
        return sum(count for (was, would_be), count in self.outcomes.items() if was != would_be)

    @property
    def changed_share(self) -> float:
        """1.0 where nothing was decided: what was not measured is not good."""
        return self.changed / self.decisions if self.decisions else 1.0

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        swaps = [{"was": was, "would_be": would_be, "decisions": n} for (was, would_be), n in self.outcomes.items()]
        return {
            "decisions": self.decisions, "skipped": self.skipped, "changed": self.changed,
            "other_reasons": self.other_reasons, "outcomes": sorted(swaps, key=lambda one: -one["decisions"]),
        }  # fmt: skip


@dataclass(frozen=True)
class Reproduction:
    """A sample of what a product's models of one purpose decided, each made again with the policy that decided and
    another model of that purpose.
    """

    engine: Engine
    products: Mapping[str, Product]

    def of(
        self, product: str, purpose: Purpose, scorer: Scorer, count: int, seed: int,
        progress: Callable[[float], None] = lambda _: None, *, instead_of: Scorer | None = None,
    ) -> Swaps:  # fmt: skip
        """What would have come out otherwise than it did, or than with the model `instead_of`."""
        swaps = Swaps()
        for done, one in enumerate(self._drawn(product, purpose, count, seed), start=1):
            self._note(swaps, self.products[product], one, scorer, instead_of)
            progress(done / count)
        return swaps

    def _drawn(self, product: str, purpose: Purpose, count: int, seed: int) -> Iterator[Recorded]:
        stage = Stage.BATCH if purpose is Purpose.BATCH else Stage.FAST
        with transaction(self.engine) as connection:
            drawn = recorded.draw_decisions(connection, count, None, seed, (stage,), product)
        for start in range(0, len(drawn), AT_ONCE):
            with transaction(self.engine) as connection:
                yield from recorded.find_recorded(connection, drawn[start : start + AT_ONCE])

    def _note(
        self, swaps: Swaps, product: Product, one: Recorded, scorer: Scorer, instead_of: Scorer | None
    ) -> None:  # fmt: skip
        was, would_be = _told(product, one, instead_of), _made(product, one, scorer)
        if was is None or would_be is None or _kind((one.document["score"] or {}).get("model")) != _kind(scorer.name):
            swaps.skipped += 1
            return
        swaps.decisions += 1
        swaps.outcomes[was.outcome, would_be.outcome] += 1
        swaps.other_reasons += bool(was.reasons and would_be.reasons and was.reasons != would_be.reasons)


@dataclass(frozen=True)
class _Said:
    outcome: str
    reasons: list[str]


def _kind(model: str | None) -> str | None:
    """A model's name without what says that its applicants were simulated: what a stand-in decided while a source was
    away says nothing of the model for when none is.
    """
    return model.removesuffix("-demo") if model else None


def _told(product: Product, one: Recorded, instead_of: Scorer | None) -> _Said | None:
    if instead_of is not None:
        return _made(product, one, instead_of)
    return _Said(one.document["outcome"], [reason["code"] for reason in one.document["reasons"]])


def _made(product: Product, one: Recorded, scorer: Scorer) -> _Said | None:
    """The decision made again; None where its evidence lacks what the model reads."""
    unread = set(scorer.features) - set(one.evidence.features) or one.evidence.absent_sources(scorer.features)
    if unread or one.policy_text is None:
        return None
    again = replace(product, terms=Terms.from_text(one.policy_text)).decide(one.evidence, scorer)
    return _Said(again.outcome.value, [reason.code for reason in again.reasons])
