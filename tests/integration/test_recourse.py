"""Recourse: the smallest change that would have been approved, and it is, when it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from meridian.api.schemas import DecisionOut
from meridian.db import recorded
from meridian.db.engine import transaction
from meridian.errors import NotFound
from meridian.evidence import Evidence
from meridian.products.levers import changed
from meridian.products.recourse import can_be_made_again, recourse, with_application
from meridian.service import Wanted
from tests.lender import Lender, lender_service
from tests.services import Service
from tests.training_fixtures import TrainedModels

SOURCES = ("application", "bureau", "bank", "employment")


def asked(server: Service, decision_id: str) -> dict[str, Any] | None:
    answer = server.get(f"/v1/decisions/{decision_id}?recourse=1")
    assert answer.status == 200, answer.body
    shown = DecisionOut.model_validate_json(answer.body)
    assert shown.id == decision_id
    found: dict[str, Any] | None = answer.json()["recourse"]
    return found


def test_the_change_that_is_told_is_approved_when_it_is_sent(server: Service, application: dict[str, Any]) -> None:
    application["application"] |= {"amount": 34_000.0, "annual_income": 52_000.0}
    application["application"]["credit_report"] |= {"revolving_balance": 21_000.0, "revolving_utilisation": 0.9}
    refused = server.decide(application).json()
    assert refused["outcome"] != "approve"
    told = asked(server, refused["id"])
    assert told
    assert told["outcome"] == "approve"
    assert 1 <= len(told["changes"]) <= 2
    sent = changed(application["application"], {one["field"]: one["needed"] for one in told["changes"]})
    if "credit_report.revolving_balance" in {one["field"] for one in told["changes"]}:
        share = sent["credit_report"]["revolving_balance"] / 21_000.0
        sent["credit_report"]["revolving_utilisation"] = round(0.9 * share, 6)
    sent["applicant_id"] += "-again"
    approved = server.decide({**application, "application": sent}).json()
    assert approved["outcome"] == "approve"
    assert approved["score"]["pd"] == pytest.approx(told["pd"], abs=1e-8)


def test_a_knock_out_on_the_amount_is_cured_by_the_amount(server: Service, application: dict[str, Any]) -> None:
    application["application"]["amount"] = 50_000.0
    refused = server.decide(application).json()
    assert refused["reasons"][0]["code"] == "P03"
    told = asked(server, refused["id"])
    assert told
    assert [one["field"] for one in told["changes"]] == ["amount"]
    assert told["changes"][0]["present"] == 50_000.0
    assert told["changes"][0]["needed"] < 50_000.0


def test_what_nobody_can_change_has_no_recourse(server: Service, application: dict[str, Any]) -> None:
    """A bankruptcy is not undone; it is said that nothing was found, and how much was tried."""
    application["application"]["credit_report"]["bankruptcies"] = 3
    refused = server.decide(application).json()
    assert refused["outcome"] == "decline"
    told = asked(server, refused["id"])
    assert told == {"changes": [], "outcome": None, "pd": None, "tried": told and told["tried"]}
    assert told["tried"] > 10


def test_it_comes_on_request_alone_and_an_approval_has_none(server: Service, application: dict[str, Any]) -> None:
    approved = server.decide(application).json()
    assert approved["outcome"] == "approve"
    assert asked(server, approved["id"]) is None
    assert "recourse" not in server.get(f"/v1/decisions/{approved['id']}").json()
    assert server.get(f"/v1/decisions/{approved['id']}?recourse=2").status == 422
    assert server.get(f"/v1/decisions/{UUID(int=0)}?recourse=1").status == 404
    with pytest.raises(NotFound):
        server.wiring.recourses.of(UUID(int=7))


@pytest.fixture
def lent(lender_folder: Path, template: str, tmp_path: Path, loan_models: TrainedModels) -> Iterator[Lender]:
    with lender_service(lender_folder, template, tmp_path, loan_models.models_dir) as made:
        made.materialise()
        yield made


def evidence_of(lender: Lender, decision_id: str) -> Evidence:
    with transaction(lender.service.wiring.engine) as connection:
        return recorded.find_recorded(connection, [UUID(decision_id)])[0].evidence


def test_another_form_on_the_same_sources_is_what_a_capture_of_it_would_be(lent: Lender) -> None:
    """Features of the bureau, the bank and the employer that read the form too: computed anew from frozen fields."""
    product = lent.service.wiring.products["consumer-loan"]
    moved = 0
    for number in range(12):
        request = {name: told for name, told in lent.requests[number].items() if name != "application_ref"}
        other = {**request, "application": {**request["application"], "amount": 1500.0, "term_months": 12}}
        replies = [
            json.loads(lent.service.wiring.decisions.decide(Wanted("tests", json.dumps(one).encode())).body)
            for one in (request, other)
        ]
        first, second = (evidence_of(lent, one["id"]) for one in replies)
        assert can_be_made_again(product, first)
        again = with_application(product, first, other["application"])
        assert again is not None
        for source in SOURCES:
            assert again.document["features"][source] == second.document["features"][source], source
            kept = product.kept_fields.get(source)
            if kept and first.document["features"][source] != second.document["features"][source]:
                moved += 1
    assert moved > 5


def test_evidence_without_the_fields_that_it_takes_has_no_recourse(lent: Lender) -> None:
    """Of before they were frozen: what is mixed with the form would stay as it was."""
    product = lent.service.wiring.products["consumer-loan"]
    evidence = evidence_of(lent, json.loads(lent.decide(1)[0].body)["id"])
    bare = Evidence({name: part for name, part in evidence.document.items() if name != "fields"})
    assert can_be_made_again(product, evidence)
    assert not can_be_made_again(product, bare)
    assert recourse(replace(product, levers=()), evidence, None) is None


def test_a_large_change_of_two_things_is_found(server: Service, application: dict[str, Any]) -> None:
    """However many small ones there are: steps are taken together in larger strides."""
    application["application"] |= {"amount": 99_000.0, "annual_income": 40_000.0}
    application["application"]["credit_report"] |= {"monthly_debt_payments": 100.0, "revolving_balance": 90_000.0}
    application["application"]["credit_report"]["revolving_utilisation"] = 1.0
    refused = server.decide(application).json()
    told = asked(server, refused["id"])
    assert told
    assert told["tried"] < 700
    assert told["changes"]


def test_the_lenders_applicants_have_recourse_within_their_form(lent: Lender) -> None:
    found = 0
    for reply in lent.decide(40):
        decided = json.loads(reply.body)
        told = lent.service.wiring.recourses.of(UUID(decided["id"]))
        if decided["outcome"] == "approve" or not decided["score"]:
            assert told is None
        else:
            assert told is not None
            found += bool(told.changes)
            assert {change.field for change in told.changes} <= {"amount", "term_months"}
    assert found > 0
