"""The feature store on a simulated lender: what was decided from is what the events say, and what is not is found."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from meridian.db.engine import transaction
from meridian.db.online import get_coverage, put_vectors
from meridian.errors import NotReady
from meridian.evidence import SourceReading
from meridian.features import Aggregate, FeatureSet, Op, Source
from meridian.features.compute import field
from meridian.products import Product, find_product
from meridian.service import Wanted, summed
from meridian.service import materialise as module
from meridian.sources import Deadline
from tests.commands import meridian
from tests.lender import APPLICANTS, SOURCES, Lender, quiet
from tests.services import Service

BUREAU, BANK, EMPLOYMENT, HISTORY = SOURCES


def read(lender: Lender, sources: Sequence[Source], applicant: str, now: datetime) -> Sequence[SourceReading]:
    return lender.service.wiring.online(sources, applicant, now, now, Deadline.after(10)).readings


def test_decisions_are_made_from_what_the_events_say(lender: Lender) -> None:
    """Every value of every decision, computed again from the events at its moment, is the same."""
    lender.materialise()
    lender.decide(150)
    checked = lender.verify()
    assert (checked.decisions, checked.differences, checked.not_checked) == (150, (), ())
    assert checked.values == 150 * len(lender.service.wiring.products["consumer-loan"].features)
    statuses = Counter(
        row.status for row in lender.service.query("SELECT status FROM audit.evidence_features WHERE source = 'bank'")
    )
    assert {"fresh", "default"} <= set(statuses) <= {"fresh", "stale", "default", "missing"}


def test_decisions_before_and_after_news_are_each_made_from_what_was_known(lender: Lender) -> None:
    """Vectors of several runs, and events that got known in between: still no difference."""
    lender.materialise()
    lender.decide(40)
    late(lender, 60)
    assert lender.materialise()["bank"] == 60
    lender.decide(80, first=40)
    assert lender.verify().differences == ()


def test_who_applies_again_is_counted_and_the_count_is_checked(lender: Lender) -> None:
    lender.materialise()
    first = lender.requests[0]
    for number in range(3):
        again = {**first, "application_ref": f"again-{number}"}
        lender.service.wiring.decisions.decide(Wanted("tests", json.dumps(again).encode()))
    counted = lender.service.query(
        "SELECT value FROM audit.evidence_features WHERE feature = 'own_applications_90d' ORDER BY captured_at"
    )
    assert [row.value for row in counted] == [0.0, 1.0, 2.0]
    assert lender.verify().differences == ()


def late(lender: Lender, applicants: int) -> None:
    """A booking of yesterday of the first so many applicants with a bank gets known now."""
    place = lender.events / "bank" / "transactions"
    duckdb.sql(f"""
        COPY (SELECT * REPLACE (1000000 AS event_id, now()::TIMESTAMP - INTERVAL 1 DAY AS event_at,
                                now()::TIMESTAMP AS known_at, -12345 AS amount_cents)
              FROM (SELECT DISTINCT ON (applicant_id) * FROM '{place}/part-*.parquet' ORDER BY applicant_id, event_at)
              ORDER BY applicant_id LIMIT {applicants})
        TO '{place}/news.parquet' (FORMAT parquet)""")


# What goes wrong, planted: how, and in which source it must be found.
def early(lender: Lender) -> None:
    """The store is filled as if everything had been known at once."""
    back = lender.rewrite("bank/transactions", "event_at AS known_at")
    lender.materialise()
    back()


def dollars(lender: Lender) -> None:
    """One source sends dollars for cents."""
    back = lender.rewrite("bank/transactions", "amount_cents // 100 AS amount_cents")
    lender.materialise()
    back()


def made_fresh(lender: Lender) -> None:
    """A vector of last month is handed out as of now."""
    lender.materialise()
    lender.service.execute(
        "UPDATE online.vector SET cut_off = now(), newest_at = now() - interval '1 hour' "
        f"WHERE fingerprint = '\\x{BUREAU.fingerprint}'"
    )


def unwindowed(lender: Lender) -> None:
    """Vectors of a month ago stay, said to be of today: what they counted has moved out of its window."""
    lender.materialise()
    with transaction(lender.service.worker.engine) as connection:
        row = connection.exec_driver_sql(
            "SELECT applicant_id, newest_at, fields FROM online.vector WHERE fingerprint = %s LIMIT 40",
            (bytes.fromhex(HISTORY.fingerprint),),
        ).all()
        cut_off = get_coverage(connection, HISTORY).cut_off
        assert cut_off is not None
        moved = [(one.applicant_id, one.newest_at, [value + 1 for value in one.fields]) for one in row]
        put_vectors(connection, HISTORY, cut_off, moved)


@pytest.mark.parametrize(
    ("plant", "source"), [(early, "bank"), (dollars, "bank"), (made_fresh, "bureau"), (unwindowed, "history")]
)
def test_planted_skew_is_found(lender: Lender, plant: Callable[[Lender], None], source: str) -> None:
    plant(lender)
    lender.decide(120)
    found = lender.verify().differences
    assert found
    assert {one.source for one in found} == {source}


def test_a_changed_definition_is_found(lender: Lender) -> None:
    """Decisions that were made before a feature's code changed do not come out as it computes now."""
    lender.materialise()
    lender.decide(60)
    wiring = lender.service.wiring
    product = wiring.products["consumer-loan"]
    changed = replace(product.features["inquiries_180d"], compute=field("inquiries_365d"))
    every = (changed if one.name == changed.name else one for one in product.features)
    new = FeatureSet(every, product.sources)
    check = replace(wiring.skew, products={product.name: replace(product, features=new)})
    found = [one for part in check.sample(60, None, 1)[1] for one in part.differences]
    assert {one.feature for one in found} == {"inquiries_180d"}


