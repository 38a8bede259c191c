"""The desk's pages on policies: what decides now, what was put forward, its backtests; to put forward and to sign."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from uuid import UUID

from flask import flash, g, make_response, redirect, render_template, request, url_for

from meridian.backtest import page_style, report_page
from meridian.cases import checks_of
from meridian.desk.forms import text_of
from meridian.desk.policy_pages import policies_page, policy_page
from meridian.desk.routes import Answer, desk
from meridian.desk.session import current_wiring
from meridian.errors import Forbidden, InvalidInput, InvalidPolicy, NotFound, NotReady, RegistryConflict
from meridian.rulebook import check_yaml
from meridian.wiring import utc_now


@dataclass(frozen=True)
class SubmitForm:
    """A policy as it stands in the form, and what was wrong with it: sentences, each with line and column."""

    product: str = ""
    because: str = ""
    findings: tuple[str, ...] = ()
    error: str = ""


@desk.get("/policies")
def policies() -> Answer:
    """What decides now, and all that was put forward."""
    wiring = current_wiring()
    page = policies_page(wiring.desk.policies, wiring.declared, utc_now())
    return render_template("desk/policies.html", page=page)


@desk.get("/policies/<version>")
def policy(version: str) -> Answer:
    """One policy in sentences and tables, what it says otherwise than the one in force, and its backtests."""
    return _show(version)


@desk.post("/policies/<version>/sign")
def sign_for(version: str) -> Answer:
    """Sign for a policy that somebody else has put forward; the password is asked for once more."""
    wiring, note = current_wiring(), text_of("note").strip()
    try:
        looked_at = wiring.desk.policies.find(version)
    except InvalidInput as error:
        raise NotFound(str(error)) from None
    if not wiring.keys.sign_in(g.analyst, text_of("password", strip_lines=False)):
        return _show(version, "That is not your password.", note), 422
    try:
        wiring.desk.policies.approve(looked_at, note, g.analyst)
    except (InvalidInput, Forbidden, RegistryConflict) as error:
        return _show(version, str(error), note), 422
    flash(f"You have signed for {looked_at.version}. It decides once it is published.", "done")
    return redirect(url_for("desk.policy", version=looked_at.version), 303)


@desk.get("/policies/new")
def submit_form() -> Answer:
    """The form to put a policy forward."""
    return _form(SubmitForm(product=request.args.get("product", "")))


@desk.post("/policies/new")
def submit() -> Answer:
    """Put the tables of a file forward for another person to sign. What was typed is kept through every refusal."""
    wiring = current_wiring()
    form = SubmitForm(text_of("product"), text_of("because").strip())
    product, file = wiring.declared.get(form.product), request.files.get("file")
    if product is None:
        return _form(replace(form, error="Choose the product whose policy it is.")), 422
    if file is None or not file.filename:
        return _form(replace(form, error="Choose the file of its tables, e.g. policy.yaml.")), 422
    made, found = check_yaml(file.read(), product.vocabulary, file.filename)
    if made is None:
        return _form(replace(form, findings=tuple(one.sentence() for one in found))), 422
    if not wiring.keys.sign_in(g.analyst, text_of("password", strip_lines=False)):
        return _form(replace(form, error="That is not your password.")), 422
    try:
        terms = replace(product.terms, policy=made)
        cases = request.files.get("cases")
        given = cases.read() if cases and cases.filename else None
        checks = checks_of(product, terms, None, given)
        one = wiring.desk.policies.submit(product.name, terms, checks, form.because, g.analyst)
    except (InvalidInput, InvalidPolicy, NotReady) as error:
        return _form(replace(form, error=str(error))), 422
    flash(f"{one.version} is put forward. Once a backtest is kept, another person can sign for it.", "done")
    return redirect(url_for("desk.policy", version=one.version), 303)


@desk.get("/backtests/<uuid:backtest_id>")
def backtest(backtest_id: UUID) -> Answer:
    """The report of a backtest that was kept: a page of its own, as it is written to a file."""
    kept = current_wiring().desk.backtests.find(backtest_id)
    response = make_response(report_page(kept.document))
    # The page has its style in itself, so that the file needs no other: by its hash, and nothing else is allowed.
    style = base64.b64encode(hashlib.sha256(page_style().encode()).digest()).decode()
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'; base-uri 'none'"
    )
    return response


def _form(form: SubmitForm) -> str:
    return render_template("desk/policy_new.html", form=form, products=current_wiring().declared)


def _show(version: str, refused: str = "", note: str = "") -> str:
    wiring = current_wiring()
    of_folder = next((one for one in wiring.declared.values() if one.terms.version == version), None)
    policies = wiring.desk.policies
    try:
        found = policies.find(version)
    except InvalidInput as error:
        if of_folder is None:
            raise NotFound(str(error)) from None
        page = policy_page(policies, of_folder, of_folder.terms, None, (), g.analyst, utc_now())
    else:
        if found.product not in wiring.declared:
            raise NotFound(f"{found.product} is not offered here any more.")
        product, terms = wiring.declared[found.product], policies.terms(found.policy_sha256)
        kept = wiring.desk.backtests.of(found.policy_sha256)
        page = policy_page(policies, product, terms, found, kept, g.analyst, utc_now())
    return render_template("desk/policy.html", page=page, refused=refused, note=note)
