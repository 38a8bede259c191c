"""Products: one folder for each thing that is lent. A product is declarations; the code is everybody's."""

from meridian.products.product import Product
from meridian.products.shelf import find_product, product_names, products
from meridian.products.training_table import Comparison, Dialect, Split, TrainingTable

__all__ = ["Comparison", "Dialect", "Product", "Split", "TrainingTable", "find_product", "product_names", "products"]
