"""The API's answers: durable, shaped as documented, and found again."""

from __future__ import annotations

from typing import Any

from meridian.api.schemas import ApplicationOut, DecisionOut, DecisionPage
from tests.services import Service


def test_an_application_is_decided_and_found_again(server: Service, application: dict[str, Any]) -> None:
    answer = server.decide(application)
    assert answer.status == 201
    decision = DecisionOut.model_validate_json(answer.body)
    assert (decision.stage, decision.outcome, decision.governs) == ("fast", "approve", True)
    assert decision.score is not None
    assert decision.score.pd < 0.12
    assert decision.evidence.rung == 0
    assert answer.headers["location"] == f"/v1/decisions/{decision.id}"
    again = server.get(f"/v1/decisions/{decision.id}")
    assert (again.status, again.body) == (200, answer.body)
    every = ApplicationOut.model_validate_json(server.get(f"/v1/applications/{decision.application_ref}").body)
    assert [v.id for v in every.versions] == [decision.id] == [every.governing]


def test_what_is_not_approved_has_reasons(server: Service, application: dict[str, Any]) -> None:
    application["application"]["amount"] = 50_000.0
    decision = DecisionOut.model_validate_json(server.decide(application).body)
    assert decision.outcome == "decline"
    assert decision.reasons[0].code == "P03"
    assert decision.offer is None


def test_pages_run_from_the_newest_to_the_oldest(server: Service, application: dict[str, Any]) -> None:
    made = []
    for i in range(5):
        application["application"]["applicant_id"] += str(i)
        made.append(server.decide(application).json()["id"])
    first = DecisionPage.model_validate_json(server.get("/v1/decisions?limit=3").body)
    second = DecisionPage.model_validate_json(
        server.get(f"/v1/decisions?limit=3&starting_after={first.data[-1].id}").body
    )
    assert [d.id for d in first.data + second.data][:5] == made[::-1]
    assert first.has_more
