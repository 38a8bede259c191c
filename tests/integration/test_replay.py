"""Replay: what is recorded leads to the same decision byte for byte; where it does not, the cause is said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from meridian.errors import InvalidInput, NotFound
from meridian.outcome import Outcome
from meridian.reasons import selection
from meridian.registry import ModelArchive
from meridian.replay import Cause, Replay
from meridian.service import Replays, Settling
from tests.recorded import decision_ids, recorded_service
from tests.services import Service, copied_database, fresh_database, service
from tests.training_fixtures import TrainedModels

APPLICATIONS = 60
MERIDIAN = Path(sys.executable).with_name("meridian")


@pytest.fixture(scope="module")
def template(
    embedded_server: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A database with sixty applications decided and assessed, to be copied."""
    with fresh_database(embedded_server) as database:
        with recorded_service(tmp_path_factory.mktemp("made"), database, demo_models.models_dir, APPLICATIONS):
            pass
        yield database


@pytest.fixture
def kept(template: str, demo_models: TrainedModels, tmp_path: Path) -> Iterator[Service]:
    """A copy of it with models of its own, for a test to damage."""
    models = tmp_path / "models"
    shutil.copytree(demo_models.models_dir, models)
    with copied_database(template) as database, service(tmp_path / "home", database, models) as running:
        yield running


def replays(running: Service) -> Replays:
    """As a new process has them, with no model in memory."""
    models = running.wiring.models
    return replace(running.wiring.replays, models=ModelArchive(running.settings.models_dir, models.register.files))


def replayed(running: Service, of: Replays | None = None) -> list[Replay]:
    """Every decision made again."""
    total, each = (of or replays(running)).sample(10_000, None, 1)
    every = list(each)
    assert len(every) == total
    return every


def causes(every: list[Replay]) -> Counter[Cause | None]:
    return Counter(one.cause for one in every)


def test_every_decision_comes_out_the_same_fast_and_batch(kept: Service) -> None:
    every = replayed(kept)
    assert causes(every) == {None: 2 * APPLICATIONS}
    assert {one.decision_id for one in every} == {str(one) for one in decision_ids(kept)}


def test_a_sample_is_drawn_by_its_seed_and_from_its_moment_on(kept: Service) -> None:
    def drawn(seed: int) -> list[str]:
        return [one.decision_id for one in replays(kept).sample(20, None, seed)[1]]

    assert drawn(1) == drawn(1) != drawn(2)
    (middle,) = kept.query("SELECT decided_at FROM record.version ORDER BY decided_at OFFSET 60 LIMIT 1")
    assert replays(kept).sample(10_000, middle.decided_at, 1)[0] == 60


def test_a_changed_policy_is_said_of_every_decision_that_it_made(kept: Service) -> None:
    kept.execute("UPDATE record.policy SET document = replace(document, '0.43', '0.40')")
    assert causes(replayed(kept)) == {Cause.POLICY_CHANGED: 2 * APPLICATIONS}


def test_a_policy_that_is_gone_is_said_of_every_decision_that_it_made(kept: Service) -> None:
    kept.execute("SET session_replication_role = replica; DELETE FROM record.policy")
    assert causes(replayed(kept)) == {Cause.POLICY_MISSING: 2 * APPLICATIONS}


@pytest.mark.parametrize("purpose", ["compact", "batch"])
@pytest.mark.parametrize("damage", ["gone", "another manifest", "other trees"])
def test_a_model_that_is_gone_or_changed_is_said_of_every_decision_that_it_made(
    kept: Service, purpose: str, damage: str
) -> None:
    folder = kept.settings.models_dir.resolve() / "personal-loan" / purpose
    if damage == "gone":
        shutil.rmtree(folder)
    elif damage == "another manifest":
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["calibration"]["intercept"] += 0.001
        (folder / "manifest.json").write_text(json.dumps(manifest))
    else:
        (folder / "model.json").write_bytes((folder / "model.json").read_bytes() + b" ")
    every = replayed(kept)
    stage = {"compact": "fast", "batch": "batch"}[purpose]
    affected = {str(one) for one in decision_ids(kept, f"stage = '{stage}'")}
    assert causes(every) == {Cause.MODEL_MISSING: APPLICATIONS, None: APPLICATIONS}
    assert {one.decision_id for one in every if not one.exact} == affected


