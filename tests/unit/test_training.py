"""Training refuses what knows the future, and makes the same model of the same loans."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from meridian.errors import InvalidInput, InvalidTrainingData, LeakyColumns, MeridianError, NotReady
from meridian.policy import Bands
from meridian.products import Product, TrainingTable
from meridian.registry import Purpose
from meridian.training import train_product
from meridian.training.demo import demo_frame
from meridian.training.fit import Options, fit, reference_population
from meridian.training.frame import frame_of
from meridian.training.measure import measure
from meridian.training.table import read_table

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("total_pymnt", "after the loan was paid out"),
        ("total_rec_prncp", "after the loan was paid out"),
        ("recoveries", "after the loan was paid out"),
        ("loan_status", "after the loan was paid out"),
        ("last_pymnt_amnt", "after the loan was paid out"),
        ("debt_settlement_flag_date", "after the loan was paid out"),
        ("int_rate", "lender's own output"),
        ("grade", "lender's own output"),
        ("bad", "the outcome itself"),
    ],
)
def test_a_leak_is_refused_by_name(
    personal_loan: Product, loans_file: Write, tmp_path: Path, column: str, why: str
) -> None:
    """Whether its name is listed or matches a pattern, and whether the file has it or not; nothing is saved."""
    with pytest.raises(LeakyColumns, match=why) as refusal:
        train_product(personal_loan, loans_file(), tmp_path / "models", columns=["loan_amnt", column])
    assert column in str(refusal.value)
    assert not (tmp_path / "models").exists()


def test_every_leak_asked_for_is_named(personal_loan: Product, loans_file: Write) -> None:
    with pytest.raises(LeakyColumns, match="total_pymnt, recoveries were each"):
        read_table(personal_loan, loans_file(), ["total_pymnt", "recoveries"])


def test_leaks_that_merely_lie_in_the_file_are_not_read(personal_loan: Product, loans_file: Write) -> None:
    file = read_table(personal_loan, loans_file(), ["loan_amnt", "dti"])
    assert set(file.columns) == set(personal_loan.training[0].columns)


@pytest.mark.parametrize(
    ("column", "message"), [("shoe_size", "has no column shoe_size"), ("hobby", "define a feature")]
)
def test_a_column_that_is_no_input_is_refused(
    personal_loan: Product, loans_file: Write, column: str, message: str
) -> None:
    with pytest.raises(InvalidTrainingData, match=message):
        read_table(personal_loan, loans_file(), [column])


def _with_table(product: Product, **changes: Any) -> Product:
    table: TrainingTable = replace(product.training[0], **changes)
    return replace(product, training=(table,))


def test_a_table_that_declares_a_leak_as_input_is_refused(personal_loan: Product, loans_file: Write) -> None:
    product = _with_table(personal_loan, columns=(*personal_loan.training[0].columns, "recoveries"))
    with pytest.raises(LeakyColumns, match="recoveries"):
        read_table(product, loans_file())


def test_features_that_read_the_outcome_are_refused(personal_loan: Product, loans_file: Write) -> None:
    """The table's own code is watched: what gives the outcome may not give an input."""
    table = personal_loan.training[0]

    def peeking(columns: Any) -> Any:
        fields = {source: dict(values) for source, values in table.fields(columns).items()}
        fields["application"]["employment_years"] = columns["bad"].astype(float)
        return fields

    product = _with_table(personal_loan, fields=peeking)
    with pytest.raises(LeakyColumns, match="bad is the outcome itself"):
        frame_of(product, read_table(product, loans_file()))


@pytest.mark.parametrize("how", ["value", "gap"])
def test_a_feature_that_knows_the_outcome_is_found_by_its_figures(
    personal_loan: Product, loans: dict[str, list[str]], loans_file: Write, how: str
) -> None:
    """A column with an innocent name, written after the outcome: in its values, or in where it is empty."""
    random = np.random.default_rng(0)
    bad = np.array(loans["bad"]).astype(float)
    told = 0.2 + 0.6 * bad + random.normal(0, 0.05, len(bad)) if how == "value" else np.full(len(bad), 0.3)
    cells = [f"{value:.4f}" if how == "value" or not b else "" for value, b in zip(told, bad, strict=True)]
    file = read_table(personal_loan, loans_file(revol_util=cells))
    with pytest.raises(LeakyColumns, match="revolving_utilisation"):
        frame_of(personal_loan, file)


def test_missing_columns_are_named(personal_loan: Product, loans_file: Write) -> None:
    with pytest.raises(InvalidTrainingData, match="lacks columns of LendingClub 2007-2011: annual_inc, dti"):
        read_table(personal_loan, loans_file(dti=None, annual_inc=None))


