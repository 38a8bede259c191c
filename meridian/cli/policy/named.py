"""Policies as people name them: a version, a file of tables, what is in force; and what sets two of them apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from meridian.cli.policy.tables import policy_in
from meridian.decision import Terms
from meridian.errors import InvalidInput
from meridian.products import Product
from meridian.registry import effective
from meridian.rulebook import differences
from meridian.wiring import Wiring
from meridian.wiring.clock import utc_now

IN_FORCE = "in-force"


def terms_named(wiring: Wiring, product: Product, text: str) -> Terms:
    """Of a version of the registry, of a file, or of what decides now."""
    if text == IN_FORCE:
        _, changes = wiring.policy_versions.list(product.name)
        holds = effective(changes, product.name, utc_now())
        return wiring.policy_versions.terms(holds.policy_sha256) if holds else product.terms
    if Path(text).exists():
        return replace(product.terms, policy=policy_in(product, Path(text)))
    if product.terms.version.startswith(text):
        return product.terms
    one = wiring.policy_versions.find(text)
    if one.product != product.name:
        raise InvalidInput(f"{one.version} is a policy of {one.product}, not of {product.name}.")
    return wiring.policy_versions.terms(one.policy_sha256)


def differences_of(before: Terms, after: Terms, product: Product) -> list[str]:
    """Of rules, bands and prices, and of what reasons say and stand for."""
    was, now = ({code.code: code.text for code in terms.reasons.codes} for terms in (before, after))
    told = differences(before.policy, after.policy, product.vocabulary, was.__getitem__, now.__getitem__)
    told += [
        f"reason {code}, was: {was.get(code, 'none')} Is: {now.get(code, 'none')}"
        for code in dict.fromkeys([*was, *now])
        if was.get(code) != now.get(code)
    ]
    one, other = ({**terms.document(), "policy": 0, "reasons": 0} for terms in (before, after))
    return told + [
        f"{name}, was: {one.get(name)} Is: {other.get(name)}" for name in other if one.get(name) != other[name]
    ]
