"""Past decisions made with another model: what would have come out otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Engine

from meridian.db import recorded
from meridian.db.engine import transaction
from meridian.decision import Terms
from meridian.experiments import Said, Swaps
from meridian.outcome import Stage
from meridian.products import Product
from meridian.registry import Purpose
from meridian.replay import Recorded
from meridian.scoring import Scorer

AT_ONCE = 500


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
        stage = Stage.BATCH if purpose is Purpose.BATCH else Stage.FAST
        with transaction(self.engine) as connection:
            drawn = recorded.draw_decisions(connection, count, None, seed, (stage,), product)
        swaps = Swaps()
        for one in self._each(drawn, progress):
            was = _made(self.products[product], one, instead_of) if instead_of else _said(one)
            # What a stand-in decided while a source was away says nothing of the model for when none is.
            of_kind = _kind((one.document["score"] or {}).get("model")) == _kind(scorer.name)
            _note(swaps, was if of_kind else None, _made(self.products[product], one, scorer))
        return swaps

    def against(
        self, product: str, scorer: Scorer, ids: Sequence[UUID], progress: Callable[[float], None] = lambda _: None
    ) -> Swaps:
        """What was decided in place of what that model would have."""
        swaps = Swaps()
        for one in self._each(ids, progress):
            _note(swaps, _made(self.products[product], one, scorer), _said(one))
        return swaps

    def _each(self, ids: Sequence[UUID], progress: Callable[[float], None]) -> Iterator[Recorded]:
        for start in range(0, len(ids), AT_ONCE):
            with transaction(self.engine) as connection:
                found = recorded.find_recorded(connection, ids[start : start + AT_ONCE])
            for place, one in enumerate(found, start=start + 1):
                yield one
                progress(place / len(ids))


def _note(swaps: Swaps, was: Said | None, would_be: Said | None) -> None:
    if was is None or would_be is None:
        swaps.skipped += 1
    else:
        swaps.note(was, would_be)


def _kind(model: str | None) -> str | None:
    """A model's name without what says that its applicants were simulated."""
    return model.removesuffix("-demo") if model else None


def _said(one: Recorded) -> Said:
    return Said(one.document["outcome"], tuple(reason["code"] for reason in one.document["reasons"]))


def _made(product: Product, one: Recorded, scorer: Scorer) -> Said | None:
    """The decision made again; None where its evidence lacks what the model reads."""
    unread = set(scorer.features) - set(one.evidence.features) or one.evidence.absent_sources(scorer.features)
    if unread or one.policy_text is None:
        return None
    again = replace(product, terms=Terms.from_text(one.policy_text)).decide(one.evidence, scorer)
    return Said(again.outcome.value, tuple(reason.code for reason in again.reasons))
