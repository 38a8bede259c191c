"""A policy tried on the record before it decides: held to what was decided, counted by hand, kept, and asked for."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from meridian.backtest import OFFERS, Assumptions, Backtest, OneByOne, Wished, report_page
from meridian.backtest.outcomes import read_outcomes
from meridian.db import backtests
from meridian.db.engine import REGISTRAR_ROLE, transaction
from meridian.db.recorded import find_recorded
from meridian.decision import Terms, decide
from meridian.errors import InvalidInput
from meridian.evidence import Rung
from meridian.experiments import Groups
from meridian.outcome import Outcome, Stage
from meridian.policy import Bands
from meridian.products import Product, find_product
from meridian.service import Wanted
from meridian.simulator import requests
from meridian.wiring import Wiring
from tests.commands import meridian
from tests.registered import MAKER, PASSWORD, SIGNER
from tests.services import Service, copied_database, service
from tests.training_fixtures import TrainedModels, loans_table, write_table

LOAN = "personal-loan"
PEOPLE = 120


@pytest.fixture(scope="module")
def running(
    template: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:  # fmt: skip
    home = tmp_path_factory.mktemp("backtest")
    with (
        copied_database(template) as database,
        service(home, database, demo_models.models_dir, BROKER_URL="memory://") as it,
    ):
        for person in (MAKER, SIGNER):
            it.wiring.keys.set_password(person, PASSWORD)
        for request in requests(PEOPLE, 5, datetime.now(UTC).date()):
            it.wiring.decisions.decide(Wanted("tests", json.dumps(request).encode()))
        yield it


@pytest.fixture(scope="module")
def registrar(running: Service) -> Iterator[Wiring]:
    wiring = Wiring(running.settings, "registry", REGISTRAR_ROLE)
    yield wiring
    wiring.close()


@pytest.fixture
def stricter(personal_loan: Product) -> Terms:
    """Another band, and a lower limit of debts."""
    policy = personal_loan.policy
    rules = tuple(replace(rule, limit=0.2) if rule.name == "debt-to-income" else rule for rule in policy.rules)
    return replace(personal_loan.terms, policy=replace(policy, rules=rules, bands=Bands(0.15, 0.3)))


def hour() -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(hours=1), now + timedelta(minutes=1)


def tried(wiring: Wiring, of: Product, after: Terms, wished: Wished | None = None) -> Backtest:
    return wiring.backtests.over_record(of, (of.terms, after), hour(), Stage.FAST, wished)


def test_it_counts_what_the_deciding_function_says(
    running: Service, registrar: Wiring, personal_loan: Product, stricter: Terms
) -> None:
    found = tried(registrar, personal_loan, stricter, Wished(by=["purpose", "annual_income"]))
    document = found.document()
    by_hand: Counter[tuple[str, str]] = Counter()
    for replay in running.wiring.replays.sample(PEOPLE, None, 1)[1]:
        assert replay.exact
    ids = [row.id for row in running.query("SELECT id FROM record.version WHERE stage = 'fast'")]
    with transaction(running.wiring.engine) as connection:
        recorded = find_recorded(connection, ids)
    for one in recorded:
        scorer = running.wiring.models.archive(LOAN, one.model_sha256) if one.model_sha256 else None
        by_hand[one.document["outcome"], decide(one.evidence, stricter, scorer).outcome.value] += 1
    swaps = {(one["was"], one["would_be"]): one["decisions"] for one in document["swaps"] if one["decisions"]}
    assert swaps == dict(by_hand)
    assert len({was for was, _ in swaps}) == 3, "the sample says nothing"
    assert any(was != would_be for was, would_be in swaps)
    assert document["decisions"] == PEOPLE
    assert document["held_to_record"]["before"] == {"decisions": PEOPLE, "unlike": 0}
    assert (document["one_by_one"]["decisions"], document["one_by_one"]["unlike"]) == (PEOPLE, 0)
    for by in ("rung", "month", "purpose", "annual_income"):
        assert sum(one["decisions"] for one in document["segments"] if one["by"] == by) == PEOPLE
    led = {one["rule"]: one for one in document["led"] if one["found"] == "hits"}
    assert led["debt-to-income"]["after"]["decline"] > led["debt-to-income"]["before"]["decline"]
    assert document["workload"]["before"]["cases"] == document["outcomes"]["before"]["refer"]
    assert found.agrees


def test_the_record_is_read_some_rows_at_a_time_whatever_there_is(
    registrar: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database holds the rest: memory grows with a part of the record, and not with the record."""
    monkeypatch.setattr(backtests, "AT_ONCE", 50)
    with transaction(registrar.engine) as connection:
        parts = backtests.decided(connection, backtests.Period(LOAN, Stage.FAST.value, *hour()))
        first = len(next(parts))
        assert connection.execute(text("SELECT count(*) FROM pg_cursors")).scalar_one() >= 1
        assert [first, *map(len, parts)] == [50, 50, 20]


