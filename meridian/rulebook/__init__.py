"""Rulebook: a policy as tables that a credit manager reads and changes, as YAML or CSV, and their check."""

from meridian.rulebook.book import TABLES, Book, Row
from meridian.rulebook.check import check
from meridian.rulebook.csv_text import book_of_csvs, write_csv
from meridian.rulebook.differences import differences
from meridian.rulebook.finding import Finding
from meridian.rulebook.load import FILE, check_yaml, checked, complaint, load_policy
from meridian.rulebook.sentences import sentences_of
from meridian.rulebook.vocabulary import Field, Vocabulary, vocabulary_of
from meridian.rulebook.yaml_text import read_yaml, write_yaml

__all__ = [
    "FILE", "TABLES", "Book", "Field", "Finding", "Row", "Vocabulary", "book_of_csvs", "check", "check_yaml",
    "checked", "complaint", "differences", "load_policy", "read_yaml", "sentences_of", "vocabulary_of",
    "write_csv", "write_yaml",
]  # fmt: skip
