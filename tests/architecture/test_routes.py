"""Every route of the whole app, the ones to come too: it needs a key or a session, or is in the list of open ones."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from meridian.service.keys import SCOPES
from meridian.settings import Settings
from meridian.web import create_app

# What is open to everybody. A new line here is a decision: none of these may show an application or a decision.
OPEN = {"/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/scalar.js"}
DESK_WITHOUT_SESSION = {"/review/sign-in", "/review/static/<path:filename>"}
ANY = {"uuid": "019a0000-0000-7000-8000-000000000000", "path": "some/where", "default": "some"}


def make_app() -> Flask:
    """The app as it is served, on a database that cannot be reached: nothing here may need one."""
    values = {
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "MERIDIAN_SECRET_KEY": "k" * 32,
        "MERIDIAN_HTTPS": "false",
    }
    return create_app(Settings(**values))  # type: ignore[arg-type]


APP = make_app()
RULES = sorted(APP.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ())))
CALLS = [(rule, method) for rule in RULES for method in sorted((rule.methods or set()) - {"OPTIONS"})]


def of_api(rule: Rule) -> bool:
    return rule.rule.startswith("/v1/")


def of_desk(rule: Rule) -> bool:
    return rule.endpoint.startswith("desk.")


def path_of(rule: Rule) -> str:
    """A path that the rule matches."""
    parts = []
    for is_dynamic, content in rule._trace:
        converter = type(rule._converters[content]).__name__ if is_dynamic else ""
        kind = {"UUIDConverter": "uuid", "PathConverter": "path"}.get(converter, "default")
        parts.append(ANY[kind] if is_dynamic else content)
    return "".join(parts).lstrip("|")


def shown(value: Any) -> str:
    return value.rule if isinstance(value, Rule) else str(value)


def test_there_is_something_to_guard() -> None:
    assert sum(map(of_api, RULES)) >= 8
    assert sum(map(of_desk, RULES)) >= 8


@pytest.mark.parametrize("rule", [rule for rule in RULES if of_api(rule)], ids=shown)
def test_every_route_of_the_api_says_which_scope_it_needs(rule: Rule) -> None:
    assert getattr(APP.view_functions[rule.endpoint], "needs_scope", None) in SCOPES


@pytest.mark.parametrize(("rule", "method"), [call for call in CALLS if of_api(call[0])], ids=shown)
def test_every_route_of_the_api_is_closed_to_strangers(rule: Rule, method: str) -> None:
    assert APP.test_client().open(path_of(rule), method=method).status_code == 401


def test_a_route_that_forgot_to_say_what_it_needs_is_open_to_nobody() -> None:
    app = make_app()
    app.view_functions["v1.list_keys"] = lambda: "everything"
    answer = app.test_client().get("/v1/keys")
    assert answer.status_code == 500
    assert "everything" not in answer.text


@pytest.mark.parametrize("rule", [rule for rule in RULES if not of_api(rule) and not of_desk(rule)], ids=shown)
def test_every_other_route_stands_in_the_list_of_open_ones(rule: Rule) -> None:
    assert rule.rule in OPEN
    assert (rule.methods or set()) <= {"GET", "HEAD", "OPTIONS"}


def test_the_list_of_open_routes_has_none_that_is_gone() -> None:
    assert {rule.rule for rule in RULES} >= OPEN | DESK_WITHOUT_SESSION


@pytest.mark.parametrize(
    ("rule", "method"),
    [call for call in CALLS if of_desk(call[0]) and call[0].rule not in DESK_WITHOUT_SESSION],
    ids=shown,
)
def test_every_page_of_the_desk_asks_for_the_sign_in(rule: Rule, method: str) -> None:
    answer = APP.test_client().open(path_of(rule), method=method)
    assert answer.status_code == 302
    assert answer.location.split("?")[0] == "/review/sign-in"


@pytest.mark.parametrize("rule", [rule for rule in RULES if of_desk(rule)], ids=shown)
def test_what_is_of_the_desk_stands_under_its_path(rule: Rule) -> None:
    assert rule.rule == "/review" or rule.rule.startswith("/review/")


def test_the_sign_in_itself_takes_no_form_from_elsewhere() -> None:
    answer = APP.test_client().post("/review/sign-in", data={"username": "ana", "password": "a long enough password"})
    assert answer.status_code == 400
