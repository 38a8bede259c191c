"""Products: one folder for each thing that is lent. A product is declarations; the code is everybody's."""

from meridian.products.product import Product, TrainingTable
from meridian.products.shelf import find_product, products

__all__ = ["Product", "TrainingTable", "find_product", "products"]
