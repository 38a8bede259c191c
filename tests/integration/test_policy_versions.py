"""Versions of policies: two people, from a moment on, in every process, and back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from meridian.db.backtests import KeptBacktest, add_backtest
from meridian.db.engine import REGISTRAR_ROLE, transaction
from meridian.decision import Terms
from meridian.errors import Forbidden, InvalidInput, NotReady, RegistryConflict, Unavailable
from meridian.evidence import canonical_json, sha256_of
from meridian.identity import new_id
from meridian.outcome import Outcome
from meridian.policy import Bands, PriceTier
from meridian.products import find_product
from meridian.registry import read_terms, with_terms
from meridian.review import Settling
from meridian.service import PolicyVersions, Wanted
from meridian.wiring import Wiring
from tests.registered import MAKER, PASSWORD, SIGNER, backtested
from tests.services import Service, copied_database, eventually, service
from tests.training_fixtures import TrainedModels

LOAN = "personal-loan"
LIVE_WITHIN_S = 5.0
PASSED = [{"name": "check", "passed": True, "found": "nothing"}]


@pytest.fixture
def running(template: str, demo_models: TrainedModels, tmp_path: Path) -> Iterator[Service]:
    settings = {"MERIDIAN_ONLINE_TIMEOUT_MS": "2000", "BROKER_URL": "memory://"}
    with (
        copied_database(template) as database,
        service(tmp_path / "home", database, demo_models.models_dir, **settings) as it,
    ):
        for person in (MAKER, SIGNER):
            it.wiring.keys.set_password(person, PASSWORD)
        yield it


@pytest.fixture
def versions(running: Service) -> Iterator[PolicyVersions]:
    registrar = Wiring(running.settings, "registry", REGISTRAR_ROLE)
    yield registrar.policy_versions
    registrar.close()


def terms(approve_below: float = 0.12, **limits: float) -> Terms:
    """The declared terms with another band, and other limits by the rules' names."""
    declared = find_product(LOAN).terms
    rules = tuple(replace(rule, limit=limits.get(rule.name, rule.limit)) for rule in declared.policy.rules)
    policy = replace(declared.policy, rules=rules, bands=Bands(approve_below, 0.35))
    return replace(declared, policy=policy)


def signed(versions: PolicyVersions, of: Terms) -> str:
    versions.submit(LOAN, of, PASSED, "tests", MAKER)
    backtested(versions, of)
    versions.approve(versions.find(of.version), "", SIGNER)
    return of.version


def published(versions: PolicyVersions, of: Terms, effective_at: datetime | None = None) -> str:
    signed(versions, of)
    versions.publish(of.version, effective_at, "tests", SIGNER)
    return of.version


def decided(wiring: Wiring, application: dict[str, Any], ref: str) -> str:
    """The version of the policy that decided."""
    reply = wiring.decisions.decide(Wanted("tests", json.dumps(application | {"application_ref": ref}).encode()))
    return str(json.loads(reply.body)["policy"]["version"])


def test_nobody_signs_for_a_policy_of_ones_own(versions: PolicyVersions) -> None:
    of = terms(0.118)
    versions.submit(LOAN, of, PASSED, "less risk", MAKER)
    with pytest.raises(Forbidden, match="maker submitted this policy"):
        versions.approve(versions.find(of.version), "", MAKER)
    with pytest.raises(InvalidInput, match="nobody has signed"):
        versions.publish(of.version, None, "now", SIGNER)
    backtested(versions, of)
    approved = versions.approve(versions.find(of.version), "read", SIGNER)
    assert (approved.approved_by, approved.note) == (SIGNER, "read")
    with pytest.raises(RegistryConflict, match="signed for this submission before"):
        versions.approve(approved, "", SIGNER)


