"""`meridian disagreements`: counted as by hand, with what followed and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from meridian.service import Wanted
from meridian.simulator import requests
from tests.commands import meridian
from tests.services import Service, copied_database, service
from tests.training_fixtures import TrainedModels

LOAN = "personal-loan"
PEOPLE = 200


@pytest.fixture(scope="module")
def assessed(
    template: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:  # fmt: skip
    """All but the last one."""
    home = tmp_path_factory.mktemp("disagree")
    with (
        copied_database(template) as database,
        service(home, database, demo_models.models_dir, BROKER_URL="memory://") as it,
    ):
        for request in requests(PEOPLE, 5, datetime.now(UTC).date()):
            it.wiring.decisions.decide(Wanted("tests", json.dumps(request).encode()))
        for row in it.query("SELECT id FROM work.job ORDER BY id LIMIT :n", n=PEOPLE - 1):
            assert it.worker.assessments.assess(row.id)
        yield it


def told(running: Service, *arguments: str) -> dict[str, Any]:
    done = meridian(["disagreements", LOAN, *arguments, "--json"], running.env)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_they_are_counted_as_by_hand(assessed: Service) -> None:
    rows = assessed.query(
        "SELECT application_id, stage, number, outcome, governs_because, document FROM record.version"
    )
    fast = {row.application_id: row for row in rows if row.stage == "fast"}
    batch = {row.application_id: row for row in rows if row.stage == "batch"}
    pairs = Counter((fast[one].outcome, batch[one].outcome) for one in batch)
    assert sum(was != now for was, now in pairs.elements()) > 2, "the sample says nothing"
    found = told(assessed, "--last", "1d")
    assert {(one["fast"], one["assessed"]): one["applications"] for one in found["pairs"]} == pairs
    assert found["unassessed"] == 1
    followed: Counter[tuple[str, str, str]] = Counter()
    for one in found["followed"]:
        followed[one["fast"], one["assessed"], one["stage"]] += one["applications"]
    by_hand: Counter[tuple[str, str, str]] = Counter()
    reasons: Counter[tuple[str, str, str]] = Counter()
    severity = ["approve", "refer", "decline"]
    for one, now in batch.items():
        was = fast[one]
        if was.outcome != now.outcome:
            by_hand[was.outcome, now.outcome, "batch" if now.governs_because else "fast"] += 1
            harsher = max(was, now, key=lambda row: severity.index(row.outcome))
            for reason in json.loads(harsher.document)["reasons"]:
                reasons[was.outcome, now.outcome, reason["code"]] += 1
    assert followed == by_hand
    assert {(one["fast"], one["assessed"], one["code"]): one["applications"] for one in found["reasons"]} == reasons
    shown = meridian(["disagreements", LOAN, "--last", "1d"], assessed.env).stdout
    assert "1 have no assessment yet" in shown
    audited = assessed.query("SELECT count(*) AS n FROM audit.disagreements")[0].n
    assert audited == sum(by_hand.values())


def test_of_another_time_there_are_none_and_a_time_has_to_be_said(assessed: Service) -> None:
    nothing = told(assessed, "--since", "2026-01-01", "--until", "2026-01-02")
    assert (nothing["pairs"], nothing["followed"], nothing["reasons"], nothing["unassessed"]) == ([], [], [], 0)
    for arguments, said in [((), "Over which decisions?"), (("--last", "soon"), "no length of time")]:
        done = meridian(["disagreements", LOAN, *arguments], assessed.env)
        assert done.returncode == 2
        assert said in done.stderr
