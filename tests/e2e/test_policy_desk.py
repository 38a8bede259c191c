"""Policies at the desk: read, put forward, tried, and signed for by a second person, in a browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from meridian.db.engine import REGISTRAR_ROLE
from meridian.products import find_product
from meridian.products.shelf import policy_file
from meridian.simulator import requests
from meridian.wiring import Wiring

PASSWORD = "a long enough password"
LOAN = "personal-loan"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def analysts(server):
    for name in ("ana", "bob"):
        server.wiring.keys.set_password(name, PASSWORD)


@pytest.fixture
def sign_in_as(open_page, analysts):
    def at(path, name):
        page = open_page()
        page.goto(path)
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        return page

    return at


@pytest.fixture
def draft(tmp_path):
    """The folder's tables with a higher floor of income, under a name of their own."""
    text = policy_file(LOAN).read_text()
    name = f"desk-{uuid4().hex[:8]}"
    file = tmp_path / "policy.yaml"
    file.write_text(text.replace("policy: personal-loan-1", f"policy: {name}").replace('"< 12000"', '"< 14000"'))
    # The cases at the edge move with it.
    cases = policy_file(LOAN).with_name("cases.yaml").read_text()
    moved = cases.replace("annual_income: 12000", "annual_income: 14000").replace("11999.99", "13999.99")
    (tmp_path / "cases.yaml").write_text(moved)
    return file


def forward(page, file, because="fewer small incomes", password=PASSWORD, cases=True):
    page.get_by_label("Product", exact=True).select_option(LOAN)
    page.get_by_label("Its tables").set_input_files(file)
    if cases:
        page.get_by_label("Its cases").set_input_files(file.with_name("cases.yaml"))
    page.get_by_label("Why").fill(because)
    page.get_by_label("Your password").fill(password)
    page.get_by_role("button", name="Put forward").click()


def backtested(server, version):
    """A backtest over what the service has decided, kept by ana."""
    registrar = Wiring(server.settings, "registry", REGISTRAR_ROLE)
    product, now = find_product(LOAN), datetime.now(UTC)
    after = registrar.policy_versions.terms(registrar.policy_versions.find(version).policy_sha256)
    period = (now - timedelta(days=1), now + timedelta(minutes=1))
    found = registrar.backtests.over_record(product, (product.terms, after), period)
    registrar.backtests.keep(found, "ana")
    registrar.close()
    return found.tally.decisions


def test_a_policy_is_read_in_sentences_and_tables(sign_in_as):
    page = sign_in_as("/review/policies", "ana")
    page.get_by_role("navigation", name="Desk").get_by_role("link", name="Policies").click()
    row = page.get_by_role("region", name="decide now").get_by_role("row").filter(has_text=LOAN)
    row.get_by_role("link").click()
    rule = page.get_by_role("row").filter(has_text="debt-to-income")
    assert "debt to income is above 43 %" in rule.inner_text()
    assert "decline" in rule.inner_text()
    assert "approves below a PD of 12 %" in page.get_by_label("Bands and prices").inner_text()
    assert page.goto("/review/policies/no-such-policy").status == 404


def test_a_policy_is_put_forward_tried_and_signed_for(server, sign_in_as, draft, tmp_path, today):
    for request in requests(20, 77, today):
        request["application_ref"] = f"desk-{uuid4().hex[:12]}"
        server.decide(request)
    page = sign_in_as("/review/policies/new", "ana")
    spoilt = tmp_path / "spoilt.yaml"
    spoilt.write_text(draft.read_text().replace("annual_income", "anual_income"))
    forward(page, spoilt)
    said = page.get_by_role("alert").inner_text()
    assert "anual_income" in said
    assert re.search(r"spoilt.yaml, (rules|line)", said)
    assert page.get_by_label("Why").input_value() == "fewer small incomes"
    forward(page, draft, password="not it")
    assert "not your password" in page.get_by_role("alert").inner_text()
    forward(page, draft, cases=False)
    assert "It did not pass: cases" in page.get_by_label("Signature").inner_text()
    page.goto("/review/policies/new")
    forward(page, draft)
    version = page.get_by_role("heading", level=1).inner_text()
    assert version.startswith("desk-")
    assert "another person signs for it" in page.get_by_label("Signature").inner_text()
    apart = page.get_by_label("What it says otherwise").inner_text()
    assert "below $14,000" in apart or "14000" in apart.replace(",", "")

    other = sign_in_as(f"/review/policies/{version}", "bob")
    assert "No backtest of it was kept" in other.get_by_label("Signature").inner_text()
    count = backtested(server, version)
    other.reload()
    other.get_by_role("link", name=f"{count:,} applications").click()
    assert other.get_by_role("heading", level=1).inner_text() == f"Backtest of {version}"
    assert other.get_by_role("img", name="Outcomes before and after").is_visible()
    # The page's style is let through, and nothing else would be.
    assert other.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") == "10px"
    other.go_back()
    other.get_by_label("Note").fill("the report was read")
    other.get_by_label("Your password").fill("not it")
    other.get_by_role("button", name="Sign for it").click()
    assert "not your password" in other.get_by_role("alert").inner_text()
    other.get_by_label("Your password").fill(PASSWORD)
    other.get_by_role("button", name="Sign for it").click()
    assert "You have signed" in other.get_by_role("status").inner_text()
    assert "Signed for by bob" in other.get_by_label("Signature").inner_text()
    (row,) = server.query(
        "SELECT approved_by, note FROM audit.policy_versions WHERE policy_version = :v AND approved_by IS NOT NULL",
        v=version,
    )
    assert tuple(row) == ("bob", "the report was read")


def test_a_signature_that_is_forged_by_hand_is_refused(server, sign_in_as, draft):
    """Without a backtest, or for one's own, the page has no form; the registry refuses it all the same."""
    page = sign_in_as("/review/policies/new", "ana")
    forward(page, draft)
    version = page.get_by_role("heading", level=1).inner_text()
    token = page.locator("input[name=csrf_token]").first.input_value()
    for name, said in (("ana", "submitted this policy"), ("bob", "no backtest")):
        at = page if name == "ana" else sign_in_as(f"/review/policies/{version}", name)
        token = at.locator("input[name=csrf_token]").first.input_value()
        answer = at.request.post(
            f"/review/policies/{version}/sign",
            form={"csrf_token": token, "password": PASSWORD, "note": "x"}, headers={"Referer": server.url},
        )  # fmt: skip
        assert answer.status == 422
        assert said in answer.text()
