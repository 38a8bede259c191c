"""Whoever tampers with a sealed record is found, and what was tampered with is named.

A record of decisions, assessments and corrections is sealed and anchored to a file; then one thing after another is
done to it that a superuser could do (`tests.tampering`), by chance, each time found by `Audits.verify`, and undone.
Each kind is tried once; `MERIDIAN_TAMPERINGS=1000` says how many in all, `MERIDIAN_TAMPER_SEED` repeats a run.

What this does not show, because it is not so: a row that is not sealed yet (some seconds) can be changed, removed or
added by a superuser who makes its hash and its waiting leaf anew; the last test shows just that. Whoever holds the
signing key as well can make the whole chain anew, and is found by what is kept outside alone. Whoever rules that
place too, can do as he likes with what was anchored to it. An audit looks at the last hundred anchors.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, create_engine, text

from meridian.outcome import Outcome
from meridian.record.seal import signing_key
from meridian.service import Settling, Wanted
from meridian.simulator import requests
from tests.recorded import record, recorded_service
from tests.services import Service, fresh_database
from tests.tampering import TAMPERINGS, Tamperer, copy_tables, undone
from tests.training_fixtures import TrainedModels

TRIED = int(os.environ.get("MERIDIAN_TAMPERINGS") or len(TAMPERINGS))
SEED = int(os.environ.get("MERIDIAN_TAMPER_SEED") or secrets.randbelow(10**9))
ROUNDS = ceil(TRIED / len(TAMPERINGS))
BATCHES, APPLICATIONS = 5, 15 if TRIED < 500 else 40


@dataclass
class Sealed:
    """A sealed record, the way in for a tamperer, and how many tamperings were found in it."""

    service: Service
    superuser: Engine
    anchors: Path
    found: Counter[str]

    def findings(self) -> dict[str, str]:
        """What an audit finds: where, and what."""
        return {one.where: one.what for one in self.service.wiring.audits.verify().findings}

    def tamperer(self, connection: object, random: Random) -> Tamperer:
        seed = self.service.settings.seal_key.get_secret_value()
        return Tamperer(connection, random, self.anchors, signing_key(seed), signing_key(secrets.token_hex(32)))


@pytest.fixture(scope="module")
def sealed(
    embedded_server: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sealed]:
    """A hundred decisions or more, their assessments and some corrections, in ten seals and more; some rows wait."""
    home = tmp_path_factory.mktemp("tampered")
    with (
        fresh_database(embedded_server) as database,
        recorded_service(home, database, demo_models.models_dir, APPLICATIONS, seed=1) as running,
    ):
        superuser = create_engine(database)
        for batch in range(2, BATCHES + 1):
            decide(running, APPLICATIONS, seed=batch)
            running.worker.seals.seal()
            correct_one(running)
            if batch == BATCHES // 2:
                decide(running, 5, seed=100)  # these wait, in the copy
                copy_tables(superuser, "early")
            record(running, 5, seed=10 * batch)
        decide(running, 5, seed=1000)
        copy_tables(superuser, "kept")
        kept = Sealed(running, superuser, Path(running.settings.anchor_place), Counter())
        yield kept
        print(f"\n{kept.found.total()} tamperings tried and found, seed {SEED}: {dict(kept.found)}")
        superuser.dispose()


def decide(running: Service, applications: int, seed: int) -> None:
    """Decide applications; neither assess nor seal them."""
    for one in requests(applications, seed, datetime.now(UTC).date()):
        running.wiring.decisions.decide(Wanted("tests", json.dumps(one).encode()))


def correct_one(running: Service) -> None:
    """A person corrects the last decision."""
    (row,) = running.query("SELECT ref FROM record.application ORDER BY id DESC LIMIT 1")
    settling = Settling(Outcome.DECLINE, ["A01"], "the payslips were of another person")
    running.wiring.desk.reviews.correct(row.ref, "ana", settling)


def test_a_record_that_nobody_touched_gives_no_finding(sealed: Sealed) -> None:
    verified = sealed.service.wiring.audits.verify()
    assert verified.findings == ()
    assert verified.seals >= 2 * BATCHES - 1
    assert verified.unsealed == 5 * 3
    assert verified.rows > 3 * BATCHES * APPLICATIONS


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_every_tampering_is_found_and_named(sealed: Sealed, kind: str) -> None:
    for i in range(ROUNDS):
        random = Random(f"{SEED} {kind} {i}")
        with undone(sealed.superuser, "kept", sealed.anchors):
            with sealed.superuser.begin() as connection:
                touched = TAMPERINGS[kind](sealed.tamperer(connection, random))
            found = sealed.findings()
        assert touched
        assert touched <= found.keys(), f"{touched - found.keys()} not found in round {i}; seed {SEED}; found: {found}"
        assert sealed.findings() == {}, f"not undone in round {i}; seed {SEED}"
        sealed.found[kind] += 1


MOMENTS = {
    "record.application": "received_at",
    "record.policy": "added_at",
    "record.evidence": "captured_at",
    "record.version": "decided_at",
    "record.seal": "sealed_at",
}


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0044-03-15 12:00:00 BC", "294000-01-01"])
@pytest.mark.parametrize("table", MOMENTS)
def test_a_moment_that_no_clock_shows_is_a_finding_and_no_error(sealed: Sealed, table: str, moment: str) -> None:
    key = "number" if table == "record.seal" else "id"
    with undone(sealed.superuser, "kept", sealed.anchors):
        with sealed.superuser.begin() as connection:
            name = connection.execute(text(f"SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 1")).scalar_one()
            change = text(f"UPDATE {table} SET {MOMENTS[table]} = :moment WHERE {key} = :name")
            connection.execute(change, {"moment": moment, "name": name})
        assert (f"seal {name}" if key == "number" else f"{table} {name}") in sealed.findings()


def test_what_waits_can_be_changed_with_its_leaf_and_a_seal_ends_that(sealed: Sealed) -> None:
    """The limit of it, and why sealing runs every few seconds."""
    with undone(sealed.superuser, "kept", sealed.anchors):
        with sealed.superuser.begin() as connection:
            tamperer = sealed.tamperer(connection, Random(1))
            (row,) = tamperer.rows("SELECT id FROM record.version ORDER BY id DESC LIMIT 1")
            before = tamperer.leaf("record.version", row.id)
            tamperer.run("UPDATE record.version SET decided_by = 'somebody else' WHERE id = :id", id=row.id)
            tamperer.rehash("record.version", row.id)
            after = tamperer.leaf("record.version", row.id)
            for queued in tamperer.rows("SELECT id, leaves FROM work.unsealed"):
                leaves = bytes(queued.leaves).replace(before.packed(), after.packed())
                tamperer.run("UPDATE work.unsealed SET leaves = :leaves WHERE id = :id", leaves=leaves, id=queued.id)
        assert sealed.findings() == {}
        sealed.service.worker.seals.seal()
        with sealed.superuser.begin() as connection:
            tamperer = sealed.tamperer(connection, Random(1))
            tamperer.run("UPDATE record.version SET decided_by = 'a third one' WHERE id = :id", id=row.id)
            tamperer.rehash("record.version", row.id)
        assert sealed.findings().keys() == {f"record.version {row.id}"}