def test_nobody_is_swapped_by_the_same_policy(registrar: Wiring, personal_loan: Product) -> None:
    document = tried(registrar, personal_loan, personal_loan.terms).document()
    assert all(one["was"] == one["would_be"] for one in document["swaps"] if one["decisions"])
    assert document["outcomes"]["before"] == document["outcomes"]["after"] == document["outcomes"]["recorded"]
    assert document["swapped"]["in"]["rate"] == {"best": None, "expected": None, "worst": None}


def test_what_became_of_the_declined_nobody_knows(
    running: Service, registrar: Wiring, personal_loan: Product, tmp_path: Path
) -> None:
    """Outcomes are told of those who were approved alone; who is swapped in has the widest bounds there are."""
    looser = replace(personal_loan.terms, policy=replace(personal_loan.policy, bands=Bands(0.3, 0.6)))
    approved = [row.ref for row in running.query(
        "SELECT a.ref FROM record.version v JOIN record.application a ON a.id = v.application_id "
        "WHERE v.stage = 'fast' AND v.outcome = 'approve' ORDER BY a.ref")]  # fmt: skip
    told = tmp_path / "outcomes.csv"
    lines = [f"{ref},{int(at % 10 == 0)}" for at, ref in enumerate(approved)]
    told.write_text("\n".join(["application_ref,defaulted", *lines, "nobody-we-know,1", f"{approved[0]},"]))
    wished = Wished(Assumptions(0.5, 0.04, 30), outcomes=read_outcomes(told))
    document = tried(registrar, personal_loan, looser, wished).document()
    book, swapped = document["books"]["before"], document["swapped"]["in"]
    bad = len(range(0, len(approved), 10))
    assert (book["decisions"], book["known"], book["defaulted"], book["unknown"]) == (
        len(approved),
        len(approved),
        bad,
        0,
    )
    assert book["rate"]["best"] == book["rate"]["worst"] == round(bad / len(approved), 6)
    assert swapped["decisions"] > 0
    assert (swapped["known"], swapped["rate"]["best"], swapped["rate"]["worst"]) == (0, 0.0, 1.0)
    assert 0.12 < swapped["rate"]["expected"] < 0.3
    after = document["books"]["after"]
    assert after["rate"]["best"] == round(bad / after["decisions"], 6)
    assert after["expected_loss"] > book["expected_loss"] > 0
    assert document["workload"]["after"]["hours_a_day"] == document["workload"]["after"]["cases"] / 2


def test_groups_are_compared_and_the_page_shows_it(
    registrar: Wiring, personal_loan: Product, stricter: Terms, running: Service, tmp_path: Path
) -> None:
    people = [row.applicant_id for row in running.query("SELECT applicant_id FROM record.application ORDER BY 1")]
    file = tmp_path / "groups.csv"
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows(
            [("applicant_id", "sex"), *((one, "FM"[at % 2]) for at, one in enumerate(people))]
        )  # fmt: skip
    document = tried(registrar, personal_loan, stricter, Wished(groups=Groups.read(file, "sex:F/M"))).document()
    (compared,) = document["fairness"]
    assert (compared["of_group"], compared["of_control"]) == (PEOPLE / 2, PEOPLE / 2)
    shares = compared["after"]["approved"], compared["after"]["approved_control"]
    assert compared["after"]["air"]["value"] == pytest.approx(shares[0] / shares[1], abs=1e-4)
    assert abs(compared["smd"]) < 1
    page = report_page(document)
    assert page == report_page(json.loads(json.dumps(document)))
    assert "sex F beside sex M" in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_policy_of_which_some_decide_on_lower_rungs(
    registrar: Wiring, personal_loan: Product, stricter: Terms
) -> None:
    segments = [one for one in tried(registrar, personal_loan, stricter).document()["segments"] if one["by"] == "rung"]
    assert {one["segment"] for one in segments} > {f"{int(Rung.FULL)} full"}


