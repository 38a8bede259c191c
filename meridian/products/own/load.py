"""Loading a product folder: three files of declarations become a product like any other, or a clear complaint."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from meridian.application import Application
from meridian.assessment import CAUTIOUS
from meridian.decision import Terms
from meridian.errors import InvalidInput, InvalidPolicy, InvalidProduct, UnknownProduct
from meridian.evidence import FORM
from meridian.features import FeatureSet
from meridian.outcome import Outcome
from meridian.policy import Bands, Policy, PriceTier, Rule, Test
from meridian.products.levers import Lever, down, one_of
from meridian.products.own.checks import POLICY, PRICED, PRODUCT, REASONS, check, unpriced
from meridian.products.own.document import NAME, Column, GivenReasons, LeverLine, PolicyFile, ProductFile, ReasonsFile
from meridian.products.own.features import feature_of
from meridian.products.own.offers import with_offers
from meridian.products.own.schema import reader, request_model, sampler
from meridian.products.own.table import training_table
from meridian.products.product import Product
from meridian.reasons import ReasonCode, Reasons, ReasonSource
from meridian.rulebook import FILE, Vocabulary, load_policy, vocabulary_of

AGE = "age_years"
CALLED = ("field", "name", "code", "group")
"""What a table of a list is called by, in a complaint."""

D = TypeVar("D", bound=BaseModel)


def own_names(folder: Path) -> list[str]:
    """The names of the lender's own products in a folder of products."""
    if not folder.is_dir():
        return []
    return sorted(one.name for one in folder.iterdir() if (one / PRODUCT).is_file() and re.fullmatch(NAME, one.name))


def load_product(folder: Path) -> Product:
    """The product in a folder, named as the folder.

    Raises `InvalidProduct` with file, table, key, value and what is expected; `UnknownProduct` where there is none.
    """
    if not (folder / PRODUCT).is_file():
        raise UnknownProduct(f"There is no product in {folder}; `meridian product new` makes one.")
    document = read(folder / PRODUCT, ProductFile)
    reasons = read(folder / REASONS, ReasonsFile)
    tables = folder / FILE
    if not tables.is_file():
        policy = read(folder / POLICY, PolicyFile)
        check(folder, document, policy, reasons)
        made = assemble(folder.name, document, policy, reasons, lambda _: _policy(policy))
        return with_offers(made, folder)
    given = read(folder / POLICY, GivenReasons)
    check(folder, document, given, reasons)
    product = assemble(folder.name, document, given, reasons, lambda vocabulary: load_policy(tables, vocabulary))
    if product.policy.prices and (wrong := unpriced(document)):
        raise InvalidPolicy(f"{tables}: the table prices {wrong}")
    return with_offers(product, folder)


def assemble(
    name: str,
    document: ProductFile,
    given: GivenReasons,
    reasons: ReasonsFile,
    policy_of: Callable[[Vocabulary], Policy],
) -> Product:
    """The product from its documents, which agree with each other; see `check`."""
    columns = {column.field: column for column in document.column}
    features = FeatureSet(
        feature_of(line, columns[line.field], [other for other in document.feature if other.field == line.field])
        for line in document.feature
    )
    codes = [ReasonCode(r.code, r.text, ReasonSource(r.source), r.final) for r in reasons.reason]
    application = request_model(name, document.column, frozenset()).model_fields["application"].annotation
    policy = policy_of(vocabulary_of(features, cast(type[Application], application), codes))
    terms = Terms(policy, Reasons(codes, features.groups), given.no_score_reason, {FORM: given.unknown_reason})
    needed = frozenset(PRICED) if policy.prices else frozenset[str]()
    return Product(
        name=name,
        title=document.title,
        request=request_model(name, document.column, needed),
        features=features,
        terms=terms,
        contract=CAUTIOUS,
        read_application=reader(document.column, document.table.marks),
        compact_features=tuple(document.models.compact),
        batch_features=tuple(document.models.batch),
        sample=sampler(name, document.column),
        training=(training_table(document),),
        levers=tuple(_lever(line, columns[line.field]) for line in document.lever),
    )


