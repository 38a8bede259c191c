"""Terms: all that a decision is made by, beside its evidence and its model. Data alone, so that it replays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from meridian.evidence import sha256_of
from meridian.offers import OfferTerms
from meridian.policy import Policy
from meridian.reasons import Reasons


@dataclass(frozen=True)
class Terms:
    """A policy and what its reasons say.

    `no_score_reason` is the code for want of any score, `unknown_reasons` has the code for each source that
    leaves an input of the model unknown, and `nothing_reasons` the code for each source that may answer that it has
    nothing on an applicant: what then stands in for its features tells nothing of the applicant, and no reason of
    theirs would be true. `failed_reasons` has the code for each source that may fail for a while: that it could not be
    asked says nothing of the applicant, so that it is told as passing, and never as a file that is not there.
    `offers` is what an approval can have; without them it has the amount and term asked for, at the policy's price.
    """

    policy: Policy
    reasons: Reasons
    no_score_reason: str
    unknown_reasons: Mapping[str, str]
    nothing_reasons: Mapping[str, str] = field(default_factory=dict)
    failed_reasons: Mapping[str, str] = field(default_factory=dict)
    offers: OfferTerms | None = None

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical document."""
        return sha256_of(self.document())

    @cached_property
    def version(self) -> str:
        """The policy's name and the start of the SHA-256: a changed limit, price or reason text is another version."""
        return f"{self.policy.name}-{self.sha256[:12]}"

    def document(self) -> dict[str, Any]:
        """The terms as JSON values."""
        return {
            "policy": self.policy.document(),
            "reasons": self.reasons.document(),
            "no_score_reason": self.no_score_reason,
            "unknown_reasons": dict(self.unknown_reasons),
            **({"nothing_reasons": dict(self.nothing_reasons)} if self.nothing_reasons else {}),
            **({"failed_reasons": dict(self.failed_reasons)} if self.failed_reasons else {}),
            **({"offers": self.offers.document()} if self.offers else {}),
        }

    @classmethod
    @lru_cache(maxsize=32)
    def from_text(cls, text: str) -> Terms:
        """The terms that were stored as this text; they keep its hash, whatever a later version would write.

        Kept, because many decisions have the same ones, and rules and offers are prepared once for all of them.
        """
        document = json.loads(text)
        terms = cls(
            policy=Policy.from_document(document["policy"]),
            reasons=Reasons.from_document(document["reasons"]),
            no_score_reason=document["no_score_reason"],
            unknown_reasons=document["unknown_reasons"],
            nothing_reasons=document.get("nothing_reasons", {}),
            failed_reasons=document.get("failed_reasons", {}),
            offers=OfferTerms.from_document(document["offers"]) if "offers" in document else None,
        )
        vars(terms)["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        return terms