def test_only_who_has_news_is_computed_again(lender: Lender) -> None:
    first = lender.materialise()
    assert first["bureau"] > APPLICANTS * 0.9
    assert lender.materialise() == dict.fromkeys(first, 0)
    late(lender, 7)
    assert lender.materialise() == {**dict.fromkeys(first, 0), "bank": 7}
    assert lender.materialise(everybody=True) == first


def test_vectors_whose_windows_have_moved_on_are_computed_again(lender: Lender) -> None:
    first = lender.materialise()
    lender.service.execute("UPDATE online.vector SET cut_off = cut_off - interval '2 days', newest_at = NULL")
    lender.service.execute("UPDATE online.coverage SET cut_off = cut_off - interval '2 days'")
    again = lender.materialise()
    assert again["history"] == first["history"]
    assert again["bureau"] < first["bureau"]


class BrokenOff(Exception):
    """A run is killed."""


def test_a_run_that_is_broken_off_is_gone_on_with(lender: Lender, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its own cut-off, and without computing again what it had committed."""
    monkeypatch.setattr(module, "AT_ONCE", 50)
    run = lender.service.worker.materialisation.run

    def stop(_what: str, share: float) -> None:
        if share > 0.4:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        run(BANK, stop)
    with transaction(lender.service.worker.engine) as connection:
        broken = get_coverage(connection, BANK)
    assert (broken.cut_off, broken.position) != (None, None)
    # Until it is through, nothing is known of those without a vector.
    lender.decide(1)
    seen: list[float] = []
    done = run(BANK, lambda _what, share: seen.append(share))
    assert done.resumed
    assert broken.running_cut_off is not None
    assert done.cut_off > broken.running_cut_off
    whole = run(BANK, quiet, everybody=True)
    assert 0 < done.applicants < whole.applicants
    assert lender.verify().differences == ()


def test_a_run_of_everybody_that_is_broken_off_stays_one_of_everybody(
    lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = lender.materialise()
    lender.service.execute(f"UPDATE online.vector SET fields[1] = -1 WHERE fingerprint = '\\x{BANK.fingerprint}'")
    monkeypatch.setattr(module, "AT_ONCE", 50)
    run = lender.service.worker.materialisation.run

    def stop(_what: str, share: float) -> None:
        if share > 0.4:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        run(BANK, stop, everybody=True)
    done = run(BANK, quiet)
    assert (done.resumed, 0 < done.applicants < whole["bank"]) == (True, True)
    assert lender.service.query("SELECT count(*) FROM online.vector WHERE fields[1] = -1")[0][0] == 0


def test_who_has_everything_taken_back_has_nothing(lender: Lender) -> None:
    lender.materialise()
    place = lender.events / "bank" / "transactions"
    applicant = duckdb.sql(f"SELECT min(applicant_id) FROM '{place}/part-*.parquet'").fetchall()[0][0]
    duckdb.sql(f"""
        COPY (SELECT * REPLACE (revision + 9 AS revision, true AS retracted, now()::TIMESTAMP AS known_at)
              FROM '{place}/part-*.parquet' WHERE applicant_id = '{applicant}' AND known_at <= now())
        TO '{place}/retracted.parquet' (FORMAT parquet)""")
    lender.materialise()
    (request,) = (one for one in lender.requests if one["application"]["applicant_id"] == applicant)
    body = json.loads(lender.service.wiring.decisions.decide(Wanted("tests", json.dumps(request).encode())).body)
    assert [one["status"] for one in body["evidence"]["sources"] if one["name"] == "bank"] == ["nothing"]
    assert lender.verify().differences == ()
    lender.service.execute("UPDATE online.vector SET cut_off = cut_off - interval '8 days', newest_at = NULL")
    lender.service.execute("UPDATE online.coverage SET cut_off = cut_off - interval '8 days'")
    lender.materialise()
    assert lender.materialise()["bank"] == 0


def test_a_clock_that_is_ahead_takes_in_no_future(lender: Lender) -> None:
    """The run ends at the database's moment, and what is made for later is not handed out."""
    materialisation = lender.service.worker.materialisation
    ahead = replace(materialisation, clock=lambda: materialisation.clock() + timedelta(days=200))
    assert ahead.run(BANK, quiet).cut_off < materialisation.clock()
    lender.service.execute("UPDATE online.vector SET cut_off = cut_off + interval '1 day'")
    applicant = lender.service.query("SELECT applicant_id FROM online.vector LIMIT 1")[0][0]
    (reading,) = read(lender, [BANK], applicant, materialisation.clock())
    assert (reading.status.value, reading.detail) == ("failed", "made at a moment that has not come yet")
    ahead.run(BANK, quiet, everybody=True)
    (reading,) = read(lender, [BANK], applicant, materialisation.clock())
    assert reading.status.usable


def test_two_runs_of_one_source_do_not_take_turns(lender: Lender) -> None:
    run = lender.service.worker.materialisation.run

    def while_it_runs(_what: str, _share: float) -> None:
        with pytest.raises(NotReady, match="being materialised already"):
            run(BANK, quiet)

    run(BANK, while_it_runs)


def test_vectors_of_other_definitions_are_not_read(lender: Lender) -> None:
    """After a change of a source's definition its features are not known until they are materialised anew."""
    lender.materialise()
    product: Product = lender.service.wiring.products["consumer-loan"]
    more = Aggregate("one_more", "inquiries", Op.COUNT)
    changed = replace(BUREAU, aggregates=(*BUREAU.aggregates, more))
    applicant = lender.requests[0]["application"]["applicant_id"]
    now = lender.service.wiring.decisions.clock()
    before, after = (read(lender, [source], applicant, now)[0] for source in (BUREAU, changed))
    assert (before.status.value, after.status.value) == ("fresh", "missing")
    assert product.sources[0].fingerprint != changed.fingerprint


def test_the_store_ages(lender: Lender) -> None:
    """Nothing is handed out past its limit, whatever is in the table."""
    lender.materialise()
    applicant = lender.requests[0]["application"]["applicant_id"]
    now = lender.service.wiring.decisions.clock()
    moments = [now + timedelta(days=days) for days in (0, 3, 31)]
    statuses = [read(lender, [HISTORY], applicant, moment)[0].status.value for moment in moments]
    assert statuses == ["fresh", "stale", "missing"]


def test_what_cannot_be_checked_any_more_is_said(lender: Lender) -> None:
    """Products that are gone, and applications of a form that nobody takes any more."""
    lender.materialise()
    lender.decide(3)
    gone = replace(lender.service.wiring.skew, products={})
    other = find_product("credit-card")
    changed = replace(lender.service.wiring.skew, products={"consumer-loan": replace(other, name="consumer-loan")})
    for check, line in ((gone, "not offered any more"), (changed, "3 applications are of a form")):
        (part,) = check.sample(3, None, 1)[1]
        assert (part.decisions, part.differences) == (0, ())
        assert line in part.not_checked[0]


def test_the_commands(lender: Lender, tmp_path: Path) -> None:
    """`features materialise` and `features verify` as they are typed."""

    def features(*words: str) -> subprocess.CompletedProcess[str]:
        return meridian(["features", *words], lender.service.env)

    done = features("materialise", "consumer-loan", "--json")
    assert done.returncode == 0, done.stderr
    assert [one["source"] for one in json.loads(done.stdout)] == [source.name for source in SOURCES]
    lender.decide(20)
    checked = features("verify", "--sample", "20", "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["differences"] == []
    lender.rewrite("bureau/scores", "score - 1 AS score")
    found = features("verify", "--sample", "20")
    assert found.returncode == 1
    assert "bureau bureau_score" in " ".join(found.stdout.split())
    assert features("materialise", "personal-loan").returncode == 2


def test_form_only_products_are_checked_as_far_as_they_can_be(running: Service) -> None:
    """A personal loan's form and report come with the request; its history is loaded, so that nobody can compute it."""
    product = running.wiring.products["personal-loan"]
    running.wiring.decisions.decide(Wanted("tests", json.dumps(product.sample()).encode()))
    checked = summed(list(running.wiring.skew.sample(10, None, 1)[1]))
    assert checked.differences == ()
    assert checked.values == sum(feature.source != "history" for feature in product.features)
    assert "history is loaded" in checked.not_checked[0]
