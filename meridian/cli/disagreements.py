"""`meridian disagreements`: where the fast answers of a time and their assessments differ, and about what."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from meridian.cli.periods import LAST, SINCE, UNTIL, period
from meridian.cli.screen import out, print_json, print_table
from meridian.db.engine import WORKER_ROLE
from meridian.outcome import Outcome
from meridian.products import find_product
from meridian.service import Work
from meridian.settings import load_settings
from meridian.wiring import Wiring
from meridian.wiring.clock import utc_now


def disagreements(
    product: Annotated[str, typer.Argument(help="The product, e.g. personal-loan.")],
    last: LAST = None,
    since: SINCE = None,
    until: UNTIL = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Where fast answers and their assessments differ: how many, by which reasons, and what followed.

    Give it a day, for a report that is made daily: `--last 1d`.
    """
    of = find_product(product)
    begin, end = period(last, since, until, utc_now())
    found = Work(Wiring(load_settings(), "disagreements", WORKER_ROLE).engine).disagreements(of.name, begin, end)
    if as_json:
        print_json({"product": of.name, "since": begin.isoformat(), "until": end.isoformat(), **asdict(found)})
        return
    counted = {(one["fast"], one["assessed"]): one["applications"] for one in found.pairs}
    outcomes = [outcome.value for outcome in Outcome]
    print_table(
        ("fast answer", *(f"assessed: {outcome}" for outcome in outcomes)),
        [(fast, *(f"{counted.get((fast, one), 0):,}" for one in outcomes)) for fast in outcomes],
    )
    if found.unassessed:
        out.print(f"{found.unassessed:,} have no assessment yet.", markup=False)
    texts = {code.code: code.text for code in of.reasons.codes}
    print_table(
        ("fast", "assessed", "how many", "what governs", "case"),
        [(one["fast"], one["assessed"], f"{one['applications']:,}", f"{one['outcome']} ({one['stage']})",
          one["case_state"]) for one in found.followed],
    )  # fmt: skip
    print_table(
        ("fast", "assessed", "how many", "reason of the harsher one"),
        [(one["fast"], one["assessed"], f"{one['applications']:,}", texts.get(one["code"], one["code"]))
         for one in found.reasons],
    )  # fmt: skip
