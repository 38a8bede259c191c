"""The files of a product folder, written so that a person can go on from them: with words on what may be changed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from meridian.errors import InvalidInput
from meridian.extra import need
from meridian.products.own.checks import POLICY, PRODUCT, REASONS
from meridian.training.drafting.draft import Draft
from meridian.training.drafting.report import REPORT, report_text

HEAD = {
    PRODUCT: """{title}: what an application states, and what the models read of it. Drafted from
{file}; from here on it is yours. `meridian product check {name}` says what does not hold together after a change;
train the models again after one.

title        how people call the product
[table]      how past loans are read: `meridian train {name} --data FILE` takes any file with these columns
             Protected columns are no inputs. Where one tells groups apart, compare them in the model's card, e.g.
             [[table.compare]] with group = "women", control = "men", column = "sex", values = ["F"],
             control_values = ["M"]; of an age: at_least = 62, without any values
[models]     which features each model reads: compact decides at once, batch gives the second opinion
[[column]]   one for each column in use. field: its name in an application, yours to choose; unit: say it where it
             is not said; codes: numbers that are no numbers; others: texts that are not listed count as 'other'
[[feature]]  one for each input of a model. direction: raises risk, lowers risk or free: no model may learn the
             opposite of a direction. Those here were proposed from the data, see REPORT.md: check each against
             your knowledge. default: taken where an application has no value, as it was in training. reason: its
             code in reasons.toml
[[lever]]    what an applicant can change to be approved, and is told of. None was proposed; say yourself what may be
             asked of people, e.g. field = "amount", lower_by = 500, not_below = 500; or choices = [12, 24, 36]""",
    POLICY: """What is decided, whatever the model: bands of the probability of default (PD), rules, prices.

approve_below and decline_above were found in the table: about {approved:.0%} of the loans that train have a PD below
the first, about {declined:.0%} one above the second. They are where a discussion begins, not your appetite for risk.

Rules: effect decline or refer, where field (a feature, or age_years) is below or above limit; unknown: what follows
where the field is not known. Prices: without them an approval makes no offer. With them the fields amount and
term_months must be in {product}, and each tier stands for PDs below its bound, e.g.

[[price]]
pd_below = {approve}
apr = 0.12""",
    REASONS: """What an applicant is told. Word each text so that it is specific, and true whenever its code is given: a
feature that is free may harm by being high or low. 'Value of X on the application' is true and says little;
12 CFR 1002.9(b)(2) wants more. source: model (by features), policy (by rules), data (what is missing), analyst.
final: whether a decline may rest on it.""",
}


def write_product(draft: Draft, folder: Path) -> Path:
    """Write the folder of a draft, all of it or nothing. Raises `InvalidInput` where something lies there."""
    target = folder / draft.name
    if target.exists():
        raise InvalidInput(f"{target} is there already; choose another name, or take it away first.")
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{draft.name}-", dir=folder))
    try:
        for file, text in _texts(draft).items():
            (beside / file).write_text(text, encoding="utf-8", newline="\n")
        beside.chmod(0o755)
        beside.rename(target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return target


def _texts(draft: Draft) -> dict[str, str]:
    said = {
        "title": draft.product.title, "name": draft.name, "file": draft.product.table.file, "product": PRODUCT,
        "approved": 0.60, "declined": 0.15, "approve": draft.policy.bands.approve_below,
    }  # fmt: skip
    documents: Mapping[str, BaseModel] = {PRODUCT: draft.product, POLICY: draft.policy, REASONS: draft.reasons}
    written = {file: _toml(document, HEAD[file].format(**said)) for file, document in documents.items()}
    return written | {REPORT: report_text(draft)}


def _toml(document: BaseModel, head: str) -> str:
    tomlkit = need("tomlkit")
    written = tomlkit.document()
    for line in head.splitlines():
        written.add(tomlkit.comment(line) if line else tomlkit.nl())
    written.add(tomlkit.nl())
    for key, value in document.model_dump(exclude_none=True).items():
        if value or not isinstance(value, list):
            written.add(key, _item(value, key))
    return str(tomlkit.dumps(written))


def _item(value: Any, key: str = "") -> Any:
    """A value as TOML has it: lists of tables apart, long lists on several lines."""
    tomlkit = need("tomlkit")
    if isinstance(value, dict):
        table = tomlkit.table()
        for name, one in value.items():
            if not (name in ("codes", "compare", "values", "unit", "form", "grouping") and not one):
                table.add(name, _item(one, name))
        return table
    if isinstance(value, list) and value and isinstance(value[0], dict):
        tables = tomlkit.aot()
        for one in value:
            tables.append(_item(one))
        return tables
    if isinstance(value, list):
        array = tomlkit.array()
        array.extend([_item(one) for one in value])
        return array.multiline(len(value) > 8 or key in ("compact", "batch"))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value
