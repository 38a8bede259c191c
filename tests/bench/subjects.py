"""The services to be measured, as processes of their own, and how each is asked."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path

from meridian.local.processes import Supervisor, wait_until
from meridian.registry import Purpose, bundle_folder
from meridian.simulator import requests
from tests.bench.applications import HEALTH, decision_requests
from tests.bench.figures import Figures, figures
from tests.bench.load import Load, Tally, drive
from tests.bench.row import PlainRow
from tests.services import Service, free_port, fresh_database, service

HOST = "127.0.0.1"
# How many requests are made ready for each second of a closed loop: more than any service here answers. One that
# answers more ends its measurement early, and is none the worse for it.
READY_PER_S, READY_PER_S_AND_CLIENT = 5000, 1500
READY_WITHIN_S = 60.0
PRODUCT = "personal-loan"
COMPARED, SEED, SAME_PD_WITHIN = 20, 535_353, 1e-5


@dataclass(frozen=True)
class Asked:
    """A service at an address. With a key it is asked for decisions, without one for its health."""

    name: str
    port: int
    client: ProcessPoolExecutor
    key: str | None = None

    def measure(self, load: Load, seconds: int, seed: int) -> Figures:
        """So many seconds of this load, from a process of its own."""
        tally = self.client.submit(_drive, self.port, self.key, load, seconds, seed).result()
        return figures(tally.latencies_s, tally.seconds, dict(tally.failed), tally.degraded, tally.client_cpu)


def _drive(port: int, key: str | None, load: Load, seconds: int, seed: int) -> Tally:
    """In the client's process: have the requests ready, then send."""
    if key is None:
        return drive((HOST, port), repeat(HEALTH), load, seconds, b"200", seed)
    most = 2 * load.rate if load.rate else min(READY_PER_S, READY_PER_S_AND_CLIENT * load.clients)
    ready = decision_requests(int(most * (seconds + 1)), seed, key)
    return drive((HOST, port), ready, load, seconds, b"201", seed)


@contextmanager
def meridian(home: Path, server_url: str, models: Path, commit: str) -> Iterator[Service]:
    """Meridian's API on a database of its own, with its settings as they come but for the kind of commit.

    No worker runs: on a machine of two cores its assessments would be measured too. Bells are rung all the same.
    """
    with fresh_database(server_url) as url, service(home, url, models, MERIDIAN_COMMIT=commit) as running:
        running.start_api()
        yield running


@contextmanager
def peer(home: Path, url: str, models: Path, row: PlainRow, workers: int) -> Iterator[int]:
    """The peer on a database that has the plain table, with uvicorn's settings as they come; gives its port."""
    home.mkdir()
    template = home / "row.json"
    template.write_text(json.dumps({"decision": json.loads(row.decision), "evidence": row.evidence}))
    port = free_port()
    env = {
        **os.environ,
        "PEER_ROW": str(template),
        "PEER_DATABASE_URL": url,
        "PEER_MODEL": str(bundle_folder(models, PRODUCT, Purpose.COMPACT)),
    }
    command = [sys.executable, "-m", "uvicorn", "tests.bench.peer.app:app", f"--workers={workers}"]
    with Supervisor(home / "logs") as children:
        children.start("peer", [*command, f"--host={HOST}", f"--port={port}"], env=env)

        def answers() -> bool:
            children.check()
            with suppress(OSError):
                return _call(port, "GET", "/openapi.json")[0] == 200
            return False

        if not wait_until(answers, seconds=READY_WITHIN_S):
            raise AssertionError(f"the peer did not answer within {READY_WITHIN_S:.0f} s")
        yield port


def check_same_probabilities(running: Service, peer_port: int) -> None:
    """Both say the same of the same applicants, or comparing them would mean nothing."""
    compared = 0
    for application in requests(COMPARED, SEED, datetime.now(UTC).date()):
        ours = running.decide(application).json()["score"]
        status, theirs = _call(peer_port, "POST", "/v1/decisions", json.dumps(application))
        if status != 201:
            raise AssertionError(f"the peer answers {status}: {theirs!r}")
        # Meridian scores nobody whose credit report is missing; the peer does.
        if ours is not None:
            apart = abs(ours["pd"] - json.loads(theirs)["score"]["pd"])
            if apart > SAME_PD_WITHIN:
                raise AssertionError(f"{application['application_ref']}: the probabilities are {apart} apart")
            compared += 1
    if compared < COMPARED // 2:
        raise AssertionError(f"of {COMPARED} applications only {compared} were scored")


def _call(port: int, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=READY_WITHIN_S)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
