"""Which products there are. A second lender adds a folder and a line here."""

from __future__ import annotations

from functools import cache

from meridian.errors import UnknownProduct
from meridian.products.personal_loan import PERSONAL_LOAN
from meridian.products.product import Product


@cache
def products() -> dict[str, Product]:
    """Every product by its name."""
    return {product.name: product for product in (PERSONAL_LOAN,)}


def find_product(name: str) -> Product:
    """The product of that name. Raises `UnknownProduct` with the names there are."""
    try:
        return products()[name]
    except KeyError:
        known = ", ".join(products())
        raise UnknownProduct(f"There is no product {name!r}; offered here: {known}.") from None
