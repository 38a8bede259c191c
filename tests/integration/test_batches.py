"""A file of applications: decided as each would be alone, each once, whatever is broken in it or killed beside it."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from meridian.application import parse_request
from meridian.bulk import Form, reading
from meridian.db.engine import transaction
from meridian.errors import InvalidInput, NotFound
from meridian.evidence import canonical_json
from meridian.products import find_product
from meridian.service import Batches, batches, seals
from tests.lender import APPLICANTS, Lender, lender_service
from tests.training_fixtures import TrainedModels

PRODUCT = find_product("consumer-loan")
NAME = PRODUCT.name
SIZE = 64
"""Rows of a part here, so that a small file has several."""


@pytest.fixture
def lent(
    loan_models: TrainedModels, lender_folder: Path, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lender]:
    monkeypatch.setattr(batches, "ROWS_AT_ONCE", SIZE)
    with lender_service(lender_folder, template, tmp_path, loan_models.models_dir) as lender:
        lender.materialise()
        yield lender


def ndjson(requests: list[dict[str, Any]]) -> io.BytesIO:
    return io.BytesIO("".join(json.dumps(request) + "\n" for request in requests).encode())


def taken_in(lender: Lender, file: io.BytesIO, form: Form = Form.NDJSON, **how: Any) -> tuple[Batches, UUID]:
    worker = lender.service.worker.batches
    return worker, worker.take_in(NAME, form, file, "tests", "people.ndjson", **how)


def all_of(worker: Batches, batch_id: UUID) -> list[dict[str, Any]]:
    while worker.decide_next():
        pass
    assert worker.find(batch_id).state == "done"
    return list(worker.results(batch_id))


def test_each_is_decided_as_it_would_be_alone(lent: Lender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence, score, reasons and offers, to the last bit; and all of it replays, verifies, and is counted."""
    now = datetime.now(UTC)
    worker, batch_id = taken_in(lent, ndjson(lent.requests))
    worker = replace(worker, clock=lambda: now)
    results = all_of(worker, batch_id)
    assert [one["row"] for one in results] == list(range(1, APPLICANTS + 1))
    assert len(Counter(one["outcome"] for one in results)) == 3, "the sample says nothing"
    rows = lent.service.query(
        "SELECT a.ref, e.document AS evidence, v.document, v.number, v.stage FROM record.version v"
        " JOIN record.application a ON a.id = v.application_id"
        " JOIN record.evidence e ON e.application_id = v.application_id AND e.id = v.evidence_id"
    )
    recorded = {row.ref: row for row in rows}
    assert len(recorded) == len(rows) == APPLICANTS
    product, scorer = lent.service.worker.products[NAME], worker.scorers(NAME, "")
    assert scorer is not None
    received_at = worker.find(batch_id).created_at
    for request, result in zip(lent.requests, results, strict=True):
        parsed = parse_request(json.dumps(request).encode(), {NAME: product.request})
        with transaction(worker.engine) as connection:
            (alone,) = worker.capturing.from_store(connection, product, [parsed], received_at, now, scorer)
        row = recorded[result["application_ref"]]
        assert (row.number, row.stage, row.evidence) == (1, "batch", alone.text)
        decision, decided = product.decide(alone, scorer).document(), json.loads(row.document)
        assert canonical_json({name: decided[name] for name in decision}) == canonical_json(decision)
        pd = decision["score"] and decision["score"]["pd"]
        assert (result["outcome"], result["pd"]) == (decision["outcome"], pd)
        assert result["reasons"] == [reason["code"] for reason in decision["reasons"]]
    replays = list(lent.service.wiring.replays.sample(APPLICANTS, None, 1)[1])
    assert len(replays) == APPLICANTS
    assert all(replay.exact for replay in replays)
    assert lent.verify().differences == ()
    monkeypatch.setattr(seals, "BYTES_AT_ONCE", 10_000)
    # A part has 64 rows of three leaves: each is a seal of its own.
    assert lent.service.worker.seals.seal() == 5
    assert lent.service.wiring.audits.verify().findings == ()
    (audited,) = lent.service.query("SELECT * FROM audit.batches")
    assert (audited.rows, audited.decided, audited.rejected, audited.parts_done) == (APPLICANTS, APPLICANTS, 0, 5)
    referred = sum(one["outcome"] == "refer" for one in results)
    assert lent.service.query("SELECT count(*) AS cases FROM work.review_case")[0].cases == referred > 0


