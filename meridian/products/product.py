"""What a product declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from meridian.application import Application, DecisionRequest
from meridian.assessment import Contract
from meridian.decision import Decision, Terms, decide
from meridian.evidence import Evidence, SourceReading
from meridian.features import FeatureSet, Source
from meridian.features.reads import fields_read
from meridian.policy import Bands, Policy
from meridian.products.levers import Lever
from meridian.products.training_table import TrainingTable
from meridian.reasons import Reasons
from meridian.rulebook import Vocabulary, vocabulary_of
from meridian.scoring import Score, Scorer


@dataclass(frozen=True)
class KeptFields:
    """Features of a source that read the form too, and all the fields that they read."""

    features: tuple[str, ...]
    fields: frozenset[str]


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
    levers: tuple[Lever, ...] = ()
    """What an applicant can change of an application: for recourse."""

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
        asked = tuple(names)
        if asked not in self._sources_of:
            self._sources_of[asked] = frozenset(self.features[name].source for name in asked)
        return self._sources_of[asked]

    @cached_property
    def _sources_of(self) -> dict[tuple[str, ...], frozenset[str]]:
        """Models ask for theirs with every applicant, and there are few models."""
        return {}

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What its policy's tables may speak of."""
        application = self.request.model_fields["application"].annotation
        return vocabulary_of(self.features, cast(type[Application], application), self.reasons.codes)

    @cached_property
    def kept_fields(self) -> Mapping[str, KeptFields]:
        """By source that is looked up: what has to be frozen so that its features can be computed with another form."""
        moved = {name for lever in self.levers for name in lever.form_fields}
        found = {
            source.name: {
                feature.name: read for feature in self.features.of_source(source.name)
                if (read := fields_read(feature)) & moved
            }
            for source in self.sources
        }  # fmt: skip
        return {
            source: KeptFields(tuple(reads), frozenset().union(*reads.values()))
            for source, reads in found.items()
            if reads
        }

    def decide(self, evidence: Evidence, scorer: Scorer | None, scored: Score | None = None) -> Decision:
        """Decide about this product's evidence with one of its models; see `meridian.decision.decide`."""
        return decide(evidence, self.terms, scorer, scored)
