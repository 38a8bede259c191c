"""A request's time counts from its arrival: what waited too long for its turn is refused before any work on it."""

from __future__ import annotations

import time

from flask import Flask, Response, current_app, g, request

from meridian.api import metrics
from meridian.errors import Overloaded
from meridian.shedding import ARRIVED

REFUSABLE = ("POST", "/v1/decisions")
"""The one call that somebody waits for while a budget runs."""
RESERVE = 0.1
"""Share of the budget under which there is no use in starting."""


def register_overload(app: Flask) -> None:
    """Have `g.arrived` (seconds of `time.monotonic()`) on every request, and late ones refused.

    A server that does not say when a request arrived is taken to have passed it on at once.
    """
    app.before_request(_arrive)
    app.after_request(_show)


def _arrive() -> None:
    now = time.monotonic()
    g.arrived = request.environ.get(ARRIVED, now)
    if (request.method, request.path) != REFUSABLE:
        return
    g.queued_s = now - g.arrived
    metrics.STAGES.labels("queue").observe(g.queued_s)
    budget_s = current_app.extensions["meridian"].settings.budget_ms / 1000
    if g.queued_s > (1 - RESERVE) * budget_s:
        metrics.SHED.labels("turn").inc()
        raise Overloaded


def _show(response: Response) -> Response:
    """The wait, before the stages that the decision itself took."""
    if stages := response.headers.get("Server-Timing"):
        response.headers["Server-Timing"] = f"queue;dur={1000 * g.queued_s:.3f}, {stages}"
    return response
