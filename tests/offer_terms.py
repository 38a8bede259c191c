"""Small offers to test with: few enough to see, and strategies for any applicant and any settings."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from meridian.evidence import Rung
from meridian.offers import (
    Affordability,
    Applicant,
    Asked,
    BandCap,
    Budget,
    Catalogue,
    Economics,
    OfferSettings,
    OfferTerms,
    RateCap,
    RungCap,
    Showing,
    TakeUp,
)

D = Decimal

SETTINGS = OfferSettings(
    affordability=Affordability(payment_to_income=D("0.10"), debt_to_income=D("0.40")),
    band_caps=(BandCap("low", D(10_000)), BandCap("grey", D(4_000))),
    rung_caps=(RungCap(Rung.APPLICATION_ONLY, D(3_000)),),
    rate_caps=(
        RateCap("AR", D("0.1700"), "Ark. Const. amend. 89"),
        RateCap("FL", D("0.3600"), "Fla. Stat. 516.031(1)", up_to=D(5_000)),
        RateCap("FL", D("0.2000"), "the lender's own beyond that", above=D(5_000), up_to=D(9_000)),
    ),
    economics=Economics(
        loss_given_default=D("0.65"),
        exposure_at_default=D("1.02"),
        funding=D("0.0450"),
        servicing=D("2.00"),
        take_up=TakeUp(D("0.60"), D("0.1500"), price=D(20), amount=D(3), term=D("0.2")),
    ),
    pd_tiers=(D("0.02"), D("0.05"), D("0.12"), D("0.35")),
)
CATALOGUE = Catalogue.of_grid(range(1_000, 11_000, 1_000), (12, 24, 36), ("0.0990", "0.1490", "0.1990", "0.2990"))
TERMS = OfferTerms(SETTINGS, CATALOGUE)
ANYBODY = Applicant(monthly_income=D("4000.00"), monthly_debts=D("300.00"), state="FL")

CAPS = (
    RateCap("AR", D("0.2000"), "so that a fee takes some of the offers over it"),
    RateCap("FL", D("0.3600"), "a first tier", up_to=D(5_000)),
    RateCap("FL", D("0.3000"), "a second one", above=D(5_000), up_to=D(9_000)),
)
RATES = ("0", "0.0990", "0.1990", "0.2990")
WITHOUT_FEE = Catalogue.of_grid(range(1_000, 11_000, 1_250), (12, 24, 36), RATES)
WITH_FEE = Catalogue.of_grid(range(1_000, 11_000, 1_250), (12, 24, 36), RATES, fee="0.05")


def money(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Dollars and cents."""
    return st.integers(100 * low, 100 * high).map(lambda cents: D(cents).scaleb(-2))


def some(*values: str) -> st.SearchStrategy[Decimal]:
    """One of a few decimals: any of a range would mostly lie at its lower end, where nothing is offered."""
    return st.sampled_from([D(value) for value in values])


# Most of it as it comes every day, so that something is shown; some of it as it should never come.
OFTEN = [0.0, 0.004, 0.008, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.12]
pds = st.sampled_from(OFTEN * 3 + [0.2, 0.34999, 0.35, 1.0]) | st.floats(0, 0.1)
incomes = some("900.00", "3333.33", "4833.33", "6000.00", "9000.00", "15000.00") | money(2_500, 20_000)
debts = some("0.00", "100.00", "333.34", "600.00") | money(0, 2_000)
known = st.sampled_from([True] * 19 + [False])
applicants = st.builds(
    lambda income, owed, state, earns, owes: Applicant(income if earns else None, owed if owes else None, state),
    incomes,
    debts,
    st.sampled_from(["FL", "AR"] * 8 + ["NV", None]),
    known,
    known,
)
asking = st.builds(
    Asked,
    amount=some("800.00", "3500.00", "5000.00", "6000.00", "9750.00", "12000.00") | money(3_000, 12_000),
    term=st.sampled_from([12, 24, 24, 36, 36, 30]),
)
bands = st.sampled_from(["low"] * 9 + ["grey", "grey", "high"])
rungs = st.sampled_from([Rung.FULL] * 20 + list(Rung))


@st.composite
def terms(draw: st.DrawFn) -> OfferTerms:
    """Any settings, on a catalogue of some ninety offers, with and without a fee."""
    take_up = TakeUp(
        at_reference=draw(some("0.20", "0.60", "0.95")),
        reference_rate=D("0.1500"),
        price=draw(some("0", "5", "20", "60")),
        amount=draw(some("0", "3", "10")),
        term=draw(some("0", "0.2", "2")),
    )
    economics = Economics(
        loss_given_default=draw(some("0.20", "0.45", "0.65")),
        exposure_at_default=D("1.02"),
        funding=D("0.0450"),
        servicing=draw(some("0", "2.00")),
        take_up=take_up,
    )
    settings = OfferSettings(
        affordability=Affordability(draw(some("0.05", "0.10", "0.20", "0.35")), draw(some("0.20", "0.40", "0.60"))),
        band_caps=(BandCap("low", draw(some("3000.00", "8000.00", "12000.00"))), BandCap("grey", D(4_000))),
        rung_caps=SETTINGS.rung_caps,
        rate_caps=CAPS,
        economics=economics,
        pd_tiers=SETTINGS.pd_tiers,
        showing=Showing(
            most_shown=draw(st.sampled_from([3, 3, 2, 1])),
            apart=draw(some("0", "0.10", "0.35")),
            substantially=draw(some("0.75", "0.90", "1")),
            least_profit=draw(some("0", "0", "20.00")),
        ),
        budgets=draw(st.sampled_from([(), (Budget("low", D(50_000)),)])),
    )
    return OfferTerms(settings, draw(st.sampled_from([WITHOUT_FEE, WITH_FEE])))
