"""Models and past loans that several tests share: of real loans where they lie beside the project, else simulated."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from meridian.products import Product, find_product
from meridian.registry import Manifest, Purpose, bundle_folder, load_scorer
from meridian.scoring import Scorer
from meridian.simulator import draw

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"
LENDING_CLUB_FILE = "lending_club_2007_2011.csv.gz"
LEAKS_IN_FILE = ("total_pymnt", "total_rec_prncp", "recoveries", "loan_status", "int_rate", "grade")
LOAN_MODELS = "loan-models"
Made = TypeVar("Made")


@dataclass(frozen=True)
class TrainedModels:
    """The models of a product in a folder of models."""

    models_dir: Path
    product: Product
    manifests: Sequence[Manifest]

    def folder(self, purpose: Purpose) -> Path:
        return bundle_folder(self.models_dir, self.product.name, purpose)

    def of(self, purpose: Purpose) -> Manifest:
        return next(one for one in self.manifests if one.purpose is purpose)

    def scorer(self, purpose: Purpose) -> Scorer:
        return load_scorer(self.folder(purpose), self.product)


@pytest.fixture(scope="session")
def personal_loan() -> Product:
    return find_product("personal-loan")


@pytest.fixture(scope="session")
def lending_club_file() -> Path:
    """LendingClub's loans of 2007 to 2011; the test is skipped where they are not at hand."""
    return real_data(LENDING_CLUB_FILE)


