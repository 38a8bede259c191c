"""`meridian up`, `down`, `doctor` and `migrate`: run the service."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from meridian.cli.doctor import examine
from meridian.cli.screen import out, print_json, progress_bar, talk
from meridian.db import migrate as schema
from meridian.errors import NotReady
from meridian.settings import load_settings

if TYPE_CHECKING:
    from meridian.local.up import Running

ROUND = 100
STOPS_WITHIN_S = 60.0


def up(
    once: bool = typer.Option(False, "--once", help=f"Decide {ROUND} simulated applications, print a summary, stop."),
    chaos: bool = typer.Option(
        False,
        "--chaos",
        help="Have simulated sources fail under load, show what applicants see of it, stop.",
    ),
    rate: float = typer.Option(20.0, min=0.1, max=500, help="With --chaos: applications a second."),
    phase_s: float = typer.Option(8.0, min=0.5, help="With --chaos: seconds of each phase."),
    applicants: int = typer.Option(2_000, min=10, max=10_000, help="With --chaos: how many apply, again and again."),
    as_json: bool = typer.Option(False, "--json", help="With --chaos: no live view, and at the end all as JSON."),
) -> None:
    """Run the whole service on this machine until Ctrl-C.

    Without DATABASE_URL it brings its own PostgreSQL, without BROKER_URL the queue lives in that database.
    """
    if chaos:
        from meridian.cli.chaos import run_chaos
        from meridian.local.chaos import Plan

        run_chaos(Plan(applicants, rate, phase_s), as_json=as_json)
        return
    # Only here: the parts that only `up` needs are extras, and slow to import.
    from meridian.local.round import play_round
    from meridian.local.up import running

    with ExitStack() as stack:
        with progress_bar() as progress:
            service = stack.enter_context(running(lambda step: talk.print(f"· {step}", markup=False), progress))
        if once:
            with progress_bar() as progress:
                summary = play_round(service, ROUND, progress)
            print_json(summary)
            if summary["errors"] or summary["assessments"] < summary["decisions"]:
                raise typer.Exit(1)
            return
        show_box(service)
        service.children.wait()
        talk.print("Stopping.")


def down() -> None:
    """Stop the `meridian up` of this home."""
    from meridian.local.processes import wait_until
    from meridian.local.up import running_process

    home = load_settings().home
    process = running_process(home)
    if process is None:
        talk.print(f"Nothing is running on {home}.", markup=False)
        return
    process.terminate()
    if not wait_until(lambda: running_process(home) is None, seconds=STOPS_WITHIN_S):
        raise NotReady(f"Process {process.pid} did not stop within {STOPS_WITHIN_S:.0f} s; see {home}/logs.")
    talk.print("Stopped.")


def doctor(as_json: bool = typer.Option(False, "--json", help="Findings as JSON.")) -> None:
    """Check versions, disk, port, database, broker and models; say what is wrong and what to do."""
    findings = examine(load_settings())
    if as_json:
        print_json([finding.document() for finding in findings])
    else:
        for finding in findings:
            mark, style = ("ok", "green") if finding.good else ("!!", "bold red")
            out.print(f"[{style}]{mark}[/] {finding.what:<10} ", end="")
            out.print(finding.text, markup=False)
    if not all(finding.good for finding in findings):
        raise typer.Exit(3)


def migrate(sql: bool = typer.Option(False, "--sql", help="Print the SQL and change nothing.")) -> None:
    """Bring the database to this version's schema."""
    if sql:
        schema.migration_sql(sys.stdout)
        return
    settings = load_settings()
    if not settings.admin_url:
        raise NotReady("No database is configured. Run `meridian up`, or set DATABASE_URL or ADMIN_DATABASE_URL.")
    schema.migrate(settings.admin_url)
    if settings.broker.startswith("pgmq:"):
        from meridian.bell import QUEUES
        from meridian.db.dsn import libpq_dsn
        from meridian.db.engine import BROKER_ROLE
        from meridian.local.broker import install_pgmq

        install_pgmq(libpq_dsn(settings.admin_url), BROKER_ROLE, QUEUES)
    talk.print(f"The schema is at {schema.head_revision()}.")


def show_box(up: Running) -> None:
    """What a newcomer needs next. No side borders and no wrapped lines, so that each can be copied whole."""
    audit = (up.settings.audit_database_url or up.settings.database_url).replace("+psycopg2", "")
    home = up.settings.home.absolute()
    sample = home / "sample.json"
    sample.write_text(json.dumps(next(iter(up.wiring.declared.values())).sample(), indent=2))
    lines = [
        ("API", f"{up.url}   documentation at {up.url}/docs"),
        ("API key", up.access.api_key),
        ("Review desk", f"{up.url}/review   user {up.access.analyst}, password {up.access.password}"),
        ("Auditors", f"psql '{audit}'"),
        ("Data and logs", str(home)),
    ]
    talk.rule("[bold]Meridian is up[/]")
    for name, value in lines:
        talk.print(f"{name:<14} {value}", markup=False, soft_wrap=True)
    talk.print("\nDecide an application:", markup=False)
    talk.print(
        f"curl -s {up.url}/v1/decisions -H 'Authorization: Bearer {up.access.api_key}' "
        f"-H 'Content-Type: application/json' -d @'{sample}'",
        markup=False,
        soft_wrap=True,
    )
    talk.rule("Ctrl-C stops everything; the data stays")
