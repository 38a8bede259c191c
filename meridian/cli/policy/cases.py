"""Saved cases run: who is approved, referred and declined by a policy, and whether that is as expected."""

from __future__ import annotations

from dataclasses import replace

import typer

from meridian.cases.saved import cases_file, counted, ran, wrong_of
from meridian.cli.policy.tables import AS_JSON, PRODUCT, TABLES_OF, policy_in
from meridian.cli.screen import out, print_json, print_table
from meridian.errors import InvalidInput, InvalidPolicy
from meridian.products.shelf import find_product
from meridian.rulebook import complaint


def cases(name: PRODUCT, file: TABLES_OF = None, as_json: AS_JSON = False) -> None:
    """Decide the cases saved beside a policy. The exit code is 1 where one is decided otherwise than expected."""
    product = find_product(name)
    terms = product.terms if file is None else replace(product.terms, policy=policy_in(product, file))
    if cases_file(product, file) is None:
        raise InvalidInput(f"No cases are saved for {name}; write a cases.yaml beside its policy.yaml.")
    done, found = ran(product, terms, file)
    if found:
        raise InvalidPolicy(complaint(found))
    wrong = wrong_of(done)
    if as_json:
        print_json({"policy": terms.policy.name, "passed": not wrong, "cases": [one.document() for one in done]})
    else:
        rows = [("passed" if one.passed else "FAILED", one.decision.outcome.value, one.case.name) for one in done]
        print_table(("", "decided", "case"), rows)
        for sentence in wrong:
            out.print(sentence, style="red", markup=False)
        out.print(f"{terms.policy.name}: {counted(done)}.", markup=False)
    if wrong:
        raise typer.Exit(1)
