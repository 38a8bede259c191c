"""Experiments: have a challenger or a shadow, end it, and see what it has shown."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import typer

from meridian.cli.models.kept import registrar
from meridian.cli.models.look import SHOWN
from meridian.cli.models.register import AS_JSON, PRODUCT, authenticate, tell
from meridian.cli.screen import out, print_json, print_table, progress_bar
from meridian.errors import InvalidInput
from meridian.experiments import Arm, Estimate, Experiment, Groups
from meridian.products import find_product
from meridian.registry import Alias, Change, Place, Purpose
from meridian.service import Experiments
from meridian.settings import load_settings
from meridian.wiring import Wiring

PURPOSE = typer.Option(Purpose.COMPACT, help="Which of its models.")
SET = typer.Option(None, "--set", help="The hash, or its first digits, of the model to begin with.")
END = typer.Option(False, "--end", help="End it.")
BY = typer.Option(None, "--as", help="Who you are, to begin or to end; the password is asked for.")
BECAUSE = typer.Option(None, help="Why it begins or ends.")
GROUPS = typer.Option(None, help="A CSV file with applicant_id and a column of protected groups.")
COMPARE = typer.Option(None, help="Which of its groups: column:group/control, e.g. sex:F/M.")


def challenger(
    product: str = PRODUCT,
    purpose: Purpose = PURPOSE,
    set_to: str | None = SET,
    share: float = typer.Option(0.1, help="The share of applicants about whom it decides, above 0 and below 1."),
    end: bool = END,
    by: str | None = BY,
    because: str | None = BECAUSE,
    groups: Path | None = GROUPS,
    compare: str | None = COMPARE,
    as_json: bool = AS_JSON,
) -> None:
    """What the challenger has shown; with --set, have one decide about a share of applicants; with --end, none.

    Applicants are dealt out by a hash, always alike. Each counts once, by the first decision about them.
    """
    of = find_product(product).name
    place = Place(of, purpose, Alias.CHALLENGER)
    if set_to is not None or end:
        tell(_changed(place, set_to, share, by, because, end=end), as_json=as_json)
        return
    with progress_bar() as progress:
        report = _experiments().challenger(
            of, purpose, groups_of(groups, compare), partial(progress, "decisions made again")
        )
    _report(*report, as_json=as_json)


def shadow(
    product: str = PRODUCT,
    purpose: Purpose = PURPOSE,
    set_to: str | None = SET,
    end: bool = END,
    by: str | None = BY,
    because: str | None = BECAUSE,
    groups: Path | None = GROUPS,
    compare: str | None = COMPARE,
    as_json: bool = AS_JSON,
) -> None:
    """What the shadow has shown; with --set, have a model score all that another decides; with --end, none."""
    of = find_product(product).name
    place = Place(of, purpose, Alias.SHADOW)
    if set_to is not None or end:
        tell(_changed(place, set_to, None, by, because, end=end), as_json=as_json)
        return
    _report(*_experiments().shadow(of, purpose, groups_of(groups, compare)), as_json=as_json)


def _experiments() -> Experiments:
    return Wiring(load_settings(), "models").experiments


def _changed(
    place: Place, set_to: str | None, share: float | None, by: str | None, because: str | None, *, end: bool
) -> Change:
    """Begin with a model, where one is given, or end; `share` is a challenger's."""
    if set_to is not None and end:
        raise InvalidInput("--set begins and --end ends it; give one of the two.")
    if by is None or because is None:
        raise InvalidInput("To begin or to end it takes --as NAME and --because WHY.")
    wiring = registrar()
    authenticate(wiring, by)
    if set_to is None:
        return wiring.registrations.end(place, because, by)
    sha256 = _fitting(wiring, set_to, place)
    if share is None:
        return wiring.registrations.shadow(sha256, because, by)
    return wiring.registrations.challenge(sha256, share, because, by)


def _fitting(wiring: Wiring, sha256: str, place: Place) -> str:
    """The whole hash of the model, which is for this very product and purpose."""
    manifest = wiring.registrations.find(sha256).manifest
    if (manifest.product, manifest.purpose) != (place.product, place.purpose):
        raise InvalidInput(
            f"{sha256} is a {manifest.purpose} model of {manifest.product}, and no {place.purpose} model of "
            f"{place.product}; give its product, and --purpose."
        )
    return manifest.sha256


def groups_of(path: Path | None, compare: str | None) -> Groups | None:
    """The groups of a file that are compared; None where none are asked for. Raises `InvalidInput`."""
    if (path is None) != (compare is None):
        raise InvalidInput("Groups are compared with both: --groups FILE and --compare column:group/control.")
    return Groups.read(path, compare) if path is not None and compare is not None else None


def _report(holder: Change, found: Experiment, *, as_json: bool) -> None:
    place = holder.place
    if as_json:
        told = {"product": place.product, "purpose": place.purpose, "is": place.alias, "share": holder.share}
        print_json(told | found.document())
        return
    arms = (found.champion, found.other)
    rows: list[tuple[object, ...]] = [("decisions", *(f"{arm.decisions:,}" for arm in arms), "")]
    apart = {"approve": found.approvals}
    for name in found.champion.outcomes or found.other.outcomes:
        rows.append((name, *(_cell(arm.outcomes.get(name)) for arm in arms), _cell(apart.get(name))))
    rows.append(("mean PD", *(_cell(arm.pd) for arm in arms), _cell(found.pd)))
    if found.other.impact is not None:
        rows.append((f"AIR, {found.other.impact.group} to {found.other.impact.control}", *map(_impact, arms), ""))
    heads = (f"decided {found.champion.model_sha256[:SHOWN]}", f"{place.alias} {found.other.model_sha256[:SHOWN]}")
    print_table((f"{place.product}, {place.purpose}", *heads, "apart"), rows)
    swaps = found.swaps
    print_table(
        ("champion", place.alias.value, "decisions"), [(*pair, count) for pair, count in swaps.outcomes.most_common()]
    )
    out.print(
        f"{swaps.changed} of {swaps.decisions} drawn come out otherwise on the same evidence ({swaps.skipped} could "
        f"not be compared); {swaps.other_reasons} that neither approves have other reasons. In brackets: 95 %; a dash "
        "where too few were decided to say."
    )


def _cell(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:.2%} ({estimate.low:.2%} to {estimate.high:.2%})"


def _impact(arm: Arm) -> str:
    air = arm.impact.air if arm.impact else None
    return "-" if air is None else f"{air.value:.3f} ({air.low:.3f} to {air.high:.3f})"
