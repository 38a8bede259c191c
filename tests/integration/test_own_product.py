"""A lender's own table, from the file to a decision: with the real tables that are at hand, and on a real service."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meridian.registry import Purpose
from meridian.training import train_product
from tests.commands import meridian
from tests.own_products import check_served_as_trained, drafted, plain_table, written
from tests.services import Service
from tests.training_fixtures import real_data

GROUPS = (
    "black",
    "asian",
    "white",
    "amind",
    "hipac",
    "hispanic",
    "non_hispanic",
    "male",
    "female",
    "agegte62",
    "agelt62",
)


@dataclass(frozen=True)
class RealTable:
    """A public table: what is said of it, and the AUC that it gives where nothing leaks."""

    file: str
    target: str
    least_auc: float
    leak_auc: float
    protected: tuple[str, ...] = ()
    time: str | None = None
    leaks: tuple[str, ...] = ()


TABLES = {
    "taiwan": RealTable(
        "taiwan_default_2005.csv.gz", "default.payment.next.month", 0.76, 0.81, ("SEX", "MARRIAGE", "AGE")
    ),
    "lending-club": RealTable(
        "lending_club_2007_2011.csv.gz",
        "bad",
        0.68,
        0.73,
        time="issue_d",
        leaks=(
            "loan_status", "total_pymnt", "total_pymnt_inv", "total_rec_prncp", "total_rec_int", "total_rec_late_fee",
            "recoveries", "collection_recovery_fee", "last_pymnt_d", "last_pymnt_amnt", "last_credit_pull_d",
            "debt_settlement_flag", "settlement_status", "settlement_amount", "settlement_term",
        ),
    ),
    "hmda": RealTable("hmda_2018_train.csv.gz", "high_priced", 0.80, 0.84, GROUPS),
}  # fmt: skip


@pytest.mark.real_data
@pytest.mark.parametrize("name", TABLES)
def test_a_public_table_trains_without_a_line_of_code(name: str, tmp_path: Path) -> None:
    """No leak and no protected attribute is read, the AUC is that of an honest model, and serving equals training."""
    table = TABLES[name]
    file = real_data(table.file)
    wishes = {"protected": table.protected, "time": table.time}
    product, draft = drafted(tmp_path / "products", file, table.target, name, **wishes)
    used = {column.column for column in draft.product.column}
    assert not used & {*table.protected, *table.leaks, table.target}
    assert set(table.leaks) <= set(draft.product.table.leaks)
    check_served_as_trained(tmp_path / "products", product, file, (0, 1, 2, 1000, 20_000))
    for manifest in train_product(product, file, tmp_path / "models"):
        assert table.least_auc < manifest.metrics["test"]["auc"] < table.leak_auc
        assert 0.85 < manifest.metrics["test"]["calibration_slope"] < 1.2


@pytest.fixture
def own(running: Service, tmp_path: Path) -> Service:
    """A service on which a product was made from a table and trained, by the commands alone."""
    file = written(tmp_path / "past loans.csv", plain_table(3000), ";", "utf-16")
    run(running, ["product", "new", "corner-shop", "--data", str(file), "--target", "bad", "--time", "applied"])
    run(running, ["product", "check", "corner-shop"])
    run(running, ["train", "corner-shop", "--data", str(file)])
    return running


def run(service: Service, arguments: Sequence[str], given: str = "", code: int = 0) -> str:
    done = meridian(arguments, service.env, given)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_commands_alone_make_a_product_that_decides(own: Service) -> None:
    sample = run(own, ["sample", "corner-shop"])
    decision = json.loads(run(own, ["decide", "-"], sample))
    assert decision["product"] == "corner-shop"
    assert decision["score"]["model"] == "corner-shop-compact"
    assert decision["evidence"]["rung"] == 0
    assert decision["offer"] is None

    own.start_api()
    request: dict[str, Any] = json.loads(sample)
    request["application"]["income"] = 300.0
    request["application"]["housing"] = "rent"
    answer = own.decide(request)
    assert answer.status == 201, answer.body
    poor = answer.json()
    assert poor["score"]["pd"] > decision["score"]["pd"]
    assert poor["outcome"] in ("decline", "refer")
    assert "Value of" in poor["reasons"][0]["text"]

    request["application"]["housing"] = "cave"
    refused = own.decide(request)
    assert refused.status == 422
    assert "'own' or 'rent'" in refused.body.decode()

    described = own.get("/openapi.json").json()
    assert "Corner_ShopRequest" in described["components"]["schemas"]
    for purpose in (Purpose.COMPACT, Purpose.BATCH):
        assert (own.settings.models_dir / "corner-shop" / purpose.value / "card.html").is_file()


def test_a_name_that_is_taken_and_a_mistake_are_said(own: Service, tmp_path: Path) -> None:
    again = ["product", "new", "corner-shop", "--data", str(tmp_path / "past loans.csv"), "--target", "bad"]
    assert "There is a product 'corner-shop' already" in run(own, again, code=2)
    assert "is no name for a product" in run(own, [*again[:2], "Corner Shop", *again[3:]], code=2)
    assert "has no column 'bid'" in run(own, [*again[:2], "other", *again[3:-1], "bid"], code=2)
    policy = own.settings.home / "products" / "corner-shop" / "policy.toml"
    policy.write_text(policy.read_text().replace("approve_below", "aprove_below"))
    said = " ".join(run(own, ["product", "check", "corner-shop"], code=2).split())
    assert "key approve_below is missing" in said
    assert "key aprove_below is a key that nothing reads" in said
