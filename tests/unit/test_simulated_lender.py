"""The simulated lender: fixed by its seed, imperfect in the stated ways, and true to what its settings say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meridian.errors import InvalidInput
from meridian.products import find_product
from meridian.simulator.lender import STREAMS, LenderSettings, Stream, simulate, write_chunk
from meridian.simulator.lender.card import area, card

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

SETTINGS = LenderSettings(applicants=4_000, seed=11, chunk=2_000)
EVERY_EVENT = {
    "applicant_id": "string",
    "event_id": "int64",
    "event_at": "timestamp[us, tz=UTC]",
    "known_at": "timestamp[us, tz=UTC]",
    "revision": "int32",
    "retracted": "bool",
}
APPLICATION = (
    "application_ref", "applicant_id", "applied_at", "amount", "term_months", "purpose", "annual_income",
    "employment_years", "housing",
)  # fmt: skip
PROTECTED = ("date_of_birth", "sex", "ethnicity_group", "marital_status")
streams = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.path)


def lender(settings: LenderSettings, folder: Path) -> Path:
    simulate(settings, folder, processes=1)
    return folder


def rows(folder: Path, name: str) -> dict[str, Any]:
    """Columns of all parts, texts as strings and moments as microseconds."""
    table = pq.read_table(folder / name)
    columns = {}
    for field in table.schema:
        column = table[field.name]
        if pa.types.is_timestamp(field.type):
            column = column.cast("int64")
        elif pa.types.is_dictionary(field.type):
            column = column.cast("string")
        columns[field.name] = column.to_numpy()
    return columns


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}


def column_type(name: str, stream: Stream) -> str:
    kind = stream.columns[name]
    if isinstance(kind, tuple):
        return "dictionary<values=string, indices=int8, ordered=0>"
    return {"day": "int32"}.get(kind, kind)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lender(SETTINGS, tmp_path_factory.mktemp("made") / "lender")


@pytest.fixture(scope="module")
def unfair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lender(replace(SETTINGS, disparity=1.0), tmp_path_factory.mktemp("unfair") / "lender")


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lender(replace(SETTINGS, drift=1.0), tmp_path_factory.mktemp("drifting") / "lender")


@pytest.fixture(scope="module")
def applied(made: Path) -> dict[str, int]:
    forms = rows(made, "applications")
    return dict(zip(forms["applicant_id"].tolist(), forms["applied_at"].tolist(), strict=True))


def test_a_seed_fixes_every_byte_on_any_number_of_processes(made: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    simulate(SETTINGS, tmp_path / "again", lambda _step, share: seen.append(share), processes=2)
    assert files(tmp_path / "again") == files(made)
    assert seen == [0.5, 1.0]
    write_chunk(replace(SETTINGS, seed=12), tmp_path / "other", 0)
    assert not set(files(tmp_path / "other").values()) & set(files(made).values())


def test_a_chunk_alone_is_the_chunk_in_the_whole(made: Path, tmp_path: Path) -> None:
    write_chunk(SETTINGS, tmp_path, 1)
    alone, whole = files(tmp_path), files(made)
    assert set(alone) == {name for name in whole if "part-00001" in name}
    assert all(whole[name] == data for name, data in alone.items())


def test_a_folder_that_holds_something_is_left_alone(made: Path) -> None:
    with pytest.raises(InvalidInput, match="not empty"):
        simulate(SETTINGS, made)


@pytest.mark.parametrize(
    "wrong",
    [{"applicants": 0}, {"applicants": 10**9}, {"seed": -1}, {"chunk": 0}, {"drift": float("nan")},
        {"disparity": -1.0},
     {"last_day": date(2020, 1, 1)}],
)  # fmt: skip
def test_settings_that_make_no_lender_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        LenderSettings(**({"applicants": 10} | wrong))


def test_what_the_product_reads_is_simulated_and_nothing_else() -> None:
    """Only then does one declaration of a stream serve both."""
    sources = find_product("consumer-loan").sources
    read = {f"{source.name}/{stream.stored_as or stream.name}" for source in sources for stream in source.streams}
    assert {stream.path for stream in STREAMS} == read


def test_a_stream_adds_nothing_to_its_declaration() -> None:
    with pytest.raises(ValueError, match=r"bureau/tradelines has no column colour; it has key, kind"):
        replace(STREAMS[0], own={**STREAMS[0].own, "colour": ("red",)})


@streams
def test_a_stream_has_its_columns(stream: Stream, made: Path) -> None:
    schema = pq.read_schema(made / "events" / stream.path / "part-00000.parquet")
    types = EVERY_EVENT | {name: column_type(name, stream) for name in stream.columns}
    assert {field.name: str(field.type) for field in schema} == types


@streams
def test_events_lie_before_the_application_and_are_known_after_they_happen(
    stream: Stream, made: Path, applied: dict[str, int]
) -> None:
    events = rows(made, f"events/{stream.path}")
    moments = np.array([applied[applicant] for applicant in events["applicant_id"]])
    assert (events["event_at"] < moments).all()
    assert (events["known_at"] >= events["event_at"]).all()
    assert (events["known_at"] - events["event_at"] < 220 * 86_400 * 1_000_000).all()


@streams
def test_events_stand_in_the_order_of_applicant_and_moment(stream: Stream, made: Path) -> None:
    events = rows(made, f"events/{stream.path}")
    order = list(zip(events["applicant_id"].tolist(), events["event_at"].tolist(), strict=True))
    assert order == sorted(order)
    assert re.fullmatch(r"L11-\d{8}", order[0][0])


@streams
def test_revisions_count_up_and_are_known_later(stream: Stream, made: Path) -> None:
    """Of a stream of state a revision keeps key and moment, and none takes anything back."""
    events = rows(made, f"events/{stream.path}")
    order = np.lexsort((events["revision"], events["event_id"], events["applicant_id"]))
    events = {name: column[order] for name, column in events.items()}
    same = (events["applicant_id"][1:] == events["applicant_id"][:-1]) & (
        events["event_id"][1:] == events["event_id"][:-1]
    )
    assert (np.diff(events["revision"])[same] == 1).all()
    assert (events["revision"][1:][~same] == 0).all()
    assert (np.diff(events["known_at"])[same] > 0).all()
    if stream.state:
        assert (events["event_at"][1:] == events["event_at"][:-1])[same].all()
        assert (events["key"][1:] == events["key"][:-1])[same].all()
        assert not events["retracted"].any()
    assert not events["retracted"][:-1][same].any()


def test_corrections_duplicates_late_arrivals_and_retractions_are_there(made: Path) -> None:
    events = rows(made, "events/bank/transactions")
    first = events["revision"] == 0
    lag_days = (events["known_at"] - events["event_at"])[first] / 86_400e6
    assert 0.02 < (lag_days > 3).mean() < 0.05
    assert lag_days.max() > 30
    revised = (events["revision"] == 1).sum() / first.sum()
    assert revised == pytest.approx(0.017, abs=0.003)
    assert events["retracted"].sum() / first.sum() == pytest.approx(0.002, abs=0.001)
    assert (events["revision"] == 2).any()
    lines = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in card(made).splitlines()}
    corrected, duplicated = (float(cell.strip("%")) for cell in lines["bank/transactions"][4:6])
    assert corrected == pytest.approx(1.05, abs=0.2)
    assert duplicated == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("stream", [stream for stream in STREAMS if stream.state], ids=lambda stream: stream.path)
def test_one_state_at_a_moment(stream: Stream, made: Path) -> None:
    events = rows(made, f"events/{stream.path}")
    first = events["revision"] == 0
    keys = set(zip(*(events[name][first].tolist() for name in ("applicant_id", "key", "event_at")), strict=True))
    assert len(keys) == first.sum()


def test_the_balance_follows_from_the_movements(made: Path) -> None:
    """Where two reports in a row are of movements that were reported once, they agree."""
    events = rows(made, "events/bank/transactions")
    plain = events["revision"] == 0
    same = events["applicant_id"][1:] == events["applicant_id"][:-1]
    neat = same & plain[1:] & plain[:-1]
    gap = events["balance_cents"][1:] - events["balance_cents"][:-1] - events["amount_cents"][1:]
    assert (np.abs(gap[neat]) <= 1).mean() > 0.97


def test_sources_know_the_stated_shares(made: Path) -> None:
    shares = {
        "bureau/scores": 0.975,
        "bank/transactions": 0.78,
        "employment/records": 0.85,
        "history/applications": 0.33,
    }
    for name, share in shares.items():
        found = len(set(rows(made, f"events/{name}")["applicant_id"])) / SETTINGS.applicants
        assert found == pytest.approx(share, abs=0.03), name
    scored = set(rows(made, "events/bureau/scores")["applicant_id"])
    for name in ("tradelines", "inquiries", "public_records"):
        assert set(rows(made, f"events/bureau/{name}")["applicant_id"]) <= scored


def test_a_hundred_events_an_applicant(made: Path) -> None:
    total = sum(pq.read_metadata(path).num_rows for path in (made / "events").rglob("*.parquet"))
    assert total / SETTINGS.applicants == pytest.approx(105, rel=0.1)


def test_decisions_and_defaults_are_about_those_of_the_reference_case(made: Path) -> None:
    outcomes, truth = rows(made, "outcomes"), rows(made, "truth")
    approved = outcomes["decision"] == "approve"
    assert (~approved).mean() == pytest.approx(0.32, abs=0.03)
    assert truth["pd_12m"][approved].mean() == pytest.approx(0.056, abs=0.008)
    assert truth["default_90d"][approved].mean() == pytest.approx(0.021, abs=0.008)
    assert truth["pd_12m"][~approved].mean() > 3 * truth["pd_12m"][approved].mean()
    assert (truth["default_12m"] | ~truth["default_90d"]).all()


def test_of_the_declined_the_lender_knows_nothing(made: Path) -> None:
    table = pq.read_table(made / "outcomes").to_pylist()
    truth = pq.read_table(made / "truth").to_pylist()
    for known, true in zip(table, truth, strict=True):
        if known["decision"] == "decline":
            assert known["default_90d"] is known["default_12m"] is known["defaulted_on"] is None
        else:
            assert (known["default_90d"], known["default_12m"]) == (true["default_90d"], true["default_12m"])
            assert (known["defaulted_on"] is not None) == known["default_12m"]


def test_forms_are_what_the_product_takes_and_nothing_protected_is_in_reach(made: Path) -> None:
    forms = rows(made, "applications")
    assert tuple(forms) == APPLICATION
    assert forms["amount"].min() >= 500
    assert forms["amount"].max() <= 40_000
    assert not (forms["amount"] % 25).any()
    assert set(forms["term_months"]) == {12, 24, 36, 48, 60}
    assert len(set(forms["purpose"])) == 11
    assert set(forms["housing"]) == {"rent", "mortgage", "own", "other"}
    for path in [*(made / "events").rglob("*.parquet"), *(made / "applications").glob("*.parquet")]:
        assert not {*PROTECTED, "latent_risk", "pd_12m"} & set(pq.read_schema(path).names)
    assert tuple(rows(made, "protected")) == ("applicant_id", *PROTECTED)


def test_a_disparity_changes_what_is_shown_of_group_b_and_nothing_else(made: Path, unfair: Path) -> None:
    fair_files, unfair_files = files(made), files(unfair)
    for name, data in fair_files.items():
        if name.startswith(("truth", "protected", "events/history", "events/bureau/public", "events/bureau/inq")):
            assert unfair_files[name] == data, name
    people = rows(made, "protected")
    group_b = people["ethnicity_group"] == "B"
    before, after = (rows(folder, "applications")["annual_income"] for folder in (made, unfair))
    assert (before[~group_b] == after[~group_b]).all()
    assert np.median(after[group_b] / before[group_b]) == pytest.approx(np.exp(-0.25), abs=0.01)
    in_b = set(people["applicant_id"][group_b])
    for name in ("bureau/tradelines", "bureau/scores", "bank/transactions", "employment/records"):
        was, now = (rows(folder, f"events/{name}") for folder in (made, unfair))
        of_a = [np.array([who not in in_b for who in events["applicant_id"]]) for events in (was, now)]
        for column in was:
            np.testing.assert_array_equal(was[column][of_a[0]], now[column][of_a[1]], err_msg=f"{name} {column}")
        if name == "bureau/tradelines":
            assert (~of_a[1]).sum() < 0.85 * (~of_a[0]).sum()
    approvals = [rows(folder, "outcomes")["decision"] == "approve" for folder in (made, unfair)]
    assert approvals[1][group_b].mean() < approvals[0][group_b].mean() - 0.02
    assert (approvals[1] == approvals[0])[~group_b].all()


def test_a_drift_moves_risk_and_incomes_over_the_period_and_nothing_without_it(made: Path, drifting: Path) -> None:
    assert all(files(drifting)[name] == data for name, data in files(made).items() if name.startswith("protected"))
    moved = {}
    for folder in (made, drifting):
        forms, truth = rows(folder, "applications"), rows(folder, "truth")
        log_odds = np.log(truth["pd_12m"] / (1 - truth["pd_12m"]))
        late = forms["applied_at"] > np.median(forms["applied_at"])
        income = np.log(forms["annual_income"])
        moved[folder] = [values[late].mean() - values[~late].mean() for values in (log_odds, income)]
    assert abs(moved[made][0]) < 0.25
    assert abs(moved[made][1]) < 0.05
    assert moved[drifting][0] - moved[made][0] > 0.4
    assert moved[drifting][1] - moved[made][1] < -0.1


def test_the_card_says_what_was_made(made: Path, unfair: Path, tmp_path: Path) -> None:
    page = card(made)
    assert "| applicants | 4,000 |" in page
    assert "| disparity | 0.0 |" in page
    assert "| disparity | 1.0 |" in card(unfair)
    assert all(f"| {stream.path} |" in page for stream in STREAMS)
    assert "| approved |" in page
    with pytest.raises(InvalidInput, match=r"lender\.json"):
        card(tmp_path)


def test_the_area_under_the_curve_counts_ties_half() -> None:
    assert area(np.array([True, False]), np.array([2.0, 1.0])) == 1.0
    assert area(np.array([True, False, False]), np.array([1.0, 1.0, 0.0])) == 0.75
    assert np.isnan(area(np.array([True]), np.array([1.0])))
