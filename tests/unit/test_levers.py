"""What can be changed of an application: plausible steps, the smallest first, and what must change along."""

from __future__ import annotations

import math
from typing import Any

import pytest

from meridian.features import Feature
from meridian.features.reads import fields_read
from meridian.products import Product, find_product, products
from meridian.products.levers import MOST_STEPS, Lever, changed, down, one_of, paid_down, value_at

APPLICATION: dict[str, Any] = {"amount": 1750.0, "report": {"balance": 400.0, "use": 0.8, "gone": None}}
NEVER = ("date_of_birth", "applicant_id", "sex", "race", "age")


def test_amounts_go_down_in_whole_steps() -> None:
    assert down(500, 500)(1750.0) == [1500, 1000, 500]
    assert down(500, 1000)(1500.0) == [1000]
    assert down(500, 500)(500.0) == []
    assert down(500, 500)(100.0) == []


def test_of_a_number_that_nobody_would_ask_for_not_every_step_is_made() -> None:
    found = down(1, 1)(1e15)
    assert len(found) == MOST_STEPS
    assert (found[0], found[-1]) == (1e15 - 1, 1)
    assert list(found) == sorted(found, reverse=True)


def test_of_choices_the_nearest_comes_first() -> None:
    assert one_of(12, 24, 36, 48)(24) == [12, 36, 48]
    assert one_of(12)(12) == []


def test_a_balance_is_paid_down_to_nothing() -> None:
    assert paid_down(0.25)(400.0) == [300.0, 200.0, 100.0, 0.0]
    assert paid_down()(0.0) == []


def test_what_goes_along_keeps_its_proportion() -> None:
    lever = Lever("report.balance", "Balance", "USD", paid_down(0.5), along=("report.use", "report.gone"))
    assert lever.options(APPLICATION) == [
        {"report.balance": 200.0, "report.use": 0.4},
        {"report.balance": 0.0, "report.use": 0.0},
    ]


def test_what_is_not_there_cannot_be_changed() -> None:
    assert Lever("report.gone", "Gone", "", down(1, 1)).options(APPLICATION) == []
    assert Lever("other.way", "Nowhere", "", down(1, 1)).options(APPLICATION) == []
    assert value_at({"report": None}, "report.balance") is None


def test_an_application_is_changed_in_a_copy() -> None:
    copy = changed(APPLICATION, {"report.balance": 1.0, "amount": 2.0})
    assert (copy["report"]["balance"], copy["amount"], copy["report"]["use"]) == (1.0, 2.0, 0.8)
    assert APPLICATION["report"]["balance"] == 400.0


@pytest.mark.parametrize("product", products().values(), ids=lambda product: product.name)
def test_levers_are_fields_of_the_form_and_nothing_that_is_protected(product: Product) -> None:
    application = product.sample()["application"]
    for lever in product.levers:
        assert lever.options(application), lever.path
        assert not set(lever.path.split(".")) & {*NEVER}
        assert all(value_at(application, path) is not None for path in lever.along)


def test_what_a_feature_reads_is_found_by_watching_it() -> None:
    def reads(compute: Any) -> frozenset[str]:
        return fields_read(Feature("f", "bank", "", "", 0, 1, compute, "R1"))

    assert reads(lambda f: f["a"] / f["b"]) == {"a", "b"}
    assert reads(lambda f: math.log(f["a"]) + f["b"] if f["c"] else 0.0) == {"a", "b", "c"}
    assert reads(lambda f: int(f["a"])) == {"a"}


def test_of_the_consumer_loans_sources_just_what_is_mixed_with_the_form_is_kept() -> None:
    kept = find_product("consumer-loan").kept_fields
    assert set(kept) == {"bureau", "bank", "employment"}
    assert kept["bureau"].features == ("debt_to_income_after",)
    assert kept["bureau"].fields == {"payments", "amount", "term_months", "annual_income"}