def test_an_empty_column_is_named(personal_loan: Product, loans: dict[str, list[str]], loans_file: Write) -> None:
    with pytest.raises(InvalidTrainingData, match="no value at all in dti"):
        read_table(personal_loan, loans_file(dti=[""] * len(loans["dti"])))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("bad", "0", "0 defaulted"),
        ("bad", "1", "defaulted; both outcomes"),
        ("bad", "2", "0 or 1"),
        ("issue_d", "2009-03-01", "no loan to test on"),
        ("issue_d", "2011-03-01", "no loan to train on"),
        ("loan_amnt", "plenty", "plenty"),
    ],
)
def test_loans_that_nothing_can_be_learnt_from_are_refused(
    personal_loan: Product, loans: dict[str, list[str]], loans_file: Write, column: str, value: str, message: str
) -> None:
    file = read_table(personal_loan, loans_file(**{column: [value] * len(loans[column])}))
    with pytest.raises(InvalidTrainingData, match=message):
        frame_of(personal_loan, file)


def test_a_file_that_is_no_table_is_refused(personal_loan: Product, tmp_path: Path) -> None:
    for name, content in (("a.parquet", b"x"), ("empty.csv", b""), ("noise.csv.gz", b"\x00\x01")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidTrainingData, match=name):
            read_table(personal_loan, tmp_path / name)
    with pytest.raises(InvalidTrainingData, match="not a file"):
        read_table(personal_loan, tmp_path / "nowhere.csv")


def test_a_header_without_loans_is_refused(
    personal_loan: Product, loans: dict[str, list[str]], loans_file: Write
) -> None:
    with pytest.raises(InvalidTrainingData, match="no loans"):
        read_table(personal_loan, loans_file(**{name: [] for name in loans}))


def test_the_same_loans_give_the_same_files(personal_loan: Product, loans_file: Write, tmp_path: Path) -> None:
    """Byte for byte, though trained at another time: only the manifest says when."""
    path = loans_file()
    first = train_product(personal_loan, path, tmp_path / "first")
    second = train_product(personal_loan, path, tmp_path / "second", columns=["dti"])
    for a, b in zip(first, second, strict=True):
        folders = [tmp_path / run / a.product / a.purpose for run in ("first", "second")]
        for name in (
            "model.json",
            "reference.npy",
            "tables.npz",
            "roc.svg",
            "calibration.svg",
            "scores.svg",
            "gains.svg",
            "stability.svg",
            "dependence.svg",
        ):
            assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
        assert a.files == b.files
        assert replace(a, trained_at="") == replace(b, trained_at="")


def test_another_seed_gives_another_model(personal_loan: Product) -> None:
    frame, _ = demo_frame(personal_loan, 4000)
    one, other = (fit(personal_loan, frame, Purpose.COMPACT, Options(seed=seed)) for seed in (1, 2))
    assert one.files["model.json"] != other.files["model.json"]


@pytest.mark.parametrize("purpose", [Purpose.COMPACT, Purpose.APPLICATION, Purpose.BATCH])
def test_no_feature_works_against_its_direction(demo_models: Any, demo_inputs: np.ndarray, purpose: Purpose) -> None:
    """Whoever else the applicant is: where a feature is said to raise risk, more of it never lowers the PD."""
    scorer = demo_models.scorer(purpose)
    batch = demo_models.product.batch_features
    rows = demo_inputs[:60, [batch.index(name) for name in scorer.features]]
    for i, name in enumerate(scorer.features):
        direction = int(demo_models.product.features[name].direction)
        if direction:
            steps = np.unique(np.nanquantile(demo_inputs[:, batch.index(name)], np.linspace(0, 1, 25)))
            moved = np.repeat(rows, len(steps), axis=0)
            moved[:, i] = np.tile(steps, len(rows))
            pds = scorer.pds(moved).reshape(len(rows), len(steps))
            assert (np.diff(pds, axis=1) * direction >= -1e-9).all(), name


def test_the_models_keep_to_their_size(demo_models: Any) -> None:
    for purpose, trees, depth in ((Purpose.COMPACT, 100, 4), (Purpose.BATCH, 500, 5)):
        model = json.loads((demo_models.folder(purpose) / "model.json").read_text())
        booster = model["learner"]["gradient_booster"]["model"]
        assert len(booster["trees"]) <= trees
        assert max(len(tree["left_children"]) for tree in booster["trees"]) < 2 ** (depth + 1)


def test_the_reference_population_was_just_approved() -> None:
    """A seeded sample of the band below the cut-off; the nearest where the band holds too few, or nobody."""
    bands = Bands(approve_below=0.10)
    many = np.linspace(0.0, 0.3, 9001)
    chosen = many[reference_population(many, bands, 1)]
    assert len(chosen) == 500
    assert chosen.min() >= 0.08
    assert chosen.max() < 0.10
    few = np.linspace(0.0, 0.3, 901)
    chosen = few[reference_population(few, bands, 1)]
    assert (len(chosen), chosen.min()) == ((few < 0.10).sum(), 0.0)
    above = np.linspace(0.2, 0.5, 3000)
    np.testing.assert_array_equal(above[reference_population(above, bands, 1)], above[:500])


def test_the_figures_of_a_known_case() -> None:
    """AUC by counting pairs: of four pairs (default, repaid) three are ranked right."""
    figures = measure(np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.1, 0.2, 0.3, 0.4]))
    assert figures["auc"] == 0.75
    assert figures["gini"] == 0.5
    assert figures["ks"] == 0.5
    assert figures["brier"] == pytest.approx((0.01 + 0.64 + 0.09 + 0.36) / 4)


