"""Check an evidence pack with nothing but Python: `python check_pack.py pack.zip [KEY]`.

Every pack carries a copy of this file. It is written apart from the code that makes packs, so that each proves the
other. It shows that the decision, its evidence, its policy and its model are those that were sealed, and by which key;
whether the policy and the model do lead to the decision, `python -m meridian.record.verify` finds out. Signatures are
checked where the package `cryptography` is installed.
"""

import hashlib
import json
import sys
import zipfile
from typing import Any

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
PLACE = {"a": "application", "e": "evidence", "v": "version", "p": "policy"}


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read(path: str) -> dict[str, bytes]:
    """The files of a pack by name."""
    with zipfile.ZipFile(path) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def problems(files: dict[str, bytes], key: str | None = None) -> list[str]:
    """What does not hold. `key` is the public key that is trusted, in hexadecimal; without one, any that agrees."""
    manifest = json.loads(files[MANIFEST])
    found = [f"{name} is not in the pack" for name in manifest["files"] if name not in files]
    found += [
        f"{name} was changed or added: its hash is not the one in {MANIFEST}"
        for name, content in files.items()
        if name not in (MANIFEST, SIGNATURE) and sha256(content) != manifest["files"].get(name)
    ]
    if found:
        return found
    if key and manifest["key"] != key:
        found.append(f"the pack is signed with the key {manifest['key']}, not with the one that is trusted")
    if not signed(manifest["key"], files[SIGNATURE].decode().strip(), files[MANIFEST]):
        found.append(f"the signature of {MANIFEST} is not that of its content")
    seals = json.loads(files["seals.json"])
    for number, seal in seals.items():
        head = json.loads(seal["head"])
        if str(head["number"]) != number or (key and head["key"] != key):
            found.append(f"seal {number} is another one, or made with another key")
        if not signed(head["key"], seal["signature"], seal["head"].encode()):
            found.append(f"the signature of seal {number} is not that of its content")
    rows = {row["kind"]: row for row in json.loads(files["rows.json"])}
    for kind, row in rows.items():
        if root(leaf(row), row["proof"]) != json.loads(seals[str(row["seal"])]["head"])["root"]:
            found.append(f"the {PLACE[kind]} is not in the seal that is named: its proof leads elsewhere")
    return found + links(rows, files)


def links(rows: dict[str, Any], files: dict[str, bytes]) -> list[str]:
    """Whether the rows belong together, and the documents are those that the rows state."""
    application, evidence, version, policy = (rows[kind]["fields"] for kind in "aevp")
    agree = {
        "the evidence belongs to another application": evidence[1] == application[0],
        "the decision belongs to another application": version[1] == application[0],
        "the decision was made from other evidence": version[3] == evidence[0],
        "the decision was made by another policy": version[8] == policy[1],
        "evidence.json is another document than the row states": evidence[2] == sha256(files["evidence.json"]),
        "decision.json is another document than the row states": version[12] == sha256(files["decision.json"]),
        "policy.json is another document than the row states": policy[2] == sha256(files["policy.json"]),
        "the policy's version is not that of its content": policy[1].endswith(policy[2][:12]),
        "the decision names other evidence": json.loads(files["decision.json"])["evidence"]["hash"] == evidence[2],
    }
    return [problem for problem, holds in agree.items() if not holds]


def leaf(row: dict[str, Any]) -> bytes:
    """A row's leaf: its kind, its id, and the SHA-256 of its columns as a JSON array."""
    kind, row_id = str(row["kind"]), str(row["fields"][0]).replace("-", "")
    content = json.dumps([kind, *row["fields"]], ensure_ascii=False, separators=(",", ":"))
    return kind.encode() + bytes.fromhex(row_id) + hashlib.sha256(content.encode()).digest()


def root(content: bytes, proof: list[list[str]]) -> str:
    """Where the neighbours of a leaf lead to (RFC 9162, 2.1.3)."""
    node = hashlib.sha256(b"\x00" + content).digest()
    for side, neighbour in proof:
        pair = bytes.fromhex(neighbour) + node if side == "left" else node + bytes.fromhex(neighbour)
        node = hashlib.sha256(b"\x01" + pair).digest()
    return node.hex()


def signed(key: str, signature: str, content: bytes) -> bool:
    """Whether the key signed the content (Ed25519); not checked, and said so, without `cryptography`."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        sys.stderr.write("signatures are not checked: the package cryptography is not installed\n")
        return True
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


if __name__ == "__main__":
    pack_files = read(sys.argv[1])
    what_fails = problems(pack_files, sys.argv[2] if len(sys.argv) > 2 else None)
    sys.stdout.write("".join(f"!! {problem}\n" for problem in what_fails) or "The pack holds.\n")
    sys.stdout.write(f"signed by {json.loads(pack_files[MANIFEST])['key']}\n")
    sys.exit(1 if what_fails else 0)
