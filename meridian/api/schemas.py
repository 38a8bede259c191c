"""The shapes of the API's answers, for its documentation; a test holds real answers to them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """An answer's part; it has the fields it states and no others."""

    model_config = ConfigDict(extra="forbid")


class ScoreOut(Shape):
    """What the model said."""

    pd: float = Field(description="Calibrated probability of default, 0 to 1.")
    points: int = Field(description="The same as points: 600 is odds of 50 to 1, 20 more double the odds.")
    band: str
    model: str
    model_sha256: str
    scored_at: str | None = Field(None, description="On rung 2 alone: as of when the earlier score is that decided.")


class RuleOut(Shape):
    """What one rule of the policy found."""

    rule: str
    effect: str
    value: float | str | bool | None
    limit: float | None = Field(description="The limit, the nearest where there are several; null where words decide.")
    margin: float | None = Field(description="Distance to the limit; negative where the rule hit.")
    hit: bool | None = Field(description="Null: the value was not known.")
    hits: str | None = Field(None, description="What hits, where that is more than one limit: `[1..3)`, `rent, own`.")
    applies: bool = Field(True, description="False: the rule is not for applicants like this one.")
    earlier: bool = Field(False, description="On rung 2: the value is an earlier one; where it hits, the rule refers.")


class PolicyOut(Shape):
    """The policy in force and its results."""

    version: str
    results: list[RuleOut]


class ReasonOut(Shape):
    """A principal reason, from the component that decided."""

    code: str
    text: str
    source: Literal["policy", "model", "data", "analyst"]
    contribution: float | None = Field(description="The model's, in log-odds of default.")


class OfferOut(Shape):
    """What an approval offers."""

    limit: float
    apr: float
    term: int


class ShownOut(Shape):
    """An offer as it is shown; dollars and yearly fractions as texts, so that no digit is lost."""

    kind: Literal["asked", "alternative", "counteroffer"] = Field(
        description="What was asked for, another beside it, or another instead: adverse action unless it is accepted."
    )
    limit: str
    rate: str
    apr: str
    term: int
    payment: str = Field(description="Each month, but for the last payment.")
    last_payment: str
    interest: str
    paid_out: str
    score: int = Field(description="The expected profit that it was ranked by.")


class RemovedOut(Shape):
    """How many offers a stage removed for one reason."""

    stage: Literal["catalogue", "eligible", "ranked", "re-ranked"]
    why: str
    count: int


class AskedForOut(Shape):
    """What became of what was asked for."""

    amount: str
    term: int
    limit: str | None = Field(description="The limit of the catalogue that stood for it.")
    stands: bool
    stage: str | None
    why: list[str]


class OffersOut(Shape):
    """What the catalogue comes to for this applicant: what each stage removed, and what is shown."""

    catalogue: int
    asked: AskedForOut
    removed: list[RemovedOut]
    shown: list[ShownOut] = Field(max_length=3)


class SourceOut(Shape):
    """What a source gave, and how old it was."""

    name: str
    status: Literal["fresh", "stale", "nothing", "missing", "failed"]
    as_of: str | None
    known_at: str | None
    age_s: float | None
    detail: str
    no_file: bool = Field(False, description="It answered to have no file: nothing may be concluded from that.")
    provider: str | None = Field(None, description="Who was asked for it just now; absent where it was held.")


class EvidenceOut(Shape):
    """What the decision was made from."""

    rung: int = Field(ge=0, le=4, description="Rung of the degradation ladder: 0 all sources fresh, 4 policy alone.")
    sources: list[SourceOut]
    hash: str = Field(description="SHA-256 of the canonical evidence (RFC 8785).")


class ChangeOut(Shape):
    """One thing to change."""

    field: str = Field(description="Its path in the application.")
    meaning: str
    unit: str
    present: float
    needed: float


class RecourseOut(Shape):
    """The smallest change of what an applicant can act on that would have led to an approval; no promise of one."""

    changes: list[ChangeOut] = Field(description="Empty: nothing that was tried would have.")
    outcome: Literal["approve"] | None
    pd: float | None
    tried: int


class DecisionOut(Shape):
    """One version of a decision."""

    id: str
    application_ref: str
    product: str
    stage: Literal["fast", "batch", "review", "correction", "redecision"]
    outcome: Literal["approve", "decline", "refer"]
    governs: bool = Field(description="Whether this version is the one that counts now.")
    score: ScoreOut | None
    policy: PolicyOut
    reasons: list[ReasonOut] = Field(max_length=4)
    offer: OfferOut | None
    offers: OffersOut | None = Field(None, description="Where the product has a catalogue, and the score approves.")
    evidence: EvidenceOut
    review: dict[str, Any] | None = Field(None, description="Of a review: the analyst, the note, what it overturns.")
    recourse: RecourseOut | None = Field(None, description="On request: what would have been approved.")
    decided_at: str
    decided_by: str
    timings_ms: dict[str, float]
    links: dict[str, str]


class DecisionPage(Shape):
    """A page of decisions, the newest first."""

    data: list[DecisionOut]
    has_more: bool


class ApplicationOut(Shape):
    """Every version of an application."""

    application_ref: str
    outcome: str
    governing: str
    versions: list[DecisionOut]


class BegunOut(Shape):
    """How the sources stand for an application that was begun."""

    product: str
    applicant_id: str
    sources: dict[str, Literal["ready", "fetching", "as held"]] = Field(
        description="ready: held and fresh. fetching: its providers are being asked. as held: it has no provider."
    )


class CaseOut(Shape):
    """An application that waits for an analyst."""

    id: str
    application_ref: str
    product: str
    because: str
    state: str
    opened_at: str
    claimed_by: str | None
    decision: DecisionOut


class CaseQueue(Shape):
    """Cases that wait, the oldest first."""

    data: list[CaseOut]
    total: int


class KeyOut(Shape):
    """An API key, without its secret."""

    id: str
    name: str
    scopes: list[str]
    created_at: str
    revoked_at: str | None


class NewKeyOut(KeyOut):
    """A key that was just made."""

    key: str = Field(description="The whole key. It is shown this once.")


class KeyList(Shape):
    """All keys."""

    data: list[KeyOut]


class FieldProblemOut(Shape):
    """One field that is wrong."""

    pointer: str
    value: str
    expected: str


class Problem(Shape):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblemOut] = []


class PartsOut(Shape):
    """Parts of some thousand rows, each decided in one transaction."""

    all: int
    done: int
    failed: int = Field(description="Set aside after five attempts.")


class BatchOut(Shape):
    """A file of applications, and how far it is."""

    id: str
    product: str
    name: str
    state: Literal["arriving", "running", "done", "failed"]
    rows: int = Field(description="How many have arrived.")
    decided: int
    rejected: int = Field(description="Rows that are no application; /rejects says why.")
    parts: PartsOut
    refused: str | None = Field(description="Why the rest of the file could not be read.")
    error: str | None = Field(description="The last error of a part.")
    created_at: str
    done_at: str | None


class BatchList(Shape):
    """The newest ones."""

    data: list[BatchOut]
