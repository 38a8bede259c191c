"""What is lent already, as evidence freezes it: of the bands that have a budget."""

from __future__ import annotations

from collections.abc import Callable

from meridian.db.exposures import Lent
from meridian.errors import Unavailable
from meridian.followed import Followed
from meridian.offers import dollars
from meridian.products import Product

LOOK_AGAIN_S = 2.0
"""What was approved since is not counted: a budget may be overrun by as much."""


class Exposures:
    """Follows what is lent, from the first product on that has a budget."""

    def __init__(self, lent: Callable[[], Lent]):
        self._lent: Followed[Lent] = Followed("exposures", lambda _: lent(), LOOK_AGAIN_S)

    def __call__(self, product: Product) -> dict[str, str] | None:
        """Dollars by band, as texts; None where no band has a budget, or nobody knows what is lent."""
        offers = product.terms.offers
        if offers is None or not offers.settings.budgets:
            return None
        try:
            lent = self._lent.now()
        except Unavailable:
            return None
        bands = [budget.band for budget in offers.settings.budgets]
        return {band: str(dollars(lent.get((product.name, band), 0))) for band in bands}

    def look(self) -> None:
        """Take over what is lent now. Raises `Unavailable`."""
        self._lent.look()

    def stop(self) -> None:
        """Look no more."""
        self._lent.stop()
