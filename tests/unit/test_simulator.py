"""The simulated lender: fixed by its seed, plausible, and accepted by the product it applies for."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from meridian.application import parse_request
from meridian.evidence import SourceReading, SourceStatus, capture
from meridian.products import Product
from meridian.products.personal_loan.features import form_fields, report_fields
from meridian.registry import Purpose
from meridian.simulator import draw, histories, requests
from meridian.training.demo import columns_sha256

TODAY = date(2026, 5, 17)


def test_a_seed_fixes_every_byte() -> None:
    assert columns_sha256(draw(500, 3)) == columns_sha256(draw(500, 3)) != columns_sha256(draw(500, 4))
    assert json.dumps(requests(50, 3, TODAY)) == json.dumps(requests(50, 3, TODAY))
    assert histories(50, 3) == histories(50, 3)


def test_the_product_accepts_every_request(personal_loan: Product) -> None:
    """And reads from it the fields under the names that the simulator uses."""
    applicants = draw(1, 5)
    for request in requests(1500, 5, TODAY):
        read = parse_request(json.dumps(request).encode(), {personal_loan.name: personal_loan.request})
        assert read.document()["application_ref"] == request["application_ref"]
        application: Any = read.application
        assert set(form_fields(application)) == set(applicants.fields["application"])
        if application.credit_report is not None:
            fields = report_fields(application.credit_report)
            assert set(fields) == set(applicants.fields["bureau"])


def test_a_request_is_the_applicant_that_was_drawn(personal_loan: Product) -> None:
    """The same features come from the request as from the column it was written from."""
    applicants = draw(200, 8)
    received = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)
    columns = {
        source: personal_loan.features.compute(
            source, {**applicants.fields["application"], **applicants.fields[source]}
        )
        for source in ("application", "bureau")
    }
    for i, request in enumerate(requests(200, 8, TODAY)):
        read = parse_request(json.dumps(request).encode(), {personal_loan.name: personal_loan.request})
        form, *others = personal_loan.read_application(read, received)
        for reading in (form, *others):
            if reading.fields:
                fields = {**form.fields, **reading.fields}
                for name, value in personal_loan.features.compute(reading.name, fields).items():
                    np.testing.assert_equal(
                        float(value), float(np.asarray(columns[reading.name][name])[i]), err_msg=name
                    )


def test_tokens_are_unique() -> None:
    made = requests(3000, 1, TODAY)
    assert len({r["application_ref"] for r in made}) == len({r["application"]["applicant_id"] for r in made}) == 3000
    known = [row["applicant_id"] for row in histories(3000, 1)]
    assert len(set(known)) == len(known)
    assert set(known) < {r["application"]["applicant_id"] for r in made}


def test_the_awkward_cases_are_there() -> None:
    """Minors, missing reports, stale reports and nulls, each a few."""
    made = [request["application"] for request in requests(4000, 2, TODAY)]
    reports = [one["credit_report"] for one in made if one["credit_report"]]
    adult = TODAY.replace(year=TODAY.year - 18).isoformat()
    stale = (TODAY - timedelta(days=30)).isoformat()
    for count in (
        sum(one["date_of_birth"] > adult for one in made),
        sum(one["credit_report"] is None for one in made),
        sum(report["as_of"] < stale for report in reports),
        sum(report["revolving_utilisation"] is None for report in reports),
        sum(one["employment_years"] is None for one in made),
    ):
        assert 0 < count < 0.06 * len(made)


def test_risk_shows_where_it_should() -> None:
    """Those who defaulted used more of their limits, earned less and were late more often."""
    applicants = draw(20_000, 6)
    bad = applicants.defaulted
    assert 0.11 < bad.mean() < 0.17
    assert abs(applicants.pd.mean() - bad.mean()) < 0.01
    report = {**applicants.fields["application"], **applicants.fields["bureau"]}
    for name, worse in (
        ("revolving_utilisation", 1),
        ("annual_income", -1),
        ("delinquencies_2y", 1),
        ("inquiries_6m", 1),
    ):
        column = report[name].astype(float)
        assert worse * (np.nanmean(column[bad]) - np.nanmean(column[~bad])) > 0, name


@pytest.mark.parametrize("seed", [11, 12])
def test_the_outcomes_are_a_sensible_mix(demo_models: Any, personal_loan: Product, seed: int) -> None:
    """Decided by the demonstration's own model: most are approved, a good part referred, some declined."""
    scorer = demo_models.scorer(Purpose.COMPACT)
    received = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)
    known = {row["applicant_id"]: row for row in histories(1500, seed)}
    outcomes: Counter[str] = Counter()
    for request in requests(1500, seed, TODAY):
        read = parse_request(json.dumps(request).encode(), {personal_loan.name: personal_loan.request})
        row = known.get(request["application"]["applicant_id"], {"loans": 0, "worst_days_late": 0})
        own = {"loans": float(row["loans"]), "worst_days_late": float(row["worst_days_late"]), "applications_90d": 0.0}
        history = SourceReading("history", SourceStatus.FRESH, own, received, received, 0.0)
        evidence = capture(
            request=read.document(),
            received_at=received,
            readings=(*personal_loan.read_application(read, received), history),
            features=personal_loan.features,
            model_sources=personal_loan.model_sources,
            versions={},
        )
        decision = personal_loan.decide(evidence, scorer)
        outcomes[decision.outcome.value] += 1
        assert bool(decision.reasons) == (decision.outcome.value != "approve")
    share = {outcome: count / 1500 for outcome, count in outcomes.items()}
    assert 0.52 < share["approve"] < 0.68
    assert 0.20 < share["refer"] < 0.36
    assert 0.07 < share["decline"] < 0.20
