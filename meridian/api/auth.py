"""Who calls, and whether they may. Every route says which scope it needs; a test sees that none forgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, g, request

from meridian.errors import Forbidden, Unauthenticated
from meridian.service import Principal

F = TypeVar("F", bound=Callable[..., Any])

SECURITY_SCHEME: dict[str, Any] = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, `mk_<id>_<secret>`."}
}
SECURITY: list[dict[str, list[Any]]] = [{"key": []}]


def needs(scope: str) -> Callable[[F], F]:
    """The route is for callers whose key has this scope; 401 without a key, 403 without the scope."""

    def mark(view: F) -> F:
        view.needs_scope = scope  # type: ignore[attr-defined]
        return view

    return mark


def let_in() -> None:
    """Before anything of a request is read: a stranger is not even told what is wrong with it.

    A route that forgot to say what it needs is open to nobody.
    """
    view: Any = current_app.view_functions[request.endpoint or ""]
    scope: str = view.needs_scope
    g.principal = _caller()
    if not g.principal.may(scope):
        has = ", ".join(sorted(g.principal.scopes))
        raise Forbidden(f"This needs the scope {scope}; the key {g.principal.key_id} has {has}.")


def _caller() -> Principal:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Unauthenticated
    principal: Principal = current_app.extensions["meridian"].keys.authenticate(key.strip())
    return principal
