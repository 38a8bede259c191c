"""`meridian policy show`: a policy told in sentences."""

from __future__ import annotations

from typing import Annotated

import typer

from meridian.cli.models.kept import registrar
from meridian.cli.policy.named import IN_FORCE, terms_named
from meridian.cli.policy.tables import PRODUCT, TABLES_OF, policy_in
from meridian.cli.screen import out
from meridian.errors import InvalidInput
from meridian.products import find_product
from meridian.rulebook import sentences_of


def show(
    name: PRODUCT,
    file: TABLES_OF = None,
    version: Annotated[
        str | None, typer.Option(help=f"A version of the registry, or {IN_FORCE}: what decides now.")
    ] = None,
) -> None:
    """Tell a policy in sentences: the one in the product's folder or, with --file or --version, another."""
    product = find_product(name)
    if file is not None and version is not None:
        raise InvalidInput(f"Which one, that of {file} or {version}? Give --file or --version.")
    terms = product.terms if version is None else terms_named(registrar(), product, version)
    told = terms.policy if file is None else policy_in(product, file)
    out.print(f"{told.name}, for {name}:", markup=False)
    for sentence in sentences_of(told, product.vocabulary, lambda code: terms.reasons[code].text):
        out.print(f"- {sentence}", markup=False)
