"""Backtests over the record: a policy beside the one that decides, on the very evidence that was decided from."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Engine

from meridian.backtest import OFFERS, Backtest, Fields, Gathering, OneByOne, Run, Tally, Wished
from meridian.db import backtests, recorded
from meridian.db.engine import transaction
from meridian.db.refusals import refused
from meridian.decision import Decision, Terms, decide
from meridian.errors import InvalidInput
from meridian.outcome import Outcome, Stage
from meridian.products import Product
from meridian.scoring import Scorer

T = TypeVar("T")
Progress = Callable[[float], None]
AT_ONCE = 500


@dataclass(frozen=True)
class Backtests:
    """Reads the record and changes nothing there; what was found may be kept in the registry."""

    engine: Engine
    models: Callable[[str, str], Scorer | None]
    """(product, hash) -> that very model; None where it is not kept here."""
    new_id: Callable[[], UUID]

    def over_record(
        self,
        product: Product,
        terms: tuple[Terms, Terms],
        period: tuple[datetime, datetime],
        stage: Stage = Stage.FAST,
        wished: Wished | None = None,
        as_of: date | None = None,
        progress: Progress = lambda _: None,
    ) -> Backtest:
        """Two policies (the one that decides, the other one) over all decisions of a stage in a period.

        The PD is the one that was recorded. Everybody is asked by the rules of the day `as_of`, or else by those of the
        day of receipt. Raises `InvalidInput` where there are no such decisions.
        """
        wanted = backtests.Period(product.name, stage.value, *period)
        run = Run(product.name, terms, wished or Wished(), as_of=as_of)
        gathering = Gathering(
            Fields.of(terms, run.by), lambda sha256: self._read_by(product.name, sha256), stage is not Stage.BATCH
        )  # fmt: skip
        with transaction(self.engine) as connection, _without_collector():
            count = backtests.count_decided(connection, wanted)
            if not count:
                raise InvalidInput(
                    f"The record has no {stage} decisions of {product.name} from {period[0]:%Y-%m-%d %H:%M} until "
                    f"{period[1]:%Y-%m-%d %H:%M}; take a longer time, or past loans with --data."
                )
            seen = 0
            for rows in _ahead(backtests.decided(connection, wanted)):
                for row in rows:
                    gathering.add(row)
                run.add(*gathering.take())
                seen += len(rows)
                progress(min(1.0, seen / count))
        source = {
            "kind": "record", "stage": stage.value, "since": period[0].isoformat(), "until": period[1].isoformat(),
            "outcomes": int(run.tally.cells.known.sum()),
        }  # fmt: skip
        return run.backtest(source, gathering.skipped, self._one_by_one(product, run.asked, run.tally, stage))

    def keep(self, backtest: Backtest, by: str) -> backtests.KeptBacktest:
        """Keep what was found, bound to the policy's hash; `by` has just given the password.

        Raises `InvalidInput` where nothing was judged, where anything came out otherwise than it was decided, or where
        the policy was not put forward.
        """
        if not backtest.tally.decisions:
            raise InvalidInput("Not one application could be judged; a backtest of nothing is not kept.")
        if untried := sorted(set(backtest.left_out) & _changed(backtest.before, backtest.after)):
            raise InvalidInput(
                f"{', '.join(untried)} is what the policy changes, and the file does not say what it reads: nothing "
                "was tried. Take the record."
            )
        if backtest.source["kind"] == "record" and not backtest.held:
            raise InvalidInput(
                "No decision was made by either policy, and none could be made again, because no model is kept: "
                "nothing says that these figures are right, and they are not kept."
            )
        if not backtest.agrees:
            raise InvalidInput(
                "Some decisions came out otherwise than they were made: what this backtest says cannot be relied on, "
                "and it is not kept. The report says how many."
            )
        kept = backtests.KeptBacktest(
            self.new_id(), backtest.product, backtest.after.sha256, backtest.before.sha256, backtest.tally.decisions,
            backtest.document(), by,
        )  # fmt: skip
        with transaction(self.engine) as connection, refused("backtest_pkey"):
            backtests.add_backtest(connection, kept)
        return kept

    def of(self, policy_sha256: str) -> Sequence[backtests.KeptBacktest]:
        """Those of a policy that were kept, the newest first."""
        with transaction(self.engine) as connection:
            return backtests.backtests_of(connection, policy_sha256)

    def find(self, backtest_id: UUID) -> backtests.KeptBacktest:
        """One that was kept. Raises `NotFound`."""
        with transaction(self.engine) as connection:
            return backtests.get_backtest(connection, backtest_id)

    def _read_by(self, product: str, model_sha256: str) -> Sequence[str] | None:
        scorer = self.models(product, model_sha256)
        return scorer.features if scorer else None

    def _one_by_one(self, product: Product, terms: tuple[Terms, Terms], tally: Tally, stage: Stage) -> OneByOne:
        """Those that were drawn, by the function that answers callers: the columns are held against it."""
        unlike, made = 0, 0
        reasons: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        not_approved = [0, 0]
        for drawn, decisions in self._made_again(product.name, terms, tally, stage):
            made += 1
            unlike += [one.outcome.severity for one in decisions] != [drawn.before, drawn.after]
            for side, decision in enumerate(decisions):
                not_approved[side] += decision.outcome is not Outcome.APPROVE
                reasons[side].update({reason.code for reason in decision.reasons})
        sides = ("before", "after")
        return OneByOne(
            made, unlike, dict(zip(sides, reasons, strict=True)), dict(zip(sides, not_approved, strict=True))
        )  # fmt: skip

    def _made_again(
        self, product: str, terms: tuple[Terms, Terms], tally: Tally, stage: Stage
    ) -> Iterator[tuple[Any, tuple[Decision, Decision]]]:
        drawn = {one.id: one for _, one in tally.drawn}
        ids = [UUID(one) for one in drawn]
        for start in range(0, len(ids), AT_ONCE):
            with transaction(self.engine) as connection:
                found = recorded.find_recorded(connection, ids[start : start + AT_ONCE])
            for one in found:
                earlier = stage is not Stage.BATCH and one.evidence.pre_computed is not None
                scorer = None if earlier or one.model_sha256 is None else self.models(product, one.model_sha256)
                if scorer is None and not earlier and one.document["score"] is not None:
                    continue  # the model that scored is not kept here
                before, after = (decide(one.evidence, by, scorer) for by in terms)
                yield drawn[one.decision_id], (before, after)


def _changed(before: Terms, after: Terms) -> set[str]:
    """The rules, by name, that one of two policies has otherwise than the other, and the offers where they differ."""
    one, other = ({rule.name: rule.document() for rule in terms.policy.rules} for terms in (before, after))
    changed = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
    return changed | ({OFFERS} if before.offers != after.offers else set())


@contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of small dictionaries come and go here, and none in a circle: looking for circles among them takes two
    fifths of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _ahead(parts: Iterator[T]) -> Iterator[T]:
    """Each part, while the next one is on its way: the database and this process work at the same time."""
    with ThreadPoolExecutor(1) as fetching:
        ahead = fetching.submit(next, parts, None)
        while (part := ahead.result()) is not None:
            ahead = fetching.submit(next, parts, None)
            yield part
