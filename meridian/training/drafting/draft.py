"""A draft of a product from a table of past loans: everything that can be noticed, and nothing hidden."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidTrainingData
from meridian.extra import check_extra
from meridian.products.own.checks import check
from meridian.products.own.document import Models, PolicyFile, ProductFile, ReasonsFile, SplitLine, Table, TimeColumn
from meridian.training.drafting import finding as roles
from meridian.training.drafting.declare import Declared, declare, filled
from meridian.training.drafting.finding import Finding, Summary
from meridian.training.drafting.grounds import leave_out_suspects, look_at_strength, note_alike, suspects_left
from meridian.training.drafting.loans import Loans, Moments, choose_split, moments_of, read_loans
from meridian.training.drafting.names import FieldNames, smells_protected, title_of
from meridian.training.drafting.quick import Quick, quick_model
from meridian.training.drafting.recognise import decimal_mark, recognise
from meridian.training.drafting.strength import Trend, trend
from meridian.training.drafting.terms import draft_policy, draft_reasons
from meridian.training.drafting.wishes import Wishes
from meridian.training.frame import TELLTALE_AUC

MOST_BATCH, MOST_COMPACT = 200, 40
SUSPICIOUS_AUC = 0.90
DIRECTIONS = {1: "raises risk", 0: "free", -1: "lowers risk"}
WHY = {
    "empty": "no value at all",
    "constant": "one value alone",
    "identifier": "an identifier: nearly every loan has its own",
    "free text": "free text, which no feature here reads",
}
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Draft:
    """The three files of a product, and the report."""

    name: str
    product: ProductFile
    policy: PolicyFile
    reasons: ReasonsFile
    findings: tuple[Finding, ...]
    summary: Summary


def make_draft(wishes: Wishes, progress: Progress = lambda _what, _share: None) -> Draft:
    """Read the table and propose a product.

    Raises `InvalidTrainingData` for what cannot be read or learnt from, `InvalidInput` for wishes that do not fit
    the table, `NotReady` where the training extra is missing.
    """
    check_extra()
    progress("reading the table", 0.0)
    loans = read_loans(wishes)
    moments = moments_of(loans, wishes)
    split, trains, note = choose_split(loans, moments, wishes.entity)
    findings = {name: Finding(name) for name in loans.header}
    progress("recognising columns", 0.2)
    declared = _declare_all(wishes, loans, moments, trains, findings)
    progress("looking for leaks", 0.5)
    look_at_strength(declared, findings, loans.defaulted, trains, wishes, moments)
    declared = _kept(declared, findings)
    note_alike(declared, findings, trains)
    declared = _kept(declared, findings)
    trends = _trends(declared, findings, loans.defaulted, trains)
    progress("fitting a quick model", 0.7)
    quick, declared = _fit(wishes, declared, findings, trends, loans, trains)
    progress("writing the draft", 0.95)
    warnings = [note] if note else []
    warnings += _of_the_whole(quick)
    return _assemble(wishes, loans, moments, split, trains, declared, trends, quick, findings, warnings)


def _declare_all(
    wishes: Wishes, loans: Loans, moments: Moments | None, trains: NDArray[np.bool_], findings: Mapping[str, Finding]
) -> list[Declared]:
    """Every column that is of use, in the order of the table."""
    names, declared = FieldNames(), []
    ends = {wishes.target: roles.TARGET, wishes.time: roles.TIME, wishes.entity: roles.ENTITY}
    ends |= dict.fromkeys(wishes.protected, roles.PROTECTED)
    considered = {
        name: texts for name, texts in loans.texts.items() if name not in ends and name not in wishes.left_out
    }
    decimal = decimal_mark(considered, loans.marks)
    for place, name in enumerate(loans.header, start=1):
        finding = findings[name]
        if name in ends:
            finding.role = ends[name]
            continue
        if name in wishes.left_out:
            finding.leave_out("as was asked for")
            continue
        if smells_protected(name) and name not in wishes.included:
            finding.leave_out(
                f"its name sounds like a prohibited basis (12 CFR 1002.2(z)); name it with --protected {name!r}, or, "
                f"where it is none, use it with --include {name!r}"
            )
            continue
        found = recognise(name, loans.texts[name], loans.marks, decimal, wishes.dates, loans.rows)
        finding.kind, finding.notes = found.kind, list(found.notes)
        finding.distinct = len(set(loans.texts[name]))
        if not found.usable:
            finding.leave_out(WHY[found.kind])
        elif found.kind == "date" and moments is None:
            finding.leave_out("a date, whose age needs the time of the application; say its column with --time")
        else:
            declared.append(declare(name, found, loans, moments, trains, names, place))
            finding.field, finding.missing_share = declared[-1].column.field, declared[-1].column.missing_share
            if declared[-1].column.codes:
                codes = ", ".join(f"{code:g}" for code in declared[-1].column.codes)
                finding.notes.append(f"special codes, read as no number: {codes}")
    return declared


def _kept(declared: Sequence[Declared], findings: Mapping[str, Finding]) -> list[Declared]:
    kept = [one for one in declared if findings[one.column.column].role == roles.USED]
    if not kept:
        reasons = "; ".join(f"{f.column}: {f.why}" for f in findings.values() if f.role == roles.LEFT_OUT)
        raise InvalidTrainingData(f"No column is left to learn from. {reasons[:600]}.")
    return kept


def _trends(
    declared: Sequence[Declared],
    findings: Mapping[str, Finding],
    target: NDArray[np.float64],
    trains: NDArray[np.bool_],
) -> dict[str, Trend]:
    """The trend of every number and age; a category has none."""
    trends = {}
    for one in declared:
        main = one.main
        if main is None:
            continue
        line = next(line for line in one.lines if line.reads not in ("missing", "code", "category"))
        trends[line.name] = trend(main[trains], target[trains])
        finding = findings[one.column.column]
        finding.direction = DIRECTIONS[trends[line.name].direction]
        finding.evidence = trends[line.name].evidence
    return trends


def _fit(
    wishes: Wishes, declared: list[Declared], findings: Mapping[str, Finding], trends: Mapping[str, Trend],
    loans: Loans, trains: NDArray[np.bool_],
) -> tuple[Quick, list[Declared]]:  # fmt: skip
    """A quick model; where it knows the outcome, once more without the columns whose names admit it."""
    groups = loans.texts[wishes.entity] if wishes.entity else None

    def fit(of: Sequence[Declared]) -> Quick:
        features = {line.name: filled(line, one.values[line.name]) for one in of for line in one.lines}
        directions = {name: found.direction for name, found in trends.items()}
        return quick_model(features, directions, loans.defaulted, trains, groups)

    quick = fit(declared)
    if quick.auc > TELLTALE_AUC and suspects_left(declared, wishes):
        leave_out_suspects(declared, findings, quick, wishes)
        declared = _kept(declared, findings)
        quick = fit(declared)
    return quick, declared


def _of_the_whole(quick: Quick) -> list[str]:
    if quick.auc <= SUSPICIOUS_AUC:
        return []
    strongest = sorted(quick.gains, key=lambda name: -quick.gains[name])[:5]
    return [
        f"A quick model of all columns together reaches AUC {quick.auc:.3f}, more than applications are known to tell: "
        f"something was written after the outcome. Look first at {', '.join(strongest)}."
    ]


def _assemble(
    wishes: Wishes, loans: Loans, moments: Moments | None, split: SplitLine, trains: NDArray[np.bool_],
    declared: Sequence[Declared], trends: Mapping[str, Trend], quick: Quick, findings: Mapping[str, Finding],
    warnings: Sequence[str],
) -> Draft:  # fmt: skip
    reasons, group = draft_reasons(declared)
    lines = [
        line.model_copy(
            update={
                "reason": group[one.column.field],
                "direction": DIRECTIONS[trends[line.name].direction if line.name in trends else 0],
            }
        )
        for one in declared
        for line in one.lines
    ]
    ranked = sorted(lines, key=lambda line: -quick.gains.get(line.name, 0.0))
    batch, compact = ({line.name for line in ranked[:most]} for most in (MOST_BATCH, MOST_COMPACT))
    used = [line for line in lines if line.name in batch]
    fields = {line.field for line in used}
    left = [f for f in findings.values() if f.role == roles.LEFT_OUT]
    product = ProductFile(
        title=title_of(wishes.name.replace("-", " ")).capitalize(),
        table=Table(
            file=wishes.data.name,
            delimiter=loans.look.delimiter,
            encoding=loans.look.encoding,
            missing=sorted(loans.marks),
            protected=[f.column for f in findings.values() if f.role == roles.PROTECTED],
            leaks=[f.column for f in left if f.leak],
            target=loans.target,
            split=split,
            time=None if moments is None else TimeColumn(column=str(wishes.time), form=moments.form),
        ),
        models=Models(compact=[line.name for line in used if line.name in compact], batch=[line.name for line in used]),
        column=[one.column for one in declared if one.column.field in fields],
        feature=used,
    )
    policy = draft_policy(wishes.name, quick.bands)
    check(wishes.data, product, policy, reasons)
    approve, decline = quick.bands
    summary = Summary(
        file=wishes.data.name, encoding=loans.look.encoding, delimiter=loans.look.delimiter, loans=len(loans.rows),
        defaults=int(loans.defaulted.sum()), without_outcome=loans.without_outcome,
        bad=", ".join(loans.target.bad), good=", ".join(loans.target.good), trains=int(trains.sum()),
        split=_split_words(split), quick_auc=round(quick.auc, 4), approve_below=approve, decline_above=decline,
        warnings=tuple(warnings),
    )  # fmt: skip
    return Draft(wishes.name, product, policy, reasons, tuple(findings.values()), summary)


def _split_words(split: SplitLine) -> str:
    if split.test_from:
        return f"out of time: loans before {split.test_from} train, later ones test"
    owners = f", all loans of one {split.entity!r} on one side" if split.entity else ""
    return f"by lot: {split.test_share:.0%} test{owners}"


def as_json(draft: Draft) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "product": draft.name,
        "summary": draft.summary.document(),
        "columns": [one.document() for one in draft.findings],
        "features": [line.name for line in draft.product.feature],
        "compact": draft.product.models.compact,
    }


__all__ = ["Draft", "as_json", "make_draft"]
