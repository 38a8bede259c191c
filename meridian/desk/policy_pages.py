"""What the pages on policies show, prepared from the service's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from meridian.db.backtests import KeptBacktest
from meridian.db.policy_versions import PolicySubmission
from meridian.decision import Terms
from meridian.errors import NotReady
from meridian.policy import Rule
from meridian.products import Product
from meridian.registry import PolicyChange, differences_of, effective
from meridian.rulebook import sentences_of
from meridian.rulebook.sentences import condition
from meridian.service import PolicyVersions, status_of


@dataclass(frozen=True)
class InForce:
    """The policy that decides about a product; `since` is None where it is the folder's, `trouble` says why none is."""

    product: str
    title: str
    version: str
    since: datetime | None
    because: str
    trouble: str = ""


@dataclass(frozen=True)
class VersionRow:
    """A policy that was put forward."""

    version: str
    product: str
    status: str
    submitted_by: str
    submitted_at: datetime | None
    approved_by: str | None
    because: str


@dataclass(frozen=True)
class PoliciesPage:
    """What decides now, and all that was put forward."""

    in_force: Sequence[InForce]
    versions: Sequence[VersionRow]


@dataclass(frozen=True)
class RuleRow:
    """A rule as a row: when it hits, what follows, and for what reason."""

    name: str
    where: str
    effect: str
    reason: str
    text: str
    unknown: str
    dates: str


@dataclass(frozen=True)
class PolicyPage:
    """One policy. `submission` is None for the folder's; `differences` are from what is in force now, None for it."""

    version: str
    product: str
    title: str
    status: str
    rules: Sequence[RuleRow]
    sentences: Sequence[str]
    """Of bands and prices."""
    differences: Sequence[str] | None
    submission: PolicySubmission | None
    backtests: Sequence[KeptBacktest]
    may_sign: bool
    why_not: str


def policies_page(policies: PolicyVersions, products: Mapping[str, Product], now: datetime) -> PoliciesPage:
    """All products, and all versions, the newest first."""
    found, changes = policies.list()
    return PoliciesPage(
        [_in_force(policies, product, changes, now) for product in products.values()],
        [
            VersionRow(
                one.version, one.product, status_of(one, changes, now), one.submitted_by, one.submitted_at,
                one.approved_by, one.because,
            )
            for one in found
        ],
    )  # fmt: skip


def _in_force(policies: PolicyVersions, product: Product, changes: Sequence[PolicyChange], now: datetime) -> InForce:
    holds = effective(changes, product.name, now)
    try:
        version, trouble = policies.in_force(product.name).version, ""
    except NotReady as error:
        version, trouble = "", str(error)
    since, because = (holds.effective_at, holds.because) if holds else (None, "")
    return InForce(product.name, product.title, version, since, because, trouble)


def policy_page(
    policies: PolicyVersions, product: Product, terms: Terms, submission: PolicySubmission | None,
    backtests: Sequence[KeptBacktest], analyst: str, now: datetime,
) -> PolicyPage:  # fmt: skip
    """One policy of a product, as an analyst sees it."""
    texts = {code.code: code.text for code in terms.reasons.codes}
    told = sentences_of(terms.policy, product.vocabulary, texts.__getitem__)
    status = status_of(submission, policies.list(product.name)[1], now) if submission else "of the product's folder"
    may_sign, why_not = _signing(submission, backtests, analyst)
    return PolicyPage(
        version=terms.version,
        product=product.name,
        title=product.title,
        status=status,
        rules=[_rule(rule, product, texts) for rule in terms.policy.rules],
        sentences=told[len(terms.policy.rules) :],
        differences=_differences(policies, product, terms),
        submission=submission,
        backtests=backtests,
        may_sign=may_sign,
        why_not=why_not,
    )


def _differences(policies: PolicyVersions, product: Product, terms: Terms) -> list[str] | None:
    try:
        before = policies.in_force(product.name)
    except NotReady:
        return None
    return None if before.sha256 == terms.sha256 else differences_of(before, terms, product)


def _signing(
    submission: PolicySubmission | None, backtests: Sequence[KeptBacktest], analyst: str
) -> tuple[bool, str]:  # fmt: skip
    """Whether this analyst may sign, as far as one can tell; the registry has the last word."""
    if submission is None or submission.approved_by:
        return False, ""
    if submission.failed:
        return False, f"It did not pass: {', '.join(submission.failed)}. Nobody can sign for it."
    if submission.submitted_by == analyst:
        return False, "You put it forward; another person signs for it."
    if not backtests:
        return False, "No backtest of it was kept; without one nobody can sign for it."
    return True, ""


def _rule(rule: Rule, product: Product, texts: Mapping[str, str]) -> RuleRow:
    cells = [*((guard.field, guard.cell) for guard in rule.guards), (rule.field, rule.cell)]
    conditions = [condition(name, cell, product.vocabulary) for name, cell in cells]
    since = f"from {rule.since}" if rule.since else ""
    until = f"before {rule.until}" if rule.until else ""
    return RuleRow(
        rule.name, " and ".join(conditions), rule.effect.value, rule.reason, texts.get(rule.reason, ""),
        rule.unknown.value, " ".join(part for part in (since, until) if part),
    )  # fmt: skip
