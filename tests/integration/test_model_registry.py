"""The registry: who may sign, what decides, and that a change is live at once and for no caller an error."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from meridian.db.engine import transaction
from meridian.errors import Forbidden, InvalidInput, NotReady, RegistryConflict, Unavailable, UntrustedModel
from meridian.followed import FIRST_LOOK_S
from meridian.registry import Alias, ModelsInUse, Place, Purpose, is_challenged
from meridian.service import Wanted
from meridian.simulator import requests
from meridian.wiring import Wiring
from tests.registered import MAKER, PASSWORD, SIGNER, Registry, gates, model_of
from tests.services import Service, copied_database, eventually, service
from tests.training_fixtures import TrainedModels

COMPACT = Place("personal-loan", Purpose.COMPACT, Alias.CHAMPION)
LIVE_WITHIN_S = 5.0


@pytest.fixture
def registry(template: str, demo_models: TrainedModels, tmp_path: Path) -> Iterator[Registry]:
    """The registry of a service with demo models in its folder; nothing is started."""
    settings = {"MERIDIAN_ONLINE_TIMEOUT_MS": "2000", "BROKER_URL": "memory://"}
    with (
        copied_database(template) as database,
        service(tmp_path / "home", database, demo_models.models_dir, **settings) as running,
    ):
        made = Registry.at(running, demo_models.models_dir)
        yield made
        made.close()


def decided(wiring: Wiring, application: dict[str, Any], ref: str) -> dict[str, Any]:

    request = application | {"application_ref": ref}
    return dict(json.loads(wiring.decisions.decide(Wanted("tests", json.dumps(request).encode())).body))


def test_nobody_signs_for_a_model_of_ones_own(registry: Registry) -> None:
    sha256 = registry.submit(-0.1)
    with pytest.raises(Forbidden, match="maker submitted this model"):
        registry.approve(sha256, {}, MAKER)
    # Whoever put it forward once is its maker also where another has put it forward since.
    manifest, files = registry.files()
    registry.of.submit(
        registry.of.find(sha256).manifest, files, gates(), owner="x", intended_use="y", data=("z", "1" * 64), by=SIGNER
    )
    for person in (MAKER, SIGNER):
        with pytest.raises(Forbidden):
            registry.approve(sha256, {}, person)
    assert manifest.sha256 != sha256
    assert registry.service.query("SELECT * FROM registry.approval") == []


def test_the_database_refuses_it_whatever_the_code_above_does(registry: Registry) -> None:
    sha256 = registry.submit(-0.1)
    submission = registry.of.find(sha256).submission.id
    sign = text(f"INSERT INTO registry.approval VALUES ('{submission}', '{{}}', '', 'maker', now())")
    promote = text(
        "INSERT INTO registry.change VALUES ('personal-loan', 'compact', 'champion', 1, "
        f"decode('{sha256}', 'hex'), NULL, false, 'because', 'maker', now())"
    )
    for statement, code in ((sign, "MR001"), (promote, "MR003")):
        with pytest.raises(DBAPIError) as refused, transaction(registry.of.engine) as connection:
            connection.execute(statement)
        assert getattr(refused.value.orig, "pgcode", None) == code


@pytest.mark.parametrize("gate", ["calibration", "fairness", "reproduction", "latency"])
def test_a_gate_that_did_not_pass_needs_a_signed_waiver(registry: Registry, gate: str) -> None:
    sha256 = registry.submit(-0.1, found=gates(gate))
    for waivers in ({}, {gate: "  "}):
        with pytest.raises(InvalidInput, match=gate):
            registry.approve(sha256, waivers, SIGNER)
    with pytest.raises(InvalidInput, match=r"nothing to waive for stability.*did not pass are " + gate):
        registry.approve(sha256, {gate: "known", "stability": "why not"}, SIGNER)
    signed = registry.approve(sha256, {gate: "the book has changed"}, SIGNER)
    assert (signed.approved_by, signed.waivers) == (SIGNER, {gate: "the book has changed"})
    with pytest.raises(RegistryConflict, match="signed for this submission before"):
        registry.approve(sha256, {gate: "again"}, SIGNER)
    seen = registry.service.query(
        "SELECT waived_because, waived_by FROM audit.model_gates WHERE NOT passed AND model_sha256 = :it", it=sha256
    )
    assert [tuple(row) for row in seen] == [("the book has changed", SIGNER)]


@pytest.mark.parametrize("gate", ["files", "reasons"])
def test_nobody_can_sign_for_a_tampered_model_or_one_without_reasons(registry: Registry, gate: str) -> None:
    sha256 = registry.submit(-0.1, found=gates(gate))
    with pytest.raises(InvalidInput, match=gate):
        registry.approve(sha256, {gate: "please"}, SIGNER)
    # The shadow decides about nobody, but it has to be what it says it is.
    if gate == "files":
        with pytest.raises(InvalidInput, match="files that hold"):
            registry.of.shadow(sha256, "to see", SIGNER)
    else:
        registry.of.shadow(sha256, "to see", SIGNER)


@pytest.mark.parametrize("left_out", ["fairness", "tested reasons"])
def test_a_gate_that_was_left_out_did_not_pass(registry: Registry, left_out: str) -> None:
    sha256 = registry.submit(-0.1, found=[gate for gate in gates() if gate["name"] != left_out])
    with pytest.raises(InvalidInput, match=left_out):
        registry.approve(sha256, {}, SIGNER)


@pytest.mark.parametrize("name", ["maker ", " maker", "maker\u200b", "m\u0430ker", "", "a b", "x" * 65, "-maker"])
def test_two_spellings_of_one_name_are_no_two_people(registry: Registry, name: str) -> None:
    with pytest.raises(InvalidInput, match="no name to sign in with"):
        registry.service.wiring.keys.set_password(name, PASSWORD)


def test_nor_are_capitals(registry: Registry) -> None:
    with pytest.raises(InvalidInput, match="'maker' already"):
        registry.service.wiring.keys.set_password("Maker", PASSWORD)
    with pytest.raises(IntegrityError), transaction(registry.service.wiring.engine) as connection:
        connection.execute(text("INSERT INTO access.analyst VALUES ('MAKER', 'x', now())"))


def test_what_was_found_last_counts_but_for_the_way_back(registry: Registry) -> None:
    first, second = registry.promoted(-0.1), registry.promoted(-0.2)
    # Put forward again with other loans, on which it does not pass, and nobody has signed for that.
    registry.submit(-0.1, found=gates("calibration"))
    with pytest.raises(InvalidInput, match="as it was submitted last"):
        registry.of.promote(first, "once more", SIGNER)
    assert registry.of.rollback("personal-loan", Purpose.COMPACT, "worse", SIGNER).model_sha256 == first
    assert registry.service.query("SELECT count(*) FROM audit.model_changes")[0][0] == 3
    assert second != first


def test_signed_is_what_was_looked_at(registry: Registry) -> None:
    sha256 = registry.submit(-0.1)
    looked_at = registry.of.find(sha256)
    registry.submit(-0.1, found=gates("calibration"))
    registry.of.approve(looked_at, {}, "", SIGNER)
    assert registry.of.find(sha256).approved_by is None
    with pytest.raises(InvalidInput, match="as it was submitted last"):
        registry.of.promote(sha256, "now", SIGNER)


class Meanwhile(dict[str, Any]):
    """Products whose first look-up lets something happen first."""

    def __init__(self, products: Any, then: Any):
        super().__init__(products)
        self._then = [then]

    def __getitem__(self, name: str) -> Any:
        if self._then:
            self._then.pop()()
        return super().__getitem__(name)


def test_a_way_back_does_not_pass_over_who_was_promoted_meanwhile(registry: Registry) -> None:
    for shift in (-0.1, -0.2, -0.3):
        registry.promoted(shift)
    meanwhile = registry.signed(-0.4)
    products = Meanwhile(registry.of.products, lambda: registry.of.promote(meanwhile, "at once", MAKER))
    slow = type(registry.of)(registry.of.engine, products, registry.of.new_id)
    with pytest.raises(RegistryConflict, match="at this moment"):
        slow.rollback("personal-loan", Purpose.COMPACT, "worse", SIGNER)
    assert registry.of.changes(COMPACT)[-1].model_sha256 == meanwhile


def test_rows_that_would_say_what_is_not_so_are_refused(registry: Registry) -> None:
    first, second = registry.promoted(-0.1), registry.signed(-0.2)
    submission = registry.of.find(registry.submit(-0.3, found=gates("calibration"))).submission.id
    change = (
        "INSERT INTO registry.change VALUES ('personal-loan', 'compact', '{}', {}, decode('{}', 'hex'), {}, {}, 'x', "
        "'signer'{})"
    )
    gate = (
        "INSERT INTO registry.submission SELECT gen_random_uuid(), sha256, 'x', 'y', 'z', sha256, '{}', 'maker' "
        "FROM registry.model"
    )
    sign = "INSERT INTO registry.approval VALUES ('{}', '{}', '', 'signer')"
    refused = [
        change.format("champion", 2**63 - 1, second, "NULL", "false", ""),
        change.format("champion", 2, second, "NULL", "true", ""),
        change.format("challenger", 1, first, 0.5, "false", ""),
        change.format("shadow", 1, first, "NULL", "false", ""),
        *(gate.format(f'[{{"name": {name}, "passed": {passed}, "found": ""}}]')
          for name, passed in (('"files"', '"true"'), ('"files"', '"perhaps"'), ("null", "true"))),
        gate.format('[{"name": "files", "found": ""}]'),
        gate.format('[[{"name": "files", "passed": true, "found": ""}]]'),
        *(sign.format(submission, f'{{"calibration": {why}}}') for why in ("false", "[]", "0", '"\\t\\n "', "null")),
        f"INSERT INTO registry.file VALUES (decode('{first}', 'hex'), 'card.html', 'x')",
    ]  # fmt: skip
    for statement in refused:
        with pytest.raises(DBAPIError) as error, transaction(registry.of.engine) as connection:
            connection.execute(text(statement))
        assert getattr(error.value.orig, "pgcode", "")[:2] in ("MR", "23"), statement
    # Moments are the server's.
    backdated = change.format("champion", 2, second, "NULL", "false", ", '1999-01-01'")
    with transaction(registry.of.engine) as connection:
        connection.execute(text(backdated))
    assert registry.of.changes(COMPACT)[-1].changed_at > registry.of.changes(COMPACT)[0].changed_at  # type: ignore[operator]


def test_files_that_are_not_the_manifests_are_not_registered(registry: Registry) -> None:
    manifest, _ = registry.shifted(-0.1, Purpose.COMPACT, None)
    _, others = registry.files(Purpose.BATCH)
    with pytest.raises(UntrustedModel):
        registry.of.submit(
            manifest, others, gates(), owner="x", intended_use="y", data=("z", "1" * 64), by=MAKER
        )  # fmt: skip
    assert registry.of.list() == ([], {})


def test_a_manifest_of_another_release_keeps_nobody_from_the_others(registry: Registry) -> None:
    sha256 = registry.promoted(-0.1)
    registry.service.execute(
        "INSERT INTO registry.model (sha256, product, purpose, name, manifest) "
        "VALUES (sha256('{}'), 'personal-loan', 'compact', 'odd', '{}');"
        "INSERT INTO registry.submission SELECT gen_random_uuid(), sha256('{}'), 'x', 'y', 'z', sha256('{}'), "
        "gates, 'maker' FROM registry.submission LIMIT 1"
    )
    listed, _ = registry.of.list()
    assert [one.manifest.sha256 for one in listed] == [sha256]
    assert registry.of.promote(registry.signed(-0.2), "now", SIGNER).number == 2
    with pytest.raises(UntrustedModel):
        registry.of.find("44136fa355b3")


def test_a_model_that_comes_right_again_decides(registry: Registry, application: dict[str, Any]) -> None:
    """And one that cannot be used keeps no other from its place, nor a process that starts from the ones it can."""
    running = registry.service
    registry.of.shadow(registry.submit(-0.5, Purpose.BATCH), "to see", SIGNER)
    running.execute("UPDATE registry.file SET content = content || ' ' WHERE name = 'tables.npz'")
    champion = registry.promoted(-0.1)
    wiring = registry.anew()
    assert model_of(decided(wiring, application, "beside-a-broken-shadow")) == champion
    assert [place.alias for place in wiring.models.in_use.unusable()] == [Alias.SHADOW]
    running.execute("UPDATE registry.file SET content = substr(content, 1, length(content) - 1) "
                    "WHERE name = 'tables.npz' AND substr(content, length(content)) = ' '")  # fmt: skip
    assert eventually(lambda: not wiring.models.in_use.unusable(), 10)


def test_requests_wait_beside_each_other_for_the_first_look(registry: Registry) -> None:
    """The registry is locked: whoever asks is told within the time for a first look, not one after the other."""
    wiring = registry.anew()
    with transaction(registry.service.wiring.engine) as connection, ThreadPoolExecutor(4) as threads:
        connection.execute(text("SELECT 1"))
        with create_engine(registry.service.settings.admin_url).begin() as locking:
            locking.execute(text("LOCK TABLE registry.change"))
            began = time.monotonic()
            asked = [threads.submit(wiring.models.compact, "personal-loan", f"a-{i}") for i in range(4)]
            errors = [one.exception() for one in asked]
            took = time.monotonic() - began
    assert all(isinstance(error, Unavailable) for error in errors)
    assert took < 2 * FIRST_LOOK_S


def test_what_nobody_signed_for_does_not_decide(registry: Registry) -> None:
    sha256 = registry.submit(-0.1)
    with pytest.raises(InvalidInput, match="nobody has signed"):
        registry.of.promote(sha256, "now", SIGNER)
    with pytest.raises(InvalidInput, match="nobody has signed"):
        registry.of.challenge(sha256, 0.5, "now", SIGNER)
    with pytest.raises(InvalidInput, match="No model of the registry"):
        registry.of.promote("f" * 64, "now", SIGNER)
    with pytest.raises(InvalidInput, match="too short"):
        registry.of.promote(sha256[:3], "now", SIGNER)
    with pytest.raises(InvalidInput, match="--because is empty"):
        registry.of.promote(registry.signed(-0.2), " ", SIGNER)
    assert registry.of.list()[1] == {}


def test_of_two_who_change_it_at_one_moment_one_is_told(registry: Registry) -> None:
    models = [registry.signed(-0.1 * step) for step in range(1, 5)]

    def change(sha256: str) -> Exception | None:
        try:
            registry.of.promote(sha256, "at once", SIGNER)
        except RegistryConflict as error:
            return error
        return None

    with ThreadPoolExecutor(len(models)) as threads:
        refused = [error for error in threads.map(change, models) if error is not None]
    changes = registry.of.changes(COMPACT)
    assert len(changes) == len(models) - len(refused) >= 1
    assert [one.number for one in changes] == list(range(1, len(changes) + 1))
    assert all("at this moment" in str(error) for error in refused)


def test_going_back_is_one_row_more(registry: Registry) -> None:
    with pytest.raises(RegistryConflict, match="no champion before"):
        registry.of.rollback("personal-loan", Purpose.COMPACT, "bad", SIGNER)
    first, second = registry.promoted(-0.1), registry.promoted(-0.2)
    back = registry.of.rollback("personal-loan", Purpose.COMPACT, "too many defaults", MAKER)
    assert back.model_sha256 == first
    with pytest.raises(RegistryConflict, match="no champion before"):
        registry.of.rollback("personal-loan", Purpose.COMPACT, "again", SIGNER)
    seen = registry.service.query(
        "SELECT model_sha256, back, because, changed_by, until IS NULL FROM audit.model_changes ORDER BY number"
    )
    assert [tuple(row) for row in seen] == [
        (first, False, "tests", SIGNER, False),
        (second, False, "tests", SIGNER, False),
        (first, True, "too many defaults", MAKER, True),
    ]


def test_a_model_of_other_features_takes_nobodys_place(registry: Registry) -> None:
    champion = registry.promoted(-0.1)
    other = registry.signed(-0.2)
    # As after a new release: what the features were is not what they are.
    changed = {"personal-loan": registry.of.products["credit-card"]}
    stale = type(registry.of)(registry.of.engine, changed, registry.of.new_id)
    with pytest.raises(NotReady):
        stale.promote(other, "now", SIGNER)
    register = registry.service.wiring.models.register
    held = ModelsInUse(register, changed).decides("personal-loan", Purpose.COMPACT, None)
    assert held is not None
    assert held.scorer is None
    held = ModelsInUse(register, registry.of.products).decides("personal-loan", Purpose.COMPACT, None)
    assert held is not None
    assert held.scorer is not None
    assert held.scorer.sha256 == champion


def test_the_registry_decides_and_the_folder_where_it_has_nobody(
    registry: Registry, application: dict[str, Any], tmp_path: Path
) -> None:
    of_folder = registry.files()[0].sha256
    assert model_of(decided(registry.anew(), application, "by-folder")) == of_folder
    assert decided(registry.anew(models="registered"), application, "by-nobody")["score"] is None
    sha256 = registry.promoted(-0.1)
    for models in ("any", "registered"):
        assert model_of(decided(registry.anew(models=models), application, models)) == sha256
    # It is nowhere in the folder: replay and pack have it from the registry.
    drawn, each = registry.anew().replays.sample(10, None, 1)
    assert (drawn, {one.exact for one in each}) == (4, {True})
    registry.service.worker.seals.seal()
    (row,) = registry.service.query("SELECT decision_id FROM audit.decisions WHERE application_ref = 'registered'")
    pack = tmp_path / "pack.zip"
    pack.write_bytes(registry.service.worker.packs.export(row.decision_id))
    checked = subprocess.run(
        [sys.executable, "-m", "meridian.record.verify", str(pack)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_file_that_was_tampered_with_decides_about_nobody(registry: Registry, application: dict[str, Any]) -> None:
    running = registry.service
    sha256 = registry.promoted(-0.1)
    before = registry.anew()
    assert model_of(decided(before, application, "before")) == sha256
    running.execute("UPDATE registry.file SET content = content || ' ' WHERE name = 'model.json'")
    # What stands in for it does.
    assert decided(registry.anew(), application, "tampered")["score"]["model"] == "personal-loan-application-only-demo"
    # A process that had the true one goes on with it, and what was not loaded takes nobody's place.
    next_one = registry.signed(-0.2)
    running.execute("UPDATE registry.file SET content = content || ' ' WHERE name = 'tables.npz'")
    with pytest.raises(NotReady, match=r"tables.npz|model.json"):
        registry.of.promote(next_one, "now", SIGNER)
    assert model_of(decided(before, application, "still")) == sha256


def test_where_the_registry_was_never_reached_nobody_knows_who_decides(registry: Registry) -> None:
    away = registry.anew(database_url="postgresql+psycopg2://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable):
        away.models.compact("personal-loan", "applicant")


def test_a_promotion_is_live_within_seconds_and_no_request_fails(
    registry: Registry, application: dict[str, Any]
) -> None:
    """Two processes under load, through two promotions and a rollback."""
    running = registry.service
    running.start_api()
    first, second = registry.promoted(-0.1), registry.signed(-0.6)
    with load(running, application) as seen:
        assert eventually(lambda: by(seen, first), 2 * LIVE_WITHIN_S)
        at: dict[str, float] = {}
        for sha256, change in (
            (second, lambda: registry.of.promote(second, "better", SIGNER)),
            (first, lambda: registry.of.rollback("personal-loan", Purpose.COMPACT, "worse", SIGNER)),
        ):
            change()
            at[sha256] = time.monotonic()
            assert eventually(lambda wanted=sha256: by(seen, wanted), 2 * LIVE_WITHIN_S)  # type: ignore[misc]
    # Before anybody was promoted the folder's decided, and afterwards nobody but these two.
    models = [model for _, _, model in seen]
    assert set(models) <= {first, second, registry.files()[0].sha256}
    assert {first, second} <= set(models)
    # Within the time in both processes, and nobody is decided by the former one again.
    for began, ended, model in seen:
        assert model == second or not at[second] + LIVE_WITHIN_S < began < ended < at[first]
        assert model == first or began < at[first] + LIVE_WITHIN_S


def by(seen: list[tuple[float, float, str | None]], wanted: str) -> bool:
    """Whether the last decisions, enough to be of both processes, are all by that model."""
    last = [model for _, _, model in seen[-60:]]
    return len(last) == 60 and set(last) == {wanted}


def ask(running: Service, application: dict[str, Any], name: str) -> dict[str, Any]:
    answer = running.decide(application | {"application_ref": f"{name}-{time.monotonic_ns()}"})
    assert answer.status == 201, answer.body
    return dict(answer.json())


class load:  # noqa: N801  # reads as a verb
    """Four callers inside the block; (asked at, answered at, model) of each decision. No answer but a decision."""

    def __init__(self, running: Service, application: dict[str, Any]):
        self._running, self._application = running, application
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(4)
        self.seen: list[tuple[float, float, str | None]] = []

    def __enter__(self) -> list[tuple[float, float, str | None]]:
        self._asking = [self._threads.submit(self._ask, place) for place in range(4)]
        return self.seen

    def _ask(self, place: int) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            model = model_of(ask(self._running, self._application, f"load-{place}"))
            self.seen.append((began, time.monotonic(), model))

    def __exit__(self, *_: object) -> None:
        time.sleep(1)
        self._stop.set()
        for one in self._asking:
            one.result()
        self._threads.shutdown()


def test_a_challenger_decides_about_its_share_and_always_the_same(registry: Registry, today: Any) -> None:
    champion, challenger = registry.promoted(-0.1), registry.signed(-0.2)
    with pytest.raises(InvalidInput, match="above 0 and below 1"):
        registry.of.challenge(challenger, 1.0, "all", SIGNER)
    registry.of.challenge(challenger, 0.4, "to see", SIGNER)
    wiring = registry.anew()
    by: dict[str, set[str]] = {champion: set(), challenger: set()}
    for number, request in enumerate(requests(40, 5, today)):
        model = model_of(decided(wiring, request, f"one-{number}"))
        applicant = request["application"]["applicant_id"]
        if model in by:
            by[model].add(applicant)
            assert (model == challenger) == is_challenged(challenger, 0.4, applicant)
    assert all(by.values())
    # More of them later; whom it decided about it still does.
    registry.of.challenge(challenger, 0.8, "more", SIGNER)
    wiring.models.in_use.look()
    for applicant in by[challenger]:
        scorer = wiring.models.compact("personal-loan", applicant)
        assert scorer is not None
        assert scorer.sha256 == challenger
    # Promoted, it is no challenger any more.
    registry.of.promote(challenger, "better", SIGNER)
    holders = wiring.models.register.holders()
    assert holders[COMPACT].model_sha256 == challenger
    assert holders[COMPACT._replace(alias=Alias.CHALLENGER)].model_sha256 is None
    with pytest.raises(RegistryConflict, match="no challenger"):
        registry.of.end(COMPACT._replace(alias=Alias.CHALLENGER), "over", SIGNER)


def test_a_shadow_scores_and_decides_about_nobody(registry: Registry, today: Any) -> None:
    running = registry.service
    of_folder = registry.files()[0].sha256
    compact, batch = registry.submit(-3.0), registry.submit(-3.0, Purpose.BATCH)
    for sha256 in (compact, batch):
        registry.of.shadow(sha256, "to see", SIGNER)
    answers = [decided(running.wiring, one, f"shadowed-{number}") for number, one in enumerate(requests(12, 5, today))]
    by_model = {answer["application_ref"] for answer in answers if model_of(answer) == of_folder}
    assert by_model
    for job in running.query("SELECT id FROM work.job"):
        assert running.worker.assessments.assess(UUID(str(job.id)))
    rows = running.query(
        "SELECT s.application_ref, s.model_sha256, s.pd, s.outcome, d.pd AS decided_pd, d.outcome AS decided, d.stage "
        "FROM audit.shadow_scores s JOIN audit.decisions d USING (decision_id)"
    )
    assert {(row.model_sha256, row.stage) for row in rows} == {(compact, "fast"), (batch, "batch")}
    assert {row.application_ref for row in rows if row.model_sha256 == compact} >= by_model
    assert all(row.pd < row.decided_pd for row in rows if row.application_ref in by_model)
    # What it would have approved was not approved.
    assert [row for row in rows if row.outcome == "approve" and row.decided != "approve"]


def test_a_shadow_that_fails_fails_for_nobody(registry: Registry, application: dict[str, Any]) -> None:
    running = registry.service
    registry.of.shadow(registry.submit(-3.0), "to see", SIGNER)
    running.execute("REVOKE INSERT ON registry.shadow_score FROM meridian_worker")
    decided(running.wiring, application, "shadow-fails")
    (job,) = running.query("SELECT id FROM work.job")
    assert running.worker.assessments.assess(UUID(str(job.id)))
    assert [row.state for row in running.query("SELECT state FROM work.job")] == ["done"]
    assert running.query("SELECT * FROM audit.shadow_scores") == []
