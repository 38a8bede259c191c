"""Settings and catalogue as data: they come back as they were written, and a bad one is told by name and remedy."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meridian.errors import InvalidOffers
from meridian.evidence import canonical_json
from meridian.offers import Catalogue, CatalogueOffer, OfferSettings, OfferTerms, RateCap
from meridian.products.consumer_loan.offers import CATALOGUE, LIMITS, OFFERS, RATE_CAPS, SETTINGS
from tests.offer_terms import TERMS

D = Decimal
TOP = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("terms", [TERMS, OFFERS], ids=["small", "consumer-loan"])
def test_terms_read_back_from_their_text_are_the_same(terms: OfferTerms) -> None:
    text = canonical_json(terms.document()).decode()
    again = OfferTerms.from_document(json.loads(text))
    assert again == terms
    assert canonical_json(again.document()).decode() == text


def test_the_order_in_which_a_grid_is_given_makes_no_difference() -> None:
    one = Catalogue.of_grid([1_000, 2_000], [12, 24], ["0.0990", "0.1990"])
    assert Catalogue.of_grid(["2000", "1000.00"], [24, 12], [D("0.1990"), "0.099"]) == one
    assert Catalogue.from_document(one.document()) == one


def test_a_catalogue_need_be_no_grid() -> None:
    """Long terms for large limits alone."""
    offers = [CatalogueOffer(D(1_000), 12, D("0.1")), CatalogueOffer(D(9_000), 60, D("0.1"))]
    catalogue = Catalogue.of(reversed(offers))
    assert list(catalogue.offers) == offers
    assert catalogue.columns.cell.tolist() == [0, 1]
    assert Catalogue.from_document(catalogue.document()) == catalogue


def changed(path: str, value: Any) -> dict[str, Any]:
    """The document of the consumer loan's settings with one value changed."""
    document = SETTINGS.document()
    *above, last = path.split(".")
    part: Any = document
    for key in above:
        part = part[int(key) if key.isdigit() else key]
    part[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("affordability.payment_to_income", "1.4", 'affordability.payment_to_income is 1.4; expected a share, 0 to 1; '
         'write it in quotes, e.g. "0.30".'),
        ("affordability.payment_to_income", 0.15, 'offers.affordability.payment_to_income is the float 0.15; '
         'write the number in quotes, e.g. "0.15".'),
        ("affordability.payment_to_income", "a lot", "offers.affordability.payment_to_income is the str 'a lot'; "
         "expected a number."),
        ("affordability.most", "1", "offers.affordability has the key 'most', which nothing reads; one of "
         "debt_to_income, payment_to_income."),
        ("affordability", [], "offers.affordability is []; expected an object."),
        ("band_caps", {}, "offers.band_caps is {}; expected a list."),
        ("band_caps.0.band", 3, "offers.band_caps[0].band is 3; expected a text."),
        ("band_caps.0.most", "100.005", 'band_caps.most is 100.005, which is no multiple of 0.01; expected dollars and '
         'cents, 0 to 1000000000000; write it in quotes, e.g. "9000.00".'),
        ("band_caps.1.band", "low", "band_caps.band has low twice; leave it once."),
        ("rung_caps.0.rung", 7, "rung_caps.rung is 7; expected a whole number, 0 to 4."),
        ("rate_caps.0.state", "Arkansas", "rate_caps.state is 'Arkansas'; expected two capital letters, e.g. \"NY\"."),
        ("rate_caps.0.source", " ", "rate_caps.source of AR is empty; name the statute or rule that says so."),
        ("rate_caps.2.up_to", "9000", "rate_caps.up_to of FL is 9000; expected more than above, which is 10000."),
        ("pd_tiers", [], 'pd_tiers is empty; state at least one bound, e.g. ["0.12"].'),
        ("pd_tiers", ["0.1", "0.05"], "pd_tiers[1] is 0.05; expected bounds that rise, above 0 and up to 1."),
        ("economics.take_up.at_reference", "1", 'economics.take_up.at_reference is 1; expected between 0 and 1, '
         'e.g. "0.60".'),
        ("economics.funding", "NaN", 'economics.funding is NaN; expected a yearly rate as a fraction, in basis points, '
         '0 to 10; write it in quotes, e.g. "0.1290".'),
        ("showing.most_shown", 5, "showing.most_shown is 5; expected a whole number, 1 to 3."),
    ],
)  # fmt: skip
def test_a_bad_setting_is_told_by_its_name_its_value_and_a_remedy(path: str, value: Any, told: str) -> None:
    with pytest.raises(InvalidOffers) as raised:
        OfferSettings.from_document(changed(path, value))
    assert str(raised.value) == told


def test_what_is_missing_is_told() -> None:
    document = SETTINGS.document()
    del document["economics"]["funding"]
    with pytest.raises(InvalidOffers, match=r"^offers.economics has no funding; add it\.$"):
        OfferSettings.from_document(document)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Catalogue(()), "catalogue.offers is empty; add a limit, a term and a rate."),
        (lambda: Catalogue.of_grid([1_000, 1_000], [12], ["0.1"]), "catalogue.grid.limits has 1000 twice;"),
        (lambda: Catalogue.of_grid([1_000], [0], ["0.1"]), "offer.term is 0; expected a whole number, 1 to 480."),
        (lambda: Catalogue.of_grid([1_000], [12], ["0.12345"]), "offer.rate is 0.12345, which is no multiple"),
        (lambda: Catalogue.of_grid([1_000], [12], ["0.1"], fee="0.6"), "catalogue.fee is 0.6; expected a share below"),
        (lambda: Catalogue.from_document({"prices": []}), "catalogue has the key 'prices', which nothing reads"),
        (lambda: Catalogue.from_document({"fee": "0"}), "catalogue.offers is None; expected a list."),
        (lambda: OfferTerms.from_document({"catalogue": {}}), "offers.settings is None; expected an object."),
        (lambda: Catalogue.of_grid(["0.50"], [60], ["0.1"]).columns, "0.50 over 60 months at 0.1000 is repaid in"),
    ],
)  # fmt: skip
def test_a_catalogue_that_cannot_be_is_told(make: Any, told: str) -> None:
    with pytest.raises(InvalidOffers, match=f"^{re.escape(told)}"):
        make()


def test_the_consumer_loan_has_thousands_of_offers_each_lawful_somewhere() -> None:
    assert len(CATALOGUE.offers) >= 2_000
    assert all(cap.source for cap in RATE_CAPS)
    highest = max(cap.most_apr for cap in RATE_CAPS)
    assert CATALOGUE.columns.apr.max() <= highest * 10_000


def test_of_every_whole_amount_it_has_a_limit_that_is_substantially_that() -> None:
    share = SETTINGS.showing.substantially
    for amount in range(500, 40_001):
        assert max(limit for limit in LIMITS if limit <= amount) >= share * amount


def test_a_changed_setting_is_another_document() -> None:
    caps = (*RATE_CAPS, RateCap("TX", D("0.1800"), "to be checked"))
    assert replace(SETTINGS, rate_caps=caps).document() != SETTINGS.document()


def test_the_example_of_the_documentation_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    page = (TOP / "docs" / "offers.md").read_text()
    code, printed = re.search(r"```python\n(.*?)```\s+```text\n(.*?)```", page, re.S).groups()
    exec(compile(code, "docs/offers.md", "exec"), {})
    assert capsys.readouterr().out == printed
