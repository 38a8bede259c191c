"""Seals edited, forged, swapped, removed; and the end of the record cut off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from meridian.evidence import canonical_json
from meridian.record import Leaf
from meridian.record.audit import TABLES
from meridian.record.merkle import root_of
from meridian.record.seal import make_seal
from tests.tampering.of_rows import forge_policy, insert_a_forged_version
from tests.tampering.tamperer import (
    Tamperer,
    seal_names,
    sealed_version,
    tampering,
)


@tampering
def edit_a_seal(tamperer: Tamperer) -> set[str]:
    """One bit, or some microseconds, in any of its columns."""
    number = tamperer.some_seal().number
    column = tamperer.random.choice([name for name in tamperer.columns["record.seal"] if name != "number"])
    if column == "leaves":
        bit = tamperer.random.randrange(8 * Leaf.SIZE)
        changed = f"set_bit(leaves, {bit}, 1 - get_bit(leaves, {bit}))"
    else:
        changed = tamperer.another("record.seal", column)
    tamperer.run(f"UPDATE record.seal SET {column} = {changed} WHERE number = :number", number=number)
    return seal_names(number)


@tampering
def edit_a_seal_and_every_hash_after_it(tamperer: Tamperer) -> set[str]:
    """The chain is whole again, but for the signatures, which stay as they were."""
    chain = tamperer.chain
    first = tamperer.random.randrange(len(chain))
    edited = replace(chain[first], sealed_at=chain[first].sealed_at + timedelta(seconds=1))
    before = None
    for seal in [edited, *chain[first + 1 :]]:
        before = seal if before is None else replace(seal, previous=before.sha256)
        tamperer.put_seal(before)
    return seal_names(*(seal.number for seal in chain[first:]))


@tampering
def sign_seals_with_another_key(tamperer: Tamperer) -> set[str]:
    """From one on, all of them made anew, whole in themselves."""
    return seal_names(*tamperer.made_anew(tamperer.some_seal(), tamperer.other_key))


@tampering
def forge_a_signature_under_the_true_keys_name(tamperer: Tamperer) -> set[str]:
    """The seal says it is signed by the true key; it is by another."""
    seal = tamperer.some_seal()
    forged = tamperer.other_key.sign(canonical_json(seal.head)).hex()
    tamperer.put_seal(replace(seal, signature=forged))
    return seal_names(seal.number)


@tampering
def edit_a_row_and_seal_it_anew_with_the_stolen_key(tamperer: Tamperer) -> set[str]:
    """Row, hash, leaf, root, signatures, and the chain from there on: only what is kept outside shows it."""
    row_id = sealed_version(tamperer)
    tamperer.run("UPDATE record.version SET decided_by = 'somebody else' WHERE id = :id", id=row_id)
    tamperer.rehash("record.version", row_id)
    new = tamperer.leaf("record.version", row_id).packed()
    mark = new[: -len(bytes(32))]
    for seal in tamperer.chain:
        if any(leaf.startswith(mark) for leaf in seal.split()):
            leaves = b"".join(new if leaf.startswith(mark) else leaf for leaf in seal.split())
            return seal_names(*tamperer.made_anew(replace(seal, leaves=leaves), tamperer.true_key))
    raise AssertionError("the row is in no seal")


@tampering
def remove_a_seal(tamperer: Tamperer) -> set[str]:
    """From the middle of the chain, its rows stay."""
    number = tamperer.random.choice(tamperer.chain[:-1]).number
    tamperer.run("DELETE FROM record.seal WHERE number = :number", number=number)
    return seal_names(number)


@tampering
def remove_the_last_seals(tamperer: Tamperer) -> set[str]:
    """Their rows stay."""
    first = tamperer.random.choice(tamperer.chain[1:]).number
    tamperer.run("DELETE FROM record.seal WHERE number >= :first", first=first)
    return seal_names(first)


@tampering
def remove_all_seals(tamperer: Tamperer) -> set[str]:
    """As if sealing had never begun."""
    tamperer.run("DELETE FROM record.seal")
    return seal_names(1)


@tampering
def cut_off_the_end(tamperer: Tamperer) -> set[str]:
    """The last seals, every row they cover, and everything later: the rest is whole in itself."""
    first = tamperer.random.randint(1, len(tamperer.chain))
    tamperer.cut(first)
    return seal_names(first)


@tampering
def cut_off_the_end_and_seal_on_with_the_stolen_key(tamperer: Tamperer) -> set[str]:
    """Other seals stand under the numbers of those that were cut off."""
    chain = tamperer.chain
    first = tamperer.random.randint(2, len(chain))
    tamperer.cut(first)
    before, old = chain[first - 2], chain[first - 1]
    forged = forge_policy(tamperer).packed()
    tamperer.put_seal(make_seal([forged], before=before, sealed_at=old.sealed_at, signing_key=tamperer.true_key))
    return seal_names(first)


@tampering
def swap_the_numbers_of_two_seals(tamperer: Tamperer) -> set[str]:
    """Which is to swap all else of them."""
    one, other = tamperer.random.sample(tamperer.chain, 2)
    tamperer.put_seal(replace(one, number=other.number))
    tamperer.put_seal(replace(other, number=one.number))
    return seal_names(one.number, other.number)


@tampering
def swap_a_column_of_two_seals(tamperer: Tamperer) -> set[str]:
    """Their leaves, roots, signatures or links."""
    one, other = tamperer.random.sample(tamperer.chain, 2)
    column = tamperer.random.choice(["leaves", "root", "previous", "signature", "sealed_at"])
    tamperer.put_seal(replace(one, **{column: getattr(other, column)}))
    tamperer.put_seal(replace(other, **{column: getattr(one, column)}))
    return seal_names(one.number, other.number)


@tampering
def give_a_seal_another_number(tamperer: Tamperer) -> set[str]:
    """So that there is a gap before it."""
    number = tamperer.random.choice(tamperer.chain[1:]).number
    tamperer.run("UPDATE record.seal SET number = number + 1000 WHERE number = :number", number=number)
    return seal_names(number + 1000)


@tampering
def swap_two_leaves_of_a_seal(tamperer: Tamperer) -> set[str]:
    """The same rows, in another order."""
    seal = tamperer.some_seal(least=2)
    leaves = seal.split()
    one, other = tamperer.random.sample(range(len(leaves)), 2)
    leaves[one], leaves[other] = leaves[other], leaves[one]
    tamperer.put_seal(replace(seal, leaves=b"".join(leaves)))
    return seal_names(seal.number)


@tampering
def take_a_leaf_out_of_a_seal_with_its_row(tamperer: Tamperer) -> set[str]:
    """And make its root anew, but no signature."""
    seal = tamperer.some_seal(least=2)
    leaves = seal.split()
    gone = Leaf.unpacked(leaves.pop(tamperer.random.randrange(len(leaves))))
    tamperer.run(f"DELETE FROM {TABLES[gone.kind]} WHERE id = :id", id=gone.id)
    tamperer.put_seal(replace(seal, leaves=b"".join(leaves), root=root_of(leaves).hex()))
    return seal_names(seal.number)


@tampering
def smuggle_a_forged_row_into_a_seal(tamperer: Tamperer) -> set[str]:
    """With its root made anew or not."""
    (forged,) = insert_a_forged_version(tamperer)
    table, row_id = forged.split(" ")
    seal = tamperer.some_seal()
    leaves = [*seal.split(), tamperer.leaf(table, UUID(row_id)).packed()]
    root = root_of(leaves).hex() if tamperer.random.random() < 0.5 else seal.root
    tamperer.put_seal(replace(seal, leaves=b"".join(leaves), root=root))
    return seal_names(seal.number)
