"""A product folder: what it accepts in service, and what it says of a mistake made by hand."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meridian.errors import InvalidApplication, InvalidProduct, UnknownProduct
from meridian.products import find_product, products
from meridian.products.own import load_product
from meridian.products.own.document import Column, ProductFile
from meridian.products.own.load import read
from meridian.products.recourse import with_application
from meridian.products.shelf import policy_file
from meridian.training.drafting.names import title_of
from meridian.training.drafting.writing import _toml
from tests.own_products import (
    LOANS,
    Maker,
    Table,
    check_served_as_trained,
    maker,
    plain_table,
    served,
)

NOW = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def table() -> Table:
    return plain_table()


@pytest.fixture
def own(tmp_path: Path) -> Maker:
    """Drafts a product from the plain table with columns changed."""
    return maker(tmp_path)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=200)
@given(texts, st.lists(texts, min_size=1, max_size=5, unique=True), st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_read_again(name: str, values: list[str], number: float) -> None:
    """Quotes, backslashes, control characters and other alphabets in names and categories are kept by TOML."""
    column = Column(
        field="f", column=name, title=title_of(name), type="category", values=values, typical=values[0], lowest=number
    )
    again = Column.model_validate(tomllib.loads(_toml(column, "head\n\nmore")))
    assert again.model_dump(exclude={"unit", "form"}) == column.model_dump(exclude={"unit", "form"})


def test_a_protected_column_can_be_no_input_by_hand_either(own: Maker, tmp_path: Path) -> None:
    own(sex=["1", "2"] * (LOANS // 2), wishes={"protected": ("sex",)})
    file = tmp_path / "products" / "own-loan" / "product.toml"
    file.write_text(file.read_text().replace('column = "income"', 'column = "sex"'))
    with pytest.raises(InvalidProduct, match="'sex', which is protected"):
        load_product(file.parent)


def test_an_unknown_category_is_refused_with_the_known_ones(own: Maker) -> None:
    product, _ = own()
    request = product.sample()
    served(product, request, NOW)
    with pytest.raises(
        InvalidApplication, match="/application/housing: 'cave' is not accepted; expected 'own' or 'rent'"
    ):
        served(product, {**request, "application": {**request["application"], "housing": "cave"}}, NOW)


def test_of_many_categories_the_rare_ones_are_one(own: Maker, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    product, draft = own(town=[f"town {min(int(n), 70)}" for n in rng.exponential(12, LOANS)])
    column = next(one for one in draft.product.column if one.column == "town")
    assert column.others
    assert len(column.values) == 20
    request = product.sample()
    evidence = served(product, {**request, "application": {**request["application"], "town": "Atlantis"}}, NOW)
    assert evidence.features["town_is_other"] == 1.0
    check_served_as_trained(tmp_path / "products", product, tmp_path / "loans.csv", range(60))


def test_what_was_never_missing_is_not_guessed(own: Maker) -> None:
    product, _ = own()
    request = product.sample()
    evidence = served(product, {**request, "application": {**request["application"], "income": None}}, NOW)
    assert evidence.unknown_sources(product.compact_features) == ["application"]


def test_what_was_missing_in_training_takes_its_default_and_says_so(own: Maker, table: Table) -> None:
    product, _ = own(income=["" if i % 5 == 0 else text for i, text in enumerate(table["income"])])
    request = product.sample()
    del request["application"]["income"]
    evidence = served(product, request, NOW)
    assert evidence.features["income"] == product.features["income"].default
    assert evidence.features["income_missing"] == 1.0
    assert evidence.defaults == {"application": ["income"]}


def test_another_meaning_of_a_feature_is_another_feature(own: Maker, tmp_path: Path) -> None:
    """A model trained on one special code must not be fed another."""
    product, _ = own(late=["-9" if i % 8 == 0 else str(i % 30) for i in range(LOANS)])
    file = tmp_path / "products" / "own-loan" / "product.toml"
    file.write_text(file.read_text().replace("codes = [-9]", "codes = [-8]").replace("code = -9", "code = -8"))
    changed = load_product(file.parent)
    assert changed.features.fingerprint != product.features.fingerprint


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("product.toml", 'type = "number"', 'type = "numbr"',
         r"\[\[column\]\] number 1 \('income'\), key type is 'numbr'"),
        ("product.toml", 'direction = "', 'direktion = "', "key direktion is a key that nothing reads"),
        ("product.toml", 'title = "Own loan"', "", "key title is missing"),
        ("product.toml", 'title = "Own loan"', "title = Own loan", "is not TOML"),
        ("product.toml", 'name = "income"', 'name = "earnings"', r"\[models\], key compact has 'income'"),
        ("product.toml", 'reason = "M01"', 'reason = "M77"', "'M77', which reasons.toml does not have"),
        ("product.toml", 'field = "housing"', 'field = "home"', "key field is 'housing', which no"),
        ("product.toml", 'encoding = "utf-8"', 'encoding = "utf-88"', "'utf-88', which is no encoding"),
        ("product.toml", 'title = "Own loan"', 'title = "Own loan"\nlever = [{field = "housing", lower_by = 1}]',
         r"\[\[lever\]\] 'housing' is no \[\[column\]\] of numbers; one of income"),
        ("product.toml", 'title = "Own loan"', 'title = "Own loan"\nlever = [{field = "income"}]', "either lower_by"),
        ("product.toml", 'title = "Own loan"',
         'title = "Own loan"\nlever = [{field = "income", lower_by = 1, choices = [1]}]', "either lower_by"),
        ("product.toml", 'title = "Own loan"', 'title = "Own loan"\nlever = [{field = "income", lower_by = 0}]',
         "key lower_by is 0"),
        ("product.toml", 'title = "Own loan"',
         'title = "Own loan"\nlever = [{field = "income", lower_by = 1}, {field = "income", lower_by = 2}]',
         "'income' stands there twice"),
        ("policy.toml", "approve_below = 0.", "approve_below = 1.", "approve_below"),
        ("policy.toml", 'field = "age_years"', 'field = "aeg_years"', "'aeg_years', which is no feature"),
        ("policy.toml", 'effect = "decline"', 'effect = "reject"',
         "key effect is 'reject'; expected 'decline' or 'refer'"),
        ("policy.toml", 'name = "own-loan-1"', 'name = "own-loan-1"\nprice = [{pd_below = 0.1, apr = 0.1}]',
         "amount and term_months"),
        ("reasons.toml", 'source = "model"', 'source = "modle"',
         "'modle'; expected 'model', 'policy', 'data' or 'analyst'"),
        ("reasons.toml", 'code = "M01"', 'code = "M02"', "M0"),
    ],
)  # fmt: skip
def test_a_mistake_by_hand_is_said_with_its_place(
    own: Maker, tmp_path: Path, file: str, before: str, after: str, said: str
) -> None:
    own()
    path = tmp_path / "products" / "own-loan" / file
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(InvalidProduct, match=said) as error:
        load_product(path.parent)
    assert str(tmp_path / "products" / "own-loan") in str(error.value)


def test_prices_make_offers_from_the_fields_that_are_called_so(own: Maker, table: Table, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    own(
        amount=[f"{v:.0f}" for v in rng.integers(1000, 9000, LOANS)],
        term_months=["36" if v else "60" for v in rng.integers(0, 2, LOANS)],
    )
    policy = tmp_path / "products" / "own-loan" / "policy.toml"
    policy.write_text(policy.read_text() + "\n[[price]]\npd_below = 0.5\napr = 0.1\n")
    product = load_product(policy.parent)
    offer = product.policy.offer({"amount": 5000.0, "term_months": 36.0}, 0.1)
    assert offer is not None
    assert (offer.limit, offer.apr, offer.term) == (5000.0, 0.1, 36.0)
    request = product.sample()
    with pytest.raises(InvalidApplication, match="/application/amount"):
        served(product, {**request, "application": {**request["application"], "amount": None}}, NOW)


def test_what_applicants_may_change_is_declared(own: Maker, tmp_path: Path) -> None:
    """And changed in the evidence it is as if they had applied so."""
    rng = np.random.default_rng(6)
    own(
        amount=[f"{v:.0f}" for v in rng.integers(1000, 9000, LOANS)],
        months=["36" if v else "60" for v in rng.integers(0, 2, LOANS)],
    )
    file = tmp_path / "products" / "own-loan" / "product.toml"
    levers = '[[lever]]\nfield = "amount"\nlower_by = 500\nnot_below = 1000\n'
    file.write_text(file.read_text() + "\n" + levers + '\n[[lever]]\nfield = "months"\nchoices = [36, 60]\n')
    product = load_product(file.parent)
    request = product.sample()
    stated = {**request["application"], "amount": 2200.0, "months": 60.0}
    amount, months = product.levers
    assert [one["amount"] for one in amount.options(stated)] == [2000, 1500, 1000]
    assert months.options(stated) == [{"months": 36}]
    changed = with_application(product, served(product, {**request, "application": stated}, NOW),
                               {**stated, "amount": 1500.0})  # fmt: skip
    assert changed is not None
    asked_for_less = served(product, {**request, "application": {**stated, "amount": 1500.0}}, NOW)
    assert changed.features == asked_for_less.features


TABLES = """
policy: own-2
rules:
  - {rule: renters, field: housing, hits: rent, effect: refer, reason: CODE, unknown: approve, meaning: Rents}
  - {rule: minors, field: age_years, hits: '< 18', effect: decline, reason: CODE, unknown_reason: CODE, meaning: Age}
