"""Which reasons are principal. 12 CFR 1002.9(b)(2) and its official comment 5: specific, and actually used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

from meridian.scoring import Score

NONE_INSTEAD: Mapping[str, str] = {}
LEAST_SHARE = 0.05
"""What harmed less than a twentieth of the most harmful is no principal reason."""
INSUFFICIENT = re.compile(
    r"\b(internal|standards?|polic(y|ies)|(?<!bureau )scor(e|es|ed|ing)|points|model|criteria|risk)\b", re.IGNORECASE
)
"""That internal standards were not met, or not enough was scored, is no reason: 12 CFR 1002.9(b)(2)."""
MOST_REASONS = 4
"""More than four reasons are not likely to help the applicant: official comment 9(b)(2)-1."""


class ReasonSource(StrEnum):
    """The component that gave a reason."""

    POLICY = "policy"
    MODEL = "model"
    DATA = "data"
    ANALYST = "analyst"


@dataclass(frozen=True)
class ReasonCode:
    """A reason that may be given: its code, and the text an applicant reads."""

    code: str
    text: str
    source: ReasonSource
    final: bool = True
    """Whether a final decline may rest on it; what is temporary may only refer."""


@dataclass(frozen=True)
class Reason:
    """A reason given. `contribution` is the model's, in log-odds of default; None from elsewhere."""

    code: str
    text: str
    source: ReasonSource
    contribution: float | None = None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        share = None if self.contribution is None else round(self.contribution, 6)
        return {"code": self.code, "text": self.text, "source": self.source.value, "contribution": share}


class Reasons:
    """A product's reason codes. A model's reason has the code of its features' group; `groups` is by feature."""

    def __init__(self, codes: Iterable[ReasonCode], groups: Mapping[str, str]):
        self._codes = {code.code: code for code in codes}
        self._group = dict(groups)
        unknown = sorted(set(self._group.values()) - set(self._codes))
        if unknown:
            raise ValueError(f"features speak for reasons that have no text: {', '.join(unknown)}")

    def __getitem__(self, code: str) -> ReasonCode:
        return self._codes[code]

    def __contains__(self, code: object) -> bool:
        return code in self._codes

    @property
    def codes(self) -> tuple[ReasonCode, ...]:
        """Every code, in the product's order."""
        return tuple(self._codes.values())

    def group_of(self, feature: str) -> str:
        """The code that a feature speaks for."""
        return self._group[feature]

    def document(self) -> dict[str, Any]:
        """Codes, texts and groups as JSON values."""
        return {"codes": [asdict(code) for code in self.codes], "groups": self._group}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Reasons:
        """The reasons as they were written."""
        codes = (ReasonCode(**{**code, "source": ReasonSource(code["source"])}) for code in document["codes"])
        return cls(codes, document["groups"])

    def of_codes(self, codes: Iterable[str]) -> list[Reason]:
        """The reasons of these codes (of rules that hit, of what is not known), in their order, each once."""
        return [Reason(c.code, c.text, c.source) for c in (self._codes[code] for code in dict.fromkeys(codes))]

    def of_score(self, score: Score, instead: Mapping[str, str] = NONE_INSTEAD) -> list[Reason]:
        """The reasons of a score: contributions summed within a group of features, the most harmful first.

        `instead` has the code for features whose own group would not be true of this applicant.

        Summing before ranking keeps features that tell one story from taking every place. Only what
        harmed is a reason; of two that harmed alike, the lower code comes first.
        """
        harm: dict[str, float] = {}
        for name, share in score.contributions.items():
            code = instead.get(name) or self._group[name]
            harm[code] = harm.get(code, 0.0) + share
        least = max(harm.values(), default=0.0) * LEAST_SHARE
        ranked = sorted(((-share, code) for code, share in harm.items() if share > 0 and share >= least))
        return [Reason(code, self._codes[code].text, ReasonSource.MODEL, -negative) for negative, code in ranked]


def principal(*groups: Iterable[Reason]) -> tuple[Reason, ...]:
    """The first four of the groups in turn; a code stands once, where it comes first."""
    first: dict[str, Reason] = {}
    for reason in chain.from_iterable(groups):
        first.setdefault(reason.code, reason)
    return tuple(first.values())[:MOST_REASONS]
