"""A backtest's report as a page: one file, without scripts or other assets, drawn from the document alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"
SIDES = ("before", "after")
OUTCOMES = ("approve", "refer", "decline")
HIGH, WIDE = 100.0, 640.0
"""The plots' own units."""


def report_page(document: Mapping[str, Any]) -> str:
    """The page: the same document gives the same bytes."""
    return _environment().get_template("report.html.j2").render(
        of=document, style=page_style(), sides=SIDES, outcomes=OUTCOMES,
        bars={side: _stacked(document["outcomes"][side], document["decisions"]) for side in SIDES},
        rates=_rates(document), scores={side: _scores(document, side) for side in SIDES}, days=_days(document),
        by_segment=_by_segment(document["segments"]),
    )  # fmt: skip


def page_style() -> str:
    """The page's style sheet, for whoever has to name it in a policy of contents."""
    return (TEMPLATES / "report.css").read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "count": _count,
        "share": _share,
        "dollars": _dollars,
        "pd": _pd,
        "more": _more,
        "more_dollars": _more_dollars,
    }
    return environment


def _stacked(counts: Mapping[str, int], of: int) -> list[dict[str, Any]]:
    """Each outcome's part of a bar of 100."""
    found, at = [], 0.0
    for outcome in OUTCOMES:
        wide = 100 * counts[outcome] / of if of else 0.0
        found.append({"outcome": outcome, "at": round(at, 3), "wide": round(wide, 3), "count": counts[outcome]})
        at += wide
    return found


def _rates(document: Mapping[str, Any]) -> dict[str, Any]:
    """Default rates as lines from what it is at best to what it is at worst; positions from 0 to 100."""
    named = [
        ("approved before", document["books"]["before"]), ("approved after", document["books"]["after"]),
        ("swapped in", document["swapped"]["in"]), ("swapped out", document["swapped"]["out"]),
    ]  # fmt: skip
    lines = [(name, of) for name, of in named if of["decisions"]]
    # Where nobody knows anything, the worst is 1, and a scale to there would show nothing of the rest.
    seen = [
        value
        for _, of in lines
        for value in (of["rate"]["expected"], of["known_rate"]["high"] if of["known_rate"] else None)
        if value is not None
    ]
    top = min(1.0, max([2.5 * value for value in seen], default=1.0)) or 1.0

    def place(value: float | None) -> float | None:
        return None if value is None else round(min(value / top, 1.0) * 100, 2)

    return {
        "top": top,
        "ticks": [(round(100 * part / 4, 2), _share(top * part / 4)) for part in range(5)],
        "lines": [
            {
                "name": name, "of": of, "best": place(of["rate"]["best"]), "worst": place(of["rate"]["worst"]),
                "cut": of["rate"]["worst"] > top, "expected": place(of["rate"]["expected"]),
                "known": place(of["known_rate"]["value"]) if of["known_rate"] else None,
            }
            for name, of in lines
        ],
    }  # fmt: skip


def _scores(document: Mapping[str, Any], side: str) -> dict[str, Any]:
    """PDs as columns, the outcomes on top of each other; both sides on one scale."""
    pds = document["pds"]
    sums = {one: [sum(pds[one][outcome][at] for outcome in OUTCOMES) for at in range(len(pds[one]["approve"]))]
            for one in SIDES}  # fmt: skip
    top = max(max(values) for values in sums.values()) or 1
    used = [at for values in sums.values() for at, value in enumerate(values) if value > top / 400]
    bins = min(max(used, default=0) + 2, len(sums[side]))
    columns, wide = [], 100 / bins
    for at in range(bins):
        base = HIGH
        for outcome in OUTCOMES:
            high = HIGH * pds[side][outcome][at] / top
            if high:
                base -= high
                columns.append({"outcome": outcome, "x": round(at * wide, 3), "wide": round(wide * 0.9, 3),
                                "y": round(base, 3), "high": round(high, 3)})  # fmt: skip
    ticks = [(round(at * wide, 2), _share(at * pds["width"])) for at in range(0, bins, max(1, bins // 5))]
    return {"columns": columns, "ticks": ticks}


def _days(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Referrals by day as two lines; None of a single day."""
    by_day = document["workload"]["by_day"]
    if len(by_day) < 2:
        return None
    top = max(max(day[side] for side in SIDES) for day in by_day) or 1
    step = WIDE / (len(by_day) - 1)
    lines = {
        side: " ".join(f"{at * step:.1f},{HIGH - HIGH * day[side] / top:.2f}" for at, day in enumerate(by_day))
        for side in SIDES
    }
    return {"top": top, "lines": lines, "first": by_day[0]["day"], "last": by_day[-1]["day"]}


def _by_segment(segments: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in segments:
        of = one["decisions"]
        places = {side: round(100 * one[side]["approve"] / of, 2) if of else 0.0 for side in SIDES}
        found.setdefault(one["by"].replace("_", " "), []).append({**one, "at": places})
    # What tells nobody apart says nothing.
    return {name: of for name, of in found.items() if len(of) > 1}


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _more(value: int) -> str:
    return f"{value:+,}" if value else "±0"


def _more_dollars(value: int) -> str:
    return f"+{_dollars(value)}" if value > 0 else _dollars(value)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _pd(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"


def _dollars(value: float | None) -> str:
    return "not known" if value is None else f"{'−' if value < 0 else ''}${abs(value):,.0f}"
