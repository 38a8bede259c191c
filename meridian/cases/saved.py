"""The cases saved beside a policy: where they lie, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meridian.cases.reading import read_cases
from meridian.cases.run import Ran, run
from meridian.decision import Terms
from meridian.errors import InvalidInput, InvalidPolicy
from meridian.products.product import Product
from meridian.products.shelf import policy_file
from meridian.rulebook import Finding, complaint

FILE = "cases.yaml"


def cases_file(product: Product, file: Path | None) -> Path | None:
    """The cases beside a draft, else those of the product's folder; None where nobody has saved any."""
    beside = [] if file is None else [(file if file.is_dir() else file.parent) / FILE]
    present = policy_file(product.name)
    if present is not None:
        beside.append(present.parent / FILE)
    return next((one for one in beside if one.is_file()), None)


def ran(
    product: Product, terms: Terms, file: Path | None, given: bytes | None = None
) -> tuple[tuple[Ran, ...], list[Finding]]:
    """Every saved case, decided by these terms, and what is wrong with the file that has them; `given` is its content,
    where it comes with the draft.
    """
    if given is not None:
        cases, found = read_cases(given, FILE, product, terms.policy)
        return run(cases, product, terms), found
    saved = cases_file(product, file)
    if saved is None:
        return (), []
    try:
        content = saved.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{saved} cannot be read: {error.strerror}.") from None
    cases, found = read_cases(content, saved.name, product, terms.policy)
    return run(cases, product, terms), found


def cases_check(product: Product, terms: Terms, file: Path | None, given: bytes | None = None) -> dict[str, Any]:
    """The check of a submission: whether every saved case is decided as expected.

    Raises `InvalidPolicy` where the file of cases cannot be read.
    """
    done, found = ran(product, terms, file, given)
    if found:
        raise InvalidPolicy(complaint(found))
    told = "; ".join(wrong_of(done)) or counted(done)
    if given is not None or cases_file(product, file) != cases_file(product, None):
        told += " (of the draft's own cases.yaml)"
    return {"name": "cases", "passed": not wrong_of(done), "found": told}


def checks_of(product: Product, terms: Terms, file: Path | None, given: bytes | None = None) -> list[dict[str, Any]]:
    """What is found of a draft before it is put forward; tables that do not hold together do not get here.

    Raises `InvalidPolicy` as above.
    """
    held = {"name": "tables", "passed": True, "found": f"{len(terms.policy.rules)} rules hold together"}
    return [held, cases_check(product, terms, file, given)]


def wrong_of(done: Sequence[Ran]) -> list[str]:
    """What went otherwise than expected, in sentences."""
    return [sentence for one in done for sentence in one.wrong]


def counted(done: Sequence[Ran]) -> str:
    """How many cases passed, in words."""
    if not done:
        return "no cases are saved"
    return f"{sum(one.passed for one in done)} of {len(done)} cases as expected"
