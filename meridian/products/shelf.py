"""Which products there are: those that Meridian brings, and the lender's own, a folder of declarations each."""

from __future__ import annotations

from pathlib import Path

from meridian.errors import UnknownProduct
from meridian.products.consumer_loan import CONSUMER_LOAN
from meridian.products.credit_card import CREDIT_CARD
from meridian.products.own import load_product, own_names
from meridian.products.personal_loan import PERSONAL_LOAN
from meridian.products.product import Product
from meridian.rulebook import FILE
from meridian.settings import load_settings

BROUGHT = {product.name: product for product in (PERSONAL_LOAN, CONSUMER_LOAN, CREDIT_CARD)}
"""What comes with Meridian."""


def products(folder: Path | None = None) -> dict[str, Product]:
    """Every product by its name; `folder` has the lender's own, by default where the settings say.

    Raises `InvalidProduct` where a folder has a mistake: none is left out in silence.
    """
    folder = folder or load_settings().products_dir
    return BROUGHT | {name: load_product(folder / name) for name in own_names(folder) if name not in BROUGHT}


def product_names() -> list[str]:
    """The names of all products, without loading any."""
    return [*BROUGHT, *(name for name in own_names(load_settings().products_dir) if name not in BROUGHT)]


def find_product(name: str) -> Product:
    """The product of that name. Raises `UnknownProduct` with the names there are, `InvalidProduct` for its mistakes."""
    if name in BROUGHT:
        return BROUGHT[name]
    if name in product_names():
        return load_product(load_settings().products_dir / name)
    raise UnknownProduct(f"There is no product {name!r}; offered here: {', '.join(product_names())}.")


def policy_file(name: str) -> Path | None:
    """The file of a product's tables; None where its policy is not in tables. Raises `UnknownProduct`."""
    if name in BROUGHT:
        folder = Path(__file__).parent / name.replace("-", "_")
    else:
        find_product(name)
        folder = load_settings().products_dir / name
    return folder / FILE if (folder / FILE).is_file() else None
