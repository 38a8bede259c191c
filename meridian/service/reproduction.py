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
from meridian.evidence import Rung
from meridian.outcome import Stage
from meridian.products import Product
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
    """A sample of a product's fast decisions on the compact model's rungs, each made again with the policy that decided
    and another such model.
    """

    engine: Engine
    products: Mapping[str, Product]

    def of(
        self, product: str, scorer: Scorer, count: int, seed: int, progress: Callable[[float], None] = lambda _: None
    ) -> Swaps:
        """What would have come out otherwise."""
        swaps = Swaps()
        for done, one in enumerate(self._drawn(product, count, seed), start=1):
            self._note(swaps, self.products[product], one, scorer)
            progress(done / count)
        return swaps

    def _drawn(self, product: str, count: int, seed: int) -> Iterator[Recorded]:
        with transaction(self.engine) as connection:
            drawn = recorded.draw_decisions(connection, count, None, seed, (Stage.FAST,), product)
        for start in range(0, len(drawn), AT_ONCE):
            with transaction(self.engine) as connection:
                yield from recorded.find_recorded(connection, drawn[start : start + AT_ONCE])

    def _note(self, swaps: Swaps, product: Product, one: Recorded, scorer: Scorer) -> None:
        unread = set(scorer.features) - set(one.evidence.features) or one.evidence.absent_sources(scorer.features)
        # What a stand-in decided while a source was away says nothing of the model for when none is.
        stood_in = one.evidence.rung > Rung.STALE
        if unread or stood_in or one.policy_text is None or not one.document["score"]:
            swaps.skipped += 1
            return
        again = replace(product, terms=Terms.from_text(one.policy_text)).decide(one.evidence, scorer)
        swaps.decisions += 1
        swaps.outcomes[one.document["outcome"], again.outcome.value] += 1
        before = [reason["code"] for reason in one.document["reasons"]]
        after = [reason.code for reason in again.reasons]
        swaps.other_reasons += bool(before and after and before != after)
