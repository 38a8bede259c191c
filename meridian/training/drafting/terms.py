"""The policy to begin with, and the reasons to be worded."""

from __future__ import annotations

from collections.abc import Sequence

from meridian.products.own.document import BandLine, PolicyFile, ReasonLine, ReasonsFile, RuleLine
from meridian.training.drafting.declare import Declared
from meridian.training.drafting.strength import alike

COLLINEAR = 0.8
"""Columns whose ranks correlate so much tell one story, and share a reason: they would else take all four places."""
MOST_NAMED = 3

INCOMPLETE = "Credit application incomplete:"
BEGUN = (
    ReasonLine(code="P01", text="Applicant has not reached the age at which a loan can be agreed", source="policy"),
    ReasonLine(code="D01", text="Temporarily unable to evaluate the application", source="data", final=False),
    ReasonLine(code="D02", text=f"{INCOMPLETE} information that was asked for is missing", source="data"),
    ReasonLine(
        code="A01", text="Information given could not be confirmed from the documents provided", source="analyst"
    ),
    ReasonLine(code="A02", text=f"{INCOMPLETE} documents asked for were not provided", source="analyst"),
)
"""What policy, data and analysts may say of any product."""


def draft_policy(name: str, bands: tuple[float, float]) -> PolicyFile:
    """Bands, the age of majority, no prices."""
    return PolicyFile(
        name=f"{name}-1",
        no_score_reason="D01",
        unknown_reason="D02",
        bands=BandLine(approve_below=bands[0], decline_above=bands[1]),
        rule=[
            RuleLine(
                name="age-of-majority", effect="decline", field="age_years", test="below", limit=18, reason="P01",
                unknown_reason="P01", meaning="Nobody under 18 can agree a loan",
            )
        ],
    )  # fmt: skip


def draft_reasons(declared: Sequence[Declared]) -> tuple[ReasonsFile, dict[str, str]]:
    """A reason for each column, or for several that tell one story, and each field's reason code."""
    groups = _groups(declared)
    titles = {one.column.field: one.column.title for one in declared}
    lines, code_of = list[ReasonLine](), dict[str, str]()
    for number, fields in enumerate(groups, start=1):
        code = f"M{number:03d}" if len(groups) > 99 else f"M{number:02d}"
        lines.append(ReasonLine(code=code, text=_words([titles[field] for field in fields]), source="model"))
        code_of |= dict.fromkeys(fields, code)
    return ReasonsFile(reason=[*lines, *BEGUN]), code_of


def _groups(declared: Sequence[Declared]) -> list[list[str]]:
    """Fields that belong together, in the order of the table."""
    mains = {one.column.field: one.main for one in declared if one.main is not None}
    leader = {one.column.field: one.column.field for one in declared}

    def top(field: str) -> str:
        while leader[field] != field:
            field = leader[field]
        return field

    order = list(leader)
    for first, second in alike(mains, COLLINEAR):
        one, other = sorted((top(first), top(second)), key=order.index)
        leader[other] = one
    groups: dict[str, list[str]] = {}
    for field in order:
        groups.setdefault(top(field), []).append(field)
    return list(groups.values())


def _words(titles: Sequence[str]) -> str:
    if len(titles) == 1:
        return f"Value of {titles[0]} on the application"
    named = ", ".join(titles[:MOST_NAMED])
    rest = len(titles) - MOST_NAMED
    return f"Values of {named}{f' and {rest} more like them' if rest > 0 else ''} on the application"
