"""What must agree between the files of a product folder, beyond the shape of each."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TypeVar

from meridian.application import Application
from meridian.errors import InvalidProduct
from meridian.policy.derived import DERIVED
from meridian.products.own.document import OTHER, GivenReasons, PolicyFile, ProductFile, ReasonsFile

T = TypeVar("T")

PRODUCT, POLICY, REASONS = "product.toml", "policy.toml", "reasons.toml"
PRICED = ("amount", "term_months")
"""The fields that an offer is made from."""


def check(folder: Path, document: ProductFile, policy: GivenReasons, reasons: ReasonsFile) -> None:
    """Raises `InvalidProduct` with the first thing that does not agree, the file, the place and the remedy."""
    codes = {reason.code for reason in reasons.reason}
    found = (
        *((PRODUCT, text) for text in _of_table(document)),
        *((PRODUCT, text) for text in _of_columns(document)),
        *((PRODUCT, text) for text in _of_features(document, codes)),
        *((PRODUCT, text) for text in _of_levers(document)),
        *((POLICY, text) for text in _of_policy(document, policy, codes)),
        *((REASONS, f"[[reason]] {code!r} stands there twice; give each code once.")
          for code in _twice(reason.code for reason in reasons.reason)),
    )  # fmt: skip
    for file, text in found:
        raise InvalidProduct(f"{folder / file}: {text}")


def _of_table(document: ProductFile) -> Iterator[str]:
    table = document.table
    try:
        codecs.lookup(table.encoding)
    except LookupError:
        yield f"[table], key encoding is {table.encoding!r}, which is no encoding; e.g. utf-8, cp1252, utf-16."
    day = table.split.test_from
    if day is not None:
        try:
            date.fromisoformat(day)
        except ValueError:
            yield f"[table.split], key test_from is {day!r}; expected a day as YYYY-MM-DD."
        if table.time is None:
            yield "[table.split], key test_from needs the column of the time, in [table.time]."
    yield from _of_comparisons(document)
    both = {t.casefold() for t in table.target.bad} & {t.casefold() for t in table.target.good}
    if both:
        yield f"[table.target], {sorted(both)[0]!r} is both bad and good; leave it in one of them."


def _of_comparisons(document: ProductFile) -> Iterator[str]:
    protected = document.table.protected
    for one in document.table.compare:
        for key, column in (("column", one.column), ("control_column", one.of_control)):
            if column not in protected:
                known = f"one of {_some(protected)}, or add it there" if protected else "add it there"
                yield (
                    f"[[table.compare]] {one.group!r}, key {key} is {column!r}, which is not in protected of [table]; "
                    f"{known}."
                )
    for group, control in _twice((one.group, one.control) for one in document.table.compare):
        yield f"[[table.compare]] compares {group!r} with {control!r} twice; leave one of the two."


def _of_columns(document: ProductFile) -> Iterator[str]:
    for field in _twice(column.field for column in document.column):
        yield f"[[column]], the field {field!r} stands there twice; give each column a field of its own."
    outside = dict.fromkeys(document.table.protected, "protected")
    outside |= dict.fromkeys(document.table.leaks, "a leak") | {document.table.target.column: "the outcome"}
    for column in document.column:
        if column.column in outside:
            yield (
                f"[[column]] {column.field!r} reads {column.column!r}, which is {outside[column.column]} and may be no "
                "input; take the column and its features out."
            )
        if column.field in Application.model_fields or hasattr(Application, column.field):
            yield f"[[column]] {column.field!r} is a name that every application uses; choose another field."
        for value in _twice(column.values):
            yield f"[[column]] {column.field!r}, key values has {value!r} twice; leave it once."
        if column.type == "date" and document.table.time is None:
            yield f"[[column]] {column.field!r} is a date, whose age needs [table.time]; say the column of the time."


def _of_features(document: ProductFile, codes: set[str]) -> Iterator[str]:
    columns = {column.field: column for column in document.column}
    kinds = {
        "value": {"number"}, "code": {"number"}, "category": {"category"}, "missing": {"number", "category", "date"},
        "age in days": {"date"}, "age in months": {"date"},
    }  # fmt: skip
    for name in _twice(line.name for line in document.feature):
        yield f"[[feature]] {name!r} stands there twice; give each feature a name of its own."
    for line in document.feature:
        where = f"[[feature]] {line.name!r}"
        column = columns.get(line.field)
        if column is None:
            yield f"{where}, key field is {line.field!r}, which no [[column]] has; one of {_some(columns)}."
            continue
        if column.type not in kinds[line.reads]:
            yield f"{where}, key reads is {line.reads!r}, but {line.field!r} is a {column.type}."
        if column.type == "date" and line.reads.startswith("age") and column.monthly != (line.reads == "age in months"):
            yield f"{where}, key reads is {line.reads!r}; {column.form} gives {'months' if column.monthly else 'days'}."
        if line.reads == "code" and line.code not in column.codes:
            yield f"{where}, key code is {line.code}, none of the codes of {line.field!r}; add it there."
        if line.reads == "category" and line.value not in [*column.values, *([OTHER] if column.others else [])]:
            yield f"{where}, key value is {line.value!r}, none of the values of {line.field!r}; add it there."
        if line.reason not in codes:
            yield f"{where}, key reason is {line.reason!r}, which reasons.toml does not have; one of {_some(codes)}."
    yield from _of_models(document)


def _of_levers(document: ProductFile) -> Iterator[str]:
    numbers = {column.field for column in document.column if column.type == "number"}
    for field in _twice(lever.field for lever in document.lever):
        yield f"[[lever]] {field!r} stands there twice; leave it once."
    for lever in document.lever:
        if lever.field not in numbers:
            yield f"[[lever]] {lever.field!r} is no [[column]] of numbers; one of {_some(numbers)}."


def _of_models(document: ProductFile) -> Iterator[str]:
    names = {line.name for line in document.feature}
    for key, listed in (("compact", document.models.compact), ("batch", document.models.batch)):
        for name in _twice(listed):
            yield f"[models], key {key} has {name!r} twice; leave it once."
        for name in listed:
            if name not in names:
                yield f"[models], key {key} has {name!r}, which is no [[feature]]; one of {_some(names)}."


def _of_policy(document: ProductFile, policy: GivenReasons, codes: set[str]) -> Iterator[str]:
    given = {"key no_score_reason": policy.no_score_reason, "key unknown_reason": policy.unknown_reason}
    rules = policy.rule if isinstance(policy, PolicyFile) else []
    for rule in rules:
        given[f"[[rule]] {rule.name!r}, key reason"] = rule.reason
        given[f"[[rule]] {rule.name!r}, key unknown_reason"] = rule.unknown_reason
    for where, code in given.items():
        if code not in codes:
            yield f"{where} is {code!r}, which reasons.toml does not have; one of {_some(codes)}."
    if isinstance(policy, PolicyFile):
        yield from _of_rules(document, policy)
        yield from _of_prices(document, policy)


def _of_rules(document: ProductFile, policy: PolicyFile) -> Iterator[str]:
    if not policy.bands.approve_below < policy.bands.decline_above:
        yield "[bands], approve_below must be less than decline_above; what lies between is referred."
    judged = {line.name for line in document.feature} | set(DERIVED)
    for rule in policy.rule:
        if rule.field not in judged:
            yield f"[[rule]] {rule.name!r}, key field is {rule.field!r}, which is no feature; one of {_some(judged)}."
    for name in _twice(rule.name for rule in policy.rule):
        yield f"[[rule]] {name!r} stands there twice; give each rule a name of its own."


def unpriced(document: ProductFile) -> str:
    """What keeps offers from being made, where the policy has prices; empty where nothing does."""
    numbers = {column.field for column in document.column if column.type == "number"}
    absent = [field for field in PRICED if field not in numbers]
    if not absent:
        return ""
    return (
        f"makes an offer from the fields {' and '.join(PRICED)}; {' and '.join(absent)} is no number of "
        f"the application. Name the field of the right column so in {PRODUCT}, or take the prices out."
    )


def _of_prices(document: ProductFile, policy: PolicyFile) -> Iterator[str]:
    if not policy.price:
        return
    if wrong := unpriced(document):
        yield f"[[price]] {wrong}"
    bounds = [tier.pd_below for tier in policy.price]
    if bounds != sorted(set(bounds)):
        yield "[[price]], pd_below must rise from one to the next."


def _twice(names: Iterable[T]) -> list[T]:
    return [name for name, count in Counter(names).items() if count > 1]


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:10]) + (f" and {len(listed) - 10} more" if len(listed) > 10 else "")
