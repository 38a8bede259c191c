"""`meridian policy backtest`: what a policy would have decided of past applications, before it decides any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import typer

from meridian.backtest import Assumptions, Backtest, Run, Wished, report_page
from meridian.backtest.outcomes import read_outcomes
from meridian.cli.models.experiment import COMPARE, GROUPS, groups_of
from meridian.cli.models.kept import registrar
from meridian.cli.models.register import AS_JSON, authenticate
from meridian.cli.periods import LAST, SINCE, UNTIL, period
from meridian.cli.policy.named import IN_FORCE, terms_named
from meridian.cli.policy.told import tell_backtest
from meridian.cli.replay import moment
from meridian.cli.screen import print_json, progress_bar, talk
from meridian.decision import Terms
from meridian.errors import InvalidInput
from meridian.outcome import Stage
from meridian.policy.cells import AnyCell
from meridian.products import Product, find_product
from meridian.registry import Purpose, differences_of
from meridian.wiring import Wiring
from meridian.wiring.clock import utc_now

Report = Callable[[str, float], None]
MONEY = Assumptions()


def backtest(
    product: str = typer.Argument(help="The product, e.g. personal-loan."),
    draft: str = typer.Argument(help="The policy to try: a file of tables, or a version of the registry."),
    last: LAST = None,
    since: SINCE = None,
    until: UNTIL = None,
    as_of: str | None = typer.Option(None, help="By the rules of this day for everybody, e.g. 2026-12-01."),
    data: Path | None = typer.Option(None, help="Over past loans instead, as `meridian train` reads them."),
    against: str = typer.Option(IN_FORCE, help="Beside which policy: a version, a file, or in-force."),
    stage: Stage = typer.Option(Stage.FAST, help="Whose decisions of the record: fast or batch."),
    outcomes: Path | None = typer.Option(None, help="A CSV file of application_ref and defaulted (1 or 0)."),
    groups: Path | None = GROUPS,
    compare: str | None = COMPARE,
    by: list[str] | None = typer.Option(None, help="A field by which applicants are told apart; may be repeated."),
    lgd: float = typer.Option(MONEY.loss_given_default, min=0, max=1, help="The share lost of a loan that defaults."),
    funding: float = typer.Option(MONEY.funding, min=0, max=1, help="What a dollar costs a year, a fraction."),
    minutes: float = typer.Option(MONEY.minutes_per_case, min=0, help="How long an analyst has a case in hand."),
    html: Path | None = typer.Option(None, help="Write the report there, with plots."),
    keep_as: str | None = typer.Option(None, "--as", help="Keep it in the registry, by this name; a policy needs one."),
    as_json: bool = AS_JSON,
) -> None:
    """Try a policy on past applications beside the one that decides: who is swapped, and what comes of it.

    Both are asked on the evidence as it was frozen, by the PD that was recorded. Exit code 1 where any decision of the
    record comes out otherwise than it was made.
    """
    of, wiring = find_product(product), registrar()
    terms = (terms_named(wiring, of, against), terms_named(wiring, of, draft))
    if data is not None and (outcomes or groups or last or since or until):
        raise InvalidInput("--data says itself when its loans were, what became of them and who is in which group; "
                           "--last, --since, --until, --outcomes and --groups are for the record.")  # fmt: skip
    wished = Wished(
        Assumptions(lgd, funding, minutes), _known(of, by or []),
        read_outcomes(outcomes) if outcomes else {}, groups_of(groups, compare),
    )  # fmt: skip
    day = as_of_day.date() if (as_of_day := moment(as_of)) else None
    if html is not None and not html.parent.is_dir():
        raise InvalidInput(f"--html {html} is in a folder that is not there; make {html.parent} first.")
    if keep_as:
        wiring.policy_versions.find(terms[1].sha256)
        if terms[0].sha256 not in wiring.policy_versions.decides(of.name):
            raise InvalidInput(
                f"{terms[0].version} neither decides now nor is to come: beside it nothing shows what a policy would "
                "change. Leave --against out to keep this."
            )
        authenticate(wiring, keep_as)
    with progress_bar() as progress:
        if data is not None:
            found = _over_data(wiring, of, terms, data, wished, day, progress)
        else:
            over = period(last, since, until, utc_now(), ", or past loans with --data")
            found = wiring.backtests.over_record(
                of, terms, over, stage, wished, day, partial(progress, "decisions judged by both")
            )
    found = replace(found, differences=differences_of(*terms, of))
    document = found.document()
    if html:
        html.write_text(report_page(document), encoding="utf-8")
    if as_json:
        print_json(document)
    else:
        tell_backtest(document)
    if html:
        talk.print(f"The report is in {html}.", markup=False)
    if keep_as:
        kept = wiring.backtests.keep(found, keep_as)
        talk.print(f"Kept for {terms[1].version}, {kept.decisions:,} decisions.", markup=False)
    raise typer.Exit(0 if found.agrees else 1)


def _known(product: Product, names: list[str]) -> list[str]:
    absent = [name for name in names if name not in product.vocabulary.fields]
    if absent:
        known = ", ".join(sorted(product.vocabulary.fields))
        raise InvalidInput(f"--by {', '.join(absent)} is no field of {product.name}; it has {known}.")
    # What people write stands in no report: it may say who they are.
    if free := [name for name in names if isinstance(product.vocabulary.fields[name].domain, AnyCell)]:
        raise InvalidInput(f"--by {', '.join(free)} is free text; take a field with values of its own.")
    return names


def _over_data(
    wiring: Wiring, of: Product, terms: tuple[Terms, Terms], data: Path, wished: Wished, as_of: date | None,
    report: Report,
) -> Backtest:  # fmt: skip
    # The training package is not needed to serve, so that only this brings it in.
    from meridian.training.past import read_past_loans

    scorer = wiring.models.champion(of.name, Purpose.COMPACT)
    if scorer is None:
        raise InvalidInput(f"No compact model of {of.name} decides here; train one first.")
    loans = read_past_loans(of, data, terms, wished.by, scorer, as_of or utc_now().date(), report)
    compared = [(one.group, one.control) for one in loans.frame.groups]
    run = Run(of.name, terms, wished, loans.without, compared, as_of)
    done = 0
    for past, by, groups in loans.chunks():
        run.add(past, by, groups)
        done += len(past)
        report("loans judged by both", done / len(loans))
    return run.backtest(loans.source, {})
