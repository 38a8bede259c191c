"""A lender's own offers: `offers.toml` in the product's folder, its numbers read as the decimals that stand there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from meridian.errors import InvalidOffers, InvalidProduct
from meridian.offers import OfferTerms
from meridian.policy.bands import OFFERED
from meridian.products.product import Product

OFFERS = "offers.toml"
READ = ("annual_income", "debt_to_income")
"""The features that say what somebody can afford."""
ASKED = ("amount", "term_months", "state")
"""What has to stand on the form."""


def with_offers(product: Product, folder: Path) -> Product:
    """The product with the offers of its folder, or as it is where there are none.

    Raises `InvalidProduct` with the file, the place in it, the value and what is expected.
    """
    file = folder / OFFERS
    if not file.is_file():
        return product
    try:
        offers = OfferTerms.from_document(_document(file))
    except InvalidOffers as error:
        raise InvalidProduct(f"{file}: {error}") from None
    product = replace(product, terms=replace(product.terms, offers=offers))
    if wrong := list(wrong_with(product)):
        raise InvalidProduct(f"{file}: {' '.join(wrong)}")
    return product


def wrong_with(product: Product) -> Iterator[str]:
    """What keeps a product's offers from being made, or refused with a reason; in sentences."""
    offers = product.terms.offers
    if offers is None:
        return
    for why in offers.untold:
        yield f'[reasons] has no code for {why}; add {why} = "CODE", with a reason of the product.'
    for why, code in offers.reasons.items():
        if code not in product.reasons:
            yield f"[reasons], {why} is {code!r}, which is no reason of the product."
    form: dict[str, Any] = getattr(product.request.model_fields["application"].annotation, "model_fields", {})
    if absent := [name for name in ASKED if name not in form]:
        yield f"Offers are made from the fields {', '.join(ASKED)}; the application has no {', '.join(absent)}."
    if absent := [name for name in READ if name not in product.features]:
        yield f"Offers are made from the features {' and '.join(READ)}; there is no {' or '.join(absent)}."
    for budget in offers.settings.budgets:
        if budget.band not in OFFERED:
            yield f"[[settings.budgets]] has the band {budget.band!r}; offers are made in {' and '.join(OFFERED)}."


def _document(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
    except UnicodeDecodeError:
        raise InvalidProduct(f"{file} is not UTF-8; save it as UTF-8.") from None
    except OSError as error:
        raise InvalidProduct(f"{file} cannot be read: {error.strerror}.") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidProduct(f"{file} is not TOML: {error}. Texts stand in quotes, true and false do not.") from None