def said(running: Service, *arguments: str) -> str:
    """What the command prints, errors too."""
    done = meridian(["policy", "backtest", LOAN, *arguments], running.env, PASSWORD + "\n")
    return " ".join((done.stdout if "--json" in arguments else done.stdout + done.stderr).split())


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """The folder's tables with a higher floor of income."""
    from meridian.products.shelf import policy_file

    present = policy_file(LOAN)
    assert present is not None
    file = tmp_path / "draft.yaml"
    text = present.read_text().replace('"< 12000"', '"< 60000"').replace("policy: personal-loan-1", "policy: dearer-1")
    file.write_text(text)
    return file


def test_on_the_command_line(
    running: Service, draft: Path, tmp_path: Path
) -> None:  # fmt: skip
    page = tmp_path / "report.html"
    told = said(running, str(draft), "--last", "1d", "--html", str(page))
    assert f"{PEOPLE} applications" in told
    assert "income-floor, was: Declines where annual income is below" in told
    assert "all come out alike here" in told
    assert "Backtest of dearer-1-" in page.read_text()
    document = json.loads(said(running, str(draft), "--last", "1d", "--json"))
    assert document["swapped"]["out"]["decisions"] > 0
    assert document["swapped"]["in"]["decisions"] == 0
    for wrong, of in (
        ((), "Give --last"), (("--last", "soon"), "write e.g. 90d"),
        (("--since", "2026-01-01", "--last", "1d"), "Give --last"),
        (("--since", "2026-02-01", "--until", "2026-01-01"), "there is no time"),
        (("--last", "1d", "--by", "shoe_size"), "shoe_size is no field"),
        (("--since", "2020-01-01", "--until", "2020-02-01"), "has no fast decisions"),
        (("--last", "1d", "--as", MAKER), "No policy of the registry"),
    ):  # fmt: skip
        assert of in said(running, str(draft), *wrong)


def test_past_loans_stand_in_for_a_record(running: Service, draft: Path, tmp_path: Path) -> None:
    loans = write_table(tmp_path / "loans.csv", loans_table(3000))
    document = json.loads(said(running, str(draft), "--data", str(loans), "--json"))
    assert document["source"]["file"] == "loans.csv"
    assert document["left_out"] == ["age-of-majority", "own-arrears", "own-velocity"]
    book = document["books"]["before"]
    assert book["unknown"] == 0
    assert book["rate"]["best"] == book["rate"]["worst"] == book["rate"]["expected"] > 0
    assert document["swapped"]["out"]["known_rate"]["low"] < document["swapped"]["out"]["known_rate"]["high"]
    assert "are for the record" in said(running, str(draft), "--data", str(loans), "--outcomes", str(loans))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ref,defaulted\na,1\n", "has no column application_ref"),
        ("application_ref,defaulted\na,maybe\n", "line 2: defaulted is 'maybe'; write 1"),
        ("application_ref,defaulted\n,1\n", "line 2: application_ref is empty"),
        ("application_ref,defaulted\na,1\na,0\n", "line 3: a has another outcome above"),
        ("application_ref,defaulted\na,\n", "says of no loan"),
    ],
)
def test_outcomes_that_cannot_be_read_are_told_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "outcomes.csv"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        read_outcomes(file)


