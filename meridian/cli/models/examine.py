"""Hold a model against its gates: `check`, and what `submit` stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from meridian.cli.screen import print_json, print_table, progress_bar, talk
from meridian.products import Product, find_product
from meridian.registry import Lineage, Purpose, bundle_folder, load_manifest, load_scorer
from meridian.settings import load_settings
from meridian.wiring import Wiring

if TYPE_CHECKING:
    from meridian.training.gates import Gate

MOST_CHANGED = 0.10
"""Of past decisions: what changes more is not the same model a little better."""
SEED = 1


@dataclass(frozen=True)
class Examined:
    """What was found of a model, and on which loans."""

    gates: Sequence[Gate]
    lineage: Lineage

    @property
    def passed(self) -> bool:
        """Whether it passes all."""
        return all(gate.passed for gate in self.gates)

    def tell(self) -> None:
        """As a table."""
        print_table(
            ("gate", "", "found"),
            [(gate.name, "passed" if gate.passed else "FAILED", gate.found) for gate in self.gates],
        )


def check(
    product: str = typer.Argument(help="The product, e.g. personal-loan."),
    data: Path = typer.Option(..., help="Past loans to measure on: a file, or a folder."),
    purpose: Purpose = typer.Option(Purpose.COMPACT, help="Which of its models."),
    folder: Path | None = typer.Option(None, help="A model elsewhere than in the home."),
    decisions: int = typer.Option(0, min=0, help="Make so many past decisions again with it; needs the database."),
    as_json: bool = typer.Option(False, "--json", help="Every gate as JSON."),
) -> None:
    """Measure a model anew and hold it against the gates. Exit code 1 where it does not pass them all.

    Nothing that its manifest or card states is taken for true. A model that would change more than a tenth of past
    decisions does not pass either.
    """
    settings, of = load_settings(), find_product(product)
    place = folder or bundle_folder(settings.models_dir, product, purpose)
    found = examine(of, place, data, decisions)
    if as_json:
        gates = [gate.document() for gate in found.gates]
        print_json({"folder": str(place), "passed": found.passed, "gates": gates})
    else:
        found.tell()
        talk.print("It passes." if found.passed else "It does not pass: it must not decide.")
    raise typer.Exit(0 if found.passed else 1)


def examine(product: Product, place: Path, data: Path, decisions: int) -> Examined:
    """All gates of the model in a folder; with `decisions`, the one of so many past decisions too."""
    from meridian.training.gates import pass_gates
    from meridian.training.limits import limits_in_force
    from meridian.training.train import read_loans

    limits = limits_in_force(load_settings(), product.name)
    with progress_bar() as progress:
        loans = read_loans(product, data, progress=lambda what, share: progress(what, share))
        gates = list(pass_gates(product, place, loans.frame, limits))
        if decisions and gates[0].passed:
            gates.append(_reproduction(product, place, decisions, progress))
    return Examined(gates, loans.lineage)


def _reproduction(product: Product, place: Path, decisions: int, progress: Callable[[str, float], None]) -> Gate:
    from meridian.training.gates import Gate

    wiring = Wiring(load_settings(), "models")
    swaps = wiring.reproduction.of(
        product.name, load_manifest(place).purpose, load_scorer(place, product), decisions, SEED,
        partial(progress, "decisions made again"),
    )  # fmt: skip
    wiring.close()
    if not swaps.decisions + swaps.skipped:
        return Gate("reproduction", passed=True, found="not measured: nothing was decided yet")
    found = (
        f"{swaps.changed} of {swaps.decisions} past decisions come out otherwise, at most {MOST_CHANGED:.0%}; "
        f"{swaps.skipped} could not be made again"
    )
    return Gate("reproduction", swaps.changed_share <= MOST_CHANGED, found)
