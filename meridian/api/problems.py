"""Errors as problem details (RFC 9457): what was wrong, with which value, and what to do."""

from __future__ import annotations

import traceback
from typing import Any

import structlog
from flask import Flask, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from meridian.application.parse import refusal
from meridian.errors import BodyTooLarge, InvalidInput, MeridianError, NotReady, Unauthenticated, Unavailable
from meridian.evidence import canonical_json

log = structlog.get_logger()

PROBLEM = "application/problem+json"


def present(error: MeridianError) -> Response:
    """One of our own errors as an answer."""
    document: dict[str, Any] = {
        "type": f"urn:meridian:problem:{error.slug}",
        "title": (type(error).__doc__ or "").strip(),
        "status": error.status,
        "detail": str(error),
    }
    if isinstance(error, InvalidInput) and error.problems:
        document["errors"] = [problem.as_dict() for problem in error.problems]
    response = Response(canonical_json(document), error.status, content_type=PROBLEM)
    if isinstance(error, (Unavailable, NotReady)):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="meridian"'
    return response


def refuse_invalid(error: ValidationError) -> Response:
    """What flask-openapi found wrong with a path or a query."""
    return present(refusal(error))


def register_problems(app: Flask) -> None:
    """Every error of an API route leaves as a problem; those of pages are left to the desk."""
    app.register_error_handler(MeridianError, _ours)
    app.register_error_handler(HTTPException, _theirs)
    app.register_error_handler(Exception, _unforeseen)


def _ours(error: MeridianError) -> Response:
    if error.status >= 500:
        log.error("refused", problem=error.slug, cause=type(error.__cause__).__name__)
    return present(error)


def _theirs(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, RequestEntityTooLarge):
        return present(BodyTooLarge(f"The body is larger than {request.max_content_length:,} bytes, the most here."))
    if not 400 <= (error.code or 500) < 600:
        return error
    document = {
        "type": "about:blank",
        "title": error.name,
        "status": error.code,
        "detail": f"{request.method} {request.path}: {error.description}",
    }
    response = Response(canonical_json(document), error.code, content_type=PROBLEM)
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _unforeseen(error: Exception) -> Response:
    """A fault of ours. The caller gets no decision, and may try again."""
    # The frames without the error's text, which may hold what an applicant stated.
    trace = "".join(traceback.format_tb(error.__traceback__))
    log.error("unforeseen", route=str(request.url_rule), error=type(error).__name__, trace=trace)
    return present(
        MeridianError(
            "Something went wrong here, and it is not known whether it was recorded. Try again with the same key."
        )
    )
