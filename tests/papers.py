"""Certificates for tests, and who vouches for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Paper:
    """A certificate and its key, in PEM files."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """Who vouches: makes certificates for 127.0.0.1."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        self.folder.mkdir()
        object.__setattr__(self, "_key", ec.generate_private_key(ec.SECP256R1()))
        self.paper(self.name, ca=True)

    @property
    def cert(self) -> Path:
        return self.folder / f"{self.name}.pem"

    def paper(self, name: str, *, ca: bool = False) -> Paper:
        key: ec.EllipticCurvePrivateKey = self._key if ca else ec.generate_private_key(ec.SECP256R1())  # type: ignore[attr-defined]
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(self._key, hashes.SHA256())  # type: ignore[attr-defined]
        )
        paper = Paper(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        paper.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        paper.key.write_bytes(as_pem(key, serialization.NoEncryption()))
        return paper


def as_pem(key: ec.EllipticCurvePrivateKey, how: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
