"""Settings -> objects. The one place that knows them all; nothing is connected or loaded before it is used."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine

from meridian.anchors import anchor_place
from meridian.bell import Bell
from meridian.code_version import code_version
from meridian.db.breakers import PostgresBreakers
from meridian.db.engine import APP_ROLE, open_pool
from meridian.db.entries import Entry, entry_recorder
from meridian.db.exposures import PostgresExposures
from meridian.db.policy_versions import PostgresPolicies
from meridian.db.registry import PostgresRegister
from meridian.errors import Unavailable
from meridian.features.events import EventHistory
from meridian.identity import new_id
from meridian.products import Product, products
from meridian.registry import OfferedProducts
from meridian.service import (
    Assessments,
    Audits,
    Backtests,
    Batches,
    Budget,
    Capturing,
    Decisions,
    Experiments,
    Exposures,
    Fetches,
    Keys,
    Materialisation,
    OnlineStore,
    Packs,
    PolicyBook,
    PolicyVersions,
    Prefetch,
    Queries,
    Recourses,
    Redecisions,
    Registrations,
    Replays,
    Replies,
    Reproduction,
    Seals,
    Shadows,
    SkewCheck,
)
from meridian.settings import Settings
from meridian.sources import Nobody, Observer, SharedBreakers
from meridian.wiring.clock import utc_now
from meridian.wiring.databases import open_database
from meridian.wiring.desk import Desk
from meridian.wiring.look_ups import LookUps
from meridian.wiring.models import Models
from meridian.wiring.seal_keys import SealKeys

NOBODY = Nobody()


@dataclass(frozen=True)
class Wiring:
    """The objects of one process. `observer` is told how look-ups go."""

    settings: Settings
    name: str
    role: str = APP_ROLE
    observer: Observer = NOBODY

    @cached_property
    def engine(self) -> Engine:
        """The decisions' database, in this process's role: for what takes several statements."""
        return open_database(self.settings, self.role, self.name)

    @cached_property
    def statements(self) -> Engine:
        """The same for what takes one statement, as all that a decision does."""
        return open_database(self.settings, self.role, self.name, each_by_itself=True)

    @cached_property
    def declared(self) -> dict[str, Product]:
        """What is offered, with the policies of its folders."""
        return products(self.settings.products_dir)

    @cached_property
    def products(self) -> OfferedProducts:
        """What is offered, with the policies that decide now."""
        return OfferedProducts(PostgresPolicies(self.statements), self.declared, utc_now)

    @cached_property
    def bell(self) -> Bell:
        """Rings for jobs."""
        return Bell(self.settings)

    @cached_property
    def models(self) -> Models:
        """What scores."""
        return Models(self.settings, self.products, PostgresRegister(self.statements))

    @cached_property
    def look_ups(self) -> LookUps:
        """Who is asked about an applicant, and behind what."""
        return LookUps(self.settings, self.declared, self.observer)

    @property
    def online(self) -> OnlineStore:
        """The ready vectors of applicants."""
        return self.look_ups.online

    @cached_property
    def prefetch(self) -> Prefetch:
        """What an application that was begun will need."""
        return Prefetch(self.engine, self.products, self.online, self.online.provided, self.budget, utc_now, new_id)

    @cached_property
    def replies(self) -> Replies:
        """What providers told; a worker's part."""
        return Replies(self.engine, self.look_ups.sources, self.events, new_id)

    @cached_property
    def fetches(self) -> Fetches:
        """Asking ahead of decisions; a worker's part."""
        return Fetches(self.engine, self.look_ups.asked_ahead, self.replies)

    @cached_property
    def capturing(self) -> Capturing:
        """How evidence is made."""
        fast, batch = self.models.fast, self.models.batch
        return Capturing(self.online, self.look_ups.live, fast, code_version(), batch, self.exposures)

    @cached_property
    def exposures(self) -> Exposures:
        """What is lent already."""
        return Exposures(PostgresExposures(self.statements).lent)

    @property
    def budget(self) -> Budget:
        """The time for a decision."""
        return Budget(self.settings.budget_ms / 1000, self.settings.online_timeout_ms / 1000)

    @cached_property
    def breakers(self) -> SharedBreakers:
        """The breakers of the look-ups, in step with those of the other processes."""
        return SharedBreakers([line.breaker for line in self.look_ups.lines], PostgresBreakers(self.statements))

    def warm(self) -> None:
        """Load models, connect, and keep the breakers in step. What fails, fails again when used."""
        with contextlib.suppress(Unavailable):
            self.models.warm()
        for engine in (self.statements, *self.online.engines):
            with contextlib.suppress(Unavailable):
                open_pool(engine)
        self.breakers.start()

    def close(self) -> None:
        """Let go of every connection that was made."""
        made = vars(self)
        for name in ("breakers", "models", "products", "exposures", "look_ups"):
            if name in made:
                made[name].stop()
        for engine in (made.get(name) for name in ("engine", "statements", "desk")):
            if engine is not None:
                getattr(engine, "engine", engine).dispose()

    @cached_property
    def decisions(self) -> Decisions:
        """The fast path."""
        return Decisions(
            self.engine, self.products, self.capturing, self.budget, utc_now, new_id, self.bell.ring, code_version(),
            self.add_entry, self.policies,
        )  # fmt: skip

    @cached_property
    def add_entry(self) -> Callable[[Entry], bool]:
        """Records a decision: many in one commit, or each in its own."""
        return entry_recorder(self.statements, together=self.settings.commit == "group")

    @cached_property
    def policies(self) -> PolicyBook:
        """Which policies are stored."""
        return PolicyBook(self.engine, utc_now, new_id)

    @property
    def seal_keys(self) -> SealKeys:
        """What signs the record's seals, and what is trusted to."""
        return SealKeys(self.settings)

    @cached_property
    def seals(self) -> Seals:
        """Sealing, and the partitions of the coming months."""
        place = self.settings.anchor_place
        return Seals(self.engine, utc_now, self.seal_keys.signing, place, anchor_place(place))

    @cached_property
    def redecisions(self) -> Redecisions:
        """Decisions of an outage made again; a worker's part."""
        return Redecisions(
            self.engine, self.products, self.capturing, self.policies, utc_now, new_id, code_version(),
            self.replies.keep,
        )  # fmt: skip

    @cached_property
    def recourses(self) -> Recourses:
        """What would have been approved."""
        return Recourses(self.statements, self.products, self.models.archive)

    @cached_property
    def reproduction(self) -> Reproduction:
        """Past decisions with another model."""
        return Reproduction(self.statements, self.products)

    @cached_property
    def policy_versions(self) -> PolicyVersions:
        """Which policies decide, and who signed for them; a registrar's part."""
        return PolicyVersions(self.engine, self.declared, utc_now, new_id, self.models.deciding)

    @cached_property
    def backtests(self) -> Backtests:
        """What another policy would have decided; a registrar's part."""
        return Backtests(self.engine, self.models.archive, new_id)

    @cached_property
    def registrations(self) -> Registrations:
        """Which models decide, and who signed for them; a registrar's part."""
        return Registrations(self.engine, self.products, new_id)

    @cached_property
    def experiments(self) -> Experiments:
        """What challengers and shadows have shown."""
        return Experiments(self.engine, self.reproduction, self.models.archive, self.models.champion)

    @cached_property
    def replays(self) -> Replays:
        """Past decisions made again."""
        return Replays(self.engine, self.models.archive, code_version())

    @cached_property
    def events(self) -> EventHistory:
        """What the sources told, as dated events."""
        return EventHistory(self.settings.events_dir)

    @cached_property
    def materialisation(self) -> Materialisation:
        """Bringing ready vectors up to date; a worker's part."""
        return Materialisation(self.engine, self.events, utc_now)

    @cached_property
    def skew(self) -> SkewCheck:
        """Past decisions' features against the events."""
        return SkewCheck(self.engine, self.products, self.events)

    @cached_property
    def packs(self) -> Packs:
        """Evidence packs."""
        return Packs(self.engine, self.models.archive.files, self.seal_keys.signing)

    @cached_property
    def audits(self) -> Audits:
        """Verifying the record."""
        place = self.settings.anchor_place
        return Audits(self.engine, self.seal_keys.trusted, anchor_place(place), place)

    @cached_property
    def assessments(self) -> Assessments:
        """The workers' part."""
        shadows = Shadows(self.engine, self.models.in_use.shadows)
        return Assessments(
            self.engine, self.products, self.models.batch, shadows, utc_now, new_id, self.bell.ring, code_version(),
            self.settings.sweep_after_s, self.settings.lease_s, self.policies,
        )  # fmt: skip

    @cached_property
    def batches(self) -> Batches:
        """Files of applications."""
        return Batches(
            self.engine, self.products, self.capturing, self.models.batch, utc_now, new_id, self.bell.ring_batch,
            code_version(), self.policies, self.settings.sweep_after_s, self.settings.lease_s,
        )  # fmt: skip

    @cached_property
    def queries(self) -> Queries:
        """Look-ups."""
        return Queries(self.statements)

    @cached_property
    def desk(self) -> Desk:
        """All of the analysts' part."""
        return Desk(self.settings, self.products, self.declared, self.models)

    @cached_property
    def keys(self) -> Keys:
        """Who may come in."""
        return Keys(self.statements, utc_now)
