"""Offers of a lender's own product: a file in its folder, its decimals read as they stand, or a clear complaint."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from meridian.errors import InvalidProduct
from meridian.offers import OfferTerms
from meridian.products.consumer_loan.offers import OFFERS
from meridian.products.own import load_product
from tests.own_products import LOANS, maker

HEAD = """
[settings]
pd_tiers = [0.05, 0.35]
band_caps = [{band = "low", most = 20000}]
rung_caps = []

[settings.affordability]
payment_to_income = 0.15
debt_to_income = 0.45

[settings.economics]
loss_given_default = 0.65
exposure_at_default = 1.02
funding = 0.045
servicing = 4
take_up = {at_reference = 0.6, reference_rate = 0.129, price = 40, amount = 2.5, term = 0.15}

[[settings.rate_caps]]
state = "FL"
most_apr = 0.36
source = "Fla. Stat. 516.031(1)"

[catalogue.grid]
limits = [1000, 2000.50, 4000]
terms = [12, 24]
prices = [0.0990, 0.1990]

[reasons]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A product whose application has all that offers are made from; its reason for everything is the model's first."""
    rng = np.random.default_rng(4)
    make = maker(tmp_path)
    product, _ = make(
        amount=[str(one) for one in rng.integers(1, 40, LOANS) * 500],
        term_months=[str(one) for one in rng.choice([12, 24], LOANS)],
        annual_income=[f"{one:.2f}" for one in rng.lognormal(10.8, 0.4, LOANS)],
        debt_to_income=[f"{one:.3f}" for one in rng.uniform(0, 0.5, LOANS)],
        state=[str(one) for one in rng.choice(["FL", "GA"], LOANS)],
    )
    return tmp_path / "products" / product.name


def offers_toml(folder: Path, text: str = HEAD, **reasons: str) -> Path:
    code = load_product(folder).reasons.codes[0].code
    told = dict.fromkeys(OFFERS.reasons, code) | reasons
    file = folder / "offers.toml"
    file.write_text(text + "".join(f'{why} = "{one}"\n' for why, one in told.items() if one))
    return file


def test_a_folder_may_have_offers(folder: Path) -> None:
    assert load_product(folder).terms.offers is None
    offers_toml(folder)
    offers = load_product(folder).terms.offers
    assert offers is not None
    assert len(offers.catalogue.offers) == 12
    assert offers.settings.pd_tiers == (Decimal("0.05"), Decimal("0.35"))
    assert {one.limit for one in offers.catalogue.offers} == {Decimal(1000), Decimal("2000.50"), Decimal(4000)}
    assert OfferTerms.from_document(offers.document()).document() == offers.document()


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("0.0990", "0.09905", "offer.rate"),
        ("limits = [1000", "limits = [1000, 1000", "catalogue.grid.limits has 1000 twice"),
        ("pd_tiers", "pd_tier", "'pd_tier'"),
        ("[settings]", "[settings", "is not TOML"),
        ('state = "FL"', 'state = "Florida"', "rate_caps.state"),
        ("rung_caps = []", 'rung_caps = []\nbudgets = [{band = "high", most = 5000}]', "has the band 'high'"),
        ('band = "low"', "band = 7", "expected a text"),
    ],
)
def test_what_is_wrong_is_told_with_file_key_value_and_remedy(folder: Path, was: str, now: str, said: str) -> None:
    assert was in HEAD
    file = offers_toml(folder, HEAD.replace(was, now, 1))
    with pytest.raises(InvalidProduct, match=str(file)) as refused:
        load_product(folder)
    assert said in str(refused.value)


def test_a_reason_that_is_missing_or_nobodys_is_told(folder: Path) -> None:
    offers_toml(folder, rate_cap="", band_cap="X99")
    with pytest.raises(InvalidProduct) as refused:
        load_product(folder)
    assert "no code for rate_cap" in str(refused.value)
    assert "band_cap is 'X99', which is no reason" in str(refused.value)


def test_an_application_without_a_state_makes_no_offers(tmp_path: Path) -> None:
    product, _ = maker(tmp_path)()
    offers_toml(tmp_path / "products" / product.name)
    with pytest.raises(InvalidProduct, match="the application has no amount, term_months, state"):
        load_product(tmp_path / "products" / product.name)
