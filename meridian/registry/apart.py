"""What sets two policies apart, in sentences."""

from __future__ import annotations

from meridian.decision import Terms
from meridian.products import Product
from meridian.rulebook import differences


def differences_of(before: Terms, after: Terms, product: Product) -> list[str]:
    """What one says otherwise than the other: of rules, bands and prices, and of what reasons say and stand for."""
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