def test_a_retired_model_still_replays_what_it_decided(kept: Service) -> None:
    product = kept.settings.models_dir.resolve() / "personal-loan"
    (product / "retired").mkdir(exist_ok=True)
    (product / "batch").rename(product / "retired" / "batch-old")
    assert causes(replayed(kept)) == {None: 2 * APPLICATIONS}


def test_changed_evidence_is_said_of_the_decisions_made_from_it(kept: Service) -> None:
    kept.execute(
        "UPDATE record.evidence SET document = replace(document, 'history', 'legends') WHERE application_id = "
        "(SELECT application_id FROM record.version ORDER BY id LIMIT 1)"
    )
    assert causes(replayed(kept)) == {Cause.EVIDENCE_CHANGED: 2, None: 2 * APPLICATIONS - 2}


def test_a_decision_that_was_changed_is_shown_as_it_was_and_as_it_comes_out(kept: Service) -> None:
    (declined, *_) = decision_ids(kept, "outcome = 'decline'")
    kept.execute(
        f'UPDATE record.version SET document = replace(document, \'"outcome":"decline"\', \'"outcome":"approve"\') '
        f"WHERE id = '{declined}'"
    )
    result = replays(kept).one(declined)
    assert result.cause is Cause.UNEXPLAINED
    assert [(one.part, one.recorded, one.replayed) for one in result.differences] == [
        ("outcome", '"approve"', '"decline"')
    ]


def test_changed_code_is_the_cause_where_the_code_differs(kept: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an upgrade meets it: another version of the code, which gives one reason less."""
    before = {row.id: json.loads(row.document) for row in kept.query("SELECT id, document FROM record.version")}
    monkeypatch.setattr(selection, "MOST_REASONS", 3)
    every = replayed(kept, replace(replays(kept), code_version="0.2.0+000000000000"))
    affected = {str(one) for one, document in before.items() if len(document["reasons"]) == 4}
    assert affected
    assert {one.decision_id for one in every if one.cause is Cause.CODE_CHANGED} == affected
    assert {one.part for each in every for one in each.differences} == {"reasons"}
    assert causes(every)[None] == 2 * APPLICATIONS - len(affected)


def test_what_a_person_decided_is_not_re_run_and_an_unknown_id_is_refused(kept: Service) -> None:
    ref = kept.query("SELECT ref FROM record.application LIMIT 1")[0].ref
    settling = Settling(Outcome.APPROVE, [], "the income was typed with a zero too few")
    version_id = kept.wiring.desk.reviews.correct(ref, "ana", settling)
    with pytest.raises(InvalidInput, match="correction, made by a person"):
        replays(kept).one(version_id)
    with pytest.raises(NotFound):
        replays(kept).one(uuid4())
    assert causes(replayed(kept)) == {None: 2 * APPLICATIONS}


def run(kept: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    command = [str(MERIDIAN), *words]
    return subprocess.run(command, env={**os.environ, **kept.env}, capture_output=True, text=True, check=False)


def test_the_commands_say_what_came_of_it_and_scripts_can_trust_the_exit_code(kept: Service) -> None:
    (one, *_) = decision_ids(kept)
    good = run(kept, "replay", str(one))
    assert (good.returncode, good.stdout) == (0, "1 decisions made again, 1 the same byte for byte.\n")
    gate = run(kept, "upgrade-check", "--sample", "1000", "--json")
    assert gate.returncode == 0, gate.stderr
    assert json.loads(gate.stdout) == {"replayed": 120, "exact": 120, "causes": {}, "different": []}
    kept.execute("UPDATE record.policy SET document = replace(document, '0.43', '0.40')")
    bad = run(kept, "replay", "--sample", "30", "--json")
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["causes"] == {"policy_changed": 30}
    assert run(kept, "upgrade-check").returncode == 1
    for words in (
        ["replay"],
        ["replay", "no-id"],
        ["replay", str(one), "--sample", "3"],
        ["replay", "--sample", "3", "--since", "soon"],
    ):
        assert run(kept, *words).returncode == 2, words
