"""Gates: what a model must pass before it may decide. Each measures anew; what the model's maker states is not taken.

A gate says what it found and where the limit lies, so that whoever signs for a model, or for going past a gate, knows
for what.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.errors import NotReady
from meridian.products import Product
from meridian.reasons import INSUFFICIENT, cited, cure
from meridian.registry import Manifest, load_manifest, load_scorer, read_files
from meridian.registry.bundle import MODEL, REFERENCE, TABLES, population_of
from meridian.scoring import Scorer, make_tables, parse_xgboost_json
from meridian.training.describe import drifts, fairness
from meridian.training.fairness import NOT_MEASURED, Compared
from meridian.training.frame import Frame
from meridian.training.limits import LIMITS, Limits
from meridian.training.measure import measure

STEPS_ROWS, TESTED_DECLINES, TIMED_ROWS = 50, 250, 200


@dataclass(frozen=True)
class Gate:
    """What one gate found."""

    name: str
    passed: bool
    found: str

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return vars(self).copy()


@dataclass(frozen=True)
class Candidate:
    """A model that would decide, with loans to measure it on."""

    product: Product
    manifest: Manifest
    scorer: Scorer
    reference: NDArray[np.float32]
    frame: Frame
    limits: Limits = LIMITS

    @property
    def approve_below(self) -> float:
        """The cut-off of the rung that it is for."""
        return self.product.policy.at(self.manifest.purpose.rung).bands.approve_below


def pass_gates(product: Product, folder: Path, frame: Frame, limits: Limits = LIMITS) -> Iterator[Gate]:
    """All gates of the model in a folder, one by one; where its files cannot be trusted, no other is measured."""
    try:
        manifest, scorer = load_manifest(folder), load_scorer(folder, product)
        files = read_files(folder)
        reference = population_of(files[REFERENCE])
        of_files = _files(manifest, files, reference)
    except NotReady as error:
        of_files = Gate("files", passed=False, found=str(error))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        of_files = Gate("files", passed=False, found=f"they hold no model that Meridian wrote: {error!r}")
    yield of_files
    if not of_files.passed:
        return
    candidate = Candidate(product, manifest, scorer, reference, frame, limits)
    pds = scorer.pds(frame.inputs(scorer.features))
    for gate in MEASURED:
        yield gate(candidate, pds)


def _files(manifest: Manifest, files: dict[str, bytes], reference: NDArray[np.float32]) -> Gate:
    """Every file is the one that was trained; trees, tables and manifest are of the same model."""
    ensemble = parse_xgboost_json(json.loads(files[MODEL]))
    if ensemble.features != manifest.features:
        return Gate("files", passed=False, found="the model's trees read other features than its manifest says")
    if TABLES in files and make_tables(ensemble, reference).to_npz() != files[TABLES]:
        return Gate("files", passed=False, found="the stored tables are not those of the model's trees")
    return Gate("files", passed=True, found="as they were trained")


def _discrimination(of: Candidate, pds: NDArray[np.float64]) -> Gate:
    train, test = _aucs(of, pds)
    good = of.limits.least_auc <= test and train - test <= of.limits.most_gap
    found = f"AUC {test:.4f} on test loans, {train:.4f} on those it learnt from"
    return Gate("discrimination", good, f"{found}; least {of.limits.least_auc}, gap at most {of.limits.most_gap}")


def _leakage(of: Candidate, pds: NDArray[np.float64]) -> Gate:
    _, test = _aucs(of, pds)
    return Gate("leakage", test <= of.limits.most_auc, f"AUC {test:.4f} on test loans; above {of.limits.most_auc} it "
                "knows what nobody knows of an applicant")  # fmt: skip


def _calibration(of: Candidate, pds: NDArray[np.float64]) -> Gate:
    figures = _measured(of, pds, ~of.frame.trains)
    slope, ratio = figures["calibration_slope"], figures["mean_pd"] / figures["base_rate"]
    low, high, least, most = of.limits.least_slope, of.limits.most_slope, of.limits.least_mean, of.limits.most_mean
    found = f"slope {slope:.3f} ({low} to {high}), mean PD over defaults {ratio:.3f} ({least} to {most})"
    return Gate("calibration", low <= slope <= high and least <= ratio <= most, found)


def _stability(of: Candidate, pds: NDArray[np.float64]) -> Gate:
    worst = max(one.psi for one in drifts(of.frame, pds))
    return Gate("stability", worst <= of.limits.most_psi, f"PSI {worst:.3f} in the worst test period; at most "
                f"{of.limits.most_psi}")  # fmt: skip


def _fairness(of: Candidate, pds: NDArray[np.float64]) -> Gate:
    """No compared group is approved much more rarely than its control, or scored much worse, by the score alone."""
    if not of.frame.groups:
        declared = [one for table in of.product.training for one in table.compared]
        said = f"{NOT_MEASURED} The product compares {declared[0].group}: give loans that say." if declared else ""
        return Gate("fairness", not declared, said or NOT_MEASURED)
    compared = fairness(of.frame, pds, of.approve_below)
    good = not any(_unfair(one, of.limits) for one in compared)
    limits = [f"AIR at least {of.limits.least_air:g}"] if of.limits.least_air is not None else []
    limits += [f"SMD at most {of.limits.most_smd:g}"] if of.limits.most_smd is not None else []
    found = "; ".join(_told(one, of.limits) for one in compared)
    return Gate("fairness", good, f"{found}; {', '.join(limits) or 'no limit is set'}")


def _unfair(one: Compared, limits: Limits) -> bool:
    if one.smaller < limits.least_group:
        return False
    rarely = limits.least_air is not None and one.air is not None and one.air < limits.least_air
    return rarely or (limits.most_smd is not None and one.smd is not None and one.smd > limits.most_smd)


def _told(one: Compared, limits: Limits) -> str:
    air, smd = ("unknown" if figure is None else f"{figure:.3f}" for figure in (one.air, one.smd))
    few = f", only {one.smaller} loans: too few to judge by" if one.smaller < limits.least_group else ""
    return f"{one.name} AIR {air}, SMD {smd}{few}"


def _monotonicity(of: Candidate, _pds: NDArray[np.float64]) -> Gate:
    """From applicants just approved, each feature moved through all of its range."""
    wrong = [name for name in of.scorer.features if not _monotone(of, name)]
    return Gate("monotonicity", not wrong, f"against their stated direction: {', '.join(wrong) or 'none'}")


def _monotone(of: Candidate, name: str) -> bool:
    direction, place = int(of.product.features[name].direction), of.scorer.features.index(name)
    column = of.frame.inputs([name])[:, 0]
    known = np.unique(column[np.isfinite(column)])
    if not direction or len(known) < 2:
        return True
    steps = known[np.linspace(0, len(known) - 1, min(len(known), 200)).astype(int)]
    rows = np.repeat(of.reference[:STEPS_ROWS], len(steps), axis=0)
    rows[:, place] = np.tile(steps, min(STEPS_ROWS, len(of.reference)))
    margins = of.scorer.margins(rows).reshape(-1, len(steps))
    return bool((np.diff(margins, axis=1) * direction >= -1e-9).all())


def _reasons(of: Candidate, _pds: NDArray[np.float64]) -> Gate:
    """Each feature has a reason to give, that is one."""
    features, reasons = of.product.features, of.product.reasons
    without = [name for name in of.scorer.features if features[name].group not in reasons]
    given = {reasons[features[name].group].text for name in of.scorer.features if name not in without}
    vague = sorted(text for text in given if INSUFFICIENT.search(text))
    found = f"features without a reason: {', '.join(without) or 'none'}"
    return Gate("reasons", not without and not vague, f"{found}; insufficient texts: {', '.join(vague) or 'none'}")


def _tested_reasons(of: Candidate, pds: NDArray[np.float64]) -> Gate:
    rows = of.frame.inputs(of.scorer.features)[~of.frame.trains & (pds >= of.approve_below)][:TESTED_DECLINES]
    if any(of.product.features[name].group not in of.product.reasons for name in of.scorer.features):
        return Gate("tested reasons", passed=False, found="not every feature has a reason")
    codes = cited(of.product.reasons, of.scorer, rows)
    cured = cure(of.product.reasons, of.scorer, rows, codes, of.reference, of.approve_below)
    found = f"of {cured.declines} not approved {cured.toward_share:.1%} move toward approval; least "
    return Gate("tested reasons", cured.toward_share >= of.limits.least_cured, found + f"{of.limits.least_cured:.0%}")


def _latency(of: Candidate, _pds: NDArray[np.float64]) -> Gate:
    rows = [dict(zip(of.scorer.features, row.tolist(), strict=True)) for row in of.reference[:TIMED_ROWS]]
    took = [_seconds(of.scorer, row) for row in rows]
    most, p50 = of.limits.most_ms(of.manifest.purpose), 1000 * median(took)
    return Gate("latency", p50 <= most, f"{p50:.3f} ms a score with its reasons; at most {most:g}")


def _seconds(scorer: Scorer, row: dict[str, float]) -> float:
    start = perf_counter()
    scorer.score(row)
    return perf_counter() - start


MEASURED: tuple[Callable[[Candidate, NDArray[np.float64]], Gate], ...] = (
    _discrimination, _leakage, _calibration, _stability, _fairness, _monotonicity, _reasons, _tested_reasons, _latency,
)  # fmt: skip


def _aucs(of: Candidate, pds: NDArray[np.float64]) -> tuple[float, float]:
    return _measured(of, pds, of.frame.trains)["auc"], _measured(of, pds, ~of.frame.trains)["auc"]


def _measured(of: Candidate, pds: NDArray[np.float64], rows: NDArray[np.bool_]) -> dict[str, float]:
    return measure(of.frame.target[rows], np.clip(pds[rows], 1e-9, 1 - 1e-9))
