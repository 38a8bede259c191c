"""What people do to the registry: submit, approve, promote, roll back. Each gives the password of the review desk."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from meridian.cli.models.examine import examine
from meridian.cli.models.kept import CARD, registrar
from meridian.cli.models.look import SHOWN
from meridian.cli.screen import ask_password, print_json, talk
from meridian.db.registry import Registered
from meridian.errors import InvalidInput, Unauthenticated
from meridian.products import Product, find_product
from meridian.registry import Change, Purpose, bundle_folder, load_manifest, read_files
from meridian.settings import Settings, load_settings
from meridian.wiring import Wiring

DECISIONS = 1000
BY = typer.Option(..., "--as", help="Who you are: a name of `meridian users add`; its password is asked for.")
BECAUSE = typer.Option(..., help="Why, in a few words; it stands in the audit views.")
MODEL = typer.Argument(help="The model's hash, or its first digits.")
PRODUCT = typer.Argument(help="The product, e.g. personal-loan.")
AS_JSON = typer.Option(False, "--json", help="What was done as JSON.")


def submit(
    product: str = PRODUCT,
    data: Path = typer.Option(..., help="Past loans to measure the gates on: a file, or a folder."),
    owner: str = typer.Option(..., help="Who answers for the model."),
    use: str = typer.Option(..., help="What it is to be used for."),
    by: str = BY,
    purpose: Purpose = typer.Option(Purpose.COMPACT, help="Which of its models."),
    folder: Path | None = typer.Option(None, help="A model elsewhere than in the home."),
    decisions: int = typer.Option(DECISIONS, min=1, help="Make so many past decisions again with it."),
    as_json: bool = AS_JSON,
) -> None:
    """Put a model forward: measure its gates, and store them with its files, for another person to sign.

    Exit code 1 where it did not pass them all: it is stored all the same, and who signs has to waive each.
    """
    settings, of = load_settings(), find_product(product)
    wiring = registrar(settings)
    authenticate(wiring, by)
    # A copy: what is measured is what is stored, whoever trains meanwhile.
    with TemporaryDirectory() as copy:
        place = Path(shutil.copytree(folder or _folder(settings, of, purpose), Path(copy) / purpose))
        manifest = load_manifest(place)
        found = examine(of, place, data, decisions)
        if not found.gates[0].passed:
            raise InvalidInput(f"The registry takes no model that is not what it says: {found.gates[0].found}")
        cards = {name: (place / name).read_bytes() for name in (CARD, "card.json") if (place / name).exists()}
        submission = wiring.registrations.submit(
            manifest, {**read_files(place), **cards}, [gate.document() for gate in found.gates],
            owner=owner, intended_use=use, data=(str(data), found.lineage.sha256), by=by,
        )  # fmt: skip
    if as_json:
        gates = [gate.document() for gate in found.gates]
        print_json({"submission": submission.id, "sha256": manifest.sha256, "passed": found.passed, "gates": gates})
    else:
        found.tell()
        talk.print(
            f"{manifest.name} {manifest.sha256[:SHOWN]} is put forward. Another person signs for it: "
            f"meridian models approve {manifest.sha256[:SHOWN]} --as NAME", markup=False,
        )  # fmt: skip
    raise typer.Exit(0 if found.passed else 1)


def approve(
    sha256: str = MODEL,
    by: str = BY,
    waive: list[str] = typer.Option([], help="A gate that it did not pass, and why that is borne: 'gate=why'."),
    note: str = typer.Option("", help="What else is to be said."),
    as_json: bool = AS_JSON,
) -> None:
    """Sign for a model that somebody else has put forward."""
    wiring, waivers = registrar(), dict(_waiver(text) for text in waive)
    looked_at = wiring.registrations.find(sha256)
    _tell_submission(looked_at)
    authenticate(wiring, by)
    one = wiring.registrations.approve(looked_at, waivers, note, by)
    if as_json:
        print_json({"sha256": one.manifest.sha256, "approved_by": by, "waivers": dict(one.waivers)})
    else:
        short = one.manifest.sha256[:SHOWN]
        talk.print(
            f"{by} has signed for {one.manifest.name} {short}. To have it decide: "
            f"meridian models promote {short} --because WHY --as NAME", markup=False,
        )  # fmt: skip


def promote(sha256: str = MODEL, by: str = BY, because: str = BECAUSE, as_json: bool = AS_JSON) -> None:
    """Have a model decide, in every running process, within seconds."""
    wiring = registrar()
    authenticate(wiring, by)
    tell(wiring.registrations.promote(sha256, because, by), as_json=as_json)


def rollback(
    product: str = PRODUCT,
    by: str = BY,
    because: str = BECAUSE,
    purpose: Purpose = typer.Option(Purpose.COMPACT, help="Which of its models."),
    as_json: bool = AS_JSON,
) -> None:
    """Have the former champion decide again."""
    wiring = registrar()
    authenticate(wiring, by)
    tell(wiring.registrations.rollback(find_product(product).name, purpose, because, by), as_json=as_json)


def authenticate(wiring: Wiring, by: str) -> None:
    """Ask for the person's password. Raises `Unauthenticated` where it is not theirs."""
    if not wiring.keys.sign_in(by, ask_password(f"Password of {by}")):
        raise Unauthenticated(f"That is not the password of {by}, or there is no such person; `meridian users add`.")


def tell(change: Change, *, as_json: bool) -> None:
    """What was changed."""
    place, sha256 = change.place, change.model_sha256
    if as_json:
        print_json(
            {**place._asdict(), "number": change.number, "sha256": sha256, "share": change.share,
             "because": change.because, "changed_by": change.changed_by, "back": change.back}
        )  # fmt: skip
        return
    who = f"{sha256[:SHOWN]} is the {place.alias} now" if sha256 else f"there is no {place.alias} any more"
    talk.print(f"{place.product}, {place.purpose}: {who}, in every process within seconds.", markup=False)


def _folder(settings: Settings, product: Product, purpose: Purpose) -> Path:
    """Where the home has the model. Raises `NotReady` where it has none."""
    folder = bundle_folder(settings.models_dir, product.name, purpose)
    load_manifest(folder)
    return folder


def _tell_submission(of: Registered) -> None:
    """What is about to be signed for, beside the outcome."""
    submission = of.submission
    talk.print(
        f"{of.manifest.name} {of.manifest.sha256[:SHOWN]}, submitted {submission.submitted_at:%Y-%m-%d %H:%M} by "
        f"{submission.submitted_by}, owner {submission.owner}, for: {submission.intended_use}", markup=False,
    )  # fmt: skip
    for gate in submission.gates:
        talk.print(f"  {'passed' if gate['passed'] else 'FAILED'}  {gate['name']}: {gate['found']}", markup=False)


def _waiver(text: str) -> tuple[str, str]:
    gate, equals, why = text.partition("=")
    if not equals or not why.strip():
        raise InvalidInput(f"--waive {text!r} is no waiver; write the gate's name, = and why that is borne.")
    return gate.strip(), why.strip()
