"""An evidence pack: one decision with all that it was made from and all that proves it, in one signed zip file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meridian.evidence import canonical_json
from meridian.record.check_pack import MANIFEST, SIGNATURE, sha256
from meridian.record.rows import Application, EvidenceRow, PolicyRow
from meridian.record.seal import Seal, public_key
from meridian.record.version import Version

FORMAT = 1
NO_TIME = (1980, 1, 1, 0, 0, 0)
"""A zip file's earliest: the same pack has the same bytes."""
README = """An evidence pack of Meridian: one credit decision, with all that it was made from.

decision.json    the decision as it was answered        evidence.json   what was known, from where, how old
policy.json      rules, bands, prices, reason texts     model/          the model, its reference population
rows.json        the rows of the record, with the proof that each is in its seal
seals.json       those seals, signed                    manifest.json   every file's hash; signed in manifest.sig

python check_pack.py PACK.zip KEY          checks hashes, proofs and signatures; KEY is the lender's public key
python -m meridian.record.verify PACK.zip  does the same and decides again (pip install meridian-credit)
"""


@dataclass(frozen=True)
class Packed:
    """What goes into a pack. `model` has the files of the model by name, empty where there was none."""

    application: Application
    evidence: EvidenceRow
    version: Version
    policy: PolicyRow
    seals: Mapping[str, Seal]
    """By the letter of the row's kind: the seal that covers it."""
    model: Mapping[str, bytes]


def make_pack(packed: Packed, signing_key: Ed25519PrivateKey) -> bytes:
    """The zip file."""
    contents = {
        "README.txt": README.encode(),
        "decision.json": packed.version.text.encode(),
        "evidence.json": packed.evidence.evidence.text.encode(),
        "policy.json": packed.policy.document.encode(),
        "rows.json": canonical_json([_row(row, packed) for row in _rows(packed)]),
        "seals.json": canonical_json({str(seal.number): _seal(seal) for seal in packed.seals.values()}),
        "check_pack.py": (files("meridian.record") / "check_pack.py").read_bytes(),
        **{f"model/{name}": content for name, content in packed.model.items()},
    }
    manifest = canonical_json(
        {
            "format": FORMAT,
            "decision_id": str(packed.version.id),
            "decided_by": packed.version.decided_by,
            "files": {name: sha256(content) for name, content in contents.items()},
            "key": public_key(signing_key),
        }
    )
    contents |= {MANIFEST: manifest, SIGNATURE: signing_key.sign(manifest).hex().encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, content in sorted(contents.items()):
            pack.writestr(zipfile.ZipInfo(name, NO_TIME), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


Row = Application | EvidenceRow | Version | PolicyRow


def _rows(packed: Packed) -> tuple[Row, ...]:
    return packed.application, packed.evidence, packed.version, packed.policy


def _row(row: Row, packed: Packed) -> dict[str, Any]:
    kind = row.leaf.kind.value
    seal = packed.seals[kind]
    proof = [[side, neighbour.hex()] for side, neighbour in seal.proof(row.leaf.packed())]
    return {"kind": kind, "fields": list(row.fields), "seal": seal.number, "proof": proof}


def _seal(seal: Seal) -> dict[str, str]:
    return {"head": canonical_json(seal.head).decode(), "signature": seal.signature}
