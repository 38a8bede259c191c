"""Grounds to leave a column out or to look at it twice: what knows the outcome, and what says the same as another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from meridian.training.drafting.declare import Declared
from meridian.training.drafting.finding import USED, Finding
from meridian.training.drafting.loans import Moments
from meridian.training.drafting.names import smells_afterwards, smells_own_output
from meridian.training.drafting.quick import Quick
from meridian.training.drafting.strength import alike, auc, auc_of_missing, purest, rates_of
from meridian.training.drafting.wishes import Wishes
from meridian.training.frame import TELLTALE_AUC

Floats = NDArray[np.float64]
STRONG_AUC = 0.85
TELLING_NAME_AUC = 0.65
"""A column whose name speaks of what came later is taken at its word where it tells outcomes apart this well."""
LATER = 0.01
"""The share of loans with a day after the application from which on a column was plainly written later."""
LATE_NAME = "its name sounds like what is known only after the loan was paid out"
SAME, NEARLY_SAME = 0.9999, 0.95


def look_at_strength(
    declared: Sequence[Declared], findings: Mapping[str, Finding], target: Floats, trains: NDArray[np.bool_],
    wishes: Wishes, moments: Moments | None,
) -> None:  # fmt: skip
    """Each column's AUC by value and by being there at all, and what follows from it."""
    for one in declared:
        finding = findings[one.column.column]
        value, there = _aucs(one, target, trains)
        finding.auc, finding.missing_auc = round(value, 4), round(there, 4)
        _judge(one, finding, target, trains, wishes, _later(one, moments))
    if any(finding.leak for finding in findings.values()):
        _believe_names(declared, findings, wishes)
    for one in declared:
        finding = findings[one.column.column]
        if finding.role == USED and smells_own_output(finding.column):
            finding.warnings.append("its name sounds like what the lender decided itself, from an earlier score")


def _judge(
    one: Declared, finding: Finding, target: Floats, trains: NDArray[np.bool_], wishes: Wishes, later: float
) -> None:
    """What the data alone say: a column that knows the outcome is left out, one that nearly does is warned of."""
    name, smells = finding.column, smells_afterwards(finding.column)
    included = name in wishes.included
    best, how = max((finding.auc or 0.5, "its value"), (finding.missing_auc or 0.5, "whether it is there"))
    loans, rate = purest(_groups(one, trains), target[trains])
    told = f"{loans:,} loans that it sets apart have a default rate of {rate:.0%}"
    if best > TELLTALE_AUC:
        finding.leave_out(
            f"{how} alone tells defaults from repayments (AUC {best:.3f}): it was written with the outcome known",
            leak=True,
        )
    elif later > LATER and not included:
        finding.leave_out(f"{later:.0%} of its days lie after the application", leak=True)
    elif smells and not included and (best > TELLING_NAME_AUC or loans):
        ground = f"{how} alone has AUC {best:.3f}" if best > TELLING_NAME_AUC else told
        finding.leave_out(f"{LATE_NAME}, and {ground}; if it was known before, --include {name!r}", leak=True)
    elif best > STRONG_AUC:
        finding.warnings.append(f"{how} alone has AUC {best:.3f}: was it known when the loan was applied for?")
    elif loans:
        finding.warnings.append(f"{told}: was it known when the loan was applied for?")
    elif smells:
        finding.warnings.append(LATE_NAME)


def _believe_names(declared: Sequence[Declared], findings: Mapping[str, Finding], wishes: Wishes) -> None:
    """A table that has columns from after the outcome has more of them, also such as tell little by themselves."""
    for name in suspects_left(declared, wishes):
        if findings[name].role == USED:
            findings[name].leave_out(
                f"{LATE_NAME}, and other columns of this table surely are; if it was known before, --include {name!r}",
                leak=True,
            )


def _groups(one: Declared, trains: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Loans that a column sets apart: with a value and without, of each category and code, at each end."""
    if one.main is None:
        raw = one.raw[trains]
        yield from (raw == kind for kind in np.unique(raw))
        yield raw != ""
        return
    main, raw = one.main[trains], one.raw[trains]
    known = np.isfinite(main)
    yield from (known, ~known, *(raw == code for code in one.column.codes))
    if known.any():
        low, high = np.quantile(main[known], (0.02, 0.98))
        yield from (main <= low, main >= high, main != np.median(main[known]))


def _aucs(one: Declared, target: Floats, trains: NDArray[np.bool_]) -> tuple[float, float]:
    outcomes = target[trains]
    if one.main is None:
        raw = one.raw[trains]
        known = raw != ""
        rates = rates_of(raw[known], outcomes[known]) if known.any() else np.empty(0)
        return auc(rates, outcomes[known]) if known.any() else 0.5, auc(known.astype(np.float64), outcomes)
    codes = [auc(one.values[line.name][trains], outcomes) for line in one.lines if line.reads == "code"]
    return max([auc(one.main[trains], outcomes), *codes]), auc_of_missing(one.main[trains], outcomes)


def _later(one: Declared, moments: Moments | None) -> float:
    """The share of loans whose day in this column lies after the application by more than a month."""
    if one.column.type != "date" or moments is None or one.main is None:
        return 0.0
    allowed = -1.0 if one.column.monthly else -31.0
    known = np.isfinite(one.main)
    return float((one.main[known] < allowed).mean()) if known.any() else 0.0


def note_alike(declared: Sequence[Declared], findings: Mapping[str, Finding], trains: NDArray[np.bool_]) -> None:
    """Columns that order the loans as another does: a copy is left out, what is nearly one is noted."""
    mains = {one.column.column: one.main[trains] for one in declared if one.main is not None}
    for (first, second), correlation in alike(mains, NEARLY_SAME).items():
        if findings[first].role != USED or findings[second].role != USED:
            continue
        if abs(correlation) >= SAME and _same_gaps(mains[first], mains[second]):
            findings[second].leave_out(f"it says the same as {first!r}")
        else:
            findings[second].notes.append(
                f"orders loans nearly as {first!r} does (rank correlation {correlation:+.2f})"
            )
    _note_same_texts([one for one in declared if one.main is None], findings)


def _same_gaps(first: Floats, second: Floats) -> bool:
    return bool((np.isnan(first) == np.isnan(second)).all())


def _note_same_texts(declared: Sequence[Declared], findings: Mapping[str, Finding]) -> None:
    seen: dict[bytes, str] = {}
    for one in declared:
        _, which = np.unique(one.raw, return_inverse=True)
        _, first, codes = np.unique(which, return_index=True, return_inverse=True)
        key = np.argsort(np.argsort(first))[codes].astype(np.int32).tobytes()
        if key in seen:
            findings[one.column.column].leave_out(f"it says the same as {seen[key]!r}")
        else:
            seen[key] = one.column.column


def suspects_left(declared: Sequence[Declared], wishes: Wishes) -> list[str]:
    """The columns in use whose names speak of what came later."""
    names = [one.column.column for one in declared]
    return [name for name in names if smells_afterwards(name) and name not in wishes.included]


def leave_out_suspects(
    declared: Sequence[Declared], findings: Mapping[str, Finding], quick: Quick, wishes: Wishes
) -> None:
    """Together the columns know the outcome: those whose names speak of what came later are left out."""
    for name in suspects_left(declared, wishes):
        findings[name].leave_out(
            f"{LATE_NAME}, and all columns together tell the outcome (a quick model has AUC {quick.auc:.3f}); if it "
            f"was known before, --include {name!r}",
            leak=True,
        )
