"""Products with the policies that decide now: what the registry says, and where it says nothing, what is declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

import structlog

from meridian.decision import Terms
from meridian.errors import NotReady
from meridian.evidence import sha256_of
from meridian.followed import Followed
from meridian.policy.derived import DERIVED
from meridian.products import Product
from meridian.products.own.checks import PRICED

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


def held(changes: Sequence[PolicyChange], product: str, now: datetime) -> list[PolicyChange]:
    """The changes that are in force or were, in their order; not those that a later one came before."""
    of = sorted((change for change in changes if change.product == product), key=lambda change: change.number)
    return [
        change
        for place, change in enumerate(of)
        if change.effective_at <= now and all(later.effective_at > change.effective_at for later in of[place + 1 :])
    ]


def effective(changes: Sequence[PolicyChange], product: str, now: datetime) -> PolicyChange | None:
    """The change that holds: of those that are effective, the one with the highest number; None: none is."""
    return next(reversed(held(changes, product, now)), None)


def to_come(changes: Sequence[PolicyChange], product: str, now: datetime) -> list[PolicyChange]:
    """The changes that will hold one day, as things stand."""
    return held(changes, product, datetime.max.replace(tzinfo=UTC))[len(held(changes, product, now)) :]


def read_terms(text: str | None, sha256: str) -> Terms:
    """The terms that this text holds. Raises `NotReady` where it is none, or another's, or says more than is read."""
    if text is None:
        raise NotReady(f"The registry has no policy {sha256}.")
    try:
        terms = Terms.from_text(text)
        understood = sha256_of(terms.document())
    except Exception as error:
        raise NotReady(f"The policy {sha256} cannot be read by this release: {error!r}.") from None
    if terms.sha256 != sha256:
        raise NotReady(f"What the registry has for the policy {sha256} is {terms.sha256}.")
    if understood != sha256:
        raise NotReady(f"The policy {sha256} says more than this release reads; it is of another one.")
    return terms


def with_terms(product: Product, terms: Terms) -> Product:
    """The product decided by other terms. Raises `NotReady` where they do not go with it as it is now."""
    wrong = next(_wrong(product, terms), None)
    if wrong is not None:
        raise NotReady(f"The policy {terms.version} is not for {product.name} as it is now: {wrong}.")
    return replace(product, terms=terms)


def _wrong(product: Product, terms: Terms) -> Iterator[str]:
    """What does not go together, in words."""
    policy, known = terms.policy, {code.code for code in terms.reasons.codes}
    if unknown := sorted((policy.fields - set(product.vocabulary.fields)) | (set(policy.derived) - set(DERIVED))):
        yield f"it reads {', '.join(unknown)}"
    if groups := sorted({feature.group for feature in product.features} - known):
        yield f"no reasons are there for {', '.join(groups)}"
    of_sources = (terms.unknown_reasons, terms.nothing_reasons, terms.failed_reasons)
    given = {terms.no_score_reason, *(code for codes in of_sources for code in codes.values())}
    given |= {code for rule in policy.rules for code in (rule.reason, rule.unknown_reason)}
    if codes := sorted(given - known):
        yield f"it gives the reasons {', '.join(codes)}, which have no text"
    if terms.offers is not None:
        if terms.offers.untold:
            yield f"its offers have no reason for {', '.join(terms.offers.untold)}"
        if codes := sorted(set(terms.offers.reasons.values()) - known):
            yield f"its offers give the reasons {', '.join(codes)}, which have no text"
    form = getattr(product.request.model_fields["application"].annotation, "model_fields", {})
    asked = [name for name in (*PRICED, *(("state",) if terms.offers else ())) if name not in form]
    if (policy.prices or terms.offers) and asked:
        yield f"it has {'offers' if terms.offers else 'prices'}, and the application has no {', '.join(asked)}"
    try:
        for rule in policy.rules:
            rule.judged({}, {})
    except Exception as error:
        yield f"a rule cannot be judged: {error!r}"


@dataclass(frozen=True)
class Offered:
    """A product with the policy that decides, and the change by which it is to (None: it is what is declared);
    `product` is None where nothing that was ever in force can be used.
    """

    product: Product | None
    change: PolicyChange | None

    @property
    def as_said(self) -> bool:
        """Whether the policy that is to decide does."""
        return self.change is None or (
            self.product is not None and self.product.terms.sha256 == self.change.policy_sha256
        )  # fmt: skip


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
        """Raises `Unavailable` where the registry was never reached: then nobody knows which policy decides; and
        `NotReady` where none that was ever in force can be used.
        """
        if name not in self._declared:
            raise KeyError(name)
        product = self._offered.now()[name].product
        if product is None:
            raise NotReady(f"No policy that is registered for {name} can be used; the log has why. Publish another.")
        return product

    def __contains__(self, name: object) -> bool:
        return name in self._declared

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)

    def look(self) -> None:
        """Take over what the registry says now. Raises `Unavailable`."""
        self._offered.look()

    def unusable(self) -> list[str]:
        """Products whose policy in force cannot be used. Raises `Unavailable` as above."""
        return [name for name, offered in self._offered.now().items() if not offered.as_said]

    def stop(self) -> None:
        """Look no more."""
        self._offered.stop()

    def _look(self, before: Mapping[str, Offered] | None) -> Mapping[str, Offered]:
        changes, now = self._register.policy_changes(), self._clock()
        return {
            name: self._take_over(name, (before or {}).get(name), held(changes, name, now)) for name in self._declared
        }

    def _take_over(self, name: str, before: Offered | None, changes: Sequence[PolicyChange]) -> Offered:
        if not changes:
            return Offered(self._declared[name], None)
        if before is not None and before.change == changes[-1]:
            return before
        product = self._usable(name, changes[-1])
        if product is None:
            # A process that has just started goes by what the others go on with: the newest that can be used.
            former = (self._usable(name, change) for change in reversed(changes[:-1]))
            product = before.product if before is not None else next((one for one in former if one), None)
        return Offered(product, changes[-1])

    def _usable(self, name: str, change: PolicyChange) -> Product | None:
        """The product with that policy; None where it cannot be used. Said once: neither it nor the reason changes."""
        declared, told = self._declared[name], {"product": name, "sha256": change.policy_sha256}
        try:
            same = change.policy_sha256 == declared.terms.sha256
            terms = (
                declared.terms if same else read_terms(self._register.terms(change.policy_sha256), change.policy_sha256)
            )
            taken = with_terms(declared, terms)
        except NotReady as error:
            log.error("policy_unusable", **told, error=str(error))  # noqa: TRY400  # the sentence says it all
            return None
        if terms.offers is not None:
            terms.offers.prepare()
        log.info("policy_in_use", **told, version=terms.version)
        return taken
