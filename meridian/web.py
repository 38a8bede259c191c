"""The WSGI application: API and desk on one server. `gunicorn 'meridian.web:create_app()'`."""

from __future__ import annotations

import time
from typing import Any

import structlog
from flask import Response, g, request
from flask_openapi.openapi import OpenAPI

from meridian.api import metrics, register_api
from meridian.api.auth import SECURITY_SCHEME
from meridian.api.openapi import INFO
from meridian.api.overload import REFUSABLE
from meridian.api.problems import present, refuse_invalid
from meridian.api.schemas import Problem
from meridian.desk import register_desk
from meridian.errors import NotReady, Overloaded
from meridian.logs import configure_logs
from meridian.service.budget import LEAST_S, RECORD_S
from meridian.settings import Settings, load_settings
from meridian.shedding.door import Refusal
from meridian.wiring import Wiring

log = structlog.get_logger()

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def create_app(settings: Settings | None = None) -> OpenAPI:
    """The app for one process. Nothing is connected or loaded before the first request, so a fork is harmless.

    Raises NotReady without MERIDIAN_SECRET_KEY: a made-up one would differ from process to process.
    """
    settings = settings or load_settings()
    configure_logs(settings.log_level)
    secret_key = settings.secret_key.get_secret_value()
    if len(secret_key) < 32:
        raise NotReady("MERIDIAN_SECRET_KEY needs 32 characters or more; `openssl rand -hex 32` makes one.")
    app = OpenAPI(
        "meridian",
        info=INFO,
        security_schemes=SECURITY_SCHEME,
        doc_ui=False,
        validation_error_callback=refuse_invalid,
        validation_error_model=Problem,
        static_folder=None,
    )
    app.config.update(
        SECRET_KEY=secret_key,
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_body_bytes,
        SESSION_COOKIE_NAME="__Host-meridian" if settings.https else "meridian",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        # Lax: a link to a case, followed from elsewhere, must not land on sign-in. Forms carry tokens.
        SESSION_COOKIE_SAMESITE="Lax",
    )
    wiring = Wiring(settings, "api", observer=metrics.LookUps())
    app.extensions["meridian"] = wiring
    register_api(app)
    register_desk(app, wiring)
    app.after_request(_harden)
    app.after_request(_log)
    return app


def refusal(budget_s: float) -> Refusal:
    """How decisions are refused by the server itself: the answer that the app gives to one whose turn came too late."""
    method, path = REFUSABLE
    return Refusal(
        target=f"{method} {path}".encode(),
        budget_s=budget_s,
        enough_s=LEAST_S + RECORD_S,
        keeping=_refused("keep-alive"),
        closing=_refused("close"),
        note=metrics.SHED.labels("door").inc,
    )


def _refused(connection: str) -> bytes:
    response = _harden(present(Overloaded()))
    response.headers["Connection"] = connection
    return f"HTTP/1.1 503 SERVICE UNAVAILABLE\r\n{response.headers}".encode() + response.get_data()


def _harden(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _log(response: Response) -> Response:
    """One line a request: the route and never the path or the body, which may name a person."""
    line: dict[str, Any] = {
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
    }
    if hasattr(g, "started"):
        line["ms"] = round((time.perf_counter() - g.started) * 1000, 2)
    if hasattr(g, "principal"):
        line["key"] = g.principal.key_id
    log.info("request", **line)
    return response
