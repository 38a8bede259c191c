"""What Prometheus reads. In a fleet of processes PROMETHEUS_MULTIPROC_DIR adds them up."""

from __future__ import annotations

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from meridian.service import Reply

# The budget is 200 ms at p99, so that is where the buckets are close.
METHODS = {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5)

DECISIONS = Counter("meridian_decisions_total", "Decisions answered", ["product", "outcome", "rung"])
REPLAYS = Counter("meridian_replays_total", "Answers given again under their idempotency key")
STAGES = Histogram("meridian_stage_seconds", "Time of a decision's stages", ["stage"], buckets=BUCKETS)
REQUESTS = Histogram("meridian_request_seconds", "Time of requests", ["method", "route", "status"], buckets=BUCKETS)
SHED = Counter("meridian_shed_total", "Requests refused because their time was lost", ["where"])
"""`door`: on arrival, by the server's loop, and in no other metric; `turn`: when a thread had come to them."""

READS = Histogram("meridian_read_seconds", "Time of look-ups at sources", ["source", "line", "what"], buckets=BUCKETS)
"""`what`: answered, failed, too slow; or not asked, because it is busy or its breaker open."""
HEDGES = Counter("meridian_hedges_total", "Second reads, because the first took long", ["source"])
TURNS = Counter("meridian_breaker_turns_total", "Breakers that went to another state", ["line", "state"])


class LookUps:
    """Counts what becomes of look-ups."""

    def on_read(self, source: str, line: str, what: str, took_s: float) -> None:
        """A line was asked, or was not."""
        READS.labels(source, line, what).observe(took_s)

    def on_transition(self, line: str, old: str, new: str) -> None:  # noqa: ARG002 - where it came from is no matter
        """A line's breaker has another state."""
        TURNS.labels(line, new).inc()

    def on_hedge(self, source: str) -> None:
        """A second read was begun."""
        HEDGES.labels(source).inc()


def note_decision(reply: Reply) -> None:
    """Count a decision and its stages."""
    DECISIONS.labels(**reply.labels).inc()
    for stage, milliseconds in reply.timings_ms.items():
        STAGES.labels(stage).observe(milliseconds / 1000)


def register_metrics(app: Flask) -> None:
    """Time every request by its route, never by its path."""
    app.before_request(_start)
    app.after_request(_observe)


def exposition() -> Response:
    """All metrics as text."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _start() -> None:
    g.started = time.perf_counter()


def _observe(response: Response) -> Response:
    if hasattr(g, "started"):
        route = request.url_rule.rule if request.url_rule else "none"
        seconds = time.perf_counter() - g.started
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, str(response.status_code)).observe(seconds)
    if response.headers.get("Idempotent-Replayed"):
        REPLAYS.inc()
    return response
