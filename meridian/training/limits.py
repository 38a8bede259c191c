"""Where the gates stand: what is usual for consumer credit, or what the lender's own file says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from meridian.errors import InvalidInput
from meridian.products import product_names
from meridian.products.own.load import complaint, toml_of
from meridian.registry import Purpose
from meridian.settings import Settings
from meridian.training.fairness import FOUR_FIFTHS

OFF = "off"
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Figure = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
OrOff = BeforeValidator(lambda value: None if value == OFF else value)


@dataclass(frozen=True)
class Limits:
    """Where the gates stand. What is usual for consumer credit; a lender may have its own."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    least_auc: Share = 0.55
    most_auc: Share = 0.90
    """No honest model of an application tells defaults from repayments better: it knows the outcome."""
    most_gap: Share = 0.15
    """How much better it may do on the loans that it learnt from, in AUC."""
    least_slope: Figure = 0.75
    most_slope: Figure = 1.33
    least_mean: Figure = 0.75
    """Of the mean PD over the share that defaulted."""
    most_mean: Figure = 1.33
    most_psi: Figure = 0.25
    least_cured: Share = 0.99
    least_air: Annotated[Figure | None, OrOff] = FOUR_FIFTHS
    """Adverse impact ratio of a group to its control; None: whatever it is. A default, and not law."""
    most_smd: Annotated[Figure | None, OrOff] = None
    """How much higher a group's mean PD may be, in standard deviations. Off: no rule names a size, and groups whose
    loans end differently differ in it though every PD be right."""
    least_group: Annotated[int, Field(strict=True, ge=1)] = 30
    """Where a group or its control has fewer test loans, what is found of them is told, and fails nothing."""
    usual_ms: Figure = 1.0
    """For one score with its reasons, at the median."""
    batch_ms: Figure = 10.0
    """The same of a batch model."""

    def __post_init__(self) -> None:
        for what in ("auc", "slope", "mean"):
            least, most = getattr(self, f"least_{what}"), getattr(self, f"most_{what}")
            if least > most:
                raise ValueError(f"least_{what} is {least:g}, above most_{what}, {most:g}; no model could pass")

    def most_ms(self, purpose: Purpose) -> float:
        """How long a score may take a model of that purpose."""
        return self.batch_ms if purpose is Purpose.BATCH else self.usual_ms

    @classmethod
    def from_file(cls, path: Path, product: str, products: Collection[str]) -> Limits:
        """The limits of a product: `[gates]` holds for all of them, `[gates.PRODUCT]` before it for one.

        What is not named stays as it is by default. Raises `InvalidInput` with the key, its value and what is
        expected, wherever in the file it is: a mistake in another product's limits is one too.
        """
        document = toml_of(path, "write it, or unset MERIDIAN_GATES", InvalidInput)
        for key in document.keys() - {"gates"}:
            raise InvalidInput(f"{path}: {key} is a key that nothing reads; limits stand under [gates].")
        gates = document.get("gates", {})
        if not isinstance(gates, dict):
            raise InvalidInput(f"{path}: key gates is {gates!r}; expected a table, [gates].")
        own = {name: value for name, value in gates.items() if isinstance(value, dict)}
        general = {key: value for key, value in gates.items() if key not in own}
        for name in own.keys() - set(products):
            raise InvalidInput(f"{path}: [gates.{name}] is of no product; there are {', '.join(sorted(products))}.")
        found = cls._of(path, document, general, ())
        for name, limits in own.items():
            of_product = cls._of(path, document, general | limits, (name,))
            found = of_product if name == product else found
        return found

    @staticmethod
    def _of(path: Path, document: Mapping[str, Any], limits: Mapping[str, Any], under: tuple[str, ...]) -> Limits:
        try:
            return ADAPTER.validate_python(limits)
        except ValidationError as error:
            raise InvalidInput(complaint(path, document, error, ("gates", *under))) from None


ADAPTER = TypeAdapter(Limits)
LIMITS = Limits()


def limits_in_force(settings: Settings, product: str) -> Limits:
    """The limits of a product as the settings have them. Raises `InvalidInput` for a file that cannot be used."""
    if settings.gates is None and not settings.gates_file.is_file():
        return LIMITS
    return Limits.from_file(settings.gates_file, product, product_names())
