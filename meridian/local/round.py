"""One round through everything: simulated applications over HTTP, and a wait for their assessments."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from meridian import __version__
from meridian.db.decisions import list_versions
from meridian.db.engine import transaction
from meridian.db.online import load_fields
from meridian.local.up import Running
from meridian.outcome import Stage
from meridian.products.personal_loan.features import HISTORY
from meridian.simulator import histories, requests

ASSESSED_WITHIN_S = 60.0


def play_round(up: Running, count: int, progress: Callable[[str, float], None]) -> dict[str, Any]:
    """Decide `count` applications one after the other, wait for the assessments, and say what came of it.

    `p50_ms` and `p99_ms` are the caller's, connection kept open. Every round has applicants of its own.
    """
    seed = int(time.time())
    now = datetime.now(UTC)
    with transaction(up.worker.engine) as connection:
        load_fields(connection, HISTORY, histories(count, seed), as_of=now)
    ids: set[str] = set()
    outcomes: Counter[str] = Counter()
    errors: list[str] = []
    times: list[float] = []
    server = http.client.HTTPConnection(urlsplit(up.url).netloc, timeout=30)
    for done, request in enumerate(requests(count, seed, now.date()), start=1):
        started = time.perf_counter()
        status, body = _post(server, up.access.api_key, request)
        times.append((time.perf_counter() - started) * 1000)
        if status == 201:
            ids.add(body["application_ref"])
            outcomes[body["outcome"]] += 1
        else:
            errors.append(f"{status} {body.get('detail', '')}")
        progress("decisions", done / count)
    server.close()
    assessed = _wait_for_assessments(up, ids, progress)
    return {
        "decisions": len(ids),
        "assessments": assessed,
        "errors": len(errors),
        **({"first_error": errors[0]} if errors else {}),
        "outcomes": dict(sorted(outcomes.items())),
        "p50_ms": round(float(np.percentile(times, 50)), 2),
        "p99_ms": round(float(np.percentile(times, 99)), 2),
        "seed": seed,
        "versions": {"meridian": __version__, "database": _server_version(up), **up.models},
    }


def _post(server: http.client.HTTPConnection, key: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Idempotency-Key": request["application_ref"],
    }
    server.request("POST", "/v1/decisions", json.dumps(request), headers)
    response = server.getresponse()
    return response.status, json.loads(response.read())


def _wait_for_assessments(up: Running, refs: set[str], progress: Callable[[str, float], None]) -> int:
    deadline = time.monotonic() + ASSESSED_WITHIN_S
    assessed = 0
    while time.monotonic() < deadline:
        up.children.check()
        with transaction(up.wiring.engine) as connection:
            # Twice as many as asked for: each application has its fast version and its assessment.
            newest = list_versions(connection, 2 * len(refs) + 1, None)
        batch = (v.version for v in newest if v.version.stage is Stage.BATCH)
        assessed = sum(version.document["application_ref"] in refs for version in batch)
        progress("assessments", assessed / max(len(refs), 1))
        if assessed >= len(refs):
            break
        time.sleep(0.1)
    return assessed


def _server_version(up: Running) -> str:
    with transaction(up.wiring.engine) as connection:
        info = connection.connection.dbapi_connection.info  # type: ignore[union-attr]
        number = int(info.server_version)
    return f"PostgreSQL {number // 10000}.{number % 10000}"
