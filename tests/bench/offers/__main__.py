"""`python -m tests.bench.offers`: measure, and print what came of it."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import typer

from meridian.evidence import Rung
from meridian.offers import Applicant, Asked, Catalogue, CatalogueOffer, Offered, OfferTerms, offers_for
from meridian.products.consumer_loan.offers import PRICES, SETTINGS, TERMS
from tests.bench.figures import Spread, percentile
from tests.bench.offers.plain import PlainTerms, lines_of, plain_offers

OURS, PLAIN = "meridian", "plain loop"
FIGURES = ("p50", "p99", "own p50", "own p99")
SLOW = 20
"""How many times fewer applicants the plain loop is given."""


@dataclass(frozen=True)
class Case:
    """One who asks."""

    asked: Asked
    applicant: Applicant
    pd: float
    band: str
    rung: Rung


def bench(
    offers: Annotated[int, typer.Option(min=50, help="Offers of the catalogue, in whole fifties.")] = 2_000,
    applicants: Annotated[int, typer.Option(min=100, help="Applicants in a round.")] = 2_000,
    repeats: Annotated[int, typer.Option(min=1, help="How many rounds.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Offers for one applicant at a time beside a plain loop over decimals, in turns."""
    found = measured(terms_of(offers), applicants, repeats)
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    sys.stdout.write(f"{found['offers']:,} offers, {repeats} rounds, ms per applicant: median (least-most)\n")
    for name in (OURS, PLAIN):
        told = (f"{figure} {_text(found[name][figure])}" for figure in FIGURES)
        sys.stdout.write(f"  {name:<12} {'   '.join(told)}\n")
    sys.stdout.write(f"  the plain loop takes {_text(found['ratio'])} times as long at its own p50\n")
    sys.stdout.write(f"  alike for {found['alike']} of {found['compared']} applicants\n")
    sys.stdout.write(f"  prepared once, before the first: {found['prepared_s']:.2f} s\n")


def terms_of(offers: int) -> OfferTerms:
    """The settings of the consumer loan on a catalogue of so many offers: more limits, the same terms and prices."""
    limits = offers // (len(TERMS) * len(PRICES))
    # The last limit is the form's largest amount.
    steps = (40_000 * at // limits for at in range(1, limits + 1))
    return OfferTerms(SETTINGS, Catalogue.of_grid(steps, TERMS, PRICES))


def cases(count: int, seed: int = 1) -> list[Case]:
    """Applicants as they come: amounts, incomes, debts, states and PDs of all kinds."""
    lot = random.Random(seed)
    states = sorted({cap.state for cap in SETTINGS.rate_caps})
    made = []
    for _ in range(count):
        pd = min(lot.lognormvariate(-3.0, 0.8), 0.34)
        values = {"annual_income": round(lot.lognormvariate(10.8, 0.5), 2), "debt_to_income": lot.uniform(0, 0.4)}
        amount = Decimal(lot.randrange(500, 40_001, 50))
        made.append(
            Case(
                Asked(amount, lot.choice(TERMS)),
                Applicant.of_values(values, lot.choice(states)),
                pd,
                "low" if pd < 0.12 else "grey",
                lot.choice((Rung.FULL, Rung.FULL, Rung.STALE, Rung.APPLICATION_ONLY)),
            )
        )
    return made


def measured(terms: OfferTerms, applicants: int, repeats: int) -> dict[str, Any]:
    """p50 and p99 of each, round by round in turns; and whether they show the same."""
    start = time.perf_counter()
    terms.prepare()
    prepared = time.perf_counter() - start
    plain = PlainTerms(terms, lines_of(terms.catalogue))
    _ = plain.prices
    asking = cases(applicants)
    few = asking[: max(applicants // SLOW, 1)]
    runs: dict[str, tuple[list[Case], Callable[[Case], Any]]] = {
        OURS: (asking, lambda c: offers_for(c.asked, c.applicant, c.pd, c.band, c.rung, terms)),
        PLAIN: (few, lambda c: plain_offers(c.asked, c.applicant, c.pd, c.band, c.rung, plain, {})),
    }
    found: dict[str, dict[str, list[float]]] = {name: {figure: [] for figure in FIGURES} for name in runs}
    for number in range(repeats):
        for name in sorted(runs, reverse=bool(number % 2)):
            given, do = runs[name]
            do(given[0])
            clock, own = (sorted(took) for took in zip(*(_timed(do, case) for case in given), strict=True))
            for figure, value in zip(FIGURES, (*_both(clock), *_both(own)), strict=True):
                found[name][figure].append(value)
    theirs, ours = (found[name]["own p50"] for name in (PLAIN, OURS))
    return {
        "offers": len(terms.catalogue.offers),
        **{name: {figure: vars(Spread.of(took)) for figure, took in of.items()} for name, of in found.items()},
        "ratio": vars(Spread.of([a / b for a, b in zip(theirs, ours, strict=True)])),
        "alike": sum(alike(runs[OURS][1](case), runs[PLAIN][1](case)) for case in few),
        "compared": len(few),
        "prepared_s": prepared,
    }


def _both(ordered: list[float]) -> tuple[float, float]:
    return percentile(ordered, 0.5), percentile(ordered, 0.99)


def alike(ours: Offered, plain: tuple[list[tuple[str, CatalogueOffer]], Counter[str]]) -> bool:
    """Whether both show the same, and removed as many for the same reasons."""
    shown, removed = plain
    mine = [(one.kind.value, one.limit, one.term, one.rate) for one in ours.shown]
    theirs = [(kind, offer.limit, offer.term, offer.rate) for kind, offer in shown]
    return mine == theirs and removed == Counter({one.why.value: one.count for one in ours.removed})


def _timed(do: Callable[[Case], Any], case: Case) -> tuple[float, float]:
    """Milliseconds by the clock, and of this thread's own time on a core: others on the machine have no part in it."""
    start, own = time.perf_counter(), time.thread_time()
    do(case)
    own, end = time.thread_time() - own, time.perf_counter()
    return 1000 * (end - start), 1000 * own


def _text(spread: dict[str, float]) -> str:
    return f"{spread['median']:.3f} ({spread['low']:.3f}-{spread['high']:.3f})"


if __name__ == "__main__":
    typer.run(bench)
