"""Batches as their users have them: over HTTP with a worker, and on the command line, killed in the middle."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from meridian.api.batch_routes import LARGEST_FILE
from meridian.api.schemas import BatchList, BatchOut
from meridian.bell import BATCHES, QUEUE, UPKEEP
from meridian.bulk import Form, columns_of
from meridian.products import find_product
from meridian.simulator import requests
from tests.broken_rows import BROKEN_CELLS, BROKEN_LINES, broken_line
from tests.commands import meridian
from tests.conftest import PATIENT
from tests.faults import kill_9
from tests.services import Service, copied_database, eventually, service
from tests.training_fixtures import TrainedModels

LOAN = "personal-loan"
PEOPLE = 3_000


@pytest.fixture(scope="module")
def people() -> list[dict[str, Any]]:
    return list(requests(PEOPLE, 5, datetime.now(UTC).date()))


def ndjson(people: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in people).encode()


@pytest.fixture
def running(template: str, demo_models: TrainedModels, tmp_path: Path) -> Iterator[Service]:
    with (
        copied_database(template) as database,
        service(tmp_path / "home", database, demo_models.models_dir, **PATIENT) as it,
    ):
        yield it


def sent(running: Service, body: bytes, kind: str = "application/x-ndjson", **query: str) -> Any:
    asked = "&".join(f"{name}={value}" for name, value in {"product": LOAN, **query}.items())
    return running.call("POST", f"/v1/batches?{asked}", body, {"Content-Type": kind})


def test_over_http_with_a_worker_that_is_killed(running: Service, people: list[dict[str, Any]]) -> None:
    running.env["MERIDIAN_LEASE_S"] = "2"
    running.start_api()
    running.start_worker("batcher", BATCHES)
    running.start_worker("upkeep", QUEUE, UPKEEP)
    running.start_schedule()
    spoilt = [{**one, "application": {**one["application"], "amount": "much"}} for one in people[:30]]
    answer = sent(running, ndjson(people + spoilt), name="people.ndjson")
    assert answer.status == 202, answer.body
    batch = BatchOut.model_validate_json(answer.body)
    assert answer.headers["location"] == f"/v1/batches/{batch.id}"
    assert (batch.rows, batch.name) == (PEOPLE + 30, "people.ndjson")
    path = f"/v1/batches/{batch.id}"
    assert eventually(lambda: running.query("SELECT 1 FROM work.batch_part WHERE attempts > 0") != [], 30)
    kill_9(running, "batcher")
    running.start_worker("batcher-2", BATCHES)
    running.until(lambda: running.get(path).json()["state"] == "done", "all is decided", 90)
    found = BatchOut.model_validate_json(running.get(path).body)
    assert (found.decided, found.rejected, found.parts.failed) == (PEOPLE, 30, 0)
    assert running.query("SELECT count(*) AS n FROM record.version")[0].n == PEOPLE
    results = [json.loads(line) for line in running.get(f"{path}/results").body.splitlines()]
    assert [one["row"] for one in results] == list(range(1, PEOPLE + 1))
    rejects = list(csv.DictReader(io.StringIO(running.get(f"{path}/rejects?format=csv").body.decode())))
    assert {(one["column"], one["value"]) for one in rejects} == {("amount", "'much'")}
    assert [int(one["row"]) for one in rejects] == list(range(PEOPLE + 1, PEOPLE + 31))
    # Sent once more, as after an answer that was lost.
    assert sent(running, ndjson(people + spoilt)).json()["id"] == batch.id
    assert [one.id for one in BatchList.model_validate_json(running.get("/v1/batches").body).data] == [batch.id]
    # A decision of it is one like any other.
    shown = running.get(f"/v1/decisions/{results[0]['decision_id']}").json()
    assert (shown["stage"], shown["governs"], shown["outcome"]) == ("batch", True, results[0]["outcome"])


def test_of_a_file_with_a_hundredth_broken_every_good_row_is_decided_and_every_bad_one_explained(
    running: Service, people: list[dict[str, Any]]
) -> None:
    """In twenty ways and three, among good rows whose decisions are those of the same rows in NDJSON."""
    worker = running.worker.batches
    columns = list(columns_of(find_product(LOAN).request).values())[2:]
    some = people[:2_300]

    def line(person: dict[str, Any], change: dict[str, str]) -> bytes:
        values = [reduce(lambda place, step: (place or {}).get(step), one.path, person) for one in columns]
        cells = ["" if value is None else str(value) for value in values]
        return ",".join(change.get(one.name, cell) for one, cell in zip(columns, cells, strict=True)).encode()

    ways = [*BROKEN_CELLS, *BROKEN_LINES]
    broken = {100 * at + 50: way for at, way in enumerate(ways)}
    lines = [",".join(one.name for one in columns).encode()]
    for row, person in enumerate(some, 1):
        way = broken.get(row)
        good = line(person, BROKEN_CELLS[way][0] if way in BROKEN_CELLS else {})
        lines.append(broken_line(way, good) if way in BROKEN_LINES else good)
    batch_id = worker.take_in(LOAN, Form.CSV, io.BytesIO(b"\n".join(lines)), "tests", "people.csv")
    worker.work(lambda: False)
    found = worker.find(batch_id)
    assert (found.state, found.rows, found.rejected) == ("done", len(some), len(ways))
    rejects = {reject.row: reject for reject in worker.rejects(batch_id)}
    assert rejects.keys() == broken.keys()
    for row, way in broken.items():
        column, value = BROKEN_CELLS[way][1:] if way in BROKEN_CELLS else ("", BROKEN_LINES[way])
        assert rejects[row].column == column
        assert value in rejects[row].value
    same = worker.take_in(LOAN, Form.NDJSON, io.BytesIO(ndjson(some)), "tests", "people.ndjson")
    worker.work(lambda: False)
    alike = {one["row"]: (one["outcome"], one["pd"], one["reasons"]) for one in worker.results(same)}
    decided = list(worker.results(batch_id))
    assert len(decided) == len(some) - len(ways)
    assert all((one["outcome"], one["pd"], one["reasons"]) == alike[one["row"]] for one in decided)


def test_what_is_no_file_of_applications_is_refused_over_http(running: Service) -> None:
    running.start_api()
    for body, kind, query, status, told in [
        (b"{}", "application/json", {}, 415, "text/csv"),
        (b"", "text/csv", {}, 422, "is empty"),
        (b"a,b\n1,2\n", "text/csv", {}, 422, "no field"),
        (b"x", "application/vnd.apache.parquet", {}, 422, "no Parquet"),
        (b"{}\n", "application/x-ndjson", {"product": "loans"}, 422, "offered here"),
    ]:
        answer = sent(running, body, kind, **query)
        assert (answer.status, told in answer.body.decode()) == (status, True), answer.body
    large = {"Content-Type": "text/csv", "Content-Length": str(LARGEST_FILE + 1)}
    answer = running.call("POST", f"/v1/batches?product={LOAN}", None, large)
    assert (answer.status, f"larger than {LARGEST_FILE:,} bytes" in answer.body.decode()) == (413, True)
    assert running.query("SELECT count(*) AS n FROM work.batch")[0].n == 0


def test_on_the_command_line_killed_and_called_again(
    running: Service, people: list[dict[str, Any]], tmp_path: Path
) -> None:
    given, output, rejects = (tmp_path / name for name in ("people.ndjson", "decided.parquet", "rejected.csv"))
    given.write_bytes(ndjson(people) + b'{"amount": 1}\n')
    command = ["batch", "score", LOAN, "--input", str(given), "--output", str(output), "--rejects", str(rejects)]
    killed = subprocess.Popen(
        [sys.executable, "-m", "meridian.cli", *command, "--processes", "1"], env=running.env, start_new_session=True
    )
    assert eventually(lambda: running.query("SELECT 1 FROM work.batch_part WHERE attempts > 0") != [], 60)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    running.execute("UPDATE work.batch_part SET lease_until = now() WHERE state = 'waiting'")
    started = time.monotonic()
    done = meridian([*command, "--json"], running.env)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["state"], told["decided"], told["rejected"]) == ("done", PEOPLE, 1)
    assert time.monotonic() - started < 120
    table = pq.read_table(output).to_pylist()
    assert [one["row"] for one in table] == list(range(1, PEOPLE + 1))
    assert {one["outcome"] for one in table} == {"approve", "refer", "decline"}
    told_of = list(csv.DictReader(rejects.open()))
    assert {int(one["row"]) for one in told_of} == {PEOPLE + 1}
    assert running.query("SELECT count(*) AS n FROM record.application")[0].n == PEOPLE
    listed = json.loads(meridian(["batch", "list", "--json"], running.env).stdout)["batches"]
    assert [one["id"] for one in listed] == [told["id"]]
    shown = meridian(["batch", "show", told["id"], "--output", str(tmp_path / "again.csv")], running.env)
    assert f"of {PEOPLE + 1:,} rows {PEOPLE:,} decided, 1 rejected" in " ".join(shown.stdout.split())
    assert len((tmp_path / "again.csv").read_text().splitlines()) == PEOPLE + 1


def test_what_cannot_be_read_or_written_is_said_before_anything_is_decided(running: Service, tmp_path: Path) -> None:
    given = tmp_path / "people.csv"
    given.write_text("a,b\n")
    for arguments, said in [
        (["--input", str(tmp_path / "none.csv")], "cannot be read: No such file"),
        (["--input", str(tmp_path / "people.xlsx")], "is none of .csv"),
        (["--input", str(given), "--output", "out.txt"], "out.txt is none of"),
        (["--input", str(given), "--output", str(tmp_path / "no" / "out.csv")], "in a folder that is not there"),
        (["--input", str(given)], "has no field 'a'"),
    ]:
        done = meridian(["batch", "score", LOAN, *arguments], running.env)
        assert done.returncode == 2
        assert said in " ".join(done.stderr.split())
    assert "There is no batch" in meridian(["batch", "show", "0" * 32], running.env).stderr
