"""What an approval comes to where the terms have offers: what was asked for, a counteroffer, or nothing at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from meridian.evidence import Evidence
from meridian.offers import Applicant, Asked, Offered, OfferTerms, Why, offers_for
from meridian.outcome import Outcome
from meridian.policy import Offer

Known = Mapping[str, float]
NOTHING: Known = {}
NOT_KNOWN = frozenset(
    {Why.STATE_UNKNOWN, Why.RATE_CAP_UNKNOWN, Why.INCOME_UNKNOWN, Why.DEBTS_UNKNOWN, Why.EXPOSURE_UNKNOWN}
)
"""What would have to be found out before anything can be offered."""
NOT_AFFORDED = frozenset({Why.PAYMENT_TO_INCOME, Why.DEBT_TO_INCOME})
NO_REASON = frozenset({Why.ABOVE_AMOUNT, Why.PRICE_OF_PD, Why.TOO_ALIKE, Why.OUTRANKED})
"""Why an offer is not shown, and nobody is refused for it: there are others for the same limit or amount."""


@dataclass(frozen=True)
class Offering:
    """What the funnel left for somebody who would be approved.

    An approval with what was asked for; or with a counteroffer, which is adverse action unless it is accepted (12 CFR
    1002.2(c)(1)(i)), so that `codes` say why not what was asked for. Where nothing is left: what is not known refers;
    a decline is only where nothing but the applicant's means stands against every offer; and where the lender's own
    limits do as well, a person looks.
    """

    outcome: Outcome
    offered: Offered
    codes: Sequence[str]

    @property
    def offer(self) -> Offer | None:
        """The first of what is shown, as every approval has it."""
        if not self.offered.shown:
            return None
        best = self.offered.shown[0]
        return Offer(float(best.limit), float(best.apr), best.term)


def offering(evidence: Evidence, offers: OfferTerms, pd: float, band: str, known_then: Known = NOTHING) -> Offering:
    """The offers for an applicant whom rules and score approve; from the evidence alone, so that it replays.

    `known_then` stands in for values whose source is away, where an earlier score does as well.
    """
    application = evidence.application
    applicant = Applicant.of_values({**evidence.features, **known_then}, application.get("state"))
    exposures: Mapping[str, str] = evidence.document.get("exposures", {})
    lent = {name: Decimal(amount) for name, amount in exposures.items()}
    offered = offers_for(Asked.of_application(application), applicant, pd, band, evidence.rung, offers, lent)
    whys = offered.asked.why
    if offered.asked.stands:
        return Offering(Outcome.APPROVE, offered, ())
    if not offered.shown:
        against = {one.why for one in offered.removed} - NO_REASON
        if unknown := [why for why in Why if why in against & NOT_KNOWN]:
            return Offering(Outcome.REFER, offered, _codes(offers, unknown))
        # What was owed then may be paid by now, so that it declines nobody.
        by_means = bool(against) and against <= NOT_AFFORDED and not known_then
        outcome = Outcome.DECLINE if by_means else Outcome.REFER
        return Offering(outcome, offered, _codes(offers, whys))
    return Offering(Outcome.APPROVE, offered, _codes(offers, whys))


def _codes(offers: OfferTerms, whys: Sequence[Why]) -> list[str]:
    return list(dict.fromkeys(offers.reasons[why.value] for why in whys))
