"""`meridian sources`: as whoever adds a provider uses it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from meridian.cli.doctor import examine
from meridian.simulator.stubs import FaultName
from tests.outside import OUTSIDE, Asking

MERIDIAN = Path(sys.executable).with_name("meridian")
KNOWN = 3


def run(asking: Asking, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = asking.lender.service.settings
    env = {**os.environ, "DATABASE_URL": settings.database_url, "MERIDIAN_HOME": str(settings.home), "COLUMNS": "160"}
    return subprocess.run([MERIDIAN, "sources", *arguments], env=env, text=True, capture_output=True, check=False)


def test_the_list_says_who_is_asked_and_where_their_breakers_stand(asking: Asking) -> None:
    listed = json.loads(run(asking, "list", "--json").stdout)["providers"]
    assert [(one["name"], one["breaker"]) for one in listed] == [(f"{name}-one", "closed") for name in OUTSIDE]
    rest = "state = 'open', generation = 1, rest_until = now() + interval '1 hour'"
    asking.lender.service.execute(f"UPDATE online.breaker SET {rest} WHERE name = 'bank-one'")
    shown = run(asking, "list").stdout
    assert "bank-one" in shown
    assert "open" in shown


def test_a_question_to_a_provider(asking: Asking) -> None:
    applicant = asking.lender.requests[KNOWN]["application"]["applicant_id"]
    told = run(asking, "ask", "bureau-one", applicant)
    assert "bureau-one answered in" in told.stdout
    assert "tradelines" in told.stdout
    events = json.loads(run(asking, "ask", "bureau-one", applicant, "--json").stdout)["events"]
    assert events["tradelines"][0]["applicant_id"] == applicant
    assert "has nothing of this applicant" in run(asking, "ask", "bank-one", "nobody").stdout


def test_what_cannot_be_used_is_an_error_that_says_why(asking: Asking) -> None:
    applicant = asking.lender.requests[KNOWN]["application"]["applicant_id"]
    asking.stubs["bureau"].fails(FaultName.LYING)
    failed = run(asking, "ask", "bureau-one", applicant)
    assert failed.returncode == 1
    assert "bureau-one: Implausible. Its answer has the right form and cannot be true" in failed.stderr
    unknown = run(asking, "ask", "weather-one", applicant)
    assert unknown.returncode == 1
    assert "there is bureau-one, bank-one, employment-one" in " ".join(unknown.stderr.split())


def test_without_a_file_nobody_is_asked(asking: Asking) -> None:
    asking.lender.service.settings.sources_file.unlink()
    assert "Nobody is asked: there is no" in run(asking, "list").stdout


def finding(asking: Asking) -> Any:
    return next(one for one in examine(asking.lender.service.settings) if one.what == "sources")


def test_the_doctor_says_who_is_asked_who_is_away_and_that_nobody_fetches(asking: Asking) -> None:
    service = asking.lender.service
    assert finding(asking).text == "bureau-one for bureau, bank-one for bank, employment-one for employment"
    service.execute(
        "INSERT INTO work.fetch (id, source, applicant_id, caller, due_at, asked_at) "
        "VALUES (gen_random_uuid(), 'bank', 'A', 'tests', now() - interval '2 minutes', now())"
    )
    assert re.match(r"a fetch has been due for 1[23]\d s and nobody takes it; run a worker", finding(asking).text)
    service.execute("DELETE FROM work.fetch")
    service.execute("UPDATE online.breaker SET state = 'open', rest_until = now() WHERE name = 'bank-one'")
    assert finding(asking).text.startswith("bank-one: the last look-ups failed; `meridian sources ask")
    assert not finding(asking).good
    service.settings.sources_file.write_text("[[provider]]\n")
    assert "name" in finding(asking).text
