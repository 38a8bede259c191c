"""Evidence packs: gather a decision with its rows, their seals and its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine

from meridian.db import decisions, seals
from meridian.db.engine import transaction
from meridian.db.policies import get_policy
from meridian.errors import NotFound, NotReady
from meridian.record import EvidenceRow, Leaf
from meridian.record.pack import Packed, make_pack
from meridian.record.seal import Seal


@dataclass(frozen=True)
class Packs:
    """What an auditor takes along."""

    engine: Engine
    model_files: Callable[[str, str], Mapping[str, bytes] | None]
    """(product, hash) -> the files of that model; None where they are not kept here."""
    signing_key: Callable[[], Ed25519PrivateKey]

    def export(self, decision_id: UUID) -> bytes:
        """The pack of a decision. Raises `NotFound`, and `NotReady` while a row is not sealed or a file is missing."""
        with transaction(self.engine) as connection:
            found = decisions.get_version(connection, decision_id)
            if found is None:
                raise NotFound(f"There is no decision {decision_id}.")
            version = found.version
            application = decisions.get_application(connection, version.application_id)
            evidence = EvidenceRow(
                version.evidence_id,
                version.application_id,
                decisions.get_evidence(connection, version.application_id, version.evidence_id),
            )
            policy = get_policy(connection, version.policy_version)
            if policy is None:
                raise NotReady(f"The policy {version.policy_version} of decision {decision_id} is not in the record.")
            leaves = [row.leaf for row in (application, evidence, version, policy)]
            covering = {leaf.kind.value: _seal_of(connection, leaf) for leaf in leaves}
        model = self._model(application.product, version.model_sha256)
        return make_pack(Packed(application, evidence, version, policy, covering, model), self.signing_key())

    def _model(self, product: str, sha256: str | None) -> Mapping[str, bytes]:
        if sha256 is None:
            return {}
        model = self.model_files(product, sha256)
        if model is None:
            raise NotReady(f"The model {sha256} of {product} is not kept here: its files are missing, or were changed.")
        return model


def _seal_of(connection: Connection, leaf: Leaf) -> Seal:
    seal = seals.seal_of(connection, leaf)
    if seal is None:
        raise NotReady(
            f"A row of this decision ({leaf.kind.name.lower()} {leaf.id}) is not sealed as it stands. If the decision "
            "is some seconds old, wait for the schedule or run `meridian audit seal`; else run `meridian audit verify`."
        )
    return seal
