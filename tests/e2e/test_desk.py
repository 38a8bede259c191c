"""The review desk, as an analyst meets it: in a browser, on the running service."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from meridian.db.engine import transaction
from meridian.db.tables import review_case
from meridian.desk import formats
from meridian.products.personal_loan import sample
from meridian.settings import Settings
from meridian.simulator import requests
from meridian.web import create_app

PASSWORD = "a long enough password"
NOTE = "Pay slips of three months seen; they match the stated income."
NO_REPORT = "Unable to verify credit references"

browser = pytest.mark.browser


@pytest.fixture(scope="module")
def analysts(server):
    for name in ("ana", "bob"):
        server.wiring.keys.set_password(name, PASSWORD)


def case_of(server, ref):
    """The id of an application's case, which now waits for longer than any other, whatever other tests left."""
    waiting = server.wiring.desk.reviews.queue(limit=10_000)["data"]
    case_id = next(case["id"] for case in waiting if case["application_ref"] == ref)
    oldest = min(datetime.fromisoformat(case["opened_at"]) for case in waiting) - timedelta(minutes=1)
    with transaction(server.worker.engine) as connection:
        connection.execute(update(review_case).where(review_case.c.id == case_id).values(opened_at=oldest))
    return case_id


@pytest.fixture
def referred(server):
    """The reference and the case id of an application that came without a credit report."""
    request = sample()
    ref = f"desk-{uuid4().hex[:12]}"
    request["application_ref"] = ref
    request["application"] |= {"applicant_id": f"applicant-{ref}", "credit_report": None}
    assert server.decide(request).json()["outcome"] == "refer"
    return ref, case_of(server, ref)


@pytest.fixture
def grey(server, today):
    """The decision and the case id of an application whose score alone refers it."""
    for request in requests(200, 2611, today):
        request["application_ref"] = f"desk-{uuid4().hex[:12]}"
        decision = server.decide(request).json()
        if decision["outcome"] == "refer" and decision["score"] and decision["score"]["band"] == "grey":
            return decision, case_of(server, decision["application_ref"])
    raise AssertionError("none of 200 simulated applicants has a score in the grey band")


def sign_in(page, name="ana", password=PASSWORD):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    return page


@pytest.fixture
def at_desk(open_page, analysts):
    """Opens a page of the desk as a signed-in analyst."""

    def open_at(path="/review", name="ana", **options):
        page = open_page(**options)
        page.goto(path)
        return sign_in(page, name)

    return open_at


def path_of(page):
    return re.sub(r"^https?://[^/]*", "", page.url)


def token_of(page):
    return page.locator("input[name=csrf_token]").first.input_value()


def application(server, page, ref):
    """What the API says of an application."""
    answer = page.request.get(f"/v1/applications/{ref}", headers={"Authorization": f"Bearer {server.api_key}"})
    assert answer.ok
    return answer.json()


@browser
def test_a_wrong_password_is_refused_and_the_right_one_opens_the_queue(open_page, analysts):
    page = open_page()
    page.goto("/review")
    sign_in(page, password="something else entirely")
    assert "do not go together" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Name").input_value() == "ana"
    sign_in(page)
    assert path_of(page) == "/review"
    assert page.get_by_role("heading", name="Queue").is_visible()
    page.get_by_role("button", name="Sign out").click()
    assert path_of(page) == "/review/sign-in"
    page.goto("/review")
    assert path_of(page) == "/review/sign-in?next=/review"


@browser
def test_the_session_cookie_is_out_of_reach_of_scripts_and_renewed_at_sign_in(open_page, analysts):
    page = open_page()
    page.goto("/review/sign-in")
    before = page.context.cookies()[0]
    sign_in(page)
    after = page.context.cookies()[0]
    assert after["httpOnly"]
    assert after["sameSite"] in ("Lax", "Strict")
    assert after["value"] != before["value"]


@browser
def test_after_the_sign_in_the_page_that_was_wanted_opens(at_desk, referred):
    ref, case_id = referred
    page = at_desk(f"/review/cases/{case_id}")
    assert path_of(page) == f"/review/cases/{case_id}"
    assert page.get_by_role("heading", name=ref).is_visible()


@browser
@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "/review/\\evil.example", "/review.evil.example",
     "javascript:alert(1)", "/review/\r\nX: y", "/v1/decisions"],
)  # fmt: skip
def test_the_sign_in_never_leads_elsewhere(open_page, analysts, elsewhere):
    page = open_page()
    page.goto("/review/sign-in")
    form = {"csrf_token": token_of(page), "username": "ana", "password": PASSWORD, "next": elsewhere}
    answer = page.request.post("/review/sign-in", form=form, max_redirects=0)
    assert answer.status == 303
    assert answer.headers["location"] == "/review" or elsewhere == "/review/\r\nX: y"


@browser
def test_the_queue_shows_a_referral_and_a_claim_takes_it_in_hand(at_desk, referred):
    ref, _ = referred
    page = at_desk("/review")
    row = page.get_by_role("row").filter(has_text=ref)
    assert NO_REPORT in row.inner_text()
    row.get_by_role("button", name="Claim").click()
    assert page.get_by_role("heading", name="Settle").is_visible()
    page.goto("/review")
    assert page.get_by_role("row").filter(has_text=ref).get_by_role("link", name="Yours").is_visible()


