"""`meridian simulate`: a lender that is made up, its applications as requests, and stubs of its outside sources."""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from meridian.cli.screen import out, print_json, progress_bar, talk
from meridian.errors import InvalidInput
from meridian.extra import need
from meridian.simulator.lender import LenderSettings, Summary
from meridian.simulator.lender import requests as requests_of
from meridian.simulator.lender import simulate as make_lender

simulate = typer.Typer(no_args_is_help=True)
FIRST_DAY, LAST_DAY = LenderSettings.first_day.isoformat(), LenderSettings.last_day.isoformat()
Lender = Annotated[Path, typer.Argument(help="A folder that `meridian simulate lender` has written.")]


@simulate.command("lender")
def lender(
    folder: Annotated[Path, typer.Argument(help="A folder that is empty or not there yet.")],
    applicants: Annotated[int, typer.Option(help="How many apply.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Another seed makes other applicants.")] = LenderSettings.seed,
    first_day: Annotated[str, typer.Option(help="The first day of application.")] = FIRST_DAY,
    last_day: Annotated[str, typer.Option(help="The last day of application.")] = LAST_DAY,
    drift: Annotated[float, typer.Option(help="How much risk rises over the period; 1: clearly.")] = 0.0,
    disparity: Annotated[float, typer.Option(help="How much worse group B looks than it is; 1: clearly.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="What was made, as JSON.")] = False,
) -> None:
    """Make a lender: applications, dated events of five sources, outcomes, and a card that describes them."""
    need("pyarrow")
    from meridian.simulator.lender.card import card

    settings = LenderSettings(
        applicants, seed, _day("first-day", first_day), _day("last-day", last_day), drift, disparity
    )
    with progress_bar() as progress:
        made = make_lender(settings, folder, progress)
    page = card(folder)
    written = folder / "card.md"
    written.write_text(page)
    if as_json:
        print_json({"folder": str(folder), "applicants": made.applicants, "total_events": made.total_events,
                    "events": made.events, "card": str(written)})  # fmt: skip
        return
    _show(made, page, folder)


@simulate.command("requests")
def requests(
    folder: Lender,
    count: Annotated[int | None, typer.Option(min=0, help="Only the first so many.")] = None,
) -> None:
    """Print the lender's applications as the service takes them, one JSON document a line."""
    need("pyarrow")
    try:
        for request in islice(requests_of(folder), count):
            sys.stdout.write(json.dumps(request) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough, `head` for one; without this, Python complains of it once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@simulate.command("serve")
def serve(
    source: Annotated[str, typer.Argument(help="bureau, bank or employment.")],
    folder: Annotated[Path, typer.Option(help="A folder that `meridian simulate lender` has written.")],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Where to listen; 0: any free port.")] = 0,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    scale: Annotated[float, typer.Option(help="1: as slow as the real one; 0.001: an hour takes 3.6 s.")] = 0.001,
    fault: Annotated[str, typer.Option(help="none, slow, tail, hung, error, garbage, flapping or lying.")] = "none",
    seed: Annotated[int, typer.Option(help="Another seed draws other latencies.")] = 1,
    dialect: Annotated[
        str, typer.Option(help="events, or second: a second bureau, with a form of its own.")
    ] = "events",
    cert_file: Annotated[Path | None, typer.Option(help="The certificate to show (PEM); https:// then.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")] = None,
    client_ca_file: Annotated[
        Path | None, typer.Option(help="Who vouches for callers (PEM), who then have to show a certificate.")
    ] = None,
    api_key_env: Annotated[
        str, typer.Option(help="The environment variable with the key that callers then have to show.")
    ] = "",
) -> None:
    """Stand in for an outside source until stopped, and print the address. PUT /faults changes what it does wrong."""
    need("pyarrow")
    api_key = _api_key(api_key_env)
    ends = {signal.SIGTERM, signal.SIGINT}
    # Blocked before there is any other thread, so that the signals wait for this one to take them.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    from meridian.simulator import stubs

    tls = stubs.Tls.of(cert_file, key_file, client_ca_file)
    faults = stubs.Faults(stubs.Fault.named(fault), seed)
    stub = stubs.StubSource(source, folder, scale=scale, seed=seed, dialect=dialect)
    with stubs.serve(stub, faults, host=host, port=port, tls=tls, api_key=api_key) as url:
        out.print(url, markup=False)
        talk.print(f"{url}{stub.path}/<applicant_id> answers until it is stopped.", markup=False)
        signal.sigwait(ends)


def _show(made: Summary, page: str, folder: Path) -> None:
    out.print(f"{made.applicants:,} applicants, {made.total_events:,} events in {folder}", markup=False)
    *_, loans, bound = page.strip().split("\n\n")
    out.print(Markdown(f"{loans}\n\n{bound}"))
    out.print(f"card: {folder / 'card.md'}", markup=False)


def _api_key(variable: str) -> str | None:
    if variable and not os.environ.get(variable):
        raise InvalidInput(f"--api-key-env {variable!r} is not set; put the key into that environment variable")
    return os.environ[variable] if variable else None


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"--{option} {text!r} is no day; write {FIRST_DAY}") from None