def test_what_comes_out_otherwise_than_it_was_made_is_not_kept(
    registrar: Wiring, personal_loan: Product, stricter: Terms
) -> None:
    found = tried(registrar, personal_loan, stricter)
    found.tally.before.unlike = 1
    assert not found.agrees
    assert "do not rely on this report" in report_page(found.document())
    with pytest.raises(InvalidInput, match="came out otherwise"):
        registrar.backtests.keep(found, MAKER)


def test_a_tampered_outcome_of_the_record_is_noticed(
    running: Service, registrar: Wiring, personal_loan: Product
) -> None:  # fmt: skip
    (row,) = running.query("SELECT id FROM record.version WHERE outcome = 'approve' LIMIT 1")
    flip = "UPDATE record.version SET outcome = '{}' WHERE id = '{}'"
    running.execute(flip.format(Outcome.DECLINE.value, row.id))
    found = tried(registrar, personal_loan, personal_loan.terms)
    running.execute(flip.format(Outcome.APPROVE.value, row.id))
    assert found.tally.before.unlike == 1
    assert not found.agrees


def test_what_was_not_tried_is_not_kept(registrar: Wiring, personal_loan: Product, stricter: Terms) -> None:
    """Neither where the rule that is changed was left out, nor where nothing was held against anything."""
    found = tried(registrar, personal_loan, stricter)
    with pytest.raises(InvalidInput, match="debt-to-income is what the policy changes"):
        registrar.backtests.keep(replace(found, left_out=["debt-to-income", "credit-age"]), MAKER)
    offered = replace(stricter, offers=find_product("consumer-loan").terms.offers)
    with pytest.raises(InvalidInput, match="offers is what the policy changes"):
        registrar.backtests.keep(replace(found, before=stricter, after=offered, left_out=[OFFERS]), MAKER)
    found.tally.before.own = found.tally.after.own = 0
    with pytest.raises(InvalidInput, match="nothing says that these figures are right"):
        registrar.backtests.keep(replace(found, one_by_one=OneByOne()), MAKER)


def test_a_rule_that_is_yet_to_come_is_said_to_be_in_no_figure(
    registrar: Wiring, personal_loan: Product
) -> None:  # fmt: skip
    first, *others = personal_loan.policy.rules
    coming = replace(first, since=datetime.now(UTC).date() + timedelta(days=30))
    terms = replace(personal_loan.terms, policy=replace(personal_loan.policy, rules=(coming, *others)))
    document = tried(registrar, personal_loan, terms).document()
    assert [(one["policy"], one["rule"]) for one in document["dated"]] == [("after", first.name)]
    assert "was not in force on all of these days" in report_page(document)


def test_by_the_rules_of_a_day_a_rule_that_is_yet_to_come_is_tried(
    registrar: Wiring, personal_loan: Product, stricter: Terms
) -> None:
    """What was decided on a day with other rules is held against nothing: it came out otherwise, and rightly."""
    comes = datetime.now(UTC).date() + timedelta(days=30)
    before, after = personal_loan.terms, stricter
    dated = replace(after, policy=replace(after.policy, rules=tuple(
        replace(rule, since=comes) if rule.name == "debt-to-income" else rule for rule in after.policy.rules
    )))  # fmt: skip

    def tried_on(terms: tuple[Terms, Terms], day: date | None) -> dict[str, Any]:
        document: dict[str, Any] = registrar.backtests.over_record(personal_loan, terms, hour(), as_of=day).document()
        return document

    at_once, then, now = (tried_on((before, one), day) for one, day in ((after, None), (dated, comes), (dated, None)))
    assert (then["as_of"], then["dated"]) == (comes.isoformat(), [])
    assert then["outcomes"] == at_once["outcomes"] != now["outcomes"]
    assert then["held_to_record"]["before"] == {"decisions": PEOPLE, "unlike": 0}
    assert (then["one_by_one"]["decisions"], then["one_by_one"]["unlike"]) == (PEOPLE, 0)
    assert f"by the rules of {comes}" in report_page(then)
    # The policy that decided, as if it had had the rule with a day all along: on that day it is another one.
    vars(dated)["sha256"] = before.sha256
    assert tried_on((dated, after), comes)["held_to_record"]["before"]["decisions"] == 0