@browser
def test_the_case_shows_what_was_asked_and_what_is_not_known(at_desk, referred):
    _, case_id = referred
    page = at_desk(f"/review/cases/{case_id}")
    text = page.get_by_role("main").inner_text()
    assert "$9,000" in text
    assert "none came with the application" in text
    assert "1988" not in text  # the date of birth is not for the one who decides
    assert "not known" in page.get_by_role("row").filter(has_text="Debt to income").inner_text()
    assert "missing" in page.get_by_role("row").filter(has_text="Credit bureau").inner_text()
    assert NO_REPORT in page.get_by_role("region", name="What governs").inner_text()


@browser
def test_a_scored_case_shows_its_pd_among_the_bands_and_what_each_reason_weighs(at_desk, grey, server):
    decision, case_id = grey
    page = at_desk(f"/review/cases/{case_id}")
    pd = formats.percent(decision["score"]["pd"])
    governs = page.get_by_role("region", name="What governs")
    assert pd in governs.inner_text()
    assert pd in governs.get_by_role("img", name="Scale of the probability of default").text_content()
    weighed = [reason for reason in decision["reasons"] if reason["contribution"] is not None]
    assert weighed
    for reason in weighed:
        row = governs.get_by_role("row").filter(has_text=reason["text"])
        assert formats.signed(reason["contribution"]) in row.inner_text()
        assert row.get_by_role("img").is_visible()
    told = server.wiring.recourses.of(UUID(decision["id"]))
    assert "What would have been approved" in governs.inner_text()
    for change in told.changes:
        row = governs.locator("dl div").filter(has_text=change.meaning)
        assert formats.in_unit(change.needed, change.unit) in row.inner_text()
    page.goto("/review")
    assert pd in page.get_by_role("row").filter(has_text=decision["application_ref"]).inner_text()


@browser
def test_another_analyst_sees_whose_it_is_and_cannot_settle_it(at_desk, referred, server):
    ref, case_id = referred
    server.wiring.desk.reviews.claim(case_id, "ana")
    page = at_desk(f"/review/cases/{case_id}", name="bob")
    assert "ana has it until" in page.get_by_role("main").inner_text()
    assert page.get_by_role("button", name="Record decision").count() == 0
    form = {"csrf_token": token_of(page), "outcome": "approve", "note": NOTE}
    answer = page.request.post(f"/review/cases/{case_id}/settle", form=form)
    assert answer.status == 409
    assert "in the hands of ana" in answer.text()
    assert NOTE in answer.text()
    answer = page.request.post(f"/review/cases/{case_id}/claim", form=form)
    assert answer.ok
    assert "in the hands of ana" in answer.text()
    assert application(server, page, ref)["outcome"] == "refer"


@browser
def test_what_is_wrong_stands_beside_its_field_and_a_settled_case_governs(at_desk, referred, server):
    ref, case_id = referred
    page = at_desk(f"/review/cases/{case_id}")
    page.get_by_role("button", name="Claim").click()
    page.get_by_role("button", name="Record decision").click()
    assert "expected approve or decline" in page.locator("#outcome-error").inner_text()
    page.get_by_role("radio", name="Decline").check()
    page.get_by_label("Note").fill("short")
    page.get_by_role("button", name="Record decision").click()
    assert "one to 4 for a decline" in page.locator("#codes-error").inner_text()
    assert "at least 10" in page.locator("#note-error").inner_text()
    assert page.get_by_role("radio", name="Decline").is_checked()
    assert page.get_by_label("Note").input_value() == "short"
    page.get_by_label(NO_REPORT).check()
    page.get_by_label("Note").fill(NOTE)
    page.get_by_role("button", name="Record decision").click()
    assert path_of(page) == "/review"
    assert f"{ref} is declined" in page.get_by_role("status").inner_text()
    assert page.get_by_role("row").filter(has_text=ref).count() == 0
    decided = application(server, page, ref)
    governing = next(version for version in decided["versions"] if version["governs"])
    assert (decided["outcome"], governing["stage"], governing["decided_by"]) == ("decline", "review", "analyst ana")
    assert governing["review"]["note"] == NOTE
    assert [reason["code"] for reason in governing["reasons"]] == ["D01"]
    page.goto(f"/review/cases/{case_id}")
    assert NOTE in page.get_by_role("region", name="Versions").inner_text()
    assert page.get_by_role("heading", name="Settled").is_visible()


@browser
def test_a_note_outlives_a_claim_that_was_given_back_meanwhile(at_desk, referred, server):
    _, case_id = referred
    server.wiring.desk.reviews.claim(case_id, "ana")
    page = at_desk(f"/review/cases/{case_id}")
    page.get_by_role("radio", name="Approve").check()
    page.get_by_label("Note", exact=False).fill(NOTE)
    server.wiring.desk.reviews.release(case_id, "ana")
    page.get_by_role("button", name="Record decision").click()
    assert "claim it first" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Your note").input_value() == NOTE
    assert page.get_by_role("button", name="Claim").is_visible()