def test_a_backtest_beside_another_policy_than_the_one_that_decides_is_none(versions: PolicyVersions) -> None:
    published(versions, terms(0.118))
    of = terms(0.115)
    versions.submit(LOAN, of, PASSED, "tests", MAKER)
    with pytest.raises(InvalidInput, match="no backtest of this very policy"):
        versions.approve(versions.find(of.version), "", SIGNER)
    with transaction(versions.engine) as connection:
        declared = find_product(LOAN).terms.sha256
        add_backtest(connection, KeptBacktest(new_id(), LOAN, of.sha256, declared, 1, {}, MAKER))
    versions.approve(versions.find(of.version), "", SIGNER)
    with pytest.raises(InvalidInput, match="beside the policy in whose place it comes"):
        versions.publish(of.version, None, "tests", SIGNER)


def test_what_decides_and_what_is_to_come_is_what_others_are_tried_beside(versions: PolicyVersions) -> None:
    assert versions.decides(LOAN) == {find_product(LOAN).terms.sha256}
    now, then = terms(0.118), terms(0.115)
    published(versions, now)
    published(versions, then, datetime.now(UTC) + timedelta(hours=1))
    assert versions.decides(LOAN) == {now.sha256, then.sha256}


def test_what_did_not_pass_nobody_can_sign_for(versions: PolicyVersions) -> None:
    of = terms(0.118)
    versions.submit(LOAN, of, [{"name": "cases", "passed": False, "found": "one"}], "less risk", MAKER)
    with pytest.raises(InvalidInput, match="did not pass: cases"):
        versions.approve(versions.find(of.version), "", SIGNER)


def test_a_policy_that_would_refuse_without_reasons_does_not_pass(versions: PolicyVersions) -> None:
    """Below the reference population's PD nobody could be told what harmed."""
    of = terms(0.01)
    versions.submit(LOAN, of, PASSED, "hardly any risk", MAKER)
    assert versions.find(of.version).failed == ["models"]


def test_a_policy_that_reads_what_is_not_there_is_not_taken(versions: PolicyVersions) -> None:
    declared = find_product("credit-card").terms
    with pytest.raises(NotReady, match="is not for personal-loan as it is now"):
        versions.submit(LOAN, declared, PASSED, "another product's", MAKER)
    for because, of in ((" ", "No reason is given"),):
        with pytest.raises(InvalidInput, match=of):
            versions.submit(LOAN, terms(0.118), PASSED, because, MAKER)
    with pytest.raises(InvalidInput, match="not offered here"):
        versions.submit("car-loan", terms(0.118), PASSED, "x", MAKER)
    with pytest.raises(InvalidInput, match="No policy of the registry"):
        versions.publish("personal-loan-9", None, "x", SIGNER)
    with pytest.raises(InvalidInput, match="too short"):
        versions.find("p")


def test_it_decides_from_its_moment_on_in_every_process(
    running: Service, versions: PolicyVersions, application: dict[str, Any]
) -> None:
    before, after = Wiring(running.settings, "one"), Wiring(running.settings, "other")
    declared = find_product(LOAN).terms.version
    assert decided(before, application, "before") == declared
    now = published(versions, terms(0.118))
    later = signed(versions, terms(0.115))
    versions.publish(later, datetime.now(UTC) + timedelta(seconds=6), "then", SIGNER)
    assert eventually(lambda: decided(before, application, f"now-{time.monotonic_ns()}") == now, LIVE_WITHIN_S)
    assert eventually(lambda: decided(before, application, f"later-{time.monotonic_ns()}") == later, 6 + LIVE_WITHIN_S)
    assert decided(after, application, "other") == later
    # What was decided before stays decided by what it names, and replays.
    drawn, each = before.replays.sample(100, None, 1)
    assert drawn > 3
    assert all(one.exact for one in each)
    with pytest.raises(InvalidInput, match="is past"):
        versions.publish(now, datetime.now(UTC) - timedelta(hours=1), "yesterday", SIGNER)
    for wiring in (before, after):
        wiring.close()


