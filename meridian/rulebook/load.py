"""A policy from its file, or a complaint."""

from __future__ import annotations

from pathlib import Path

from meridian.errors import InvalidPolicy
from meridian.policy import Policy
from meridian.rulebook.book import Book
from meridian.rulebook.check import check
from meridian.rulebook.finding import Finding
from meridian.rulebook.vocabulary import Vocabulary
from meridian.rulebook.yaml_text import read_yaml

FILE = "policy.yaml"
SAID = 5
"""Findings that a complaint has; the check has all of them."""


def load_policy(path: Path, vocabulary: Vocabulary) -> Policy:
    """The policy of a file. Raises `InvalidPolicy` with file, table, row, column, value and remedy."""
    policy, found = check_yaml(path.read_bytes(), vocabulary, str(path))
    if policy is None:
        raise InvalidPolicy(complaint(found))
    return policy


def check_yaml(content: bytes, vocabulary: Vocabulary, file: str) -> tuple[Policy | None, list[Finding]]:
    """The policy that a file says, and all that is wrong with it; where anything is, there is no policy."""
    book, found = read_yaml(content, file)
    return checked(book, found, vocabulary, file)


def checked(
    book: Book | None, found: list[Finding], vocabulary: Vocabulary, file: str
) -> tuple[Policy | None, list[Finding]]:
    """The same of a book that was read with these findings."""
    if book is None:
        return None, found
    policy, more = check(book, vocabulary, file)
    # A cell that could not be read is left out of the book: that it is empty there is no news.
    said = {(one.table, one.row, one.column) for one in found if one.column}
    found = [*found, *(one for one in more if (one.table, one.row, one.column) not in said)]
    return (None if found else policy), found


def complaint(found: list[Finding]) -> str:
    """What is wrong, the first few of it."""
    more = f" And {len(found) - SAID} more." if len(found) > SAID else ""
    return " ".join(one.sentence() for one in found[:SAID]) + more
