"""The physical limit: pgbench, written in C, inserts the row of a decision and does nothing else."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import psycopg2
from sqlalchemy.engine import make_url

from meridian.db.dsn import libpq_dsn
from tests.bench.figures import Figures, figures
from tests.bench.load import Load
from tests.bench.row import PlainRow

TABLE = """
CREATE TABLE IF NOT EXISTS plain_decision (
    id uuid PRIMARY KEY, application_ref text NOT NULL, evidence text NOT NULL, decision text NOT NULL
)
"""
# The ids rise with time, as Meridian's do: the index grows at its end alone.
SCRIPT = "INSERT INTO plain_decision VALUES (uuidv7(), :application_ref, :evidence, :decision);\n"
THREADS = 2
GRACE_S = 60
FAILED = re.compile(r"number of failed transactions: (\d+)")
RATE = re.compile(r"tps = ([\d.]+) \(without initial connection time\)")


def make_plain_table(url: str) -> None:
    """Have the table, with nothing in it."""
    connection = psycopg2.connect(libpq_dsn(url))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(TABLE)
            cursor.execute("TRUNCATE plain_decision")
    finally:
        connection.close()


class Insert:
    """Inserts on one database, measured as pgbench measures them: prepared, each its own commit."""

    name = "pgbench"

    def __init__(self, program: Path, url: str, row: PlainRow, folder: Path):
        self._program = program
        self._url = url
        self._row = row
        self._folder = folder
        folder.mkdir()
        (folder / "insert.sql").write_text(SCRIPT)

    def measure(self, load: Load, seconds: int, seed: int) -> Figures:
        """So many seconds of it, into an empty table."""
        make_plain_table(self._url)
        result = subprocess.run(
            self._command(load, seconds, seed),
            env={**os.environ, "PGPASSWORD": make_url(self._url).password or ""},
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=seconds + GRACE_S,
            check=False,
        )
        rate, failed = RATE.search(result.stdout), FAILED.search(result.stdout)
        if result.returncode or not rate or not failed:
            raise AssertionError(f"pgbench ended with {result.returncode}: {result.stderr or result.stdout}")
        latencies = self._latencies()
        count = int(failed[1])
        return figures(latencies, len(latencies) / float(rate[1]), {"transaction": count} if count else {})

    def _command(self, load: Load, seconds: int, seed: int) -> list[str]:
        url = make_url(self._url)
        # One connection is enough for an open loop: an insert is done long before the next is due.
        clients = 1 if load.rate else load.clients
        return [
            str(self._program),
            *("-h", str(url.host), "-p", str(url.port), "-U", str(url.username)),
            *("--no-vacuum", "--protocol=prepared", "--log", "--log-prefix=each", "--file=insert.sql"),
            *(f"--client={clients}", f"--jobs={min(clients, THREADS)}", f"--time={seconds}"),
            *(f"--random-seed={seed}", *([f"--rate={load.rate}"] if load.rate else [])),
            *("-D", f"application_ref={self._row.application_ref}"),
            *("-D", f"evidence={self._row.evidence}", "-D", f"decision={self._row.decision}"),
            str(url.database),
        ]

    def _latencies(self) -> list[float]:
        """From the logs: the third field is the transaction's time in µs, from when it was due in an open loop."""
        latencies = []
        for log in self._folder.glob("each.*"):
            latencies += [int(line.split(" ", 3)[2]) / 1e6 for line in log.read_text().splitlines()]
            log.unlink()
        return latencies