def test_the_way_back_drops_what_was_to_come(running: Service, versions: PolicyVersions) -> None:
    first, second = published(versions, terms(0.118)), published(versions, terms(0.115))
    to_come = signed(versions, terms(0.113))
    versions.publish(to_come, datetime.now(UTC) + timedelta(seconds=3), "then", SIGNER)
    back = versions.rollback(LOAN, "too few approvals", MAKER)
    assert versions.find(back.policy_sha256).version == first
    assert back.back
    with pytest.raises(RegistryConflict, match="no policy before"):
        versions.rollback(LOAN, "again", MAKER)
    seen = running.query("SELECT policy_version, back, because, changed_by FROM audit.policy_changes ORDER BY number")
    assert [tuple(row) for row in seen] == [
        (first, False, "tests", SIGNER), (second, False, "tests", SIGNER), (to_come, False, "then", SIGNER),
        (first, True, "too few approvals", MAKER),
    ]  # fmt: skip
    wiring = Wiring(running.settings, "afterwards")
    assert not eventually(lambda: wiring.products[LOAN].terms.version != first, 5)
    wiring.close()


def test_an_assessment_goes_by_the_policy_that_is_in_force_then(
    running: Service, versions: PolicyVersions, application: dict[str, Any]
) -> None:
    decided(running.wiring, application, "one")
    now = published(versions, terms(0.118))
    running.worker.products.look()
    (job,) = running.query("SELECT id FROM work.job")
    assert running.worker.assessments.assess(UUID(str(job.id)))
    rows = {row.stage: row for row in running.query("SELECT stage, policy_version, governs FROM audit.decisions")}
    assert rows["batch"].policy_version == now
    # Of two policies the first decision's governs: the contract compares like with like.
    assert rows["fast"].governs


def test_rows_that_would_say_what_is_not_so_are_refused(running: Service, versions: PolicyVersions) -> None:
    of, other = terms(0.118), terms(0.115)
    published(versions, of)
    versions.submit(LOAN, other, PASSED, "x", MAKER)
    submission = versions.find(other.version).id
    change = (
        f"INSERT INTO registry.policy_change VALUES ('{LOAN}', {{}}, decode('{{}}', 'hex'), now(), {{}}, 'x', 'signer')"
    )
    for statement in (
        f"INSERT INTO registry.policy_approval VALUES ('{submission}', '', 'maker')",
        change.format(2, other.sha256, "false"),
        change.format(2, other.sha256, "true"),
        change.format(9, of.sha256, "false"),
        "INSERT INTO registry.policy_submission "
        "SELECT gen_random_uuid(), sha256, 'x', '[{}]', 'maker' FROM registry.policy",
        "UPDATE registry.policy SET version = 'x'",
        "DELETE FROM registry.policy_change",
    ):
        with pytest.raises(DBAPIError), transaction(versions.engine) as connection:
            connection.execute(text(statement))
    assert len(running.query("SELECT * FROM registry.policy_change")) == 1


def test_terms_that_were_tampered_with_take_no_others_place(
    running: Service, versions: PolicyVersions, application: dict[str, Any]
) -> None:
    """Neither in a process that runs nor in one that starts, and of another product's nobody notices."""
    first = published(versions, terms(0.118))
    wiring = Wiring(running.settings, "before")
    assert decided(wiring, application, "before") == first
    running.execute("ALTER TABLE registry.policy DROP CONSTRAINT policy_is_its_terms")
    second = signed(versions, terms(0.115))
    spoil = f"UPDATE registry.policy SET document = replace(document, '0.115', '0.215') WHERE version = '{second}'"
    versions.publish(second, datetime.now(UTC) + timedelta(seconds=2), "then", SIGNER)
    running.execute(spoil)
    with pytest.raises(NotReady):
        versions.publish(second, None, "now", SIGNER)
    assert eventually(lambda: wiring.products.unusable() == [LOAN], 2 + LIVE_WITHIN_S)
    fresh = Wiring(running.settings, "after")
    for process, ref in ((wiring, "running"), (fresh, "fresh")):
        assert decided(process, application, ref) == first
        assert process.products["credit-card"].terms.sha256 == process.declared["credit-card"].terms.sha256
        process.close()
    running.execute(spoil.replace(second, first).replace("0.115", "0.118"))
    nothing_left = Wiring(running.settings, "nothing left")
    with pytest.raises(NotReady, match="No policy that is registered"):
        decided(nothing_left, application, "none")
    nothing_left.close()


