"""A page on a simulated lender: what was generated, how clean it is, and what became of the loans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from meridian.errors import InvalidInput
from meridian.simulator.lender.chunks import SETTINGS_FILE
from meridian.simulator.lender.streams import DAY, STREAMS, Stream


def card(folder: Path) -> str:
    """What a simulated lender's folder holds, in Markdown, read from its files.

    The outcomes of the declined are the simulator's own knowledge; a real lender has none.

    Raises:
        InvalidInput: no simulated lender stands in the folder.
    """
    try:
        settings = json.loads((folder / SETTINGS_FILE).read_text())["settings"]
    except FileNotFoundError:
        raise InvalidInput(f"{folder} holds no {SETTINGS_FILE}; give a folder that `simulate` has written") from None
    return "\n".join(["# A simulated lender", "", *_settings(settings), *_events(folder, settings), *_loans(folder)])


def _settings(settings: dict[str, Any]) -> list[str]:
    return [
        "| setting | value |",
        "|---|---|",
        f"| applicants | {settings['applicants']:,} |",
        f"| days of application | {settings['first_day']} to {settings['last_day']} |",
        f"| seed | {settings['seed']} |",
        f"| drift | {settings['drift']} |",
        f"| disparity | {settings['disparity']} |",
        "",
    ]


def _events(folder: Path, settings: dict[str, Any]) -> list[str]:
    """One line a stream; shares are of the stream's events, each event with all its revisions counted once."""
    lines = [
        "| stream | rows | an applicant | late | corrected | duplicated | retracted |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    rows = 0
    for stream in STREAMS:
        counts = _tally(folder, stream)
        rows += counts["rows"]
        events = max(counts["events"], 1)
        shares = (f"{counts[name] / events:.2%}" for name in ("late", "corrected", "duplicated", "retracted"))
        each = counts["rows"] / settings["applicants"]
        lines.append(f"| {stream.path} | {counts['rows']:,} | {each:.2f} | {' | '.join(shares)} |")
    each = rows / settings["applicants"]
    return [*lines, f"| all | {rows:,} | {each:.1f} | | | | |", ""]


def _tally(folder: Path, stream: Stream) -> dict[str, int]:
    """Rows and events of a stream, and how many events came late, changed, came twice or were taken back."""
    counts = dict.fromkeys(("rows", "events", "late", "corrected", "duplicated", "retracted"), 0)
    for path in sorted((folder / "events" / stream.path).glob("*.parquet")):
        file = pq.ParquetFile(path)
        counts["rows"] += file.metadata.num_rows
        first = file.read(columns=["event_at", "known_at", "revision"])
        lag = _numbers(first["known_at"], "int64") - _numbers(first["event_at"], "int64")
        newly = _numbers(first["revision"], "int32") == 0
        counts["events"] += int(newly.sum())
        # A moved event looks late by the days it was moved; only what the stream never takes else counts.
        counts["late"] += int((newly & (lag > (stream.lag[1] + 1) * DAY)).sum())
        for name, n in _revised(file, stream).items():
            counts[name] += n
    return counts


def _revised(file: Any, stream: Stream) -> dict[str, int]:
    """Of the further revisions: how many change a value or the moment, change nothing, or take back."""
    table = file.read()
    place = np.flatnonzero(_numbers(table["revision"], "int32") > 0)
    retracted = _numbers(table["retracted"], "bool")[place]
    # The revision before lies right before, save where the moment was moved; both then count as changed.
    changed = np.zeros(len(place), dtype=np.bool_)
    for name in ("applicant_id", "event_id", "event_at", *stream.columns):
        column = table[name].combine_chunks()
        mine, before = column.take(place), column.take(place - 1)
        same = pc.fill_null(pc.equal(mine, before), False)
        both_null = pc.and_(pc.is_null(mine), pc.is_null(before))
        changed |= ~_numbers(pc.or_(same, both_null), "bool")
    return {
        "corrected": int((changed & ~retracted).sum()),
        "duplicated": int((~changed & ~retracted).sum()),
        "retracted": int(retracted.sum()),
    }


def _loans(folder: Path) -> list[str]:
    outcomes = pq.read_table(folder / "outcomes", columns=["decision", "legacy_points"])
    truth = pq.read_table(folder / "truth", columns=["default_90d", "default_12m", "pd_12m"])
    approved = _numbers(pc.equal(outcomes["decision"], "approve"), "bool")
    points = _numbers(outcomes["legacy_points"], "float64")
    bad = {name: _numbers(truth[name], "bool") for name in ("default_90d", "default_12m")}
    pd = _numbers(truth["pd_12m"], "float64")
    lines = [
        "| | share | in default after 90 days | within 12 months | mean true PD |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, mask in (("approved", approved), ("declined", ~approved)):
        rates = (bad["default_90d"][mask], bad["default_12m"][mask], pd[mask])
        lines.append(f"| {name} | {mask.mean():.1%} | {' | '.join(map(_mean, rates))} |")
    legacy, best = (area(bad["default_12m"][approved], risk[approved]) for risk in (-points, pd))
    return [
        *lines,
        "",
        f"On the approved, for default within 12 months, the AUC of the legacy score is {legacy:.3f}. That of the true "
        f"PD, {best:.3f}, no model can pass.",
        "",
    ]


def area(bad: NDArray[np.bool_], risk: NDArray[np.float64]) -> float:
    """The area under the ROC curve, ties counted half; NaN where only one class is there."""
    _, place, counts = np.unique(risk, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    n_bad, n_good = int(bad.sum()), int((~bad).sum())
    if not n_bad or not n_good:
        return float("nan")
    return float((ranks[place][bad].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def _mean(values: NDArray[Any]) -> str:
    return f"{values.mean():.2%}" if len(values) else "none"


def _numbers(column: Any, kind: str) -> NDArray[Any]:
    """A column without nulls, or a chunk of one, as numbers; moments as their microseconds."""
    return np.asarray(column.cast(kind).to_numpy(zero_copy_only=False), dtype=kind)