def test_the_card_tells_what_the_manifest_holds(demo_models: Any) -> None:
    """It stands by itself: one page without foreign assets, in both forms, that says the model is simulated."""
    for manifest in demo_models.manifests:
        folder = demo_models.folder(manifest.purpose)
        html, markdown = (folder / "card.html").read_text(), (folder / "card.md").read_text()
        for text in (html, markdown):
            assert manifest.sha256 in text
            assert f"{manifest.metrics['test']['auc']:.4f}" in text
            assert "Simulated applicants" in text
            assert all(name in text for name in manifest.features)
        assert html.count("<svg") == 7
        assert 'src="' not in html
        assert "<link" not in html
        assert "prefers-color-scheme: dark" in html
        told = json.loads((folder / "card.json").read_text())
        assert told["sha256"] == manifest.sha256
        assert told["manifest"] == manifest.document()
        assert told["cured"]["toward_share"] >= 0.99
        assert f"{told['cured']['toward_share']:.1%} moved toward approval" in markdown
        assert sum(one["loans"] for one in told["drifts"]) == manifest.lineage.rows["test"]
        assert {one["name"] for one in told["dependences"]} <= set(manifest.features)
        for name in ("roc", "calibration", "scores", "gains", "stability", "reasons", "dependence"):
            assert f"({name}.svg)" in markdown
            assert (folder / f"{name}.svg").is_file()


def test_the_demonstration_says_that_it_is_simulated(demo_models: Any) -> None:
    for manifest in demo_models.manifests:
        assert manifest.lineage.simulated
        assert "nobody" in manifest.limits[0]
        assert manifest.metrics["test"]["auc"] > (0.6 if manifest.purpose is Purpose.APPLICATION else 0.7)


def test_a_missing_extra_names_its_installation(
    personal_loan: Product, loans_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meridian.extra.NEEDED", ("xgboost", "no_such_library"))
    with pytest.raises(NotReady, match=r"no_such_library.*pip install 'meridian-credit\[train\]'"):
        train_product(personal_loan, loans_file(), tmp_path)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Runs `train` with arguments, with its models in a folder of the test."""
    from meridian.cli.train import train

    monkeypatch.setenv("MERIDIAN_HOME", str(tmp_path / "home"))
    app = Typer()
    app.command()(train)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_the_command_prints_manifests_as_json(command: Any, loans_file: Write, tmp_path: Path) -> None:
    """Nothing but JSON on standard output: the progress goes to standard error."""
    result = command("personal-loan", "--data", str(loans_file()), "--json")
    assert result.exit_code == 0, result.output
    manifests = json.loads(result.stdout)
    assert [manifest["name"] for manifest in manifests] == [
        "personal-loan-compact",
        "personal-loan-application-only",
        "personal-loan-batch",
    ]
    assert all((Path(manifest["folder"]) / "card.html").is_file() for manifest in manifests)


def test_the_command_takes_what_is_chosen(command: Any, loans_file: Write) -> None:
    chosen = ("--calibration", "isotonic", "--search", "2", "--seed", "5")
    result = command("personal-loan", "--data", str(loans_file()), *chosen, "--json")
    assert result.exit_code == 0, result.output
    for manifest in json.loads(result.stdout):
        assert manifest["seed"] == 5
        assert manifest["training"]["search"]["tried"] == 2
    refused = command("personal-loan", "--data", str(loans_file()), "--calibration", "guessed")
    assert isinstance(refused.exception, InvalidInput)
    assert "logistic, isotonic" in str(refused.exception)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("--demo", "--rejects", "fuzzy"), "nobody who was declined"), (("--demo", "--factor", "2"), "give --rejects")],
)
def test_what_would_change_nothing_is_refused(command: Any, arguments: tuple[str, ...], told: str) -> None:
    refused = command("personal-loan", *arguments)
    assert isinstance(refused.exception, InvalidInput)
    assert told in str(refused.exception)


def test_the_demonstration_takes_what_is_chosen_too(command: Any) -> None:
    result = command("personal-loan", "--demo", "--seed", "5", "--calibration", "isotonic", "--json")
    assert result.exit_code == 0, result.output
    for manifest in json.loads(result.stdout):
        assert manifest["seed"] == 5
        assert manifest["training"]["calibration"] == "isotonic"


def test_the_command_refuses_a_leak(command: Any, loans_file: Write) -> None:
    result = command("personal-loan", "--data", str(loans_file()), "--columns", "dti,total_pymnt")
    assert isinstance(result.exception, LeakyColumns)
    assert result.exception.exit_code == 2


@pytest.mark.parametrize("arguments", [(), ("--demo", "--data", "x.csv")])
def test_the_command_wants_one_kind_of_loans(command: Any, arguments: tuple[str, ...]) -> None:
    assert isinstance(command("personal-loan", *arguments).exception, MeridianError)
