"""Settings and application of a gunicorn whose decisions take until a file, the gate, is there."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from meridian.shedding import ARRIVED

BUDGET_S = 0.3
THREADS = 2

bind = f"127.0.0.1:{os.environ.get('SLOW_PORT', '0')}"
workers, threads = 1, THREADS
worker_class = "meridian.shedding.worker.SheddingWorker"
keepalive = 75
graceful_timeout = 5
running: list[Any] = []
"""The worker that this process is."""


def post_worker_init(worker: Any) -> None:
    from meridian.web import refusal

    worker.shed(refusal(BUDGET_S))
    running.append(worker)


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    started = time.monotonic()
    environ["wsgi.input"].read()
    if environ["REQUEST_METHOD"] == "POST":
        gate = Path(os.environ["SLOW_GATE"])
        while not gate.exists() and time.monotonic() < started + 20:
            time.sleep(0.005)
    if environ["PATH_INFO"] == "/connections":
        body: Any = [sum(1 for _ in Path("/dev/fd").iterdir()), running[0].nr_conns]
    else:
        body = {"arrived": environ.get(ARRIVED), "started": started}
    status = "201 Created" if environ["REQUEST_METHOD"] == "POST" else "200 OK"
    answer = json.dumps(body).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
