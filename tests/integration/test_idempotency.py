"""A retry is answered, not decided again: byte for byte, whoever came first, and through a restart."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.record_rows import count_rows
from tests.services import Answer, Service, service
from tests.training_fixtures import TrainedModels

TWINS = 8


@pytest.fixture
def key() -> dict[str, str]:
    """A header with an idempotency key that nobody has used."""
    return {"Idempotency-Key": f"key {uuid4()}"}


def at_once(server: Service, requests: list[tuple[Mapping[str, Any], Mapping[str, str]]]) -> list[Answer]:
    """The answers to calls that are made at the same time, each on a connection of its own."""
    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(lambda call: server.decide(*call), requests))


def decisions_of(server: Service, applicant_id: str) -> int:
    """How many versions the record has of an applicant."""
    count = (
        "SELECT count(*) FROM record.version v JOIN record.application a ON a.id = v.application_id "
        "WHERE a.applicant_id = :applicant"
    )
    return int(server.query(count, applicant=applicant_id)[0][0])


def reordered(value: Any) -> Any:
    """The same JSON with the fields of every object the other way round."""
    if isinstance(value, dict):
        return {name: reordered(content) for name, content in reversed(value.items())}
    return value


def test_a_retry_gets_the_same_bytes_and_is_marked(
    server: Service, application: dict[str, Any], key: dict[str, str]
) -> None:
    first = server.decide(application, key)
    before = count_rows(server)
    again = server.decide(application, key)
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers["location"] == first.headers["location"]
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert count_rows(server) == before


def test_the_order_of_fields_and_white_space_make_no_other_body(
    server: Service, application: dict[str, Any], key: dict[str, str]
) -> None:
    first = server.decide(application, key)
    text = json.dumps(reordered(application), indent=4)
    again = server.call("POST", "/v1/decisions", text, key)
    assert (again.status, again.body) == (201, first.body)


def test_the_key_with_another_body_is_refused(
    server: Service, application: dict[str, Any], key: dict[str, str]
) -> None:
    first = server.decide(application, key)
    before = count_rows(server)
    application["application"]["amount"] += 1
    refused = server.decide(application, key)
    assert (refused.status, refused.headers["content-type"]) == (422, "application/problem+json")
    assert refused.json()["type"] == "urn:meridian:problem:idempotency-mismatch"
    assert count_rows(server) == before
    application["application"]["amount"] -= 1
    assert server.decide(application, key).body == first.body


def test_without_a_key_every_call_is_an_application_of_its_own(server: Service, application: dict[str, Any]) -> None:
    answers = [server.decide(application) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


def test_two_callers_may_use_the_same_key(server: Service, application: dict[str, Any], key: dict[str, str]) -> None:
    keys = [server.wiring.keys.create("caller", ["decide"])[0] for _ in range(2)]
    answers = [server.decide(application, {**key, "Authorization": f"Bearer {caller}"}) for caller in keys]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


def test_of_twins_that_come_at_once_one_is_decided_and_all_get_its_answer(
    server: Service, application: dict[str, Any], key: dict[str, str]
) -> None:
    answers = at_once(server, [(application, key)] * TWINS)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert decisions_of(server, application["application"]["applicant_id"]) == 1
    replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
    assert sorted(replayed, key=str) == [None, *["true"] * (TWINS - 1)]


def test_of_twins_with_one_key_and_many_bodies_one_is_decided_and_the_others_are_refused(
    server: Service, application: dict[str, Any], key: dict[str, str]
) -> None:
    stated = application["application"]
    bodies = [{**application, "application": {**stated, "amount": 5000.0 + i}} for i in range(TWINS)]
    answers = at_once(server, [(body, key) for body in bodies])
    assert sorted(answer.status for answer in answers) == [201, *[422] * (TWINS - 1)]
    assert decisions_of(server, stated["applicant_id"]) == 1


def test_of_twins_under_one_reference_one_is_decided_and_the_others_conflict(
    server: Service, application: dict[str, Any]
) -> None:
    application["application_ref"] = f"twins-{uuid4().hex}"
    answers = at_once(server, [(application, {})] * TWINS)
    assert sorted(answer.status for answer in answers) == [201, *[409] * (TWINS - 1)]
    conflict = next(answer for answer in answers if answer.status == 409)
    assert conflict.headers["content-type"] == "application/problem+json"
    assert conflict.json()["type"] == "urn:meridian:problem:already-decided"
    assert application["application_ref"] in conflict.json()["detail"]
    assert decisions_of(server, application["application"]["applicant_id"]) == 1


def test_a_reference_that_is_taken_leaves_the_key_free(
    server: Service, application: dict[str, Any], key: dict[str, str]
) -> None:
    application["application_ref"] = f"taken-{uuid4().hex}"
    assert server.decide(application).status == 201
    assert server.decide(application, key).status == 409
    application["application_ref"] += "-2"
    assert server.decide(application, key).status == 201


def test_a_refused_application_leaves_the_key_free(
    server: Service, application: dict[str, Any], key: dict[str, str]
) -> None:
    amount = application["application"].pop("amount")
    assert server.decide(application, key).status == 422
    application["application"]["amount"] = amount
    answer = server.decide(application, key)
    assert (answer.status, answer.headers.get("idempotent-replayed")) == (201, None)


@pytest.mark.parametrize("bad", ["", "x" * 256, "x" * 300, "schlüssel", "tab\there"])
def test_a_key_that_cannot_be_used_is_refused_and_nothing_is_decided(
    server: Service, application: dict[str, Any], bad: str
) -> None:
    before = count_rows(server)
    # By hand, because an empty header is one as well.
    connection = http.client.HTTPConnection(server.settings.host, server.settings.port, timeout=30)
    headers = {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/decisions", json.dumps(application), {**headers, "Idempotency-Key": bad})
    response = connection.getresponse()
    problem = json.loads(response.read())
    connection.close()
    assert (response.status, response.getheader("Content-Type")) == (422, "application/problem+json")
    assert problem["errors"][0]["pointer"] == "header:Idempotency-Key"
    assert count_rows(server) == before


@pytest.mark.parametrize("good", ["x", "x" * 255, " ~!@#$%^&*()'\"; DROP TABLE"])
def test_every_printable_key_of_up_to_255_characters_will_do(
    server: Service, application: dict[str, Any], good: str
) -> None:
    caller = {"Authorization": f"Bearer {server.wiring.keys.create('caller', ['decide'])[0]}"}
    answers = [server.decide(application, {**caller, "Idempotency-Key": good}) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body == answers[1].body


def test_a_retry_after_a_restart_and_after_the_assessment_gets_the_same_bytes(
    own_database: str,
    demo_models: TrainedModels,
    application: dict[str, Any],
    key: dict[str, str],
    tmp_path: Path,
) -> None:
    with service(tmp_path, own_database, demo_models.models_dir) as running:
        running.start_api()
        first = running.decide(application, key)
        (job,) = running.query("SELECT id FROM work.job")
        assert running.worker.assessments.assess(job[0])
        running.children.stop("api")
        running.start_api()
        again = running.decide(application, key)
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["idempotent-replayed"] == "true"