def test_what_was_dropped_before_it_came_is_no_way_back(versions: PolicyVersions) -> None:
    first = published(versions, terms(0.118))
    dropped = signed(versions, terms(0.115))
    versions.publish(dropped, datetime.now(UTC) + timedelta(seconds=1), "then", SIGNER)
    published(versions, terms(0.113))
    time.sleep(1.2)
    assert versions.find(versions.rollback(LOAN, "no", SIGNER).policy_sha256).version == first


def test_an_analyst_decides_by_the_policy_of_the_decision(
    running: Service, versions: PolicyVersions, application: dict[str, Any]
) -> None:
    referred = {**application, "application": {**application["application"], "credit_report": None}}
    version = decided(running.wiring, referred, "referred")
    declared = terms()
    dearer = replace(declared.policy, prices=tuple(replace(tier, apr=0.25) for tier in declared.policy.prices))
    published(versions, replace(declared, policy=dearer))
    running.wiring.products.look()
    (case,) = running.query("SELECT case_id FROM audit.cases")
    running.wiring.desk.reviews.claim(case.case_id, "ana")
    assert running.wiring.desk.reviews.case(case.case_id).product.terms.version == version
    settling = Settling(Outcome.APPROVE, [], "the report was seen on paper")
    running.wiring.desk.reviews.settle(case.case_id, "ana", settling)
    (row,) = running.query("SELECT d.policy_version, v.document FROM audit.decisions d JOIN record.version v "
                           "ON v.id = d.decision_id WHERE d.stage = 'review'")  # fmt: skip
    assert row.policy_version == version
    assert json.loads(row.document)["offer"]["apr"] == declared.policy.prices[-1].apr


@pytest.mark.parametrize(
    ("product", "spoil", "said"),
    [
        ("credit-card", lambda p: {"prices": (PriceTier(1.0, 0.1),)}, "the application has no amount, term_months"),
        (LOAN, lambda p: {"derived": ("nope",)}, "it reads nope"),
        (LOAN, lambda p: {"rules": (replace(p.rules[0], reason="X99"),)}, "gives the reasons X99"),
        (LOAN, lambda p: {"rules": (replace(p.rules[0], limit=None),)}, "cannot be judged"),
    ],
)
def test_a_policy_that_would_fail_when_it_decides_is_not_taken(product: str, spoil: Any, said: str) -> None:
    of = find_product(product)
    policy = replace(of.policy, **spoil(of.policy))
    with pytest.raises(NotReady, match=said):
        with_terms(of, replace(of.terms, policy=policy))


def test_terms_that_say_more_than_is_read_are_not_taken() -> None:
    document = terms().document()
    document["policy"]["rules"][0]["only_on"] = "sundays"
    text = canonical_json(document).decode()
    with pytest.raises(NotReady, match="says more than this release reads"):
        read_terms(text, sha256_of(document))
    for unreadable in ("{}", "[]", '{"policy": {"rules": [{"if": ["x"]}]}}'):
        with pytest.raises(NotReady, match="cannot be read"):
            read_terms(unreadable, "0" * 64)


def test_the_same_terms_are_no_policy_of_two_products(versions: PolicyVersions) -> None:
    of = terms(0.118)
    versions.submit(LOAN, of, PASSED, "x", MAKER)
    twin = replace(versions, declared={"twin": replace(find_product(LOAN), name="twin")}, deciding=lambda *_: [])
    with pytest.raises(InvalidInput, match="a policy of personal-loan already"):
        twin.submit("twin", of, PASSED, "x", MAKER)


def test_where_the_registry_was_never_reached_nobody_knows_the_policy(running: Service) -> None:
    away = Wiring(
        running.settings.model_copy(update={"database_url": "postgresql+psycopg2://nobody@127.0.0.1:1/x"}), "a"
    )
    with pytest.raises(Unavailable):
        away.products[LOAN].terms.version  # noqa: B018
    assert list(away.products) == list(away.declared)
    assert LOAN in away.products
    away.close()
