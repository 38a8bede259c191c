"""Work in progress at the desk: how far a file is, and what was set aside, in a browser."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from meridian.bulk import Form
from meridian.desk.work_pages import in_words
from meridian.service import batches
from meridian.simulator import requests

PASSWORD = "a long enough password"
LOAN = "personal-loan"

pytestmark = pytest.mark.browser


@pytest.fixture
def page(server, open_page):
    server.wiring.keys.set_password("ana", PASSWORD)
    opened = open_page()
    opened.goto("/review/work")
    opened.get_by_label("Name").fill("ana")
    opened.get_by_label("Password").fill(PASSWORD)
    opened.get_by_role("button", name="Sign in").click()
    yield opened
    server.execute("DELETE FROM work.batch_part")
    server.execute("DELETE FROM work.batch")


def people(count, mark):
    lines = []
    for one in requests(count, 5, datetime.now(UTC).date()):
        one["application_ref"] = f"{mark}-{one['application_ref']}"
        lines.append(json.dumps(one))
    return io.BytesIO("\n".join(lines).encode())


def test_a_file_is_seen_on_its_way_and_what_failed_is_told(server, page, monkeypatch):
    page.get_by_role("navigation", name="Desk").get_by_role("link", name="Work").click()
    page.get_by_text("No file was brought yet").wait_for()
    monkeypatch.setattr(batches, "ROWS_AT_ONCE", 40)
    worker = server.worker.batches
    worker.take_in(LOAN, Form.NDJSON, people(80, uuid4().hex), "tests", "branch 7.ndjson")
    assert worker.decide_next()
    page.reload()
    row = page.get_by_role("row", name="branch 7.ndjson")
    assert "running, about" in row.inner_text()
    assert "40 of 80" in row.inner_text()
    assert row.get_by_role("img", name="50 %").count() == 1
    # The page comes again by itself, and stops when there is nothing to wait for.
    assert worker.decide_next()
    row.get_by_text("done").wait_for(timeout=10_000)
    assert page.locator("meta[http-equiv=refresh]").count() == 0
    assert "80 of 80" in row.inner_text()

    worker.take_in(LOAN, Form.NDJSON, people(10, uuid4().hex), "tests", "broken.ndjson")
    server.execute(
        "UPDATE work.batch_part SET state = 'failed', attempts = 5, error = 'no model' WHERE state <> 'done'"
    )
    page.reload()
    aside = page.get_by_role("region", name="What was set aside")
    assert "broken.ndjson, rows from 1" in aside.inner_text()
    assert "no model" in aside.inner_text()
    assert "failed" in page.get_by_role("row", name="broken.ndjson").last.inner_text()


def test_a_time_is_said_in_two_units():
    spans = {5: "5 s", 65: "1 min 5 s", 7_300: "2 h 1 min"}
    assert {seconds: in_words(timedelta(seconds=seconds)) for seconds in spans} == spans
