"""`meridian decide` and `sql`: ask the service and its record."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from meridian.cli.screen import print_json, print_table, talk
from meridian.db.engine import AUDIT_ROLE, open_engine, transaction
from meridian.errors import InvalidInput, NotReady, Unavailable
from meridian.service import Wanted
from meridian.settings import load_settings
from meridian.wiring import Wiring

MOST_ROWS = 10_000
LONGEST_S = 60.0
QUERY_CANCELED = "57014"
# A text with several statements could end the read-only transaction and take another role. A cursor is opened for
# one query alone, and the server itself says what one query is.
ONE_QUERY = """
DO $$ DECLARE answer refcursor := 'answer'; BEGIN
    OPEN answer NO SCROLL FOR EXECUTE current_setting('meridian.query');
END $$
"""


def decide(
    file: Path = typer.Argument(Path("-"), help="A JSON application; - reads standard input."),
    idempotency_key: str | None = typer.Option(None, help="Your own key: a retry gets the same answer."),
) -> None:
    """Decide one application here, without HTTP, and record it. Prints the decision."""
    try:
        body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None
    wiring = Wiring(load_settings(), "cli")
    reply = wiring.decisions.decide(Wanted("command line", body, idempotency_key))
    print_json(json.loads(reply.body))


def sql(
    query: str = typer.Argument(help="One SELECT over the views of the schema audit."),
    as_json: bool = typer.Option(False, "--json", help="Rows as JSON."),
) -> None:
    """Ask the audit views, as the auditors' role: it reads them and nothing else."""
    settings = load_settings()
    url = settings.audit_database_url or settings.database_url
    if not url:
        raise NotReady("No database is configured. Run `meridian up`, or set DATABASE_URL.")
    engine = open_engine(url, role=AUDIT_ROLE, name="sql", statement_timeout_ms=int(LONGEST_S * 1000), pool_size=1)
    try:
        with transaction(engine) as connection:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            connection.execute(text("SELECT set_config('meridian.query', :query, true)"), {"query": query})
            connection.execute(text(ONE_QUERY))
            result = connection.execute(text(f"FETCH {MOST_ROWS} FROM answer"))
            columns = list(result.keys())
            rows = result.all()
    except Unavailable as error:
        if getattr(getattr(error.__cause__, "orig", None), "pgcode", None) == QUERY_CANCELED:
            raise InvalidInput(f"The query took longer than {LONGEST_S:g} s and was stopped; ask for less.") from None
        where = engine.url.render_as_string(hide_password=True)
        raise Unavailable(f"The database does not answer at {where}; is `meridian up` running?") from None
    except DBAPIError as error:
        # Less the lines about how it was asked, which is our doing.
        said = getattr(error.orig, "diag", None)
        parts = [said.message_primary, said.message_detail, said.message_hint] if said else [str(error.orig)]
        raise InvalidInput(". ".join(part for part in parts if part)) from None
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, [tuple(row) for row in rows])
    if len(rows) == MOST_ROWS:
        talk.print(f"The first {MOST_ROWS} rows; ask for fewer, or use psql.")