bands:
  - {rung: full, if: {income: '< 2000.5'}, approve_below: 10 %, decline_above: 40 %}
  - {rung: full, approve_below: 20 %, decline_above: 40 %}
"""


@pytest.fixture
def tabled(own: Maker, tmp_path: Path) -> Path:
    """The folder of a product whose policy is in tables."""
    product, draft = own()
    folder = tmp_path / "products" / "own-loan"
    given = f'no_score_reason = "{draft.policy.no_score_reason}"\nunknown_reason = "{draft.policy.unknown_reason}"\n'
    (folder / "policy.toml").write_text(given)
    final = next(code.code for code in product.reasons.codes if code.final)
    (folder / "policy.yaml").write_text(TABLES.replace("CODE", final))
    return folder


def test_the_policy_of_a_product_of_ones_own_may_be_in_tables(tabled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    product = load_product(tabled)
    assert (product.policy.name, product.policy.derived) == ("own-2", ("age_years",))
    assert product.policy.stated == ("housing",)  # the income is a feature, and what models read goes before
    request = product.sample()
    renting, owning = (
        served(product, {**request, "application": {**request["application"], "housing": one}}, NOW)
        for one in ("rent", "own")
    )
    assert [product.decide(one, None).rules[0].hit for one in (renting, owning)] == [True, False]
    monkeypatch.setenv("MERIDIAN_PRODUCTS", str(tabled.parent))
    assert policy_file("own-loan") == tabled / "policy.yaml"


@pytest.mark.parametrize(
    ("file", "more", "said"),
    [
        ("policy.toml", '[[rule]]\nname = "a"\n', "rule"),
        ("policy.toml", "[bands]\napprove_below = 0.1\ndecline_above = 0.2\n", "bands"),
        ("policy.yaml", "prices: [{pd_below: 20 %, apr: 9 %}]\n", "amount and term_months is no number"),
        ("policy.yaml", "price: []\n", "'price' is no table; write prices"),
    ],
)
def test_tables_stand_by_themselves(tabled: Path, file: str, more: str, said: str) -> None:
    """What they say stands nowhere else, and what is wrong with them is told with the file."""
    path = tabled / file
    path.write_text(path.read_text() + more)
    with pytest.raises(InvalidProduct, match=said) as error:
        load_product(tabled)
    assert str(path) in str(error.value)


def test_without_prices_there_is_no_offer(own: Maker) -> None:
    product, _ = own()
    assert product.policy.offer({}, 0.1) is None


def test_an_own_product_is_on_the_shelf(own: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own()
    monkeypatch.setenv("MERIDIAN_PRODUCTS", str(tmp_path / "products"))
    assert {"personal-loan", "own-loan"} <= set(products())
    assert find_product("own-loan").title == "Own loan"
    with pytest.raises(UnknownProduct, match=r"offered here: personal-loan,.* own-loan"):
        find_product("another")
    read(tmp_path / "products" / "own-loan" / "product.toml", ProductFile)
