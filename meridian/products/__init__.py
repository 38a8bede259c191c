"""Products: one folder for each thing that is lent. A product is declarations; the code is everybody's."""

from meridian.products.product import Product
from meridian.products.shelf import find_product, products
from meridian.products.training_table import Split, TrainingTable

__all__ = ["Product", "Split", "TrainingTable", "find_product", "products"]