def _lever(line: LeverLine, column: Column) -> Lever:
    steps = one_of(*line.choices) if line.lower_by is None else down(line.lower_by, line.not_below)
    return Lever(line.field, column.title, column.unit, steps, (line.field,))


def _policy(policy: PolicyFile) -> Policy:
    rules = tuple(
        Rule(
            name=rule.name,
            effect=Outcome(rule.effect),
            field=rule.field,
            test=Test(rule.test),
            limit=rule.limit,
            reason=rule.reason,
            unknown_reason=rule.unknown_reason,
            meaning=rule.meaning,
            unknown=Outcome(rule.unknown),
        )
        for rule in policy.rule
    )
    derived = tuple(dict.fromkeys(rule.field for rule in policy.rule if rule.field == AGE))
    bands = Bands(policy.bands.approve_below, policy.bands.decline_above)
    return Policy(policy.name, rules, bands, tuple(PriceTier(p.pd_below, p.apr) for p in policy.price), derived)


def read(path: Path, model: type[D]) -> D:
    """A file of a product folder. Raises `InvalidProduct`, naming the file and the place in it."""
    document = toml_of(path, "`meridian product new` writes it", InvalidProduct)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidProduct(complaint(path, document, error)) from None


def toml_of(path: Path, remedy: str, refusal: type[InvalidInput]) -> dict[str, Any]:
    """A file as TOML. Raises the refusal; `remedy` is what to do where there is no such file."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise refusal(f"{path} is missing; {remedy}.") from None
    except OSError as error:
        raise refusal(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise refusal(f"{path} is not UTF-8; save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise refusal(f"{path} is not TOML: {error}. Texts stand in quotes, true and false do not.") from None


def complaint(path: Path, document: Mapping[str, Any], error: ValidationError, under: Sequence[str] = ()) -> str:
    """What is wrong with a file, the first three places of it, one sentence each; `under` is the table in question."""
    found = error.errors(include_url=False)
    sentences = [
        _sentence(document, (*under, *detail["loc"]), detail["type"], detail["msg"], detail["input"])
        for detail in found[:3]
    ]
    more = f" And {len(found) - 3} more." if len(found) > 3 else ""
    return f"{path}: {' '.join(sentences)}{more}"


def _sentence(document: Mapping[str, Any], loc: tuple[int | str, ...], kind: str, message: str, value: Any) -> str:
    where = _where(document, loc)
    said = message.removeprefix("Input should be ").removeprefix("Value error, ")
    if kind == "missing":
        return f"{where} is missing; write it in."
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{where} is a key that nothing reads; check its spelling, or take it out."
    if kind == "value_error":
        return f"{where}: {said}."
    shown = repr(value) if len(repr(value)) <= 80 else f"{repr(value)[:80]}…"
    return f"{where} is {shown}; expected {said[:1].lower()}{said[1:]}."


def _where(document: Mapping[str, Any], loc: tuple[int | str, ...]) -> str:
    """A place as a person finds it: `[[column]] 'amount' (number 3), key type`."""
    words, here = list[str](), document
    tables: list[str] = []
    for part in loc:
        here = here[part] if _has(here, part) else {}  # type: ignore[index]
        if isinstance(part, int):
            name = next((here[k] for k in CALLED if isinstance(here, dict) and k in here), "")
            if tables:
                words.append(f"[[{'.'.join(tables)}]] number {part + 1}" + (f" ({name!r})" if name else ""))
                tables = []
        elif isinstance(here, dict | list) and here:
            tables.append(str(part))
        else:
            words += [f"[{'.'.join(tables)}]"] if tables else []
            words.append(f"key {part}")
            tables = []
    words += [f"table {'.'.join(tables)}"] if tables else []
    return ", ".join(words) or "the file"


def _has(here: Any, part: int | str) -> bool:
    return (isinstance(here, dict) and part in here) or (
        isinstance(here, list) and isinstance(part, int) and 0 <= part < len(here)
    )
