"""Versions of a policy: what they say otherwise, put forward, signed for, in force from when on, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import typer

from meridian.cases import checks_of
from meridian.cli.models.kept import registrar
from meridian.cli.models.register import AS_JSON, BECAUSE, BY, authenticate
from meridian.cli.policy.named import IN_FORCE, terms_named
from meridian.cli.replay import moment
from meridian.cli.screen import out, print_json, print_table, talk
from meridian.db.policy_versions import PolicySubmission
from meridian.errors import NotReady
from meridian.products import find_product
from meridian.registry import PolicyChange, differences_of
from meridian.rulebook import sentences_of
from meridian.service import status_of
from meridian.wiring import Wiring
from meridian.wiring.clock import utc_now

PRODUCT = typer.Argument(help="The product, e.g. personal-loan.")
VERSION = typer.Argument(help="The policy's version, or its hash; the first characters are enough.")


def versions(
    product: str | None = typer.Argument(None, help="The product; left out: all of them."), as_json: bool = AS_JSON
) -> None:
    """List the policies that were put forward: who signed for them, and which are in force from when on."""
    name = find_product(product).name if product else None
    wiring = registrar()
    found, changes = wiring.policy_versions.list(name)
    if as_json:
        print_json(
            {"versions": [_document(one, changes) for one in found], "changes": [vars(change) for change in changes]}
        )  # fmt: skip
        return
    rows = [
        (one.version, status_of(one, changes, utc_now()), f"{one.submitted_at:%Y-%m-%d} {one.submitted_by}",
         one.approved_by or "nobody", one.because)
        for one in found
    ]  # fmt: skip
    print_table(("version", "is", "submitted", "signed for by", "because"), rows)


def diff(
    product: str = PRODUCT,
    before: str = typer.Argument(help="A version, a file of tables, or `in-force`."),
    after: str = typer.Argument(help="Another."),
    as_json: bool = AS_JSON,
) -> None:
    """Say in sentences what one policy says otherwise than another."""
    of, wiring = find_product(product), registrar()
    one, other = (terms_named(wiring, of, text) for text in (before, after))
    found = differences_of(one, other, of)
    if as_json:
        print_json({"before": one.version, "after": other.version, "differences": found})
        return
    out.print(f"{one.version} -> {other.version}:", markup=False)
    for sentence in found or ["They say the same."]:
        out.print(f"- {sentence}", markup=False)


def submit(
    product: str = PRODUCT,
    because: str = BECAUSE,
    by: str = BY,
    file: Path | None = typer.Option(None, help="Its tables; left out: those of the product's folder."),
    as_json: bool = AS_JSON,
) -> None:
    """Put a policy forward, for another person to sign. Exit code 1 where the models that decide do not go with it."""
    of, wiring = find_product(product), registrar()
    terms = terms_named(wiring, of, str(file)) if file else of.terms
    authenticate(wiring, by)
    one = wiring.policy_versions.submit(of.name, terms, checks_of(of, terms, file), because, by)
    if as_json:
        print_json({"version": one.version, "sha256": one.policy_sha256, "checks": one.checks})
    else:
        _tell(one)
        talk.print(f"Another person signs for it: meridian policy approve {one.version} --as NAME", markup=False)
    raise typer.Exit(1 if one.failed else 0)


def approve(
    version: str = VERSION,
    by: str = BY,
    note: str = typer.Option("", help="What is to be said."),
    as_json: bool = AS_JSON,
) -> None:
    """Sign for a policy that somebody else has put forward; what it changes is shown first."""
    wiring = registrar()
    looked_at = wiring.policy_versions.find(version)
    _tell(looked_at)
    of, other = find_product(looked_at.product), wiring.policy_versions.terms(looked_at.policy_sha256)
    try:
        told = differences_of(terms_named(wiring, of, IN_FORCE), other, of)
    except NotReady as error:
        talk.print(f"{error} All of the new one:", markup=False)
        told = sentences_of(other.policy, of.vocabulary, lambda code: other.reasons[code].text)
    for sentence in told:
        talk.print(f"- {sentence}", markup=False)
    authenticate(wiring, by)
    signed = wiring.policy_versions.approve(looked_at, note, by)
    if as_json:
        print_json({"version": signed.version, "approved_by": by})
    else:
        talk.print(f"{by} has signed for {signed.version}. To have it decide: meridian policy publish {signed.version} "
                   "--because WHY --as NAME", markup=False)  # fmt: skip


def publish(
    version: str = VERSION,
    because: str = BECAUSE,
    by: str = BY,
    since: str | None = typer.Option(None, "--from", help="From when on, e.g. 2026-12-01T00:00+00:00; now, if not."),
    as_json: bool = AS_JSON,
) -> None:
    """Have a policy decide, in every running process, from now or from a moment on."""
    wiring, begins = registrar(), moment(since)
    authenticate(wiring, by)
    _told(wiring.policy_versions.publish(version, begins, because, by), wiring, as_json=as_json)


def rollback(product: str = PRODUCT, because: str = BECAUSE, by: str = BY, as_json: bool = AS_JSON) -> None:
    """Have the policy decide again that did before the one that does; what was yet to come is dropped."""
    wiring = registrar()
    authenticate(wiring, by)
    _told(wiring.policy_versions.rollback(find_product(product).name, because, by), wiring, as_json=as_json)


def _document(one: PolicySubmission, changes: Sequence[PolicyChange]) -> dict[str, object]:
    return {**vars(one), "is": status_of(one, changes, utc_now())}


def _tell(one: PolicySubmission) -> None:
    talk.print(f"{one.version} ({one.product}), {one.because}", markup=False)
    for check in one.checks:
        talk.print(f"  {'passed' if check['passed'] else 'FAILED'}  {check['name']}: {check['found']}", markup=False)


def _told(change: PolicyChange, wiring: Wiring, *, as_json: bool) -> None:
    version = wiring.policy_versions.find(change.policy_sha256).version
    if as_json:
        print_json({**vars(change), "version": version})
    else:
        begins = f"{change.effective_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        talk.print(
            f"{change.product}: {version} decides from {begins} on, in every process within seconds.", markup=False
        )
