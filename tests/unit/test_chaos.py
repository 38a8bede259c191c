"""`meridian up --chaos`: what fails when, what is counted, and that a caller's time begins when it meant to send."""

from __future__ import annotations

import http.server
import json
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from meridian.evidence import Rung
from meridian.local.chaos.breakers import State
from meridian.local.chaos.callers import Callers
from meridian.local.chaos.outside import FALLBACKS, PROVIDERS, SOURCES, choose_ports, write_sources
from meridian.local.chaos.play import ELSEWHERE
from meridian.local.chaos.schedule import RECOVERY_S, Trouble, ends, schedule
from meridian.local.chaos.tally import Counts, Sample, Tally
from meridian.local.chaos.view import Snapshot, render
from meridian.settings import Settings
from meridian.simulator.stubs import FaultName
from meridian.sources.providers import read_providers

PHASES = schedule(SOURCES, FALLBACKS, 8.0)


def test_every_source_has_every_trouble_by_itself_and_no_two_of_its_own_in_a_row() -> None:
    alone = [phase.troubles for phase in PHASES if len(phase.troubles) == 1]
    assert {(name, trouble) for one in alone for name, trouble in one.items()} == {
        (source, trouble) for source in SOURCES for trouble in Trouble if trouble is not Trouble.NONE
    }
    names = [next(iter(one)) for one in alone]
    assert all(one != other for one, other in pairwise(names))


def test_it_begins_well_then_all_fail_at_once_and_at_the_end_there_is_time_to_recover() -> None:
    assert (PHASES[0].troubles, PHASES[-1].troubles) == ({}, {})
    assert PHASES[-1].seconds >= RECOVERY_S
    together = [phase for phase in PHASES if len(phase.troubles) > 1]
    assert PHASES[-1 - len(together) : -1] == tuple(together)
    assert all(set(phase.troubles) == {one.name for one in PROVIDERS} for phase in together)
    assert ends(PHASES)[-1] == sum(phase.seconds for phase in PHASES)


def test_a_trouble_is_a_fault_of_the_stub_or_of_its_process() -> None:
    assert {trouble.value for trouble in Trouble} - {"stopped", "down"} <= {fault.value for fault in FaultName}


def test_the_providers_are_a_file_that_the_service_reads(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    write_sources(file, choose_ports())
    assert len(tomllib.loads(file.read_text())["provider"]) == len(PROVIDERS)
    assert [(one.name, one.source) for one in read_providers(file)] == [(one.name, one.source) for one in PROVIDERS]


def test_nothing_that_leads_to_a_record_of_somebodys_own_is_kept() -> None:
    """A URL, a secret or a place among the settings is either dropped, or stands here with its why."""
    fields = {str(field.validation_alias): field for field in Settings.model_fields.values()}
    leads = {name for name, field in fields.items() if name.endswith(("_URL", "_KEY", "_KEYS")) or _is_place(field)}
    # The home is where its own home is made.
    assert leads - {"MERIDIAN_HOME"} <= set(ELSEWHERE) <= set(fields)


def _is_place(field: object) -> bool:
    kind = getattr(field, "annotation", None)
    return kind is SecretStr or kind is Path or kind == Path | None


def sample(due_s: float, took_s: float = 0.01, rung: Rung = Rung.FULL, outcome: str = "approve") -> Sample:
    return Sample(due_s, took_s, rung, outcome)


def test_counts_are_by_rung_and_outcome_and_an_error_is_neither() -> None:
    counts = Counts.of([
        sample(0), sample(1, rung=Rung.STALE, outcome="refer"), sample(2, rung=Rung.POLICY_ONLY, outcome="refer"),
        Sample(3, 9.0, error="503 overload"),
    ])  # fmt: skip
    assert (counts.decisions, counts.degraded, counts.errors) == (3, 2, ("503 overload",))
    assert counts.rungs == {Rung.FULL: 1, Rung.STALE: 1, Rung.POLICY_ONLY: 1}
    assert counts.outcomes == {"approve": 1, "refer": 2}
    assert counts.p99_ms == 10.0


def test_percentiles_are_values_that_were_seen() -> None:
    counts = Counts.of([sample(0, took_s=ms / 1000) for ms in range(1, 101)])
    assert (counts.p50_ms, counts.p99_ms) == (50.0, 99.0)
    assert (Counts.of([]).p50_ms, Counts.of([]).decisions) == (0.0, 0)


def test_a_sample_counts_to_the_phase_in_which_it_was_due() -> None:
    tally = Tally()
    for due_s in (0.0, 7.9, 8.0, 15.9, 99.0):
        tally.add(sample(due_s))
    assert [part.decisions for part in tally.by_phase((8.0, 16.0, 24.0))] == [2, 2, 1]
    assert (tally.since(8.0).decisions, tally.all().decisions) == (3, 5)


@contextmanager
def service(status: int, body: bytes, after_s: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives one answer to everything, one at a time; and the bodies it was sent."""
    asked: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(after_s)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


DECIDED = json.dumps({"outcome": "approve", "evidence": {"rung": 2}}).encode()


def sent(url: str, rate: float, seconds: float, applications: list[bytes]) -> tuple[Counts, Callers]:
    tally = Tally()
    callers = Callers(url, "key", applications, rate, tally)
    callers.start()
    time.sleep(seconds)
    callers.stop()
    return tally.all(), callers


def test_callers_send_all_in_turn_at_the_rate_whatever_the_service_does() -> None:
    with service(201, DECIDED) as (url, asked):
        begun = time.monotonic()
        counts, callers = sent(url, 100, 0.5, [b"1", b"2", b"3"])
        took_s = time.monotonic() - begun
    assert 20 < counts.decisions <= 100 * took_s + 1
    assert counts.rungs == {Rung.PRE_COMPUTED: counts.decisions}
    assert callers.laps == (counts.decisions - 1) // 3
    assert abs(asked.count(b"1") - asked.count(b"3")) <= 1


def test_an_answer_that_waited_is_timed_from_when_it_was_due() -> None:
    """Twelve callers of whom each waits 0.3 s send forty a second; what is due a hundred a second comes late."""
    with service(201, DECIDED, after_s=0.3) as (url, _):
        counts, _ = sent(url, 100, 1.0, [b"1"])
    assert counts.p99_ms > 600


def test_whatever_is_no_decision_is_an_error() -> None:
    with service(503, b'{"title": "Overloaded"}') as (url, _):
        refused, _ = sent(url, 50, 0.2, [b"1"])
    assert refused.decisions == 0
    assert refused.errors[0] == '503 {"title": "Overloaded"}'
    unheard, _ = sent(url, 50, 0.2, [b"1"])
    assert "no answer: ConnectionRefusedError" in unheard.errors[0]


def test_the_view_fits_a_terminal_and_shows_faults_breakers_rungs_and_errors() -> None:
    total = Counts.of([sample(0, rung=Rung.STALE), Sample(1, 0.1, error="500 Oh")])
    troubles = {one.name: Trouble.NONE for one in PROVIDERS} | {"bank": Trouble.HUNG}
    console = Console(width=80, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(render(Snapshot("bank: hung", 0.3, 4.0, troubles, {"bank": State.HALF_OPEN}, total, total)))
    shown = console.export_text()
    assert len(shown.splitlines()) <= 24
    for text in ("bank: hung", "hung", "half-open", "rung 1 stale", "errors: 1", "500 Oh", "second-bureau"):
        assert text in shown
