"""One case, and the evidence that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from meridian.evidence import Evidence, PreComputed, Rung, SourceStatus
from meridian.outcome import Outcome
from meridian.products import Product

NOBODY = "0" * 64
"""The hash of a model that is only a stated PD."""
NOON = time(12, tzinfo=UTC)
"""When a case is received. At the westernmost place on earth it is the same day then."""


@dataclass(frozen=True)
class Case:
    """An applicant, and what the policy is to say.

    `values` are what is known, by the name that rules read; what does not stand there is not known. `pd` is the
    model's probability of default, 0 to 1; None where no model scored. `failed` are the sources that did not answer.
    `reasons` are the exact codes in their order and `hits` the exact rules that hit; None: not asked.
    """

    name: str
    line: int
    values: Mapping[str, Any]
    born: date | None
    pd: float | None
    rung: Rung
    day: date
    failed: frozenset[str]
    outcome: Outcome
    reasons: tuple[str, ...] | None = None
    hits: frozenset[str] | None = None

    def evidence(self, product: Product) -> Evidence:
        """What a capture of this applicant would hold.

        On the rung of an earlier score, what is stated of a failed source is what was known then.
        """
        received = datetime.combine(self.day, NOON)
        stated = product.request.model_fields["application"].annotation.model_fields  # type: ignore[union-attr]
        application = {name: value for name, value in self.values.items() if name in stated}
        features: dict[str, dict[str, float | None]] = {}
        then: dict[str, float | None] = {}
        for feature in product.features:
            value = self.values.get(feature.name)
            known = None if value is None else float(value)
            away = feature.source in self.failed
            features.setdefault(feature.source, {})[feature.name] = None if away else known
            if away:
                then[feature.name] = known
        earlier = None
        if self.rung is Rung.PRE_COMPUTED and self.pd is not None:
            amount = float(self.values.get("amount", 0))
            earlier = PreComputed(received, self.pd, 0, "stated", NOBODY, NOBODY, then, amount)
        born = {"date_of_birth": self.born.isoformat()} if self.born else {}
        return Evidence(
            {
                "request": {"product": product.name, "application": {**application, **born}},
                "received_at": received.isoformat(),
                "sources": [
                    {
                        "name": source,
                        "status": (SourceStatus.FAILED if source in self.failed else SourceStatus.FRESH).value,
                    }
                    for source in features
                ],
                "features": features,
                "rung": int(self.rung),
                **({"pre_computed": earlier.document()} if earlier else {}),
            }
        )
