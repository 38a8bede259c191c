"""`python -m tests.bench.policy`: a policy of thirty rules, for one applicant and for columns of many; its check."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer

from meridian.outcome import Outcome
from meridian.policy import Bands, Guard, Policy, Rule, Test
from meridian.policy.cells import Kind
from meridian.policy.grammar import parse_cell
from meridian.products import find_product
from meridian.products.shelf import policy_file
from meridian.rulebook import Book, Row, check, check_yaml
from tests.bench.figures import Spread, percentile
from tests.bench.zen import hits_of, zen_of

RULES = 30
PEER = 500
"""So many applicants are judged by the other engine too, and must come out alike."""
HOUSING = ("rent", "own", "mortgage", None)
LOAN = find_product("consumer-loan")


def bench(
    rows: Annotated[int, typer.Option(min=100, help="Applicants one by one, in a round.")] = 5_000,
    many: Annotated[int, typer.Option(min=100, help="Applicants at once, in a round.")] = 100_000,
    repeats: Annotated[int, typer.Option(min=1, help="How many rounds.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Measure what judging by rules takes, and what reading and checking a file does."""
    plain, mixed = _policy(_plain), _policy(_mixed)
    rounds: dict[str, list[float]] = {}
    peer, known = zen_of(plain), [_known(one) for one in _applicants(rows)[:PEER]]
    for one in known:
        found = {result.rule.name for result in plain.judge(one) if result.hit}
        assert found == hits_of(peer, one), (found, hits_of(peer, one))
    for _ in range(repeats):
        ours, theirs = (percentile(sorted(_timed(call, one) for one in known), 0.5)
                        for call in (plain.judge, peer.evaluate))  # fmt: skip
        rounds.setdefault(f"zen-engine, the same {RULES} limits, one applicant, p50 ms", []).append(1000 * theirs)
        rounds.setdefault("zen-engine over Meridian", []).append(theirs / ours)
        for name, policy in (("limits", plain), ("limits, intervals, sets, guards", mixed)):
            took = sorted(_timed(policy.judge, one) for one in _applicants(rows))
            for label, share in (("p50", 0.5), ("p99", 0.99)):
                figure = f"{RULES} rules ({name}), one applicant, {label} ms"
                rounds.setdefault(figure, []).append(1000 * percentile(took, share))
            columns = _columns(many)
            figure = f"{RULES} rules ({name}), applicants a second in columns"
            rounds.setdefault(figure, []).append(many / _timed(policy.judge_columns, columns, many))
        content = _file()
        rounds.setdefault("a file of 9 rules read and checked, ms", []).append(
            1000 * _timed(check_yaml, content, LOAN.vocabulary, "policy.yaml")
        )
        rounds.setdefault("a table of 500 rules checked, ms", []).append(
            1000 * _timed(check, _book(500), LOAN.vocabulary, "policy.yaml")
        )
    found = {name: vars(Spread.of(values)) for name, values in rounds.items()}
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for name, spread in found.items():
        sys.stdout.write(f"{name}: {', '.join(f'{key} {value:,.4g}' for key, value in spread.items())}\n")


def _timed(call: Callable[..., Any], *arguments: Any) -> float:
    begun = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - begun


def _policy(rule: Callable[[int], Rule]) -> Policy:
    return Policy("bench", tuple(rule(number) for number in range(RULES)), Bands(), ())


def _plain(number: int) -> Rule:
    test = Test.BELOW if number % 2 else Test.ABOVE
    return Rule(f"r{number}", Outcome.DECLINE, f"f{number}", test, 0.5, "P01", "D01", "any")


def _mixed(number: int) -> Rule:
    """One in five has an interval, one a set of words, one a guard; two have a limit alone."""
    if number % 5 == 0:
        hits = parse_cell("[0.2..0.4)", Kind.NUMBER)
        return Rule(f"r{number}", Outcome.DECLINE, f"f{number}", None, None, "P01", "D01", "any", hits=hits)
    if number % 5 == 1:
        hits = parse_cell("rent, mortgage", Kind.WORD)
        return Rule(f"r{number}", Outcome.DECLINE, "housing", None, None, "P01", "D01", "any", hits=hits)
    if number % 5 == 2:
        guards = (Guard("housing", parse_cell("not(own)", Kind.WORD)),)
        return Rule(f"r{number}", Outcome.DECLINE, f"f{number}", Test.ABOVE, 0.5, "P01", "D01", "any", guards=guards)
    return _plain(number)


def _applicants(rows: int) -> list[dict[str, Any]]:
    columns = {name: column.tolist() for name, column in _columns(rows).items()}
    return [{name: column[row] for name, column in columns.items()} for row in range(rows)]


def _known(applicant: dict[str, Any]) -> dict[str, float]:
    """The same where nothing is unknown: what is not known the other engine takes for not hit."""
    return {name: 0.25 if value != value else value for name, value in applicant.items() if name != "housing"}


def _columns(rows: int) -> dict[str, Any]:
    """Of every field, one value in ten is not known."""
    rng = np.random.default_rng(7)
    columns: dict[str, Any] = {}
    for number in range(RULES):
        values = rng.random(rows)
        values[rng.random(rows) < 0.1] = np.nan
        columns[f"f{number}"] = values
    columns["housing"] = np.array(HOUSING, dtype=object)[rng.integers(0, len(HOUSING), rows)]
    return columns


def _file() -> bytes:
    file = policy_file(LOAN.name)
    assert file is not None
    return file.read_bytes()


def _book(rows: int) -> Book:
    """Rules of one field, none of which holds where another does: each is compared with every other."""
    cells = [
        {
            "rule": f"r{number}", "field": "annual_income", "hits": f"[{number}..{number}.5)", "effect": "refer",
            "reason": "P02", "unknown_reason": "D03", "meaning": "Income",
        }
        for number in range(1, rows + 1)
    ]  # fmt: skip
    bands = (Row(1, {"rung": "full", "approve_below": "12 %", "decline_above": "35 %"}),)
    return Book("bench", {"rules": tuple(Row(n, one) for n, one in enumerate(cells, 1)), "bands": bands})


if __name__ == "__main__":
    typer.run(bench)
