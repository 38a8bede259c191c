"""Who among the applicants is in which protected group: from outside, by applicant, and for the report alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meridian.errors import InvalidInput
from meridian.experiments.estimates import Estimate, ratio_of
from meridian.experiments.rows import rows_of

APPLICANT = "applicant_id"


@dataclass(frozen=True)
class Impact:
    """The adverse impact ratio of one arm: the group's share of approvals over the control's; None: nothing to say."""

    group: str
    control: str
    of_group: int
    of_control: int
    air: Estimate | None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {**vars(self), "air": self.air.document() if self.air else None}


@dataclass(frozen=True)
class Groups:
    """The values of one column by applicant, and which two of them are compared."""

    column: str
    group: str
    control: str
    values: Mapping[str, str]

    @classmethod
    def read(cls, path: Path, wanted: str) -> Groups:
        """Of a CSV file with a column `applicant_id`; `wanted` is `column:group/control`. Raises `InvalidInput`."""
        column, colon, pair = wanted.partition(":")
        group, slash, control = pair.partition("/")
        if not (colon and slash and group and control) or group == control:
            raise InvalidInput(f"--compare {wanted!r} compares nothing; write column:group/control, e.g. sex:F/M.")
        values: dict[str, str] = {}
        for line, row in rows_of(path, (APPLICANT, column)):
            applicant, value = row[APPLICANT], row[column]
            if values.setdefault(applicant, value) != value:
                raise InvalidInput(
                    f"{path}, line {line}: {applicant!r} is {value!r} here and {values[applicant]!r} above; leave one."
                )
        absent = [value for value in (group, control) if value not in values.values()]
        if absent:
            raise InvalidInput(f"Nobody in {path} has {column} {' or '.join(absent)}; look at its values.")
        return cls(column, group, control, values)

    def impact(self, approvals: Sequence[tuple[str, bool]]) -> Impact:
        """Of an arm, by (applicant, whether approved)."""
        parts = {
            value: [approved for applicant, approved in approvals if self.values.get(applicant) == value]
            for value in (self.group, self.control)
        }
        of_group, of_control = parts[self.group], parts[self.control]
        air = None
        if of_group and of_control:
            shares = sum(of_group) / len(of_group), sum(of_control) / len(of_control)
            air = ratio_of(shares[0], len(of_group), shares[1], len(of_control))
        name = f"{self.column} {self.group}", f"{self.column} {self.control}"
        return Impact(*name, len(of_group), len(of_control), air)
