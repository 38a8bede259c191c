"""The outside sources of a simulated lender, as real HTTP servers that fail on command, and who is asked for what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from meridian.db.engine import WORKER_ROLE
from meridian.service import Wanted
from meridian.simulator.stubs import Fault, FaultName, Faults, StubSource, serve
from meridian.wiring import Wiring
from tests.lender import SOURCES, Lender, lender_service, quiet
from tests.training_fixtures import TrainedModels

BY_NAME = {source.name: source for source in SOURCES}
OUTSIDE = ("bureau", "bank", "employment")
AT_ONCE = 1e-6
"""A scale at which answers take no time worth speaking of."""


@dataclass(frozen=True)
class Stub:
    """A source that answers at an address, and what it does wrong."""

    url: str
    faults: Faults

    def fails(self, fault: FaultName, **how: Any) -> None:
        self.faults.change(Fault(fault, **how))

    def works(self) -> None:
        self.faults.change(Fault())


@contextmanager
def stubs(
    folder: Path, *names: str, scale: float = AT_ONCE, dialect: str = "events", **how: Any
) -> Iterator[dict[str, Stub]]:
    """The sources of that lender, each by its name."""
    with ExitStack() as running:
        made = {}
        for name in names or OUTSIDE:
            faults = Faults(Fault(), seed=1)
            source = StubSource(name, folder, scale=scale, seed=1, dialect=dialect)
            url = running.enter_context(serve(source, faults, **how))
            made[name] = Stub(url, faults)
        yield made


def write_sources(file: Path, *providers: Mapping[str, Any]) -> Path:
    """A `sources.toml` with these providers."""
    lines = []
    for provider in providers:
        lines.append("[[provider]]")
        for name, value in provider.items():
            text = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
            lines.append(f"{name} = {text}")
    file.write_text("\n".join(lines) + "\n")
    return file


def patiently(source: str, stub: Stub, **how: Any) -> dict[str, Any]:
    """A provider that is given time, for tests on a busy machine."""
    return {"name": f"{source}-one", "source": source, "url": stub.url, "timeout_ms": 1500} | how


@dataclass(frozen=True)
class Asking:
    """A lender who asks three providers for what its store does not have fresh; it has the own history alone."""

    lender: Lender
    stubs: dict[str, Stub]

    def decide(self, number: int) -> dict[str, Any]:
        # Without a reference of its own, so that one applicant may apply again.
        request = {name: told for name, told in self.lender.requests[number].items() if name != "application_ref"}
        body = json.dumps(request).encode()
        reply = self.lender.service.wiring.decisions.decide(Wanted("tests", body))
        decided: dict[str, Any] = json.loads(reply.body)
        return decided

    def provided_by(self, *providers: dict[str, Any]) -> Asking:
        """The same with other providers, on objects that have asked nobody yet."""
        write_sources(self.lender.service.settings.sources_file, *providers)
        service = self.lender.service
        wiring, worker = Wiring(service.settings, "test"), Wiring(service.settings, "worker", WORKER_ROLE)
        renewed = replace(service, wiring=wiring, worker=worker)
        return Asking(replace(self.lender, service=renewed), self.stubs)


@pytest.fixture(scope="module")
def outside(lender_folder: Path) -> Iterator[dict[str, Stub]]:
    with stubs(lender_folder) as running:
        yield running


@pytest.fixture
def asking(
    lender_folder: Path, template: str, tmp_path: Path, loan_models: TrainedModels, outside: dict[str, Stub]
) -> Iterator[Asking]:
    home = tmp_path / "home"
    home.mkdir()
    write_sources(home / "sources.toml", *(patiently(name, outside[name]) for name in OUTSIDE))
    with lender_service(lender_folder, template, tmp_path, loan_models.models_dir) as made:
        made.service.worker.materialisation.run(BY_NAME["history"], quiet)
        yield Asking(made, outside)
    for stub in outside.values():
        stub.works()


def sources(decided: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in decided["evidence"]["sources"]}


def somebody(asking: Asking, has: Callable[[dict[str, dict[str, Any]]], bool]) -> int:
    """The number of the first applicant of whom that holds."""
    return next(number for number in range(60) if has(sources(asking.decide(number))))
