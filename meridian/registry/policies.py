"""Products with the policies that decide now: what the registry says, and where it says nothing, what is declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog

from meridian.decision import Terms
from meridian.errors import NotReady
from meridian.products import Product
from meridian.registry.followed import Followed

log = structlog.get_logger()


@dataclass(frozen=True)
class PolicyChange:
    """From `effective_at` on, that policy decides about a product. `back` puts the former one back."""

    product: str
    number: int
    policy_sha256: str
    effective_at: datetime
    back: bool
    because: str
    changed_by: str
    changed_at: datetime | None = None
    """Set by the database."""


class PolicyRegister(Protocol):
    """Where policies are registered. Both may raise `Unavailable`."""

    def policy_changes(self) -> Sequence[PolicyChange]:
        """By product what is effective, and what will be; the lowest number first."""

    def terms(self, sha256: str) -> str | None:
        """The terms of a policy, as text; None where it is not registered."""


def effective(changes: Sequence[PolicyChange], product: str, now: datetime) -> PolicyChange | None:
    """The change that holds: of those that are effective, the one with the highest number."""
    of = [change for change in changes if change.product == product and change.effective_at <= now]
    return max(of, key=lambda change: change.number, default=None)


def read_terms(text: str | None, sha256: str) -> Terms:
    """The terms that this text holds. Raises `NotReady` where it is none, or another's."""
    if text is None:
        raise NotReady(f"The registry has no policy {sha256}.")
    try:
        terms = Terms.from_text(text)
    except (KeyError, TypeError, ValueError) as error:
        raise NotReady(f"The policy {sha256} cannot be read by this release: {error!r}.") from None
    if terms.sha256 != sha256:
        raise NotReady(f"What the registry has for the policy {sha256} is {terms.sha256}.")
    return terms


def with_terms(product: Product, terms: Terms) -> Product:
    """The product decided by other terms. Raises `NotReady` where they read what it does not have."""
    unknown = sorted(terms.policy.fields - set(product.vocabulary.fields))
    groups = sorted({feature.group for feature in product.features} - {code.code for code in terms.reasons.codes})
    if unknown or groups:
        lacks = f"it reads {', '.join(unknown)}" if unknown else f"no reasons are there for {', '.join(groups)}"
        raise NotReady(f"The policy {terms.version} is not for {product.name} as it is now: {lacks}.")
    return replace(product, terms=terms)


@dataclass(frozen=True)
class Offered:
    """A product with the policy that decides, and the change by which it does; None: it is what is declared."""

    product: Product
    change: PolicyChange | None


class OfferedProducts(Mapping[str, Product]):
    """The products of this process, each with the policy that decides now.

    Looked at every second. Whoever has a product in hand keeps its policy to the end of that decision. Where the
    registry cannot be reached, what it said last goes on; a policy that cannot be used takes no other's place.
    """

    def __init__(self, register: PolicyRegister, declared: Mapping[str, Product], clock: Callable[[], datetime]):
        self._register = register
        self._declared = declared
        self._clock = clock
        self._offered = Followed("policies", self._look)

    def __getitem__(self, name: str) -> Product:
        """Raises `Unavailable` where the registry was never reached: then nobody knows which policy decides."""
        if name not in self._declared:
            raise KeyError(name)
        return self._offered.now()[name].product

    def __contains__(self, name: object) -> bool:
        return name in self._declared

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)

    def look(self) -> None:
        """Take over what the registry says now. Raises `Unavailable`."""
        self._offered.look()

    def stop(self) -> None:
        """Look no more."""
        self._offered.stop()

    def _look(self, before: Mapping[str, Offered] | None) -> Mapping[str, Offered]:
        changes, now = self._register.policy_changes(), self._clock()
        return {
            name: self._take_over(
                before[name] if before else Offered(product, None), effective(changes, name, now)
            )
            for name, product in self._declared.items()
        }  # fmt: skip

    def _take_over(self, before: Offered, change: PolicyChange | None) -> Offered:
        if change == before.change or change is None:
            return before
        declared = self._declared[before.product.name]
        told = {"product": declared.name, "sha256": change.policy_sha256}
        try:
            terms = (
                declared.terms if change.policy_sha256 == declared.terms.sha256 else self._read(change.policy_sha256)
            )
            taken = with_terms(declared, terms)
        except NotReady as error:
            # Said once: the change stays the same, and so does what is wrong with it.
            log.error("policy_unusable", **told, error=str(error))  # noqa: TRY400  # the sentence says it all
            return Offered(before.product, change)
        log.info("policy_in_use", **told, version=terms.version)
        return Offered(taken, change)

    def _read(self, sha256: str) -> Terms:
        return read_terms(self._register.terms(sha256), sha256)
