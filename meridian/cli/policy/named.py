"""Policies as people name them: a version of the registry, a file of tables, or what is in force."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from meridian.cli.policy.tables import policy_in
from meridian.decision import Terms
from meridian.errors import InvalidInput
from meridian.products import Product
from meridian.wiring import Wiring

IN_FORCE = "in-force"


def terms_named(wiring: Wiring, product: Product, text: str) -> Terms:
    """Of a version of the registry, of a file, or of what decides now."""
    if text == IN_FORCE:
        return wiring.policy_versions.in_force(product.name)
    if Path(text).exists():
        return replace(product.terms, policy=policy_in(product, Path(text)))
    if product.terms.version.startswith(text):
        return product.terms
    one = wiring.policy_versions.find(text)
    if one.product != product.name:
        raise InvalidInput(f"{one.version} is a policy of {one.product}, not of {product.name}.")
    return wiring.policy_versions.terms(one.policy_sha256)
