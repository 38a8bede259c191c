"""Settings -> objects; the one floor that knows them all."""

from meridian.wiring.clock import utc_now
from meridian.wiring.objects import Wiring

__all__ = ["Wiring", "utc_now"]
