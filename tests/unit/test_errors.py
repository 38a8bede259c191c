"""The error tree: every error says something by itself, has a status, an exit code and a name of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meridian import errors
from meridian.errors import FieldProblem, InvalidInput, MeridianError


def tree(root: type[MeridianError]) -> Iterator[type[MeridianError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


EVERY = sorted({one for one in tree(MeridianError) if one.__module__ == errors.__name__}, key=lambda one: one.__name__)
each = pytest.mark.parametrize("error", EVERY, ids=lambda one: one.__name__)


def test_every_error_of_the_module_hangs_on_the_tree() -> None:
    defined = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)}
    assert defined == set(EVERY)


@each
def test_its_docstring_is_its_default_message(error: type[MeridianError]) -> None:
    assert error.__doc__
    assert str(error()) == error.__doc__.strip()
    assert error.__doc__.strip().endswith(".")
    assert str(error("What was wrong.")) == "What was wrong."


@each
def test_it_has_a_status_and_an_exit_code(error: type[MeridianError]) -> None:
    assert 400 <= error.status <= 599
    assert 1 <= error.exit_code <= 125
    assert (error.status < 500) == (error.exit_code == 2) or not issubclass(error, InvalidInput)


def test_names_in_uris_are_unique_and_plain() -> None:
    slugs = [one().slug for one in EVERY]
    assert len(set(slugs)) == len(slugs)
    assert all(slug.replace("-", "").isalpha() and slug.islower() for slug in slugs)
    assert errors.UnknownProduct().slug == "unknown-product"


def test_problems_of_fields_travel_with_the_error() -> None:
    problem = FieldProblem("/amount", "-1", "500 or more")
    error = InvalidInput("no", [problem])
    assert error.problems == (problem,)
    assert problem.as_dict() == {"pointer": "/amount", "value": "-1", "expected": "500 or more"}
    assert InvalidInput().problems == ()
