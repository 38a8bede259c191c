"""Every feature says all there is to say of it, and the pages in docs are what the definitions say."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from meridian.cli.main import app
from meridian.errors import InvalidInput
from meridian.features import Feature
from meridian.products import Product, find_product
from meridian.products.catalogue import catalogue

BROUGHT = ("personal-loan", "consumer-loan", "credit-card")
PAGES = Path(__file__).parents[2] / "docs" / "features"
EVERY = [(find_product(name), feature) for name in BROUGHT for feature in find_product(name).features]


@pytest.mark.parametrize("name", BROUGHT)
def test_the_page_is_what_the_definitions_say(name: str) -> None:
    """Where this fails: `meridian features catalogue NAME --output docs/features/NAME.md`."""
    assert (PAGES / f"{name}.md").read_text() == catalogue(find_product(name))


@pytest.mark.parametrize(("product", "feature"), EVERY, ids=lambda one: getattr(one, "name", ""))
def test_a_feature_is_fully_described(product: Product, feature: Feature) -> None:
    assert feature.meaning
    assert feature.unit
    assert feature.low < feature.high
    assert feature.default is None or feature.low <= feature.default <= feature.high
    assert product.reasons[feature.group].text
    assert feature.source in product.terms.unknown_reasons


def test_the_models_of_the_five_sources() -> None:
    """Forty features for the compact model, two hundred for the batch model, of every source."""
    product = find_product("consumer-loan")
    assert (len(product.compact_features), len(product.batch_features)) == (40, 200)
    sources = {"application", "bureau", "bank", "employment", "history"}
    for names in (product.compact_features, product.batch_features):
        assert {product.features[name].source for name in names} == sources
    # Whoever a source knows, each of the model's inputs has a value, or a default that says what stands for it.
    without = [name for name in product.batch_features if product.features[name].default is None]
    assert all(math.isfinite(product.features[name].low) for name in without)


def invoke(*words: str) -> str:
    result = CliRunner().invoke(app, ["features", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_list_and_show() -> None:
    listed = json.loads(invoke("list", "consumer-loan", "--source", "bank", "--json"))
    assert {one["source"] for one in listed} == {"bank"}
    (shown,) = json.loads(invoke("show", "balance_low_90d", "--json"))
    assert shown in [{"product": "Consumer loan", **one} for one in listed]
    assert shown["too_old_after"] == "60 days"
    assert "balance_low_90d" in invoke("list", "consumer-loan")
    assert "The lowest balance in 90 days" in " ".join(invoke("show", "balance_low_90d").split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "balance_low"), "Do you mean balance_low_180d, balance_low_30d"),
        (("show", "shoe_size"), "features list PRODUCT"),
        (("list", "consumer-loan", "--source", "barber"), "no features of the source 'barber'"),
    ],
)
def test_what_is_not_there_is_said(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        invoke(*words)
