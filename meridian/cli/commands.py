"""Which commands there are, and where each stands: its module is imported when it is called, and not before."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


@dataclass(frozen=True)
class Command:
    """A command, or a group of them."""

    place: str
    """`module:name` of a function or, for a group, of a `typer.Typer`, in `meridian.cli`."""
    help: str
    """What the list of commands says of it: for a function, how its docstring begins."""

    def load(self, name: str) -> Any:
        """The command that is called `name`, as Typer makes it."""
        module, attribute = self.place.split(":")
        found = getattr(import_module(f"meridian.cli.{module}"), attribute)
        alone = typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=name, help=self.help)
        else:
            alone.command(name)(found)
        return get_group(alone).commands[name]


COMMANDS = {
    "up": Command("operate:up", "Run the whole service on this machine until Ctrl-C."),
    "down": Command("operate:down", "Stop the `meridian up` of this home."),
    "doctor": Command(
        "operate:doctor", "Check versions, disk, port, database, broker and models; say what is wrong and what to do."
    ),
    "migrate": Command("operate:migrate", "Bring the database to this version's schema."),
    "train": Command(
        "train:train", "Train a product's compact and batch model, prove them, and put them in place with their cards."
    ),
    "sample": Command("sample:sample", "Print an application that the product accepts."),
    "decide": Command("ask:decide", "Decide one application here, without HTTP, and record it. Prints the decision."),
    "sql": Command("ask:sql", "Ask the audit views, as the auditors' role: it reads them and nothing else."),
    "correct": Command(
        "correct:correct", "Record a correction: it governs from now on, and the versions before it stay as they are."
    ),
    "replay": Command(
        "replay:replay",
        "Make recorded decisions again from what is recorded. Exit code 1 where one comes out differently.",
    ),
    "redecide": Command(
        "redecide:redecide",
        "Decide again, on what the sources say now, what an outage had decided on a lower rung.",
    ),
    "upgrade-check": Command(
        "replay:upgrade_check",
        "The gate before a new release goes to work: with it, past decisions and reasons must come out the same.",
    ),
    "audit": Command("audit:audit", "The record's seals: verify, seal now, public key."),
    "evidence": Command("evidence:evidence", "Evidence packs: one decision with all that proves it."),
    "keys": Command("access:keys", "API keys: create, list, revoke."),
    "features": Command("features:features", "The feature store: definitions, materialisation, the check for skew."),
    "history": Command("history:history", "The lender's own history of its applicants."),
    "models": Command("models:models", "Models: which there are, what one is, whether it passes its gates."),
    "policy": Command("policy:policy", "Policies as tables: check, show in sentences, to a spreadsheet and back."),
    "jobs": Command(
        "jobs:jobs", "What waits for workers, what they have in hand, what failed; and having it tried again."
    ),
    "disagreements": Command(
        "disagreements:disagreements",
        "Where fast answers and their assessments differ: how many, by which reasons, and what followed.",
    ),
    "batch": Command("batch:batch", "Files of applications: have one decided, see how far it is, and what came of it."),
    "product": Command("product:product", "Products of your own: new, from a table of past loans; check."),
    "simulate": Command("simulate:simulate", "A simulated lender: make one, its requests, stubs of its sources."),
    "sources": Command("sources:sources", "Providers: who is asked for which source, and a question to one."),
    "users": Command("access:users", "Analysts who sign in at the desk."),
}


class Deferred(TyperGroup):
    """The commands of the table: listed as it describes them, loaded when one is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, command in COMMANDS.items():
            self.add_command(TyperCommand(name, help=command.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that these words call, its module imported."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, COMMANDS[name].load(name) if name in COMMANDS else listed, rest
