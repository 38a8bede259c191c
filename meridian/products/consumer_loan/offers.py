"""Offers of the consumer loan: an example to start from. Every figure is this lender's own, the rate caps by statute.

The table of rate caps is short on purpose: a state that it does not have is offered nothing. What a statute allows
depends on the lender's licence and changes; have each line checked before it is relied on.
"""

from __future__ import annotations

from decimal import Decimal

from meridian.evidence import Rung
from meridian.offers import (
    Affordability,
    BandCap,
    Catalogue,
    Economics,
    OfferSettings,
    OfferTerms,
    RateCap,
    RungCap,
    TakeUp,
)

D = Decimal

# Steps of at most a tenth, so that of any amount there is a limit that is substantially it.
LIMITS = (
    *range(500, 1_000, 50),
    *range(1_000, 2_000, 100),
    *range(2_000, 5_000, 200),
    *range(5_000, 10_000, 500),
    *range(10_000, 41_000, 1_000),
)
TERMS = (12, 24, 36, 48, 60)
PRICES = ("0.0790", "0.0990", "0.1290", "0.1490", "0.1690", "0.1990", "0.2390", "0.2790", "0.3190", "0.3590")

RATE_CAPS = (
    RateCap("AR", D("0.1700"), "Ark. Const. amend. 89: 17 % a year"),
    RateCap("FL", D("0.3600"), "Fla. Stat. 516.031(1): 36 % on the first $10,000", up_to=D(10_000)),
    RateCap("FL", D("0.3000"), "Fla. Stat. 516.031(1): 30 % on the part above $10,000; here on all of the loan",
            above=D(10_000), up_to=D(20_000)),
    RateCap("FL", D("0.2400"), "Fla. Stat. 516.031(1): 24 % on the part above $20,000; here on all of the loan",
            above=D(20_000), up_to=D(25_000)),
    RateCap("FL", D("0.1800"), "Fla. Stat. 687.02 and 687.03: 18 % simple interest beyond what a licence covers",
            above=D(25_000)),
    RateCap("IL", D("0.3600"), "815 ILCS 123/15-5-5 (Predatory Loan Prevention Act): 36 %, fees counted"),
    RateCap("NY", D("0.1600"), "N.Y. Banking Law 14-a, Gen. Oblig. Law 5-501: 16 %; a licence may allow more"),
)  # fmt: skip

SETTINGS = OfferSettings(
    affordability=Affordability(payment_to_income=D("0.15"), debt_to_income=D("0.45")),
    band_caps=(BandCap("low", D(40_000)), BandCap("grey", D(10_000))),
    rung_caps=(RungCap(Rung.PRE_COMPUTED, D(10_000)), RungCap(Rung.APPLICATION_ONLY, D(10_000))),
    rate_caps=RATE_CAPS,
    economics=Economics(
        loss_given_default=D("0.65"),
        exposure_at_default=D("1.02"),
        funding=D("0.0450"),
        servicing=D("4.00"),
        take_up=TakeUp(
            at_reference=D("0.60"), reference_rate=D("0.1290"), price=D(40), amount=D("2.5"), term=D("0.15")
        ),
    ),
    pd_tiers=tuple(
        D(text) for text in ("0.01", "0.02", "0.03", "0.05", "0.08", "0.12", "0.16", "0.20", "0.27", "0.35")
    ),
)

CATALOGUE = Catalogue.of_grid(LIMITS, TERMS, PRICES)
REASONS = {
    "not_in_catalogue": "O04",
    "state_unknown": "D09",
    "rate_cap_not_stated": "O05",
    "rate_cap": "O05",
    "band_cap": "O03",
    "rung_cap": "D10",
    "income_unknown": "D03",
    "debts_unknown": "D01",
    "payment_to_income": "O01",
    "debt_to_income": "O02",
    "pd_beyond_tiers": "O03",
    "expected_profit": "O04",
    "price_of_pd": "O05",
    "exposure_unknown": "D10",
    "exposure_budget": "D10",
}

OFFERS = OfferTerms(SETTINGS, CATALOGUE, REASONS)
