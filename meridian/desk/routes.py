"""The desk's routes: parse, call, present. Every form is answered by a redirect, unless it must be corrected."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound as NoSuchPage
from werkzeug.wrappers import Response as BaseResponse

from meridian.desk import refusals
from meridian.desk.forms import SettleForm, text_of
from meridian.desk.pages import case_page, queue_page
from meridian.desk.recourse import recourse_lines
from meridian.desk.session import begin_session, check_csrf, current_wiring, end_session, local_path, signed_in
from meridian.errors import CaseConflict, InvalidInput
from meridian.outcome import Outcome
from meridian.wiring import utc_now

Answer = str | tuple[str, int] | BaseResponse

desk = Blueprint("desk", __name__, url_prefix="/review", template_folder="templates", static_folder="static")
refusals.add_to(desk)

LARGEST_FILE = 1_100_000
"""Bytes of a form with a policy's tables, which have at most a million."""
WITHOUT_SIGN_IN = frozenset({"desk.sign_in", "desk.sign_in_form", "desk.static"})


@desk.before_request
def let_in() -> Answer | None:
    """Only analysts, and only with forms from our own pages."""
    if request.endpoint == "desk.submit":
        # A file of tables may be larger than an application.
        request.max_content_length = LARGEST_FILE
    g.analyst = signed_in(utc_now())
    if g.analyst is None and request.endpoint not in WITHOUT_SIGN_IN:
        # A form that was sent cannot be come back to: its address is only for sending.
        back = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("desk.sign_in_form", next=local_path(back)))
    check_csrf()
    return None


@desk.get("/sign-in")
def sign_in_form() -> Answer:
    """The form; who is signed in already goes to the queue."""
    if g.analyst is not None:
        return redirect(url_for("desk.queue"))
    return render_template("desk/sign_in.html", next=local_path(request.args.get("next")), username="", refused=False)


@desk.post("/sign-in")
def sign_in() -> Answer:
    """Sign in with name and password."""
    username, password = text_of("username").strip(), text_of("password", strip_lines=False)
    wanted = local_path(request.form.get("next"))
    if not current_wiring().keys.sign_in(username, password):
        return render_template("desk/sign_in.html", next=wanted, username=username, refused=True), 422
    begin_session(username, utc_now())
    return redirect(wanted or url_for("desk.queue"), 303)


@desk.post("/sign-out")
def sign_out() -> Answer:
    """Sign out."""
    end_session()
    flash("You are signed out.", "done")
    return redirect(url_for("desk.sign_in_form"), 303)


@desk.get("", strict_slashes=False)
def queue() -> Answer:
    """The cases that wait, the oldest first."""
    wiring = current_wiring()
    page = queue_page(wiring.desk.reviews.queue(), wiring.products, utc_now())
    return render_template("desk/queue.html", page=page)


@desk.get("/cases/<uuid:case_id>")
def case(case_id: UUID) -> Answer:
    """One case with all that is known of it."""
    return _show_case(case_id, SettleForm())


@desk.post("/cases/<uuid:case_id>/claim")
def claim(case_id: UUID) -> Answer:
    """Take a case in hand."""
    return _move(case_id, current_wiring().desk.reviews.claim, then="desk.case")


@desk.post("/cases/<uuid:case_id>/release")
def release(case_id: UUID) -> Answer:
    """Give a case back."""
    return _move(case_id, current_wiring().desk.reviews.release, then="desk.queue")


@desk.post("/cases/<uuid:case_id>/settle")
def settle(case_id: UUID) -> Answer:
    """Record the analyst's decision. What was typed is kept through every refusal."""
    form = SettleForm.sent()
    reviews = current_wiring().desk.reviews
    try:
        settling = form.settling()
        ref = reviews.case(case_id).case.application_ref
        reviews.settle(case_id, g.analyst, settling)
    except InvalidInput as error:
        return _show_case(case_id, form.refused(error)), 422
    except CaseConflict as error:
        flash(str(error), "warning")
        return _show_case(case_id, form), 409
    done = "approved" if settling.outcome is Outcome.APPROVE else "declined"
    flash(f"{ref} is {done}; your decision governs.", "done")
    return redirect(url_for("desk.queue"), 303)


@desk.get("/<path:_unknown>")
def nowhere(_unknown: str) -> Answer:
    """Whatever else is asked for under `/review`."""
    raise NoSuchPage


def _move(case_id: UUID, move: Callable[[UUID, str], None], *, then: str) -> Answer:
    """Claim or release; where that cannot be, the case's own page says why."""
    try:
        move(case_id, g.analyst)
    except CaseConflict as error:
        flash(str(error), "warning")
        then = "desk.case"
    return redirect(url_for(then, case_id=case_id) if then == "desk.case" else url_for(then), 303)


def _show_case(case_id: UUID, form: SettleForm) -> str:
    wiring = current_wiring()
    view = wiring.desk.reviews.case(case_id)
    page = case_page(view, view.product, g.analyst, utc_now())
    recourse = recourse_lines(wiring.recourses.of(UUID(view.governing["id"])))
    return render_template("desk/case.html", page=page, form=form, recourse=recourse)
