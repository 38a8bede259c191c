"""`meridian models`: what there is, what one is, and whether it may decide."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meridian.experiments import Swaps
from meridian.registry import Purpose, load_manifest, read_files, save_bundle
from meridian.simulator import requests
from tests.commands import meridian
from tests.registered import run
from tests.services import Service


def test_models_are_listed_and_shown(trained: Service) -> None:
    listed: list[dict[str, Any]] = json.loads(run(trained, ["models", "list", "--json"]))
    assert [(one["purpose"], one["in_use"]) for one in listed] == [
        ("application-only", True), ("batch", True), ("compact", True)
    ]  # fmt: skip
    one = listed[2]
    # One that is being written, or was left behind, is none that is in use.
    compact = Path(one["folder"])
    shutil.copytree(compact, compact.with_name(".compact-new-1"))
    assert json.loads(run(trained, ["models", "list", "--json"])) == listed
    assert one["sha256"][:12] in run(trained, ["models", "list"])
    shown = run(trained, ["models", "show", one["sha256"][:10]])
    assert one["sha256"] in shown
    assert "loan_to_income" in shown
    assert "card.html" in shown
    assert json.loads(run(trained, ["models", "show", one["sha256"], "--json"]))["manifest"]["name"] == one["name"]
    assert "No model with a hash that begins with 'zz'" in run(trained, ["models", "show", "zz"], 2)
    assert "3 models" in run(trained, ["models", "show", ""], 2)


def test_a_model_is_measured_anew_and_held_against_past_decisions(
    trained: Service, past_loans: Path, tmp_path: Path
) -> None:
    today = datetime.now(UTC).date()
    for request in requests(60, 7, today):
        trained.wiring.decisions.decide(wanted(request))
    check = ["models", "check", "personal-loan", "--data", str(past_loans), "--decisions", "60", "--json"]
    found = {gate["name"]: gate for gate in json.loads(run_any(trained, check))["gates"]}
    assert found["files"]["passed"]
    assert found["reproduction"]["passed"]
    assert found["reproduction"]["found"].startswith("0 of ")
    assert "reproduction" in run_any(trained, check[:-1])

    lenient = tmp_path / "lenient" / "compact"
    mild = trained.settings.models_dir / "personal-loan" / Purpose.COMPACT
    manifest = load_manifest(mild)
    files = {name: content for name, content in read_files(mild).items() if name in manifest.files}
    calibration = replace(manifest.calibration, intercept=manifest.calibration.intercept - 1.5)
    save_bundle(lenient, replace(manifest, calibration=calibration), files)
    told = json.loads(run(trained, [*check, "--folder", str(lenient)], 1))
    assert not told["passed"]
    stopped = {gate["name"] for gate in told["gates"] if not gate["passed"]}
    assert {"calibration", "reproduction"} <= stopped
    swaps = trained.wiring.reproduction.of("personal-loan", Purpose.COMPACT, scorer_in(lenient, trained), 60, 1)
    assert swaps.document()["changed"] > 5
    assert swaps.decisions + swaps.skipped == 60
    # Whom a stand-in decided, because there was no report.
    assert swaps.skipped > 0
    assert Swaps().changed_share == 1.0
    batch = ["models", "check", "personal-loan", "--data", str(past_loans), "--purpose", "batch", "--decisions", "9"]
    assert "not measured: nothing was decided yet" in " ".join(run_any(trained, batch).split())
    for job in trained.query("SELECT id FROM work.job"):
        trained.worker.assessments.assess(job.id)
    found = {gate["name"]: gate for gate in json.loads(run_any(trained, [*batch, "--json"]))["gates"]}
    # Of those that are drawn some lacked a report, and were assessed by nobody's score.
    assert re.match(r"0 of [1-9] past decisions come out otherwise", found["reproduction"]["found"])


def run_any(service: Service, arguments: Sequence[str]) -> str:
    """Whatever the machine's speed makes of the one gate that is about speed."""
    done = meridian(arguments, service.env)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout + ("" if "--json" in arguments else done.stderr)


def wanted(request: dict[str, Any]) -> Any:
    from meridian.service import Wanted

    return Wanted("tests", json.dumps(request).encode())


def scorer_in(folder: Path, service: Service) -> Any:
    from meridian.registry import load_scorer

    return load_scorer(folder, service.wiring.products["personal-loan"])


def test_nothing_to_measure_on_is_said(running: Service, tmp_path: Path) -> None:
    told = run(running, ["models", "check", "personal-loan", "--data", str(tmp_path / "none.csv")], 2)
    assert "none.csv" in told
