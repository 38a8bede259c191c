"""`meridian keys` and `meridian users`."""

from __future__ import annotations

import typer

from meridian.cli.screen import ask_password, out, print_json, print_table, talk
from meridian.service.keys import SCOPES
from meridian.settings import load_settings
from meridian.wiring import Wiring

keys = typer.Typer(no_args_is_help=True)
users = typer.Typer(no_args_is_help=True)
AS_JSON = typer.Option(False, "--json", help="JSON instead of text.")


def _wiring() -> Wiring:
    return Wiring(load_settings(), "cli")


@keys.command("create")
def create_key(
    name: str = typer.Argument(help="What it is for."),
    scope: list[str] = typer.Option(..., help=f"One of {', '.join(SCOPES)}; may be given more than once."),
    as_json: bool = AS_JSON,
) -> None:
    """Make an API key. It is shown this once."""
    text, stored = _wiring().keys.create(name, scope)
    if as_json:
        print_json({"id": stored.id, "name": stored.name, "scopes": list(stored.scopes), "key": text})
    else:
        talk.print(f"Key {stored.id} for {', '.join(stored.scopes)}; it is shown this once:", markup=False)
        out.print(text, markup=False)


@keys.command("list")
def list_keys(as_json: bool = AS_JSON) -> None:
    """Every key, without secrets."""
    rows = _wiring().keys.list()
    if as_json:
        print_json([{"id": k.id, "name": k.name, "scopes": list(k.scopes), "revoked_at": k.revoked_at} for k in rows])
    else:
        print_table(
            ["id", "name", "scopes", "made", "revoked"],
            [(k.id, k.name, ", ".join(k.scopes), k.created_at, k.revoked_at) for k in rows],
        )


@keys.command("revoke")
def revoke_key(key_id: str = typer.Argument(help="The part between mk_ and the secret.")) -> None:
    """Close a key for good."""
    _wiring().keys.revoke(key_id)
    talk.print(f"Key {key_id} opens nothing any more.", markup=False)


@users.command("add")
def add_user(username: str = typer.Argument(help="The name to sign in with.")) -> None:
    """Add somebody who signs in at the desk or for a model, or give one a new password."""
    _wiring().keys.set_password(username, ask_password("Password", confirm=True))
    talk.print(f"{username} can sign in at /review, and sign for models.", markup=False)
