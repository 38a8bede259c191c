"""A lender's own products: a folder of declarations each, with no code; `meridian product new` writes the first."""

from meridian.products.own.document import NAME
from meridian.products.own.load import load_product, own_names

__all__ = ["NAME", "load_product", "own_names"]
