"""The files of a product folder, as they are written: what each table and key may hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from meridian.products.own.values import DATES, MISSING_MARKS, Numbers

NAME = r"^[a-z][a-z0-9-]{1,40}$"
FIELD = r"^[a-z][a-z0-9_]{0,63}$"
OTHER = "other"
"""The category that stands for all values of a column that are not listed."""

FieldName = Annotated[str, StringConstraints(pattern=FIELD)]
Share = Annotated[float, Field(ge=0, le=1)]
GroupName = Annotated[str, StringConstraints(pattern=r"^[^|\r\n]{1,60}$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class Part(BaseModel):
    """A table of a file: no key that nobody reads, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Column(Part):
    """One column of the lender's table, and the field of the application that it becomes."""

    field: FieldName
    column: str
    title: Text
    type: Literal["number", "category", "date"]
    unit: str = ""
    decimal: Literal[".", ","] = "."
    grouping: Literal["", ",", ".", " ", "'"] = ""
    codes: list[float] = []
    form: str = ""
    values: list[str] = []
    others: bool = False
    typical: float | str
    missing_share: Share = 0.0
    lowest: float | None = None
    highest: float | None = None

    @property
    def numbers(self) -> Numbers:
        """How its numbers are written."""
        return Numbers(self.decimal, self.grouping)

    @property
    def monthly(self) -> bool:
        """Whether its dates are months."""
        return DATES[self.form].monthly

    @model_validator(mode="after")
    def _whole(self) -> Column:
        if self.type == "date" and self.form not in DATES:
            raise ValueError(f"form is {self.form!r}; a date is written as one of {', '.join(DATES)}")
        if self.type == "category" and not self.values:
            raise ValueError("values is empty; a category needs the list of its values")
        if self.type == "number" and self.grouping == self.decimal:
            raise ValueError("grouping and decimal are the same mark")
        if isinstance(self.typical, str) != (self.type == "category"):
            raise ValueError(f"typical is {self.typical!r}; it is a text for a category, else a number")
        if self.type == "category" and self.typical not in self.values:
            raise ValueError(f"typical is {self.typical!r}, which is none of its values")
        return self


class FeatureLine(Part):
    """One input of the models: what it reads of which field."""

    name: FieldName
    field: FieldName
    reads: Literal["value", "missing", "code", "category", "age in days", "age in months"]
    code: float | None = None
    value: str | None = None
    meaning: Text
    unit: str
    low: float
    high: float
    direction: Literal["raises risk", "lowers risk", "free"] = "free"
    default: float | None = None
    reason: str
    actionable: bool = False

    @model_validator(mode="after")
    def _whole(self) -> FeatureLine:
        if (self.reads == "code") != (self.code is not None):
            raise ValueError("code goes with reads = 'code', and with nothing else")
        if (self.reads == "category") != (self.value is not None):
            raise ValueError("value goes with reads = 'category', and with nothing else")
        return self


class Target(Part):
    """The column that says how a loan ended."""

    column: str
    bad: Annotated[list[str], Field(min_length=1)]
    good: Annotated[list[str], Field(min_length=1)]


class TimeColumn(Part):
    """The column of the moment of the application."""

    column: str
    form: Literal[tuple(DATES)]  # type: ignore[valid-type]


class SplitLine(Part):
    """How loans are split to train and to test: from a day on, or by lot."""

    test_from: str | None = None
    test_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    seed: int = 0
    entity: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> SplitLine:
        if (self.test_from is None) == (self.test_share is None):
            raise ValueError("say either test_from (a day) or test_share (a share of the loans)")
        return self


class CompareLine(Part):
    """Two groups whose treatment is compared: by the texts of protected columns, or by a number, e.g. an age."""

    group: GroupName
    control: GroupName
    column: str
    values: list[str] = []
    control_column: str | None = None
    control_values: list[str] = []
    at_least: float | None = None

    @property
    def of_control(self) -> str:
        """The column that says who is in the control."""
        return self.column if self.control_column is None else self.control_column

    @model_validator(mode="after")
    def _whole(self) -> CompareLine:
        if self.group == self.control:
            raise ValueError(f"group and control are both {self.group!r}; give the two names of their own")
        if self.at_least is not None:
            if self.values or self.control_values or self.control_column is not None:
                raise ValueError(
                    "at_least puts who has less into the control; take values, control_values and control_column out"
                )
            return self
        for key, listed, name, column in (
            ("values", self.values, self.group, self.column),
            ("control_values", self.control_values, self.control, self.of_control),
        ):
            if not listed:
                raise ValueError(f"{key} is empty; list what stands in {column!r} for {name!r}, or give at_least")
        both = sorted(set(self.values) & set(self.control_values)) if self.of_control == self.column else []
        if both:
            raise ValueError(f"{both[0]!r} is in values and in control_values; leave it in one of them")
        return self


class Table(Part):
    """The lender's table of past loans."""

    file: str
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    missing: list[str] = list(MISSING_MARKS)
    protected: list[str] = []
    compare: list[CompareLine] = []
    leaks: list[str] = []
    target: Target
    split: SplitLine
    time: TimeColumn | None = None

    @property
    def marks(self) -> frozenset[str]:
        """What stands for nothing, in lower case."""
        return frozenset(mark.casefold() for mark in self.missing)


class Models(Part):
    """Which features each model reads."""

    compact: Annotated[list[str], Field(min_length=1)]
    batch: Annotated[list[str], Field(min_length=1)]


class LeverLine(Part):
    """What an applicant may change of an application: downward in steps, or to one of some choices."""

    field: FieldName
    lower_by: Annotated[float, Field(gt=0)] | None = None
    not_below: float = 0.0
    choices: list[float] = []

    @model_validator(mode="after")
    def _one_way(self) -> LeverLine:
        if (self.lower_by is None) == (not self.choices):
            raise ValueError("say either lower_by (a step downward) or choices (a list of numbers)")
        return self


class ProductFile(Part):
    """product.toml."""

    title: Text
    table: Table
    models: Models
    column: Annotated[list[Column], Field(min_length=1)]
    feature: Annotated[list[FeatureLine], Field(min_length=1)]
    lever: list[LeverLine] = []


class BandLine(Part):
    """The bands of the PD."""

    approve_below: Annotated[float, Field(gt=0, lt=1)]
    decline_above: Annotated[float, Field(gt=0, lt=1)]


class PriceLine(Part):
    """The yearly rate below a PD."""

    pd_below: Annotated[float, Field(gt=0, le=1)]
    apr: Annotated[float, Field(ge=0)]


class RuleLine(Part):
    """A rule; see `meridian.policy.Rule`."""

    name: Text
    effect: Literal["decline", "refer"]
    field: str
    test: Literal["below", "above"]
    limit: float
    reason: str
    unknown: Literal["approve", "refer", "decline"] = "refer"
    unknown_reason: str
    meaning: Text


class GivenReasons(Part):
    """policy.toml beside a policy.yaml, which has all else: the reasons for want of a score, and of an input."""

    no_score_reason: str
    unknown_reason: str


class PolicyFile(GivenReasons):
    """policy.toml by itself."""

    name: Text
    bands: BandLine
    rule: list[RuleLine] = []
    price: list[PriceLine] = []


class ReasonLine(Part):
    """A reason that may be given."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{1,9}$")]
    text: Text
    source: Literal["model", "policy", "data", "analyst"]
    final: bool = True


class ReasonsFile(Part):
    """reasons.toml."""

    reason: Annotated[list[ReasonLine], Field(min_length=1)]
