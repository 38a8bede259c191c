"""Bands: which outcome a probability of default leads to; and the price that goes with an approval."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from meridian.outcome import Outcome

LOW, GREY, HIGH = "low", "grey", "high"
"""The bands' names, as the record shows them."""
OFFERED = (LOW, GREY)
"""The bands that offers are made in."""
OF_OUTCOME = {Outcome.APPROVE: LOW, Outcome.REFER: GREY, Outcome.DECLINE: HIGH}


def offered_in(band: str | None) -> str:
    """The band in which an approval is offered, from that of its score (None: no model could score).

    Whom the score alone would not have approved a person did: that is the grey band, whatever the score was.
    """
    return LOW if band == LOW else GREY


@dataclass(frozen=True)
class Bands:
    """Below `approve_below` approve, above `decline_above` decline, between them refer (PD, 0 to 1)."""

    approve_below: float = 0.12
    decline_above: float = 0.35

    def outcome(self, pd: float) -> Outcome:
        """What the score alone leads to."""
        if pd < self.approve_below:
            return Outcome.APPROVE
        return Outcome.DECLINE if pd > self.decline_above else Outcome.REFER

    def band(self, pd: float) -> str:
        """The band's name, as the record shows it."""
        return OF_OUTCOME[self.outcome(pd)]


@dataclass(frozen=True)
class PriceTier:
    """The yearly rate (fraction) for a PD below a bound."""

    pd_below: float
    apr: float


@dataclass(frozen=True)
class Offer:
    """What an approval offers: the amount, the yearly rate as a fraction, the term in months."""

    limit: float
    apr: float
    term: int

    def document(self) -> dict[str, float]:
        """As JSON values."""
        return asdict(self)


def make_offer(tiers: tuple[PriceTier, ...], pd: float, amount: float, term: int) -> Offer:
    """The terms asked for, at the price of the first tier the PD is below; tiers rise in PD and price."""
    for tier in tiers:
        if pd < tier.pd_below:
            return Offer(amount, tier.apr, term)
    return Offer(amount, tiers[-1].apr, term)
