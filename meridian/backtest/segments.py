"""By what applicants are told apart in a report: the rung, the month, and whatever fields are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.backtest.gather import Past
from meridian.evidence import Rung
from meridian.policy.cells import unknown

RUNG, MONTH = "rung", "month"
PARTS = 5
MOST_VALUES = 12
"""Of a field that is a text, or a number of few values, so many are shown apart; the rest is one segment."""
NOT_KNOWN, OTHERS = "not known", "others"


@dataclass
class Segments:
    """Gives each applicant a label for each of these. Numbers fall into five parts of about equal size, whose edges are
    those of the first applicants that were seen.
    """

    _edges: dict[str, tuple[float, ...]] = field(default_factory=dict)
    _values: dict[str, list[str]] = field(default_factory=dict)

    def labels(self, past: Past, by: Mapping[str, NDArray[Any]]) -> dict[str, Sequence[str]]:
        """By name, a label for each applicant."""
        names = {int(rung): f"{int(rung)} {rung.name.lower().replace('_', '-')}" for rung in Rung}
        return {
            RUNG: [names[rung] for rung in past.many.rungs.tolist()],
            MONTH: np.datetime_as_string(past.many.days, unit="M").tolist(),
            **{name: self._of(name, column) for name, column in by.items()},
        }

    def _of(self, name: str, column: NDArray[Any]) -> list[str]:
        if column.dtype == object or name in self._values:
            return self._of_values(name, [NOT_KNOWN if unknown(one) else _told(one) for one in column.tolist()])
        known = column[~np.isnan(column)]
        if name not in self._edges and len(known):
            if len(np.unique(known)) <= PARTS:
                self._values[name] = []
                return self._of(name, column)
            self._edges[name] = tuple(np.unique(np.quantile(known, np.arange(1, PARTS) / PARTS)).tolist())
        return self._of_numbers(self._edges.get(name, ()), column)

    def _of_values(self, name: str, texts: list[str]) -> list[str]:
        values = self._values.setdefault(name, [])
        for text in dict.fromkeys(texts):
            if text not in values and len(values) < MOST_VALUES:
                values.append(text)
        return [text if text in values else OTHERS for text in texts]

    @staticmethod
    def _of_numbers(edges: Sequence[float], column: NDArray[Any]) -> list[str]:
        if not edges:
            return [NOT_KNOWN] * len(column)
        shown = [f"{edge:,.4g}" if abs(edge) < 1000 else f"{edge:,.2f}" for edge in edges]
        # A letter in front would be seen; the order is that of the edges, which the report keeps.
        names = [f"< {shown[0]}", *(f"{low} to {high}" for low, high in pairwise(shown)), f">= {shown[-1]}"]
        places = np.searchsorted(edges, np.nan_to_num(column), side="right")
        return [
            NOT_KNOWN if unknown else names[at] for at, unknown in zip(places.tolist(), np.isnan(column), strict=True)
        ]

    def order(self, name: str, labels: Sequence[str]) -> list[str]:
        """Labels in the order in which they are read: numbers from the lowest on."""
        if name not in self._edges:
            return sorted(labels)
        middle = [float(edge) for edge in self._edges[name]]
        ranked = self._of_numbers(middle, np.array([middle[0] - 1, *middle]))
        return list(dict.fromkeys(label for label in [*ranked, NOT_KNOWN] if label in labels))


def _told(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
