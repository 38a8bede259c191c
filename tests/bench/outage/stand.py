"""The service, its lender, and the outside sources, ready to be asked and to fail."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

from meridian.simulator.lender import LenderSettings, requests, simulate
from tests.bench.applications import message
from tests.bench.outage.outside import SCALES
from tests.bench.outage.plan import OUTSIDE, Phase
from tests.faults import Wire
from tests.outside import BY_NAME, write_sources
from tests.papers import Authority
from tests.services import Service, fresh_database, service
from tests.training_fixtures import train_loan_models

APPLICANTS = 600
HOST = "127.0.0.1"
ADAPTERS = {"bureau-two": "second_bureau"}


@dataclass
class Stand:
    """Everything that runs, and what it takes to make it fail."""

    service: Service
    wire: Wire
    outside: Mapping[str, subprocess.Popen[str]]
    home: Path
    applications: Iterator[bytes]

    def begin(self, phase: Phase) -> None:
        for name, fault in phase.faults.items():
            self.tell(name, fault)
        if phase.store:
            (self.wire.cut if phase.store == "cut" else self.wire.held)()

    def end(self, phase: Phase) -> None:
        for name in phase.faults:
            self.tell(name, "none")
        if phase.store:
            self.wire.whole()

    def tell(self, name: str, fault: str, share: float = 1.0) -> None:
        process = self.outside[name]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{fault} {share}\n")
        process.stdin.flush()
        process.stdout.readline()

    def stop(self, name: str, *, stopped: bool) -> None:
        self.outside[name].send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)

    def struck(self, name: str, since: float) -> list[float]:
        """The moments at which a provider was asked since one of the monotonic clock."""
        moments = map(float, (self.home / f"strikes-{name}").read_text().split())
        return [moment for moment in moments if moment >= since]

    def counted(self) -> Counted:
        """What the service has counted so far."""
        return Counted(self.service.get("/metrics").body.decode().splitlines())


@dataclass(frozen=True)
class Counted:
    """The service's metrics at a moment."""

    lines: list[str]

    def reads(self, *words: str) -> float:
        """How many questions to outside sources were asked; `words` choose among them."""
        return self._sum("meridian_read_seconds_count", *words)

    def seconds(self, *words: str) -> float:
        """How long they took, all together."""
        return self._sum("meridian_read_seconds_sum", *words)

    def hedges(self) -> float:
        """How many second reads there were."""
        return sum(float(line.rpartition(" ")[2]) for line in self.lines if line.startswith("meridian_hedges_total"))

    def _sum(self, name: str, *words: str) -> float:
        asked = [line for line in self.lines if line.startswith(name) and 'source="online"' not in line]
        asked = [line for line in asked if 'what="busy"' not in line and 'what="open"' not in line]
        return sum(float(line.rpartition(" ")[2]) for line in asked if all(word in line for word in words))


@contextmanager
def stand(home: Path, server_url: str, *, second_bureau: bool = True) -> Iterator[Stand]:
    """All of it, started; half of the applicants' vectors are stale, the others have none."""
    folder, today = home / "lender", datetime.now(UTC).date()
    if not folder.exists():
        simulate(LenderSettings(applicants=APPLICANTS, seed=11, first_day=today, last_day=today), folder)
        train_loan_models(home)
    papers = _papers(home / "papers")
    with ExitStack() as stack:
        outside = {name: stack.enter_context(_started(name, folder, papers, home)) for name in SCALES}
        ports = {name: int(process.stdout.readline()) for name, process in outside.items() if process.stdout}
        url = stack.enter_context(fresh_database(server_url))
        wire = Wire(url)
        wire.whole()
        stack.callback(wire.cut)
        own = home / f"home-{time.monotonic_ns()}"
        settings = {
            "MERIDIAN_BUDGET_MS": "200",
            # Who waits for providers needs a thread to wait in.
            "MERIDIAN_API_THREADS": "8",
            "MERIDIAN_EVENTS": str(folder / "events"),
            "ONLINE_DATABASE_URL": wire.url,
            "BROKER_URL": "memory://",
        }
        own.mkdir()
        write_sources(own / "sources.toml", *_providers(ports, papers, second_bureau=second_bureau))
        running = stack.enter_context(service(own, url, home / "loan-models", **settings))
        _fill(running)
        running.start_api()
        yield Stand(running, wire, outside, home, _applications(folder, running.api_key))


@contextmanager
def _started(name: str, folder: Path, papers: Path, home: Path) -> Iterator[subprocess.Popen[str]]:
    arguments = [str(folder), str(papers), str(home / f"strikes-{name}"), name]
    command = [sys.executable, "-m", "tests.bench.outage.outside", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()


def _providers(ports: dict[str, int], papers: Path, *, second_bureau: bool) -> list[dict[str, Any]]:
    return [
        {"name": name, "source": name.partition("-")[0], "url": f"https://127.0.0.1:{port}",
         "ca_file": str(papers / "ours.pem"), "adapter": ADAPTERS.get(name, "events")}
        for name, port in ports.items()
        if second_bureau or name not in ADAPTERS
    ]  # fmt: skip


def _papers(folder: Path) -> Path:
    if not folder.exists():
        ours = Authority(folder, "ours")
        ours.paper("stub")
        paper = Authority(folder.with_name("strangers"), "strangers").paper("stranger")
        for file in (paper.cert, paper.key):
            file.rename(folder / file.name)
    return folder


def _fill(running: Service) -> None:
    """Everybody's vectors; then half of them as old as makes them stale, and the others gone."""
    for source in BY_NAME.values():
        running.worker.materialisation.run(source, lambda _what, _share: None)
    for name in OUTSIDE:
        source = BY_NAME[name]
        of_source = f"fingerprint = '\\x{source.fingerprint}'"
        odd = "right(applicant_id, 1)::int % 2 = 1"
        days = source.fresh_for.days + 2
        running.execute(f"DELETE FROM online.vector WHERE {of_source} AND ({odd} OR cardinality(fields) = 0)")
        running.execute(
            f"UPDATE online.vector SET newest_at = now() - interval '{days} days', "
            f"cut_off = now() - interval '{days - 1} days' WHERE {of_source}"
        )


def _applications(folder: Path, key: str) -> Iterator[bytes]:
    """The lender's applicants, again and again, each time with an application of its own."""
    bodies = [
        json.dumps({name: told for name, told in request.items() if name != "application_ref"}).encode()
        for request in requests(folder)
    ]
    for number, body in enumerate(cycle(bodies)):
        yield message(body, f"outage-{number}", key)