def real_data(name: str) -> Path:
    """A file of the public credit data; the test that asks for it is skipped where it is not at hand."""
    path = Path(os.environ.get("MERIDIAN_REAL_DATA", REAL_DATA)) / name
    if not path.is_file():
        pytest.skip(f"the public credit data is not here: {path} is missing; set MERIDIAN_REAL_DATA to its folder")
    return path


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Made]) -> tuple[Path, Made]:
    """A folder that `make` fills, and what it says of it: once for all processes of a test run."""
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    folder, said = place / f"{name}-once", place / f"{name}-once.pickle"
    with (place / f"{name}-once.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            # Of a process that was ended while it made this.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            said.write_bytes(pickle.dumps(make(folder)))
    made: Made = pickle.loads(said.read_bytes())
    return folder, made


@pytest.fixture(scope="session")
def lending_club_models(
    personal_loan: Product, lending_club_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> TrainedModels:
    """Models trained on LendingClub's loans of 2007 to 2010."""
    from meridian.training import train_product

    models, manifests = made_once(
        tmp_path_factory, "lending-club", lambda folder: train_product(personal_loan, lending_club_file, folder)
    )
    return TrainedModels(models, personal_loan, manifests)


@pytest.fixture(scope="session")
def demo_models(personal_loan: Product, tmp_path_factory: pytest.TempPathFactory) -> TrainedModels:
    """Models of simulated applicants, as a fresh installation has them."""
    from meridian.training.demo import train_demo

    models, manifests = made_once(tmp_path_factory, "demo", lambda folder: train_demo(personal_loan, folder))
    return TrainedModels(models, personal_loan, manifests)


@pytest.fixture(scope="session")
def loan_models(tmp_path_factory: pytest.TempPathFactory) -> TrainedModels:
    """Models of the consumer loan."""
    place, manifests = made_once(tmp_path_factory, "loans", lambda folder: train_loan_models(folder).manifests)
    return TrainedModels(place / LOAN_MODELS, find_product("consumer-loan"), manifests)


def train_loan_models(place: Path) -> TrainedModels:
    """Models of the consumer loan, on two years of a simulated lender's loans, in a folder of the place."""
    from meridian.simulator.lender import LenderSettings, simulate
    from meridian.training import train_product

    product, models = find_product("consumer-loan"), place / LOAN_MODELS
    simulate(LenderSettings(applicants=9_000, seed=3), place / "past")
    return TrainedModels(models, product, train_product(product, place / "past", models))


def loans_table(n: int = 3000, seed: int = 5) -> dict[str, list[str]]:
    """Simulated loans in the columns of LendingClub's file, some leaks among them, of 2009 to 2011."""
    applicants = draw(n, seed)
    form, report = applicants.fields["application"], applicants.fields["bureau"]
    months = np.sort(np.random.default_rng(seed).integers(2009 * 12, 2012 * 12, n))
    opened = report["earliest_credit_month"].astype(float) - applicants.month + months
    income = form["annual_income"].astype(float)
    years = form["employment_years"].astype(float)
    bad = applicants.defaulted.astype(int)

    def texts(column: Any, pattern: str = "{:.10g}") -> list[str]:
        return ["" if value != value else pattern.format(value) for value in np.asarray(column, dtype=float).tolist()]

    def days(column: Any) -> list[str]:
        return ["" if m != m else f"{int(m) // 12:04d}-{int(m) % 12 + 1:02d}-01" for m in column.tolist()]

    def since(name: str) -> list[str]:
        months_since = report[name].astype(float)
        return texts(np.where(months_since == 240.0, 0.0, months_since))

    return {
        "loan_ref": [f"T{i:06d}" for i in range(n)],
        "loan_amnt": texts(form["amount"]),
        "term": texts(form["term_months"], "{:.0f}"),
        "purpose": form["purpose"].tolist(),
        "annual_inc": texts(income),
        "emp_length": ["n/a" if y != y else "< 1 year" if y < 1 else "10+ years" if y >= 10 else f"{y:.0f} years"
                       for y in years.tolist()],
        "home_ownership": [str(h).upper() for h in form["housing"].tolist()],
        "dti": texts(report["monthly_debt_payments"].astype(float) * 1200 / np.maximum(income, 1), "{:.2f}"),
        "issue_d": days(months),
        "earliest_cr_line": days(opened),
        "mths_since_last_delinq": since("months_since_delinquency"),
        "mths_since_last_record": since("months_since_public_record"),
        "open_acc": texts(report["open_accounts"]),
        "total_acc": texts(report["total_accounts"]),
        "delinq_2yrs": texts(report["delinquencies_2y"]),
        "inq_last_6mths": texts(report["inquiries_6m"]),
        "pub_rec": texts(report["public_records"]),
        "pub_rec_bankruptcies": texts(report["bankruptcies"]),
        "tax_liens": texts(report["tax_liens"]),
        "collections_12_mths_ex_med": texts(report["collections_12m"]),
        "chargeoff_within_12_mths": texts(report["chargeoffs_12m"]),
        "acc_now_delinq": texts(report["accounts_delinquent_now"]),
        "revol_bal": texts(report["revolving_balance"]),
        "revol_util": texts(report["revolving_utilisation"]),
        "delinq_amnt": texts(report["delinquent_amount"]),
        "bad": texts(bad, "{:.0f}"),
        "loan_status": ["Charged Off" if b else "Fully Paid" for b in bad.tolist()],
        **{name: texts(bad * 100.0) for name in ("total_pymnt", "total_rec_prncp", "recoveries", "int_rate", "grade")},
        "hobby": ["chess"] * n,
    }  # fmt: skip


def write_table(path: Path, table: Mapping[str, Sequence[str]]) -> Path:
    """The table as a .csv file."""
    rows = zip(*table.values(), strict=True)
    path.write_text("\n".join([",".join(table), *(",".join(row) for row in rows)]) + "\n")
    return path


@pytest.fixture(scope="session")
def loans() -> dict[str, list[str]]:
    """Columns of simulated loans; copy before changing."""
    return loans_table()


@pytest.fixture
def loans_file(tmp_path: Path, loans: dict[str, list[str]]) -> Callable[..., Path]:
    """Writes the simulated loans as a file, with columns replaced or, where None, left out."""

    def write(**changes: Sequence[str] | None) -> Path:
        table = {name: column for name, column in {**loans, **changes}.items() if column is not None}
        return write_table(tmp_path / "loans.csv", table)

    return write


@pytest.fixture(scope="session")
def demo_inputs(personal_loan: Product) -> NDArray[np.float32]:
    """Vectors of 2000 simulated applicants that no model was trained on, for the batch model's features."""
    from meridian.training.vectors import vectors

    return vectors(personal_loan, draw(2000, 99).fields, personal_loan.batch_features)
