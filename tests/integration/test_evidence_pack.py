"""Evidence packs: one decision to take along, checked and made again with no database and no network."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from meridian.errors import NotFound, NotReady
from meridian.outcome import Outcome
from meridian.record import check_pack
from meridian.service import Settling
from tests.recorded import decision_ids, recorded_service
from tests.services import Service, fresh_database
from tests.training_fixtures import TrainedModels

NOWHERE = {"PATH": os.defpath}
"""An environment that names no database, no home and no key."""


@pytest.fixture(scope="module")
def kept(
    embedded_server: str, demo_models: TrainedModels, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A few applications decided, assessed and sealed, one corrected."""
    home = tmp_path_factory.mktemp("packs")
    with (
        fresh_database(embedded_server) as database,
        recorded_service(home, database, demo_models.models_dir, 20) as running,
    ):
        ref = running.query("SELECT ref FROM record.application LIMIT 1")[0].ref
        settling = Settling(Outcome.DECLINE, ["A01"], "the payslips were of another person")
        running.wiring.desk.reviews.correct(ref, "ana", settling)
        running.worker.seals.seal()
        yield running


@pytest.fixture
def pack(kept: Service, tmp_path: Path) -> Callable[[UUID], Path]:
    """Exports a decision's pack into a file."""

    def export(decision_id: UUID) -> Path:
        path = tmp_path / f"{decision_id}.zip"
        path.write_bytes(kept.worker.packs.export(decision_id))
        return path

    return export


def verify(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m meridian.record.verify` where there is neither database nor network setting."""
    command = [sys.executable, "-m", "meridian.record.verify", str(path), *words]
    return subprocess.run(command, env=NOWHERE, cwd=path.parent, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("stage", ["fast", "batch"])
def test_a_pack_holds_and_its_decision_is_made_again(kept: Service, pack: Callable[[UUID], Path], stage: str) -> None:
    path = pack(decision_ids(kept, f"stage = '{stage}'")[0])
    result = verify(path, "--key", kept.worker.seal_keys.public)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "was made again, the same byte for byte" in result.stdout
    assert f"signed by {kept.worker.seal_keys.public}" in verify(path).stdout


def test_what_a_person_decided_is_checked_and_not_made_again(kept: Service, pack: Callable[[UUID], Path]) -> None:
    result = verify(pack(decision_ids(kept, "stage = 'correction'")[0]))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "a person made it" in result.stdout


def test_the_same_decision_gives_the_same_bytes(kept: Service) -> None:
    (one, *_) = decision_ids(kept)
    assert kept.worker.packs.export(one) == kept.worker.packs.export(one)


def test_the_small_verifier_needs_nothing_but_python(kept: Service, pack: Callable[[UUID], Path]) -> None:
    """Alone, isolated from every installed package but the standard library."""
    path = pack(decision_ids(kept)[0])
    with zipfile.ZipFile(path) as content:
        content.extract("check_pack.py", path.parent)
    command = [sys.executable, "-I", "-S", str(path.parent / "check_pack.py"), str(path), kept.worker.seal_keys.public]
    result = subprocess.run(command, env=NOWHERE, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout.splitlines()[0]) == (0, "The pack holds."), result.stderr
    assert "signatures are not checked" in result.stderr


def test_a_key_that_is_not_the_lenders_is_refused(kept: Service, pack: Callable[[UUID], Path]) -> None:
    result = verify(pack(decision_ids(kept)[0]), "--key", "00" * 32)
    assert result.returncode == 1
    assert "not with the one that is trusted" in result.stdout


def changed(path: Path, name: str, change: Callable[[bytes], bytes], *, rehash: bool) -> Path:
    """The pack with one file changed; with `rehash`, its manifest states the new hash, as a forger would have it."""
    files = check_pack.read(str(path))
    files[name] = change(files[name])
    if rehash:
        manifest = json.loads(files["manifest.json"])
        manifest["files"][name] = check_pack.sha256(files[name])
        files["manifest.json"] = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as content:
        for one, text in files.items():
            content.writestr(one, text)
    path.write_bytes(buffer.getvalue())
    return path


FILES = (
    "decision.json", "evidence.json", "policy.json", "rows.json", "seals.json", "check_pack.py",
    "model/model.json", "model/manifest.json", "model/reference.npy", "model/tables.npz", "README.txt",
)  # fmt: skip


@pytest.mark.parametrize("rehash", [False, True], ids=["as it is", "with its hash"])
@pytest.mark.parametrize("name", FILES)
def test_any_file_changed_is_found(kept: Service, pack: Callable[[UUID], Path], name: str, rehash: bool) -> None:
    path = pack(decision_ids(kept)[0])
    assert set(FILES) | {"manifest.json", "manifest.sig"} == set(check_pack.read(str(path)))
    found = check_pack.problems(check_pack.read(str(changed(path, name, lambda text: text + b" ", rehash=rehash))))
    assert found
    assert any((name if not rehash else "signature of manifest.json") in one for one in found)


def test_a_seal_made_with_another_key_and_signed_again_is_found_by_the_trusted_key(
    kept: Service, pack: Callable[[UUID], Path]
) -> None:
    path = pack(decision_ids(kept)[0])
    other = changed(path, "decision.json", lambda text: text.replace(b'"decline"', b'"approve"') + b" ", rehash=True)
    assert verify(other, "--key", kept.worker.seal_keys.public).returncode == 1


def test_what_is_no_pack_is_said_to_be_none(tmp_path: Path) -> None:
    for content in (b"", b"PK no zip", b"{}"):
        (tmp_path / "pack.zip").write_bytes(content)
        result = verify(tmp_path / "pack.zip")
        assert (result.returncode, "no evidence pack" in result.stderr) == (2, True)
    assert verify(tmp_path / "nothing.zip").returncode == 2


def test_a_decision_that_is_not_sealed_or_not_there_has_no_pack(kept: Service) -> None:
    with pytest.raises(NotFound):
        kept.worker.packs.export(UUID(int=7 << 76))
    ref = kept.query("SELECT ref FROM record.application ORDER BY ref DESC LIMIT 1")[0].ref
    settling = Settling(Outcome.APPROVE, [], "called the employer, all is well")
    fresh = kept.wiring.desk.reviews.correct(ref, "ana", settling)
    with pytest.raises(NotReady, match="not sealed"):
        kept.worker.packs.export(fresh)
    kept.worker.seals.seal()
    assert kept.worker.packs.export(fresh)
