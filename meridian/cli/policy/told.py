"""A backtest's findings at the terminal: the few figures that one looks at first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meridian.cli.screen import out, print_table

SIDES = ("before", "after")


def tell_backtest(document: Mapping[str, Any]) -> None:
    """Outcomes, who is swapped, money, what led to it, and whether it can be relied on."""
    policies, count = document["policies"], document["decisions"]
    before, after = (policies[side]["version"] for side in SIDES)
    out.print(f"{count:,} applications, {before} beside {after}.", markup=False)
    for sentence in document["differences"]:
        out.print(f"- {sentence}", markup=False)
    outcomes = document["outcomes"]
    print_table(
        ("outcome", "recorded", "before", "after", "more or less"),
        [
            (name, _count(outcomes["recorded"][name]), *(_with_share(outcomes[side][name], count) for side in SIDES),
             f"{outcomes['after'][name] - outcomes['before'][name]:+,}")
            for name in outcomes["before"]
        ],
    )  # fmt: skip
    print_table(
        ("who", "how many", "mean PD", "default rate: known", "if none, as expected, if all"),
        [
            _people("swapped in", document["swapped"]["in"]), _people("swapped out", document["swapped"]["out"]),
            *(_people(f"approved {side}", document["books"][side]) for side in SIDES),
        ],
    )  # fmt: skip
    print_table(
        ("the first twelve months", *SIDES),
        [
            (label, *(_money(document["books"][side][name]) for side in SIDES))
            for label, name in (("lent, $", "lent"), ("expected loss, $", "expected_loss"),
                                ("expected profit, $", "expected_profit"))
        ],
    )  # fmt: skip
    print_table(
        ("led to it", "found", "reason", "declined before", "after", "referred before", "after"),
        [
            (one["rule"] or "the score", one["found"].replace("_", " "), one["reason"],
             *(_count(one[side][what]) for what in ("decline", "refer") for side in SIDES))
            for one in document["led"]
        ],
    )  # fmt: skip
    for one in document["fairness"]:
        ratios = (one[side]["air"] for side in SIDES)
        told = " -> ".join(f"{of['value']:.3f}" if of else "none" for of in ratios)
        out.print(f"Approvals of {one['group']} over {one['control']} (adverse impact ratio): {told}.", markup=False)
    work = [document["workload"][side] for side in SIDES]
    out.print(
        f"Cases for analysts: {work[0]['cases']:,} -> {work[1]['cases']:,}, at {work[0]['hours_a_day']:,.1f} -> "
        f"{work[1]['hours_a_day']:,.1f} hours a day.", markup=False,
    )  # fmt: skip
    _tell_trust(document)


def _tell_trust(document: Mapping[str, Any]) -> None:
    held, drawn = document["held_to_record"], document["one_by_one"]
    for side in SIDES:
        of = held[side]
        if of["decisions"]:
            version = document["policies"][side]["version"]
            out.print(f"{of['decisions']:,} decisions were made by {version}; {_unlike(of['unlike'])}.", markup=False)
    if drawn["decisions"]:
        out.print(f"{drawn['decisions']:,} were made again one by one; {_unlike(drawn['unlike'])}.", markup=False)
    if document["as_of"]:
        out.print(f"Everybody was asked by the rules of {document['as_of']}.", markup=False)
    for one in document["skipped"]:
        out.print(f"{one['decisions']:,} were left out: {one['why']}.", markup=False)
    for one in document["dated"]:
        out.print(f"{one['rule']} ({one['policy']}) has dates and was not in force on all of these days: what it would "
                  "do is not, or not all, in these figures. --as-of has a day's rules for everybody.",
                  markup=False)  # fmt: skip
    if document["left_out"]:
        out.print(f"The file does not say what these read, and nobody was asked by them: "
                  f"{', '.join(document['left_out'])}.", markup=False)  # fmt: skip


def _unlike(count: int) -> str:
    return f"{count:,} COME OUT OTHERWISE here" if count else "all come out alike here"


def _people(who: str, of: Mapping[str, Any]) -> tuple[object, ...]:
    known, rate = of["known_rate"], of["rate"]
    told = f"{known['value']:.2%} of {of['known']:,}" if known else "nobody knows"
    bounds = " - ".join("?" if rate[name] is None else f"{rate[name]:.2%}" for name in ("best", "expected", "worst"))
    return who, _count(of["decisions"]), "" if of["mean_pd"] is None else f"{of['mean_pd']:.4f}", told, bounds


def _with_share(count: int, of: int) -> str:
    return f"{count:,} ({count / of:.1%})" if of else "0"


def _count(count: int) -> str:
    return f"{count:,}"


def _money(amount: int | None) -> str:
    return "not known" if amount is None else f"{amount:,}"