def test_the_same_file_is_the_same_batch_and_what_was_interrupted_is_gone_on_with(
    lent: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, batch_id = lent.service.worker.batches, None

    class Cut(Exception):
        """The process that took the file in is gone."""

    def cut(rows: int) -> None:
        if rows == 2 * SIZE:
            raise Cut

    with pytest.raises(Cut):
        worker.take_in(NAME, Form.NDJSON, ndjson(lent.requests), "tests", "people.ndjson", cut)
    (halfway,) = worker.newest(5)
    assert (halfway.state, halfway.parts, halfway.rows) == ("arriving", 2, 2 * SIZE)
    assert worker.decide_next()
    _, batch_id = taken_in(lent, ndjson(lent.requests))
    assert batch_id == halfway.id
    assert len(all_of(worker, batch_id)) == APPLICANTS
    # A retry afterwards, from the same caller: nothing is decided twice.
    assert taken_in(lent, ndjson(lent.requests))[1] == batch_id
    assert not worker.decide_next()
    assert lent.service.query("SELECT count(*) AS n FROM record.application")[0].n == APPLICANTS
    # Wanted again it is another batch, whose references are taken.
    _, second = taken_in(lent, ndjson(lent.requests), again=True)
    assert all_of(worker, second) == []
    assert second != batch_id
    rejects = list(worker.rejects(second))
    assert (len(rejects), rejects[0].row, rejects[0].column) == (APPLICANTS, 1, "application_ref")
    assert lent.service.query("SELECT count(*) AS n FROM record.application")[0].n == APPLICANTS


def test_of_a_file_that_ends_in_something_unreadable_what_can_be_read_is_decided(
    lent: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", SIZE)
    names = lent.requests[0]["application"]
    columns = {name: [one["application"].get(name) for one in lent.requests] for name in names}
    whole = io.BytesIO()
    pq.write_table(pa.table(columns), whole, row_group_size=2 * SIZE, compression="none")
    content = bytearray(whole.getvalue())
    # The second of three groups of rows, in its pages.
    at = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(1).column(0).data_page_offset
    content[at : at + 24] = b"\xff" * 24
    worker, batch_id = taken_in(lent, io.BytesIO(bytes(content)), Form.PARQUET)
    assert len(all_of(worker, batch_id)) == 2 * SIZE
    assert "cannot be read from here on" in str(worker.find(batch_id).refused)


def test_of_a_reference_that_stands_twice_the_first_row_is_decided(lent: Lender) -> None:
    some = lent.requests[:3]
    worker, batch_id = taken_in(lent, ndjson([*some, some[1]]))
    assert [one["row"] for one in all_of(worker, batch_id)] == [1, 2, 3]
    assert [(one.row, one.column, one.value) for one in worker.rejects(batch_id)] == [
        (4, "application_ref", some[1]["application_ref"])
    ]


def test_a_part_that_two_have_in_hand_is_recorded_once(lent: Lender) -> None:
    """A lease ran out while its holder was only slow: the one who is done second has done it in vain."""
    worker, batch_id = taken_in(lent, ndjson(lent.requests[:SIZE]))
    hasty = replace(worker, lease_s=0.0)
    inner = worker.capturing

    class Slow:
        """Does not come to an end before another one has."""

        def from_store(self, *asked: Any) -> Any:
            assert worker.decide_next()
            return inner.from_store(*asked)

    assert replace(hasty, capturing=Slow()).decide_next()
    assert worker.find(batch_id).decided == SIZE
    assert lent.service.query("SELECT count(*) AS n FROM record.version")[0].n == SIZE


def test_a_part_that_always_fails_is_set_aside_and_the_others_go_on(
    lent: Lender, caplog: pytest.LogCaptureFixture
) -> None:
    worker, batch_id = taken_in(lent, ndjson(lent.requests[: 2 * SIZE]))
    poisoned = lent.requests[0]["application"]["applicant_id"]
    inner = worker.capturing

    class Poisoned:
        """Cannot take one applicant."""

        def from_store(self, connection: Any, product: Any, requests: Any, *asked: Any) -> Any:
            if any(one.application.applicant_id == poisoned for one in requests):
                raise ValueError(poisoned)
            return inner.from_store(connection, product, requests, *asked)

    failing = replace(worker, capturing=Poisoned())
    for _ in range(10):
        failing.decide_next()
        lent.service.execute("UPDATE work.batch_part SET lease_until = NULL WHERE state = 'waiting'")
    found = worker.find(batch_id)
    assert (found.state, found.decided, found.parts_failed, found.error) == ("failed", SIZE, 1, "ValueError")
    assert len(list(worker.results(batch_id))) == SIZE
    assert poisoned not in caplog.text


def test_without_a_model_a_batch_waits(lent: Lender) -> None:
    worker, batch_id = taken_in(lent, ndjson(lent.requests[:2]))
    assert replace(worker, scorers=lambda _product, _applicant: None).decide_next()
    found = worker.find(batch_id)
    assert (found.state, found.decided) == ("running", 0)
    assert "no batch model" in str(found.error)


def test_what_a_worker_left_without_a_word_is_rung_for_and_set_aside_in_the_end(lent: Lender) -> None:
    rung: list[None] = []
    worker, batch_id = taken_in(lent, ndjson(lent.requests[:2]))
    sweeping = replace(worker, ring=lambda: rung.append(None), sweep_after_s=0.0)
    assert sweeping.sweep()
    lent.service.execute("UPDATE work.batch_part SET attempts = 5, lease_until = now() - interval '1 s'")
    assert not sweeping.sweep()
    assert len(rung) == 1
    found = worker.find(batch_id)
    assert (found.state, found.error) == (
        "failed", "every attempt was cut short: the worker was killed, or its time ran out",
    )  # fmt: skip


def test_what_is_wrong_as_a_whole_leaves_nothing(lent: Lender) -> None:
    worker = lent.service.worker.batches
    for product, content, said in [
        ("loans", b"{}", "no product 'loans'"),
        (NAME, b"\n\n", "has no rows"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            worker.take_in(product, Form.NDJSON, io.BytesIO(content), "tests", "x.ndjson")
    assert worker.newest(5) == []
    with pytest.raises(NotFound):
        worker.find(UUID(int=1))
