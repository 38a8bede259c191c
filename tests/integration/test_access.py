"""Who may do what over HTTP, what is open to everybody, and what never leaves the service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from meridian.service.keys import SCOPES
from tests.services import Service, eventually

NOBODY = "019a0000-0000-7000-8000-000000000000"
OPEN = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/scalar.js"]
HARDENED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}

# Method, path, the scope it needs, and the status for a caller who has it: the call itself is not a good one.
ROUTES = [
    ("POST", "/v1/decisions", "decide", 422),
    ("GET", "/v1/decisions", "read", 200),
    ("GET", f"/v1/decisions/{NOBODY}", "read", 404),
    ("POST", "/v1/applications", "decide", 422),
    ("GET", "/v1/applications/nobody", "read", 404),
    ("POST", "/v1/batches", "decide", 422),
    ("GET", "/v1/batches", "read", 200),
    ("GET", f"/v1/batches/{NOBODY}", "read", 404),
    ("GET", f"/v1/batches/{NOBODY}/results", "read", 404),
    ("GET", f"/v1/batches/{NOBODY}/rejects", "read", 404),
    ("GET", "/v1/reviews", "read", 200),
    ("GET", "/v1/keys", "admin", 200),
    ("POST", "/v1/keys", "admin", 422),
    ("DELETE", "/v1/keys/nobody", "admin", 404),
]


@pytest.fixture(scope="module")
def keys(server: Service) -> dict[str, str]:
    """A key for each scope alone."""
    return {scope: server.wiring.keys.create(f"for {scope}", [scope])[0] for scope in SCOPES}


def test_the_table_of_routes_is_whole(server: Service) -> None:
    described = server.get("/openapi.json").json()["paths"]
    stated = {(method.upper(), path) for path, item in described.items() for method in item}
    listed = {(method, re.sub(f"{NOBODY}|nobody", "{}", path)) for method, path, _, _ in ROUTES}
    assert {(method, re.sub(r"\{.*\}", "{}", path)) for method, path in stated} == listed


@pytest.mark.parametrize(("method", "path"), [row[:2] for row in ROUTES])
@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic bWs6bWs=",
        "Bearer nonsense",
        "Bearer mk_",
        "Bearer mk__",
        "Bearer mk_unknown_unknown",
        "Bearer mk_\u00fc_\u00fc",
        "mk_unknown_unknown",
    ],
)
def test_without_a_good_key_nobody_comes_in(server: Service, method: str, path: str, authorization: str) -> None:
    answer = server.call(method, path, "{}" if method == "POST" else None, {"Authorization": authorization})
    assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/v1/decisions?limit=0", "/v1/applications/%00", "/v1/decisions?colour=red"])
def test_a_stranger_is_not_told_what_is_wrong_with_the_call(server: Service, path: str) -> None:
    assert server.get(path, {"Authorization": ""}).status == 401


def test_the_right_id_with_a_wrong_secret_is_refused(server: Service) -> None:
    mark, key_id, secret = server.api_key.split("_", 2)
    for wrong in (secret[:-1], secret.swapcase(), secret + "x"):
        assert server.get("/v1/keys", {"Authorization": f"Bearer {mark}_{key_id}_{wrong}"}).status == 401


@pytest.mark.parametrize(("method", "path", "needed", "status"), ROUTES)
@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_opens_its_own_routes_and_admin_all(
    server: Service, keys: dict[str, str], method: str, path: str, needed: str, status: int, scope: str
) -> None:
    body = "{}" if method == "POST" else None
    answer = server.call(method, path, body, {"Authorization": f"Bearer {keys[scope]}"})
    if scope in (needed, "admin"):
        assert answer.status == status
    else:
        assert (answer.status, answer.headers["content-type"]) == (403, "application/problem+json")
        assert needed in answer.json()["detail"]


def test_a_key_is_shown_once_used_listed_without_its_secret_and_revoked(server: Service) -> None:
    made = server.call("POST", "/v1/keys", json.dumps({"name": "till", "scopes": ["read"]}))
    assert made.status == 201
    key = made.json()["key"]
    mine = {"Authorization": f"Bearer {key}"}
    assert server.get("/v1/decisions", mine).status == 200
    listed = server.get("/v1/keys")
    secret = key.split("_", 2)[2]
    assert secret not in listed.body.decode()
    shown = next(item for item in listed.json()["data"] if item["id"] == made.json()["id"])
    assert (shown["name"], shown["scopes"], shown["revoked_at"]) == ("till", ["read"], None)
    assert "key" not in shown
    assert server.call("DELETE", f"/v1/keys/{shown['id']}").status == 204
    # Each process remembers for a second that the key was good.
    assert eventually(lambda: all(server.get("/v1/decisions", mine).status == 401 for _ in range(10)), seconds=5)
    assert server.call("DELETE", f"/v1/keys/{shown['id']}").status == 404


def test_the_database_holds_hashes_alone(server: Service) -> None:
    password = "a long enough password"
    server.wiring.keys.set_password("hashed", password)
    secret = server.api_key.split("_", 2)[2]
    stored = str(server.query("SELECT k::text FROM access.api_key k") + server.query("SELECT a FROM access.analyst a"))
    assert secret not in stored
    assert password not in stored
    (hashed,) = server.query("SELECT password_hash FROM access.analyst WHERE username = 'hashed'")
    assert hashed[0].startswith("$argon2id$")
    assert all(re.fullmatch("[0-9a-f]{64}", row[0]) for row in server.query("SELECT secret_sha256 FROM access.api_key"))


@pytest.mark.parametrize("path", OPEN)
def test_open_routes_need_no_key(server: Service, path: str) -> None:
    assert server.get(path, {"Authorization": ""}).status == 200


@pytest.mark.parametrize("path", [*OPEN, "/v1/decisions", "/v1/nowhere", "/nowhere", "/review/sign-in"])
def test_every_answer_carries_the_headers_that_bind_browsers(server: Service, path: str) -> None:
    headers = server.get(path).headers
    assert headers.items() >= HARDENED.items()
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self';" in policy


def test_no_answer_about_decisions_may_be_kept_by_a_cache(server: Service) -> None:
    assert server.get("/v1/decisions").headers["cache-control"] == "no-store"


def test_the_documentation_page_names_no_other_host(server: Service) -> None:
    page = server.get("/docs").body.decode()
    assert "//" not in page.replace("<!doctype html>", "")


@pytest.mark.browser
def test_the_documentation_page_works_and_calls_no_other_host(open_page: Any) -> None:
    page = open_page()
    page.goto("/docs")
    page.get_by_text("Decide one application").first.wait_for()


def references(value: Any) -> Iterator[str]:
    """Every $ref in a document."""
    if isinstance(value, dict):
        if isinstance(found := value.get("$ref"), str):
            yield found
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from references(item)


def test_the_description_is_whole(server: Service) -> None:
    described = server.get("/openapi.json").json()
    assert re.fullmatch(r"3\.[12]\.\d", described["openapi"])
    assert server.get("/openapi.json").json() == described
    for reference in set(references(described)):
        found = described
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    operations = [operation for item in described["paths"].values() for operation in item.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for path, item in described["paths"].items():
        for method, operation in item.items():
            assert operation["security"] == [{"key": []}]
            assert operation["responses"].keys() >= {"401", "403", "422", "503"}, (method, path)
            named = set(re.findall(r"\{(.*?)\}", path))
            assert named == {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            if method not in ("get", "delete"):
                assert all(content["schema"] for content in operation["requestBody"]["content"].values())


def test_the_examples_of_the_description_are_accepted(server: Service) -> None:
    content = server.get("/openapi.json").json()["paths"]["/v1/decisions"]["post"]["requestBody"]["content"]
    for example in content["application/json"]["examples"].values():
        assert server.decide(example["value"]).status == 201


def test_a_decision_counts_in_the_metrics_and_names_nobody(server: Service, application: dict[str, Any]) -> None:
    decided = re.compile(r'^meridian_decisions_total\{outcome="approve",product="personal-loan",rung="0"\} (.*)$', re.M)

    def count() -> float:
        found = decided.search(server.get("/metrics").body.decode())
        return float(found[1]) if found else 0.0

    before = count()
    assert server.decide(application).status == 201
    assert count() == before + 1
    text = server.get("/metrics").body.decode()
    assert application["application"]["applicant_id"] not in text
    assert 'meridian_stage_seconds_bucket{le="0.2",stage="record"}' in text


def test_the_logs_name_the_route_and_the_key_but_nobody_and_nothing_that_was_stated(server: Service) -> None:
    mark = uuid4().hex
    stated = {"applicant_id": f"person-{mark}", "date_of_birth": "1961-02-03", "annual_income": 87654.25}
    request = next(iter(server.wiring.products.values())).sample()
    request["application_ref"] = f"ref-{mark}"
    request["application"] |= stated
    log = server.settings.home / "logs" / "api.log"
    start = log.stat().st_size
    assert server.decide(request, {"Idempotency-Key": f"key-{mark}"}).status == 201
    assert server.get(f"/v1/applications/ref-{mark}").status == 200
    assert server.decide({**request, "application": {**request["application"], "amount": "x"}}).status == 422
    assert server.decide(request).status == 409
    text = log.read_text()[start:]
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["status"] for line in lines if line["event"] == "request"] == [201, 200, 422, 409]
    assert {line["key"] for line in lines if line["event"] == "request"} == {server.api_key.split("_")[1]}
    for secret in (mark, "1961-02-03", "87654.25", server.api_key, server.api_key.split("_", 2)[2]):
        assert secret not in text
