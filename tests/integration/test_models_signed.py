"""A model's life on the command line: put forward, signed for, in use, challenged, shadowed, rolled back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meridian.registry import Purpose
from meridian.service import Wanted
from meridian.simulator import requests
from tests.commands import meridian
from tests.registered import MAKER, PASSWORD, SIGNER, Registry, model_of
from tests.services import Service


def said(service: Service, *arguments: str, code: int | Sequence[int] = 0, password: str = PASSWORD) -> str:
    """What a command says, on both outputs, when it is given a password."""
    done = meridian(["models", *arguments], service.env, password + "\n")
    assert done.returncode in ([code] if isinstance(code, int) else code), done.stdout + done.stderr
    return " ".join((done.stdout if "--json" in arguments else done.stdout + done.stderr).split())


def told(service: Service, *arguments: str, code: int | Sequence[int] = 0) -> Any:
    return json.loads(said(service, *arguments, "--json", code=code))


def decide(service: Service, count: int, today: Any) -> list[str | None]:
    """Decide about so many applicants, and assess them; the models that scored."""
    made = []
    for request in requests(count, 3, today):
        reply = service.wiring.decisions.decide(Wanted("tests", json.dumps(request).encode()))
        made.append(model_of(json.loads(reply.body)))
    for job in service.query("SELECT id FROM work.job WHERE state = 'waiting'"):
        assert service.worker.assessments.assess(job.id)
    return made


def test_a_model_is_put_forward_signed_for_and_decides(
    trained: Service, past_loans: Path, tmp_path: Path, today: Any
) -> None:
    registry = Registry.at(trained, trained.settings.models_dir)
    decide(trained, 20, today)
    submit = ["submit", "personal-loan", "--data", str(past_loans), "--owner", "credit risk", "--use", "at once"]
    for person in ("nobody", MAKER):
        wrong = said(trained, *submit, "--as", person, code=1, password="not that one")
        assert f"not the password of {person}" in wrong
    assert told(trained, "list")[0]["submitted_by"] is None
    # A tenth of the loans of a test may be odd in this or that gate; each is named, and each is waived.
    put = told(trained, *submit, "--as", MAKER, "--decisions", "20", code=(0, 1))
    sha256, failed = put["sha256"], [gate["name"] for gate in put["gates"] if not gate["passed"]]
    assert {gate["name"]: gate["found"] for gate in put["gates"]}["reproduction"].startswith("0 of ")
    assert put["passed"] == (not failed)
    waivers = [part for gate in failed for part in ("--waive", f"{gate}=few loans")]
    assert "submitted this model" in said(trained, "approve", sha256, *waivers, "--as", MAKER, code=1)
    assert "is no waiver" in said(trained, "approve", sha256, "--waive", "fairness", "--as", SIGNER, code=2)
    assert "nobody has signed" in said(trained, "promote", sha256, "--because", "x", "--as", SIGNER, code=2)
    assert told(trained, "approve", sha256[:12], *waivers, "--as", SIGNER)["approved_by"] == SIGNER
    assert "is the champion now" in said(trained, "promote", sha256, "--because", "first", "--as", SIGNER)
    (shown,) = [one for one in told(trained, "list") if one["sha256"] == sha256]
    assert (shown["is"], shown["in_use"], shown["approved_by"]) == ("champion", True, SIGNER)
    look = said(trained, "show", sha256)
    for words in ("credit risk", "at once", f"by {MAKER}", f"by {SIGNER}"):
        assert words in look

    # The card is kept with the model.
    shutil.rmtree(trained.settings.models_dir / "personal-loan" / "compact")
    card = tmp_path / "card.html"
    assert "in the registry" in said(trained, "show", sha256, "--card", str(card))
    assert "<svg" in card.read_text()
    # One that would change past decisions needs a waiver that says so.
    lenient, gate = registry.saved(tmp_path / "lenient" / "compact", -1.5, like=sha256), "reproduction"
    put = told(trained, *submit, "--as", MAKER, "--decisions", "20", "--folder", str(lenient), code=1)
    failed = [one["name"] for one in put["gates"] if not one["passed"]]
    assert gate in failed
    waivers = [part for one in failed if one != gate for part in ("--waive", f"{one}=few loans")]
    assert gate in said(trained, "approve", put["sha256"], *waivers, "--as", SIGNER, code=2)
    signed = told(trained, "approve", put["sha256"], *waivers, "--waive", f"{gate}=meant so", "--as", SIGNER)
    assert signed["waivers"][gate] == "meant so"
    assert "NOT PASSED; meant so" in said(trained, "show", put["sha256"])

    other = registry.promoted(-0.2, like=sha256)
    assert "No card of" in said(trained, "show", other, "--card", str(card), code=1)

    compared = said(trained, "compare", sha256, other, "--decisions", "20")
    assert "past decisions differ" in compared
    assert told(trained, "compare", sha256, other, "--decisions", "20")["swaps"]["decisions"] > 0
    batch = next(one["sha256"] for one in told(trained, "list") if one["purpose"] == "batch")
    assert "nothing to compare" in said(trained, "compare", sha256, batch, code=2)
    back = told(trained, "rollback", "personal-loan", "--because", "worse", "--as", SIGNER)
    assert (back["sha256"], back["back"]) == (sha256, True)
    assert "no champion before" in said(
        trained, "rollback", "personal-loan", "--because", "worse", "--as", SIGNER, code=1
    )


def test_an_experiment_is_begun_reported_and_ended(trained: Service, tmp_path: Path, today: Any) -> None:
    registry = Registry.at(trained, trained.settings.models_dir)
    challenger, shadow = registry.signed(-0.9), registry.submit(-0.8)
    loan = "personal-loan"
    assert "no challenger" in said(trained, "challenger", loan, code=1)
    assert "takes --as NAME" in said(trained, "challenger", loan, "--set", challenger, code=2)
    by = ("--because", "to see", "--as", SIGNER)
    assert told(trained, "challenger", loan, "--set", challenger, "--share", "0.5", *by)["share"] == 0.5
    assert "is the shadow now" in said(trained, "shadow", loan, "--set", shadow, *by)
    trained.wiring.models.in_use.look()
    trained.worker.models.in_use.look()
    models = decide(trained, 160, today)

    groups = tmp_path / "groups.csv"
    applicants = [row.applicant_id for row in trained.query("SELECT applicant_id FROM record.application")]
    lines = [f"{one},{'F' if place % 2 else 'M'}" for place, one in enumerate(applicants)]
    groups.write_text("\n".join(["applicant_id,sex", *lines]))
    fairness = ("--groups", str(groups), "--compare", "sex:F/M")
    assert "compared with both" in said(trained, "challenger", loan, *fairness[:2], code=2)

    found = told(trained, "challenger", loan, *fairness)
    assert found["other"]["model_sha256"] == challenger
    assert found["other"]["decisions"] == models.count(challenger)
    assert found["champion"]["decisions"] == sum(model == registry.files()[0].sha256 for model in models)
    assert found["swaps"]["decisions"] == models.count(challenger)
    # Its PDs are lower for the same applicants, so that nobody comes out worse.
    worse = ["approve", "refer", "decline"]
    assert all(worse.index(one["would_be"]) <= worse.index(one["was"]) for one in found["swaps"]["outcomes"])
    assert found["swaps"]["changed"] > 0
    assert set(found["other"]["fairness"]) == {"group", "control", "of_group", "of_control", "air"}
    assert "come out otherwise" in said(trained, "challenger", loan, *fairness)

    paired = told(trained, "shadow", loan)
    # It is held against the champion alone, on the same applicants.
    assert paired["champion"]["decisions"] == paired["other"]["decisions"] == found["champion"]["decisions"]
    assert paired["swaps"]["decisions"] == found["champion"]["decisions"]
    assert paired["apart"]["pd"]["high"] < 0
    assert paired["apart"]["approve"]["value"] >= 0
    assert "AIR" in said(trained, "shadow", loan, *fairness)

    # Of another model, of both at once: nobody is misunderstood.
    batch = next(one["sha256"] for one in told(trained, "list") if one["purpose"] == "batch")
    assert "No model of the registry" in said(trained, "shadow", loan, "--set", batch, *by, code=2)
    assert "no batch model of" in said(trained, "shadow", loan, "--purpose", "batch", "--set", challenger, *by, code=2)
    assert "one of the two" in said(trained, "shadow", loan, "--set", shadow, "--end", *by, code=2)

    for alias in ("challenger", "shadow"):
        assert f"no {alias} any more" in said(trained, alias, loan, "--end", *by)
        assert f"no {alias}" in said(trained, alias, loan, "--end", *by, code=1)
    holders = trained.wiring.models.register.holders()
    assert {change.model_sha256 for change in holders.values()} == {None}
    assert {place.purpose for place in holders} == {Purpose.COMPACT}