@browser
def test_a_case_is_settled_without_javascript(at_desk, referred, server):
    ref, case_id = referred
    page = at_desk(f"/review/cases/{case_id}", java_script_enabled=False)
    page.get_by_role("button", name="Claim").click()
    page.get_by_role("radio", name="Approve").check()
    page.get_by_label(NO_REPORT).check()
    page.get_by_label("Note").fill(NOTE)
    page.get_by_role("button", name="Record decision").click()
    assert "no reasons for an approval" in page.locator("#codes-error").inner_text()
    page.get_by_label(NO_REPORT).uncheck()
    page.get_by_role("button", name="Record decision").click()
    assert "is approved" in page.get_by_role("status").inner_text()
    assert application(server, page, ref)["outcome"] == "approve"


@browser
def test_the_scale_is_that_of_the_rung_on_which_it_was_decided(at_desk, referred):
    """Without a report it was scored by the form alone, and the band of approval is narrower there."""
    _, case_id = referred
    drawn = at_desk(f"/review/cases/{case_id}").get_by_role("img", name="Scale of the probability of default")
    assert "approve below 8" in drawn.get_attribute("aria-label")


@browser
def test_a_case_that_is_given_back_is_open_again(at_desk, referred, server):
    ref, case_id = referred
    server.wiring.desk.reviews.claim(case_id, "ana")
    page = at_desk(f"/review/cases/{case_id}")
    page.get_by_role("button", name="Give back").click()
    assert path_of(page) == "/review"
    assert page.get_by_role("row").filter(has_text=ref).get_by_role("button", name="Claim").is_visible()


@browser
@pytest.mark.parametrize("token", [{}, {"csrf_token": "forged"}])
def test_a_form_from_elsewhere_is_refused(at_desk, referred, server, token):
    _, case_id = referred
    page = at_desk()
    for path in (f"/review/cases/{case_id}/claim", f"/review/cases/{case_id}/settle", "/review/sign-out"):
        answer = page.request.post(path, form={"note": NOTE, **token})
        assert answer.status == 400
        assert "That could not be accepted" in answer.text()
        assert "<title>" in answer.text()
    assert server.wiring.desk.reviews.case(case_id).case.state == "open"


@browser
@pytest.mark.parametrize("path", [f"/review/cases/{UUID(int=7)}", "/review/cases/7", "/review/no/such/page"])
def test_what_is_not_there_is_a_page_and_not_a_document(at_desk, path):
    page = at_desk()
    assert page.goto(path).status == 404
    assert page.get_by_role("heading", name="Nothing is here").is_visible()
    page.get_by_role("link", name="To the queue").click()
    assert path_of(page) == "/review"


@pytest.fixture
def cut_off():
    """A client of an app whose database cannot be reached."""
    settings = {
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "MERIDIAN_SECRET_KEY": "k" * 32,
        "MERIDIAN_HTTPS": False,
    }
    return create_app(Settings(**settings)).test_client()


def test_without_its_database_the_desk_says_so(cut_off):
    form = cut_off.get("/review/sign-in").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)[1]
    answer = cut_off.post("/review/sign-in", data={"csrf_token": token, "username": "ana", "password": PASSWORD})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "Not available at the moment" in answer.get_data(as_text=True)


@pytest.mark.parametrize(("hours", "answer"), [(7.9, 503), (8.1, 302)])
def test_a_session_ends_eight_hours_after_the_sign_in(cut_off, hours, answer):
    with cut_off.session_transaction() as session:
        session["analyst"] = "ana"
        session["since"] = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    assert cut_off.get("/review").status_code == answer


def test_pages_about_applicants_stay_out_of_caches(cut_off):
    assert cut_off.get("/review/sign-in").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (formats.percent(0.1842), "18.4 %"),
        (formats.percent(-0.0001), "0.0 %"),
        (formats.percent(None), "not known"),
        (formats.money(9000.0), "$9,000"),
        (formats.money(1762.5), "$1,762.50"),
        (formats.money(-3.0), "−$3"),
        (formats.number(1234.5), "1,234.5"),
        (formats.number(-0.001), "0"),
        (formats.number(100), "100"),
        (formats.signed(-0.351), "−0.35"),
        (formats.in_unit(1.0, "months"), "1 month"),
        (formats.in_unit(0.43, "ratio"), "43.0 %"),
        (formats.duration(timedelta(seconds=-4)), "0 s"),
        (formats.duration(59), "59 s"),
        (formats.duration(timedelta(minutes=12)), "12 min"),
        (formats.duration(110 * 60), "110 min"),
        (formats.duration(5 * 3600), "5 h"),
        (formats.duration(timedelta(days=5)), "5 days"),
        (formats.moment("2026-11-23T13:16:40+01:00"), "23 Nov 2026, 12:16 UTC"),
        (formats.day("2009-09-01"), "1 Sep 2009"),
        (formats.words("debt_consolidation"), "Debt consolidation"),
    ],
)
def test_numbers_and_times_read_as_people_write_them(shown, expected):
    assert shown.replace(formats.SPACE, " ") == expected
