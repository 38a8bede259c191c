"""The pre-computed rung on real parts: assessed on full evidence, then a source is away, then decided by that score."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from meridian.code_version import code_version
from meridian.db.engine import transaction
from meridian.db.scores import put_score
from meridian.evidence import PreComputed, Rung
from meridian.outcome import Stage
from meridian.products import find_product
from meridian.scoring import Scorer
from meridian.service import Capturing, Wanted
from meridian.service.live import Live
from meridian.settings import Settings
from meridian.sources import Deadline
from meridian.web import create_app
from meridian.wiring import Wiring
from tests.captures import graded_scorer
from tests.lender import Lender

PRODUCT = find_product("consumer-loan")
BUREAU = PRODUCT.sources[0]
SOME = 80
PDS = (0.05, 0.10, 0.2)
"""In the narrower band, in the full one alone, and in neither."""
COMPACT = replace(graded_scorer("card_utilisation", (0.3, 0.8), PDS, 0.1), sha256="1" * 64, name="compact")
STANDS_IN = replace(graded_scorer("loan_amount", (1e5, 2e5), PDS, 1000.0), sha256="2" * 64, name="form")
BATCH = replace(graded_scorer("accounts", (8.0, 14.0), PDS, 5.0), sha256="3" * 64, name="consumer-loan-batch")
MODELS = {one.sha256: one for one in (COMPACT, STANDS_IN, BATCH)}


def shelf(model: Scorer) -> Any:
    return lambda _product, _applicant: model


def use(wiring: Wiring) -> None:
    """Small models, whose every score is known, in place of trained ones."""
    vars(wiring.models)["batch"] = shelf(BATCH)
    vars(wiring.models)["archive"] = lambda _product, sha256: MODELS.get(sha256)
    vars(wiring)["capturing"] = Capturing(
        look_up=wiring.online,
        live=Live({}),
        scorers=(shelf(COMPACT), shelf(STANDS_IN)),
        code_version=code_version(),
        batch=wiring.models.batch,
        exposures=wiring.exposures,
    )


@pytest.fixture
def assessed(lender: Lender) -> Lender:
    """A lender of whose applicants some were decided and assessed with every source at hand."""
    use(lender.service.wiring)
    use(lender.service.worker)
    lender.materialise()
    lender.decide(SOME)
    assess(lender)
    return lender


def assess(lender: Lender) -> None:
    for row in lender.service.query("SELECT id FROM work.job WHERE state = 'waiting' ORDER BY id"):
        assert lender.service.worker.assessments.assess(row.id)


def again(lender: Lender, mark: str, requests: Sequence[dict[str, Any]] | None = None) -> dict[str, dict[str, Any]]:
    """The same applicants once more, by their ids."""
    decisions = {}
    for request in requests or lender.requests[:SOME]:
        applicant = request["application"]["applicant_id"]
        body = {**request, "application_ref": f"{mark}-{applicant}"}
        decisions[applicant] = json.loads(
            lender.service.wiring.decisions.decide(Wanted("tests", json.dumps(body).encode())).body
        )
    return decisions


def take_bureau_away(lender: Lender) -> None:
    lender.service.execute(
        "UPDATE online.vector SET cut_off = cut_off - interval '200 days', newest_at = newest_at - interval '200 days' "
        f"WHERE fingerprint = '\\x{BUREAU.fingerprint}'"
    )


def bring_bureau_back(lender: Lender) -> None:
    lender.service.execute(
        "UPDATE online.vector SET cut_off = cut_off + interval '200 days', newest_at = newest_at + interval '200 days' "
        f"WHERE fingerprint = '\\x{BUREAU.fingerprint}'"
    )


def scores(lender: Lender) -> dict[str, Any]:
    return {row.applicant_id: row for row in lender.service.query("SELECT * FROM online.score")}


def test_an_assessment_leaves_its_score_in_its_own_transaction(assessed: Lender) -> None:
    """And one that was made on gaps leaves none."""
    made = assessed.service.query(
        "SELECT a.applicant_id, a.received_at, v.pd, v.model_sha256, e.rung, e.sha256, e.document, "
        "v.xmin::text AS written_by FROM record.version v JOIN record.application a ON a.id = v.application_id "
        "JOIN record.evidence e ON e.application_id = a.id WHERE v.stage = 'batch'"
    )
    assert len(made) == SOME
    kept = scores(assessed)
    written_by = dict(map(tuple, assessed.service.query("SELECT applicant_id, xmin::text FROM online.score")))
    assert set(kept) == {row.applicant_id for row in made if row.rung <= Rung.STALE}
    assert 0 < len(kept) < SOME
    for row in made:
        if row.applicant_id not in kept:
            continue
        score, document = kept[row.applicant_id], json.loads(row.document)
        assert (score.product, score.scored_at, score.pd) == ("consumer-loan", row.received_at, row.pd)
        assert (bytes(score.model_sha256), bytes(score.evidence_sha256)) == (bytes(row.model_sha256), bytes(row.sha256))
        assert score.amount == document["request"]["application"]["amount"]
        known = {name: value for of in document["features"].values() for name, value in of.items()}
        assert score.rule_values == {name: known[name] for name in score.rule_values}
        assert {"bankruptcies", "own_days_late_now", "annual_income"} <= set(score.rule_values)
        assert written_by[row.applicant_id] == row.written_by


def test_while_a_source_is_away_the_earlier_score_decides(assessed: Lender) -> None:
    kept = scores(assessed)
    take_bureau_away(assessed)
    decisions = again(assessed, "away")
    by_earlier = {who: one for who, one in decisions.items() if one["evidence"]["rung"] == Rung.PRE_COMPUTED}
    assert set(by_earlier) == set(kept)
    for who, decision in by_earlier.items():
        score, bureau = decision["score"], decision["evidence"]["sources"][1]
        assert (bureau["name"], bureau["status"]) == ("bureau", "missing")
        assert score["pd"] == round(kept[who].pd, 8)
        assert (score["model"], score["model_sha256"]) == (BATCH.name, BATCH.sha256)
        assert score["scored_at"] == kept[who].scored_at.isoformat()
        assert (decision["offer"] or {"limit": 0})["limit"] <= 10_000
        if decision["outcome"] == "approve":
            assert score["pd"] < 0.08
        hits = [rule for rule in decision["policy"]["results"] if rule["hit"] and rule["effect"] == "decline"]
        assert (decision["outcome"] == "decline") == any(not rule.get("earlier") for rule in hits)
    assert {"approve", "refer"} <= {one["outcome"] for one in by_earlier.values()}
    assert {one["evidence"]["rung"] for who, one in decisions.items() if who not in kept} <= {3, 4}

    assess(assessed)
    batch = assessed.service.query(
        "SELECT pd FROM audit.decisions WHERE stage = 'batch' AND application_ref LIKE 'away-%' AND rung = 2"
    )
    assert {row.pd for row in batch} == {None}, "the batch model confirmed itself"
    assert scores(assessed) == kept
    total, replays = assessed.service.wiring.replays.sample(10_000, None, 1)
    every = list(replays)
    assert total == len(every) == 4 * SOME
    assert all(one.exact for one in every)

    seen = assessed.service.query(
        "SELECT application_ref, scored_at, model, model_sha256 FROM audit.decisions WHERE stage = 'fast' AND rung = 2"
    )
    assert {row.application_ref for row in seen} == {f"away-{who}" for who in kept}
    assert all(row.scored_at == kept[row.application_ref.removeprefix("away-")].scored_at for row in seen)
    assert {(row.model, row.model_sha256) for row in seen} == {(BATCH.name, BATCH.sha256)}
    rules = assessed.service.query("SELECT DISTINCT application_ref FROM audit.rule_results WHERE earlier")
    assert {row.application_ref for row in rules} == {f"away-{who}" for who in kept}


def some_who_is_scored(lender: Lender) -> dict[str, Any]:
    kept = scores(lender)
    return next(one for one in lender.requests if one["application"]["applicant_id"] in kept)


def test_what_ends_its_use(assessed: Lender) -> None:
    request = some_who_is_scored(assessed)
    take_bureau_away(assessed)

    def rung(mark: str, **form: Any) -> int:
        asked = {**request, "application": {**request["application"], **form}}
        (decision,) = again(assessed, mark, [asked]).values()
        return int(decision["evidence"]["rung"])

    assert rung("as-it-was") == Rung.PRE_COMPUTED
    assert rung("more", amount=request["application"]["amount"] + 100) == Rung.APPLICATION_ONLY
    assessed.service.execute("UPDATE online.score SET model_sha256 = decode(repeat('aa', 32), 'hex')")
    assert rung("another-model") == Rung.APPLICATION_ONLY
    assessed.service.execute(f"UPDATE online.score SET model_sha256 = '\\x{BATCH.sha256}'")
    assert rung("the-model") == Rung.PRE_COMPUTED
    assessed.service.execute("UPDATE online.score SET scored_at = scored_at - interval '31 days'")
    assert rung("a-month-later") == Rung.APPLICATION_ONLY


def test_a_source_that_was_never_taken_in_hides_no_score(assessed: Lender) -> None:
    request = some_who_is_scored(assessed)
    assessed.service.execute("DELETE FROM online.coverage; DELETE FROM online.vector")
    (decision,) = again(assessed, "none", [request]).values()
    assert decision["evidence"]["rung"] == Rung.PRE_COMPUTED
    assert {one["status"] for one in decision["evidence"]["sources"][1:]} == {"missing"}


def test_it_is_read_in_the_statement_that_reads_the_vectors(assessed: Lender) -> None:
    online, who = assessed.service.wiring.online, some_who_is_scored(assessed)["application"]["applicant_id"]
    now, sent = datetime.now(UTC), list[str]()
    online(PRODUCT.sources, who, now, now, Deadline.after(10), PRODUCT.name)
    for engine in online.engines:
        event.listen(engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    found = online(PRODUCT.sources, who, now, now, Deadline.after(10), PRODUCT.name)
    assert found.earlier is not None
    assert found.earlier.pd == scores(assessed)[who].pd
    assert len([one for one in sent if not one.startswith(("SET", "PREPARE"))]) == 1
    assert online(PRODUCT.sources, who, now, now, Deadline.after(10)).earlier is None
    assert online(PRODUCT.sources, who, now, now, Deadline.after(10), "personal-loan").earlier is None


def test_an_older_score_never_takes_the_place_of_a_newer_one(lender: Lender) -> None:
    now = datetime.now(UTC)
    newest = PreComputed(now, 0.1, 500, "batch", "a" * 64, "b" * 64, {"bankruptcies": None}, 1000.0)
    order = [newest, replace(newest, scored_at=now - timedelta(1), pd=0.9)]
    for arriving in (order, order[::-1]):
        lender.service.execute("DELETE FROM online.score")
        for score in arriving:
            with transaction(lender.service.worker.engine) as connection:
                put_score(connection, "a", PRODUCT.name, score)
        found = lender.service.wiring.online(PRODUCT.sources, "a", now, now, Deadline.after(10), PRODUCT.name)
        assert found.earlier == newest


def test_deciding_again_waits_for_the_sources(assessed: Lender) -> None:
    """That an earlier score is there tells nothing of what the outage hid; that the source is back does."""
    request = some_who_is_scored(assessed)
    began = datetime.now(UTC)
    take_bureau_away(assessed)
    kept = assessed.service.query("SELECT scored_at FROM online.score LIMIT 1")
    assert kept
    assessed.service.execute("UPDATE online.score SET scored_at = scored_at - interval '31 days'")
    (before,) = again(assessed, "without", [request]).values()
    assessed.service.execute("UPDATE online.score SET scored_at = scored_at + interval '31 days'")
    (after,) = again(assessed, "with", [request]).values()
    assert (before["evidence"]["rung"], after["evidence"]["rung"]) == (3, 2)

    def redecided() -> dict[str, tuple[int, bool]]:
        found = assessed.service.worker.redecisions.of(began, datetime.now(UTC), Rung.STALE, record=True)[1]
        return {one.application_ref.split("-")[0]: (int(one.rung_now or 0), one.recovered) for one in found}

    assert redecided() == {"without": (2, False), "with": (2, False)}
    bring_bureau_back(assessed)
    assert {recovered for _, recovered in redecided().values()} == {True}
    stages = assessed.service.query("SELECT stage, rung FROM audit.decisions WHERE stage = 'redecision'")
    assert {(row.stage, row.rung <= 1) for row in stages} == {(Stage.REDECISION, True)}


def test_the_desk_shows_whose_score_it_was_and_that_it_declines_nobody(assessed: Lender) -> None:
    take_bureau_away(assessed)
    decisions = again(assessed, "desk")
    referred = next(
        one for one in decisions.values() if one["outcome"] == "refer" and one["evidence"]["rung"] == Rung.PRE_COMPUTED
    )
    (case,) = assessed.service.query(
        "SELECT case_id FROM audit.cases WHERE application_ref = :ref", ref=referred["application_ref"]
    )
    assessed.service.wiring.keys.set_password("ana", "a long enough password")
    settings = assessed.service.settings.model_copy(update={"https": False})
    client = create_app(Settings.model_validate(settings)).test_client()
    form = client.get("/review/sign-in").get_data(as_text=True)
    token = re.findall(r'name="csrf_token" value="([^"]+)"', form)[0]
    client.post("/review/sign-in", data={"csrf_token": token, "username": "ana", "password": "a long enough password"})
    answer = client.get(f"/review/cases/{case.case_id}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "Pre-computed." in page
    assert "The score is that of the applicant's last assessment, on evidence of" in page
    assert "by the last assessment's value" in page
    assert "approve below 8" in page
    assert "decline above" not in page
