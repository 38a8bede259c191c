"""What would have led to an approval: a recorded decision's evidence, policy and model, with another application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Engine

from meridian.db import recorded
from meridian.db.engine import transaction
from meridian.decision import Terms
from meridian.errors import NotFound
from meridian.outcome import Outcome, Stage
from meridian.products import Product
from meridian.products.recourse import Recourse, can_be_made_again, recourse
from meridian.replay import MADE_BY_MACHINE
from meridian.scoring import Scorer


@dataclass(frozen=True)
class Recourses:
    """Recourse for decisions in the record."""

    engine: Engine
    products: Mapping[str, Product]
    models: Callable[[str, str], Scorer | None]
    """(product, hash) -> that very model; None where it is not kept here."""

    def of(self, decision_id: UUID) -> Recourse | None:
        """The smallest change with which it would be approved.

        None where there is nothing to say: it is an approval, or was made by a person, or without a model; the product
        has changed since, so that its evidence cannot be made again; or it declares nothing that can be changed.
        Raises `NotFound`.
        """
        with transaction(self.engine) as connection:
            found = recorded.find_recorded(connection, [decision_id])
        if not found:
            raise NotFound(f"There is no decision {decision_id}.")
        one = found[0]
        product = self.products.get(one.document["product"])
        by_model = one.document["score"] and Stage(one.document["stage"]) in MADE_BY_MACHINE
        if product is None or one.document["outcome"] == Outcome.APPROVE or not by_model:
            return None
        scorer = self.models(product.name, one.model_sha256) if one.model_sha256 and not one.by_earlier_score else None
        same = one.evidence.document["feature_fingerprint"] == product.features.fingerprint
        if one.policy_text is None or scorer is None or not same or not can_be_made_again(product, one.evidence):
            return None
        return recourse(replace(product, terms=Terms.from_text(one.policy_text)), one.evidence, scorer)
