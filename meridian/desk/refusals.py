"""Pages for what cannot be done: plain words in the desk's look, with the status that the error carries."""

from __future__ import annotations

import traceback

import structlog
from flask import Blueprint, Response, make_response, render_template
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from meridian.errors import MeridianError, NotFound, Unavailable

log = structlog.get_logger()

TITLES = {
    400: "That could not be accepted",
    404: "Nothing is here",
    405: "That is not done here",
    413: "That is too much at once",
    503: "Not available at the moment",
}
TEXTS = {
    404: "There is no such page. It may have been a link that was cut short.",
    405: "This address only takes forms from the desk's own pages.",
    413: "What was sent is larger than this service reads. Shorten it and send it again.",
    500: "Something went wrong on our side and has been logged. See the case's versions for what was recorded.",
    503: "The service cannot reach its record. Try again shortly; if you had sent a decision, look at its case first.",
}
OTHER_TITLE = "Something went wrong"


def add_to(blueprint: Blueprint) -> None:
    """Let the blueprint answer every error with a page."""
    blueprint.register_error_handler(CSRFError, _forged)
    blueprint.register_error_handler(HTTPException, _refused)
    blueprint.register_error_handler(MeridianError, _not_done)
    blueprint.register_error_handler(Exception, _unforeseen)


def _forged(_error: CSRFError) -> Response:
    text = "The form did not come from a page of your present session. Go back, reload the page and send it again."
    return _page(400, text)


def _refused(error: HTTPException) -> Response:
    if error.response is not None:  # a redirect that was raised is an answer already
        return make_response(error.response)
    status = error.code or 500
    return _page(status, TEXTS.get(status) or error.description or "")


def _not_done(error: MeridianError) -> Response:
    if isinstance(error, Unavailable):
        response = _page(503, TEXTS[503])
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response
    if isinstance(error, NotFound):
        return _page(404, str(error))
    log.error("desk_failed", error=type(error).__name__, message=str(error))
    # What is missing in an installation is the operators' business, not the analyst's.
    return _page(error.status, TEXTS[500] if error.status >= 500 else str(error))


def _unforeseen(error: Exception) -> Response:
    # The text of an error may name a person; its kind and its place are what the log needs.
    log.error("desk_unforeseen", error=type(error).__name__, trace="".join(traceback.format_tb(error.__traceback__)))
    return _page(500, TEXTS[500])


def _page(status: int, text: str) -> Response:
    page = render_template("desk/refusal.html", title=TITLES.get(status, OTHER_TITLE), text=text, status=status)
    return make_response(page, status)
