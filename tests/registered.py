"""Models for the command line and the registry: trained, made a little different, put forward, signed for."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from meridian.db.backtests import KeptBacktest, add_backtest
from meridian.db.engine import REGISTRAR_ROLE, transaction
from meridian.db.registry import Registered
from meridian.decision import Terms
from meridian.identity import new_id
from meridian.products import Product, find_product
from meridian.registry import Manifest, Purpose, bundle_folder, load_manifest, read_files, save_bundle
from meridian.service import PolicyVersions, Registrations
from meridian.wiring import Wiring
from tests.commands import meridian
from tests.services import Service
from tests.training_fixtures import loans_table, made_once, write_table

MAKER, SIGNER, PASSWORD = "maker", "signer", "correct horse battery"
GATES = (
    "files", "discrimination", "leakage", "calibration", "stability", "monotonicity", "reasons", "tested reasons",
    "fairness", "latency", "reproduction",
)  # fmt: skip


def gates(*failed: str) -> list[dict[str, Any]]:
    """What the gates found, where these did not pass."""
    return [{"name": name, "passed": name not in failed, "found": "looked at"} for name in GATES]


@dataclass(frozen=True)
class Registry:
    """The registry of a running service, with two people who may sign in."""

    service: Service
    models: Path
    of: Registrations
    started: list[Wiring] = field(default_factory=list)

    @classmethod
    def at(cls, service: Service, models: Path) -> Registry:
        for person in (MAKER, SIGNER):
            service.wiring.keys.set_password(person, PASSWORD)
        return cls(service, models, Wiring(service.settings, "registry", REGISTRAR_ROLE).registrations)

    def anew(self, **settings: Any) -> Wiring:
        """The objects of a process that has just started."""
        self.started.append(Wiring(self.service.settings.model_copy(update=settings), "anew"))
        return self.started[-1]

    def close(self) -> None:
        """End those processes."""
        for wiring in self.started:
            wiring.close()
        self.of.engine.dispose()

    def files(self, purpose: Purpose = Purpose.COMPACT) -> tuple[Manifest, dict[str, bytes]]:
        """The model in the folder."""
        folder = bundle_folder(self.models, "personal-loan", purpose)
        return load_manifest(folder), read_files(folder)

    def submit(
        self, shift: float = 0.0, purpose: Purpose = Purpose.COMPACT, found: list[dict[str, Any]] | None = None,
        like: str | None = None,
    ) -> str:  # fmt: skip
        """Put a model forward whose log-odds are shifted, of the one in the folder or a registered one; its hash."""
        manifest, files = self.shifted(shift, purpose, like)
        self.of.submit(
            manifest, files, gates() if found is None else found,
            owner="credit risk", intended_use="tests", data=("loans.csv", "0" * 64), by=MAKER,
        )  # fmt: skip
        return manifest.sha256

    def shifted(self, by: float, purpose: Purpose, like: str | None) -> tuple[Manifest, dict[str, bytes]]:
        """Another model, whose log-odds are shifted."""
        if like is None:
            manifest, files = self.files(purpose)
        else:
            manifest = self.of.find(like).manifest
            kept = self.service.wiring.models.register.files(like) or {}
            files = {name: content for name, content in kept.items() if name in manifest.files}
        calibration = replace(manifest.calibration, intercept=manifest.calibration.intercept + by)
        return replace(manifest, calibration=calibration), files

    def saved(self, folder: Path, shift: float, like: str) -> Path:
        """The folder in which it was saved."""
        manifest, files = self.shifted(shift, Purpose.COMPACT, like)
        save_bundle(folder, manifest, {name: files[name] for name in manifest.files})
        return folder

    def signed(self, shift: float = 0.0, purpose: Purpose = Purpose.COMPACT, like: str | None = None) -> str:
        """The same, signed for."""
        sha256 = self.submit(shift, purpose, like=like)
        self.approve(sha256)
        return sha256

    def approve(self, sha256: str, waivers: Mapping[str, str] | None = None, by: str = SIGNER) -> Registered:
        """Sign for what was submitted last."""
        return self.of.approve(self.of.find(sha256), waivers or {}, "", by)

    def promoted(self, shift: float = 0.0, purpose: Purpose = Purpose.COMPACT, like: str | None = None) -> str:
        """The same, deciding."""
        sha256 = self.signed(shift, purpose, like)
        self.of.promote(sha256, "tests", SIGNER)
        return sha256


def backtested(versions: PolicyVersions, of: Terms) -> None:
    """A row for a backtest of a policy, beside every policy that is known: for tests of what comes after one."""
    product = versions.find(of.sha256).product
    others = {one.policy_sha256 for one in versions.list(product)[0]} | {find_product(product).terms.sha256}
    with transaction(versions.engine) as connection:
        for other in others:
            add_backtest(connection, KeptBacktest(new_id(), product, of.sha256, other, 1, {}, MAKER))


def model_of(answer: Mapping[str, Any]) -> str | None:
    """The hash of the model that scored, as the caller is told."""
    score = answer["score"]
    return str(score["model_sha256"]) if score else None


@pytest.fixture(scope="session")
def past_loans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated loans, in a file."""
    return write_table(tmp_path_factory.mktemp("loans") / "loans.csv", loans_table(6000))


@pytest.fixture(scope="session")
def models_of_loans(personal_loan: Product, past_loans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that were trained on them."""
    from meridian.training import train_product

    return made_once(tmp_path_factory, "models", lambda folder: train_product(personal_loan, past_loans, folder))[0]


@pytest.fixture
def trained(running: Service, models_of_loans: Path) -> Service:
    """A service with a copy of those models, for a test to change."""
    shutil.copytree(models_of_loans, running.settings.models_dir)
    return running


def run(service: Service, arguments: Sequence[str], code: int = 0) -> str:
    done = meridian(arguments, service.env)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 or "--json" in arguments else done.stdout + done.stderr
