"""`meridian sources`: the providers that are asked, how they stand, and a question to one of them."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from meridian.cli.screen import out, print_json, print_table
from meridian.errors import NotFound, Unavailable
from meridian.service import Asked
from meridian.settings import load_settings
from meridian.sources import Deadline
from meridian.sources.providers import ProviderSettings
from meridian.sources.reply import Later, ProviderFailed, Told
from meridian.wiring import Wiring

sources = typer.Typer(no_args_is_help=True)
AS_JSON = Annotated[bool, typer.Option("--json", help="As JSON.")]


@sources.command("list")
def list_providers(as_json: AS_JSON = False) -> None:
    """Who is asked for which source, the preferred one first, and where its breaker stands."""
    wiring = Wiring(load_settings(), "sources")
    standing = wiring.breakers.standing()
    rows = [
        {
            "name": one.name,
            "source": one.source,
            "adapter": one.adapter,
            "url": one.url,
            "in_path": one.in_path,
            "timeout_ms": one.timeout_ms,
            "breaker": standing.get(one.name, "closed") if one.in_path else None,
        }
        for one in wiring.look_ups.providers
    ]
    if as_json:
        print_json({"file": str(wiring.settings.sources_file), "providers": rows})
    elif not rows:
        out.print(f"Nobody is asked: there is no {wiring.settings.sources_file}. docs/providers.md says what it has.")
    else:
        print_table(
            ("provider", "source", "asked", "within", "breaker", "at"),
            [(row["name"], row["source"], "in the decision" if row["in_path"] else "ahead",
              f"{row['timeout_ms']} ms" if row["in_path"] else "", row["breaker"] or "", row["url"]) for row in rows],
        )  # fmt: skip


@sources.command("ask")
def ask(
    provider: Annotated[str, typer.Argument(help="A provider's name in sources.toml.")],
    applicant_id: Annotated[str, typer.Argument(help="The token of the person to be asked about.")],
    as_json: Annotated[bool, typer.Option("--json", help="Every event, as JSON: what it says of the person.")] = False,
) -> None:
    """Ask one provider about one applicant, as a fetch ahead of a decision would, and say what came of it.

    Nothing is kept. Where the answer cannot be used, the error says why.
    """
    wiring = Wiring(load_settings(), "sources")
    settings, asked, place = _find(wiring, provider)
    began = time.perf_counter()
    try:
        told = asked.providers[place].ask(applicant_id, Deadline.after(settings.ahead_timeout_s))
    except ProviderFailed as error:
        raise Unavailable(f"{provider}: {type(error).__name__}. {type(error).__doc__}") from None
    _show(provider, told, (time.perf_counter() - began) * 1000, as_json=as_json)


def _find(wiring: Wiring, name: str) -> tuple[ProviderSettings, Asked, int]:
    for settings in wiring.look_ups.providers:
        if settings.name == name:
            of_source = [one.name for one in wiring.look_ups.providers if one.source == settings.source]
            return settings, wiring.look_ups.asked_ahead[settings.source], of_source.index(name)
    known = ", ".join(one.name for one in wiring.look_ups.providers) or "none"
    raise NotFound(f"There is no provider {name!r} in {wiring.settings.sources_file}; there is {known}.")


def _show(provider: str, told: Told, took_ms: float, *, as_json: bool) -> None:
    if isinstance(told, Later):
        document: dict[str, Any] = {"later": told.result, "ready_in_s": told.ready_in_s}
    else:
        document = {"as_of": told.as_of.isoformat(), "events": json.loads(told.events_json())}
    if as_json:
        print_json({"provider": provider, "took_ms": round(took_ms, 1), **document})
    elif isinstance(told, Later):
        out.print(f"{provider} has taken the question, and has its answer in {told.ready_in_s:,.0f} s.", markup=False)
    elif not any(told.events.values()):
        out.print(f"{provider} has nothing of this applicant ({took_ms:.0f} ms).", markup=False)
    else:
        out.print(f"{provider} answered in {took_ms:.0f} ms, as of {told.as_of:%Y-%m-%d %H:%M:%S} UTC:", markup=False)
        print_table(("stream", "events"), [(name, f"{len(events):,}") for name, events in told.events.items()])
