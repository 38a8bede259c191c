"""What a product declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from meridian.application import DecisionRequest
from meridian.assessment import Contract
from meridian.decision import Decision, Terms, decide
from meridian.evidence import Evidence, SourceReading
from meridian.features import FeatureSet, Source
from meridian.policy import Bands, Policy
from meridian.products.training_table import TrainingTable
from meridian.reasons import Reasons
from meridian.scoring import Scorer


@dataclass(frozen=True)
class Product:
    """A credit product: schema, features, terms, models' inputs."""

    name: str
    title: str
    request: type[DecisionRequest[Any]]
    features: FeatureSet
    terms: Terms
    contract: Contract
    read_application: Callable[[DecisionRequest[Any], datetime], tuple[SourceReading, ...]]
    """(request, received at) -> the readings of the sources that come with the application itself."""
    compact_features: tuple[str, ...]
    batch_features: tuple[str, ...]
    sample: Callable[[], dict[str, Any]]
    """A request that this product accepts, as JSON values."""
    reduced_features: tuple[str, ...] = ()
    """What the model reads that decides where sources of the compact one cannot be had, though others can."""
    application_features: tuple[str, ...] = ()
    """What the model reads that decides where nothing is known but the form. Empty, as above: there is none."""
    training: tuple[TrainingTable, ...] = field(default=())

    @property
    def sources(self) -> tuple[Source, ...]:
        """What is looked up by the applicant, in the order of the evidence."""
        return self.features.sources

    @property
    def policy(self) -> Policy:
        """Rules, bands and prices of its terms."""
        return self.terms.policy

    @property
    def bands(self) -> Bands:
        """The policy's bands."""
        return self.policy.bands

    @property
    def reasons(self) -> Reasons:
        """The reason codes of its terms."""
        return self.terms.reasons

    @property
    def model_sources(self) -> frozenset[str]:
        """The sources without which the compact model cannot score."""
        return self.sources_of(self.compact_features)

    def sources_of(self, names: Iterable[str]) -> frozenset[str]:
        """The sources of these features."""
        return frozenset(self.features[name].source for name in names)

    def decide(self, evidence: Evidence, scorer: Scorer | None) -> Decision:
        """Decide about this product's evidence with one of its models; see `meridian.decision.decide`."""
        return decide(evidence, self.terms, scorer)
