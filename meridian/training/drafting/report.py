"""REPORT.md: what was noticed about the table, column by column, for whoever answers for the product."""

from __future__ import annotations

from collections.abc import Sequence

from meridian.training.drafting import finding as roles
from meridian.training.drafting.draft import Draft
from meridian.training.drafting.finding import Finding

REPORT = "REPORT.md"
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "|"}
HEADINGS = ("Column", "Becomes", "Kind", "Missing", "AUC alone", "Risk", "Ground, notes")


def report_text(draft: Draft) -> str:
    """The report in Markdown."""
    summary = draft.summary
    lines = [
        f"# {draft.product.title}: what was found in {summary.file}",
        "",
        *summary_lines(draft),
        "",
    ]
    warnings = warnings_of(draft)
    if warnings:
        lines += ["## Look at these first", "", *(f"- {text}" for text in warnings), ""]
    lines += [
        "## Columns in use",
        "",
        *_table(HEADINGS, [_used(f) for f in draft.findings if f.role == roles.USED]),
        "",
    ]
    left = [(f.column, f.kind, f.why) for f in draft.findings if f.role == roles.LEFT_OUT]
    if left:
        lines += ["## Left out", "", *_table(("Column", "Kind", "Why"), left), ""]
    ends = [(f.column, f.role) for f in draft.findings if f.role not in (roles.USED, roles.LEFT_OUT)]
    lines += ["## Columns with an end of their own", "", *_table(("Column", "Is"), ends), ""]
    lines += [*LAST.format(name=draft.name).splitlines(), ""]
    return "\n".join(lines)


LAST = """## Before anybody is decided about

- Check every direction in product.toml against what you know: the data propose, you answer for it.
- Word the reasons in reasons.toml, and set bands, rules and prices in policy.toml.
- Then: `meridian product check {name}`, `meridian train {name} --data FILE`, `meridian up`, and
  `meridian sample {name}` for an application to try."""


def summary_lines(draft: Draft) -> list[str]:
    """The table as a whole, in sentences."""
    s = draft.summary
    left = f" {s.without_outcome:,} loans without an outcome are left out." if s.without_outcome else ""
    compact, batch = len(draft.product.models.compact), len(draft.product.models.batch)
    return [
        f"- {s.loans:,} loans, {s.defaults:,} defaults ({s.defaults / s.loans:.1%}): default is {s.bad}, "
        f"none is {s.good}.{left}",
        f"- Written with {NAMES.get(s.delimiter, s.delimiter)} between columns, in {s.encoding}.",
        f"- Split {s.split}; {s.trains:,} loans train.",
        f"- {len(draft.product.column)} columns give {batch} features; the compact model reads {compact}, "
        f"the batch model {batch}.",
        f"- Cut-offs proposed: approve below PD {s.approve_below:g}, decline above {s.decline_above:g}; "
        f"a quick model has AUC {s.quick_auc:.3f} on loans it has not seen.",
        "- Protected attributes are in no application and no model: "
        + (", ".join(draft.product.table.protected) or "none were named") + ".",
    ]  # fmt: skip


def warnings_of(draft: Draft) -> list[str]:
    """What somebody must look at, the table's own first."""
    found = list(draft.summary.warnings)
    sounding = [f.column for f in draft.findings if f.role == roles.LEFT_OUT and "prohibited basis" in f.why]
    if sounding:
        found.append(
            f"{', '.join(sounding)}: left out, because the names sound like prohibited bases. Name them with "
            "--protected where they are, use them with --include where they are not."
        )
    found += [f"{f.column}: left out, {f.why}." for f in draft.findings if f.leak]
    by_text: dict[str, list[str]] = {}
    for finding in draft.findings:
        for text in finding.warnings if finding.role == roles.USED else ():
            by_text.setdefault(text, []).append(finding.column)
    return found + [f"{', '.join(columns)}: {text}." for text, columns in by_text.items()]


def _used(found: Finding) -> tuple[str, ...]:
    best = max(found.auc or 0.5, found.missing_auc or 0.5)
    notes = "; ".join([*([found.evidence] if found.evidence else []), *found.notes])
    missing = f"{found.missing_share:.1%}" if found.missing_share else ""
    return (found.column, found.field, found.kind, missing, f"{best:.3f}", found.direction or "free", notes)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(headings) + " |",
        "|" + " --- |" * len(headings),
        *("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows),
    ]


def _cell(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())
