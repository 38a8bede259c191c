"""Decided applications as the service would record them, for tests of recording itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, create_engine, text

from meridian.db.entries import Entry
from meridian.db.group import GroupCommit
from meridian.db.tables import metadata
from meridian.record import Kind, Leaf
from meridian.record.seal import Seal
from meridian.service import Wanted
from tests.captures import graded_scorer
from tests.services import Service, eventually

SCORER = graded_scorer()
COUNTS = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in metadata.sorted_tables)


def entries(running: Service, n: int, referred: bool = False) -> list[Entry]:
    """So many, decided by the service's own path and not recorded yet; a referred one brings a case."""
    made: list[Entry] = []
    product = running.wiring.products["personal-loan"]

    def keep(entry: Entry) -> bool:
        made.append(entry)
        return True

    decisions = replace(
        running.wiring.decisions,
        capturing=replace(running.wiring.capturing, scorers=[lambda *_: SCORER]),
        ring=lambda _: None,
        add=keep,
    )
    for _ in range(n):
        request = product.sample()
        request["application"]["applicant_id"] = f"applicant-{uuid4().hex}"
        request["application"]["credit_report"]["revolving_utilisation"] = 0.6 if referred else 0.1
        decisions.decide(Wanted("tests", json.dumps(request).encode(), f"key-{uuid4().hex}"))
    assert all((entry.case is not None) == referred for entry in made)
    return made


def record_entries(running: Service, n: int) -> list[Entry]:
    """So many, recorded."""
    made = entries(running, n)
    assert all(running.wiring.add_entry(entry) for entry in made)
    return made


def with_ids(entry: Entry, new_id: Callable[[], UUID]) -> Entry:
    """The same decision under other ids, e.g. those of another month; its answer names the old ones."""
    application, evidence = new_id(), new_id()
    return replace(
        entry,
        application=replace(entry.application, id=application),
        evidence=replace(entry.evidence, id=evidence, application_id=application),
        version=replace(entry.version, id=new_id(), application_id=application, evidence_id=evidence),
        job_id=new_id(),
    )


def in_one_group(commit: Any, made: list[Entry]) -> list[Any]:
    """What each caller is answered, result or error, when all of them share one write."""
    assert isinstance(commit, GroupCommit)
    with ThreadPoolExecutor(len(made)) as threads:
        with commit._turn:
            calls = [threads.submit(commit, entry) for entry in made]
            assert eventually(lambda: len(commit._waiting) == len(made))
        return [call.exception() or call.result() for call in calls]


def counts(engine: Engine) -> dict[str, int]:
    """Rows of every table, by the table's name."""
    with engine.connect() as connection:
        return dict(map(tuple, connection.execute(text(COUNTS))))


def rows_of(running: Service) -> list[bytes]:
    """The packed leaf of every row of the record, as the rows' own hashes state it, in order."""
    every = " UNION ALL ".join(
        f"SELECT '{kind.value}' AS kind, id, row_sha256 FROM record.{kind.name.lower()}" for kind in Kind
    )
    return sorted(Leaf(Kind(row.kind), row.id, bytes(row.row_sha256)).packed() for row in running.query(every))


def leaves_in(running: Service, table: str) -> list[bytes]:
    """The packed leaves in `record.seal` or `work.unsealed`, in order."""
    found = running.query(f"SELECT leaves FROM {table}")
    return sorted(leaf for row in found for leaf in Seal.leaves_in(bytes(row.leaves)))


def admin(running: Service) -> Engine:
    """The administrator's own engine."""
    return create_engine(running.settings.admin_url)
