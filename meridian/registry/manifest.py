"""The manifest: everything about a model but its trees, as one JSON document whose hash is the model's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from meridian.errors import UntrustedModel
from meridian.evidence import Rung, sha256_of
from meridian.products import Product
from meridian.scoring import Calibration, PointsScale

FORMAT = 1


class Purpose(StrEnum):
    """What a model is for: the answer at once, the same where sources cannot be had, or the second opinion."""

    COMPACT = "compact"
    REDUCED = "reduced"
    """Without the sources that are the likeliest to be away."""
    APPLICATION = "application-only"
    """With what the applicant states alone."""
    BATCH = "batch"

    @property
    def rung(self) -> Rung:
        """The rung on which a model of this purpose decides, and for whose bands it is made."""
        return Rung.FULL if self in (Purpose.COMPACT, Purpose.BATCH) else Rung.APPLICATION_ONLY


def features_for(product: Product, purpose: Purpose) -> tuple[str, ...]:
    """What a product's model for a purpose reads; empty where the product has none."""
    return {
        Purpose.COMPACT: product.compact_features,
        Purpose.REDUCED: product.reduced_features,
        Purpose.APPLICATION: product.application_features,
        Purpose.BATCH: product.batch_features,
    }[purpose]


def purposes_of(product: Product) -> tuple[Purpose, ...]:
    """The purposes for which a product has models."""
    return tuple(purpose for purpose in Purpose if features_for(product, purpose))


@dataclass(frozen=True)
class Lineage:
    """What a model was trained on.

    `sha256` is the training file's (or the simulated columns'), `split` says which rows trained,
    calibrated and tested. `simulated` models are for trying Meridian out, and their name says so.
    """

    table: str
    file: str
    sha256: str
    rows: Mapping[str, int]
    split: Mapping[str, str]
    simulated: bool = False


@dataclass(frozen=True)
class Manifest:
    """A model's description.

    `metrics` are by part (`train`, `test`) and name; `files` maps each file of the model to its
    SHA-256, so that the manifest's own hash covers them all. `base_rate` is the share of defaults
    among the training loans.
    """

    product: str
    purpose: Purpose
    trained_at: str
    features: tuple[str, ...]
    feature_fingerprint: str
    calibration: Calibration
    scale: PointsScale
    base_rate: float
    metrics: Mapping[str, Mapping[str, float]]
    lineage: Lineage
    seed: int
    versions: Mapping[str, str]
    limits: tuple[str, ...]
    files: Mapping[str, str]
    training: Mapping[str, Any] = field(default_factory=dict)
    """How it was grown; models of before this was written down have nothing here."""

    @property
    def name(self) -> str:
        """The model's name, e.g. `personal-loan-compact`; a simulated one's ends in `-demo`, in every decision."""
        return f"{self.product}-{self.purpose}" + ("-demo" if self.lineage.simulated else "")

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical document (RFC 8785): the identity of the model, in every decision it makes."""
        return sha256_of(self.document())

    def document(self) -> dict[str, Any]:
        """The manifest as JSON values."""
        fields = asdict(self)
        if not self.training:
            del fields["training"]
        return {
            **fields,
            "format": FORMAT,
            "name": self.name,
            "purpose": self.purpose.value,
            "calibration": self.calibration.document(),
            "features": list(self.features),
            "limits": list(self.limits),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Manifest:
        """Read a document back. Raises `UntrustedModel` for one that `document` cannot have written."""
        try:
            fields = dict(document)
            stated = fields.pop("name")
            if fields.pop("format") != FORMAT:
                raise ValueError("its format is another one")
            fields["purpose"] = Purpose(fields["purpose"])
            fields["features"] = tuple(fields["features"])
            fields["limits"] = tuple(fields["limits"])
            fields["calibration"] = Calibration.from_document(fields["calibration"])
            fields["scale"] = PointsScale(**fields["scale"])
            fields["lineage"] = Lineage(**fields["lineage"])
            fields["files"] = {str(name): str(sha256) for name, sha256 in fields["files"].items()}
            manifest = cls(**fields)
            if manifest.document() != dict(document) or manifest.name != stated:
                raise ValueError("it does not read back as it was written")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UntrustedModel(f"A model's manifest cannot be read: {error}. Train the model again.") from None
        return manifest
