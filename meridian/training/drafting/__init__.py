"""Drafting a product from a lender's own table of past loans: what is noticed is proposed, and said."""

from meridian.training.drafting.draft import Draft, as_json, make_draft
from meridian.training.drafting.report import summary_lines, warnings_of
from meridian.training.drafting.wishes import Wishes
from meridian.training.drafting.writing import write_product

__all__ = ["Draft", "Wishes", "as_json", "make_draft", "summary_lines", "warnings_of", "write_product"]
