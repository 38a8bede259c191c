"""The routes under /v1."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from flask import Response, current_app, g, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from meridian.api import metrics, schemas
from meridian.api.auth import SECURITY, let_in, needs
from meridian.application.parse import refusal
from meridian.application.schema import Reference
from meridian.db.access import StoredKey
from meridian.errors import FieldProblem, InvalidInput, UnsupportedBody
from meridian.evidence import canonical_json
from meridian.service import Wanted

LONGEST_KEY = 255
DECISIONS, REVIEWS, KEYS = Tag(name="Decisions"), Tag(name="Reviews"), Tag(name="Keys")
PROBLEMS: dict[Any, Any] = dict.fromkeys((401, 403, 422, 503), schemas.Problem)
BODY_PROBLEMS: dict[Any, Any] = dict.fromkeys((400, 413, 415), schemas.Problem)

v1 = APIBlueprint("v1", __name__, url_prefix="/v1", abp_security=SECURITY, abp_responses=PROBLEMS)
v1.before_request(let_in)


class DecisionPath(BaseModel):
    """Which decision."""

    decision_id: UUID


class DecisionQuery(BaseModel):
    """What of a decision is wanted beside the record."""

    model_config = ConfigDict(extra="forbid")
    recourse: Annotated[int, Field(ge=0, le=1)] = Field(0, description="1: with the smallest change to an approval.")


class ApplicationPath(BaseModel):
    """Which application."""

    ref: Reference


class KeyPath(BaseModel):
    """Which key, by its public part."""

    key_id: Reference


class PageQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    starting_after: UUID | None = Field(None, description="The last id of the page before; older ones follow.")


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\p{Cc}]*$")]
    scopes: list[str] = Field(description="Some of decide, read, admin.")


class NewApplication(BaseModel):
    """An application that was begun: who will apply, and for what."""

    model_config = ConfigDict(extra="forbid", strict=True)
    product: Reference
    applicant_id: Reference = Field(description="The caller's token for the person.")


NEW_APPLICATION: dict[Any, Any] = {"schema": NewApplication.model_json_schema()}
NEW_KEY: dict[Any, Any] = {"schema": NewKey.model_json_schema()}


def json_reply(document: Any, status: int = 200) -> Response:
    """A document as an answer."""
    return Response(canonical_json(document), status, content_type="application/json")


@v1.post(
    "/decisions",
    tags=[DECISIONS],
    summary="Decide one application",
    responses={201: schemas.DecisionOut, 409: schemas.Problem, **BODY_PROBLEMS},
)
@needs("decide")
def decide() -> Response:
    """Answers after the decision and its evidence are durable.

    Send an `Idempotency-Key`, and a retry gets the same answer byte for byte.
    """
    key = _idempotency_key()
    reply = current_app.extensions["meridian"].decisions.decide(
        Wanted(caller=g.principal.key_id, body=_json_body(), idempotency_key=key, arrived=g.arrived)
    )
    response = Response(reply.body, 201, content_type="application/json")
    response.headers["Location"] = f"/v1/decisions/{reply.version_id}"
    if reply.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    else:
        metrics.note_decision(reply)
        response.headers["Server-Timing"] = ", ".join(f"{k};dur={v}" for k, v in reply.timings_ms.items())
    return response


@v1.get("/decisions/<uuid:decision_id>", tags=[DECISIONS], responses={200: schemas.DecisionOut, 404: schemas.Problem})
@needs("read")
def get_decision(path: DecisionPath, query: DecisionQuery) -> Response:
    """One version of a decision; with `recourse=1`, also what the applicant could have changed to be approved."""
    wiring = current_app.extensions["meridian"]
    document = wiring.queries.decision(path.decision_id)
    if query.recourse:
        found = wiring.recourses.of(path.decision_id)
        document = {**document, "recourse": found.document() if found else None}
    return json_reply(document)


@v1.get("/decisions", tags=[DECISIONS], responses={200: schemas.DecisionPage})
@needs("read")
def list_decisions(query: PageQuery) -> Response:
    """Decisions, the newest first."""
    return json_reply(current_app.extensions["meridian"].queries.decisions(query.limit, query.starting_after))


@v1.post(
    "/applications",
    tags=[DECISIONS],
    summary="Say that an application was begun",
    responses={202: schemas.BegunOut, **BODY_PROBLEMS},
    request_body={"required": True, "content": {"application/json": NEW_APPLICATION}},
)
@needs("decide")
def begin_application() -> Response:
    """Sources that take seconds or hours are asked now, so that the decision finds what they say.

    Call it when the form is opened. To call it again changes nothing; not to call it costs only what would be known.
    """
    try:
        body = NewApplication.model_validate_json(_json_body())
    except ValidationError as error:
        raise refusal(error) from None
    wiring = current_app.extensions["meridian"]
    standing = wiring.prefetch.begin(body.product, body.applicant_id, g.principal.key_id)
    return json_reply({"product": body.product, "applicant_id": body.applicant_id, "sources": dict(standing)}, 202)


@v1.get("/applications/<ref>", tags=[DECISIONS], responses={200: schemas.ApplicationOut, 404: schemas.Problem})
@needs("read")
def get_application(path: ApplicationPath) -> Response:
    """Every version of an application, the governing one marked."""
    return json_reply(current_app.extensions["meridian"].queries.application(path.ref))


@v1.get("/reviews", tags=[REVIEWS], responses={200: schemas.CaseQueue})
@needs("read")
def list_reviews() -> Response:
    """Applications that wait for an analyst, the oldest first; they are settled at the desk."""
    return json_reply(current_app.extensions["meridian"].desk.reviews.queue())


@v1.get("/keys", tags=[KEYS], responses={200: schemas.KeyList})
@needs("admin")
def list_keys() -> Response:
    """Every key, without secrets."""
    return json_reply({"data": [_shown(key) for key in current_app.extensions["meridian"].keys.list()]})


@v1.post(
    "/keys",
    tags=[KEYS],
    responses={201: schemas.NewKeyOut, **BODY_PROBLEMS},
    request_body={"required": True, "content": {"application/json": NEW_KEY}},
)
@needs("admin")
def create_key() -> Response:
    """A new key; the answer holds its secret, this once."""
    try:
        body = NewKey.model_validate_json(_json_body())
    except ValidationError as error:
        raise refusal(error) from None
    text, stored = current_app.extensions["meridian"].keys.create(body.name, body.scopes)
    return json_reply({**_shown(stored), "key": text}, 201)


@v1.delete("/keys/<key_id>", tags=[KEYS], responses={204: None, 404: schemas.Problem})
@needs("admin")
def revoke_key(path: KeyPath) -> Response:
    """Close a key for good."""
    current_app.extensions["meridian"].keys.revoke(path.key_id)
    return Response(status=204)


def _json_body() -> bytes:
    """The body as it was sent, to be read strictly: the framework's reader takes NaN and breaks on deep nesting."""
    if request.content_encoding:
        raise UnsupportedBody(f"The body is packed as {request.content_encoding!r}; send it as it is.")
    if not request.is_json:
        raise UnsupportedBody(
            f"The Content-Type {request.content_type or 'none'!r} is not read here; "
            "send JSON, and say so: `Content-Type: application/json`."
        )
    body = request.get_data()
    # A body that comes in chunks states no length; what is beyond the limit would be cut off without a word.
    if request.content_length is None and len(body) >= current_app.config["MAX_CONTENT_LENGTH"]:
        raise RequestEntityTooLarge
    return body


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        shown = repr(key[:40])
        raise InvalidInput(
            f"The Idempotency-Key {shown} cannot be used; send 1 to {LONGEST_KEY} printable ASCII characters.",
            [FieldProblem("header:Idempotency-Key", shown, f"1 to {LONGEST_KEY} printable ASCII characters")],
        )
    return key


def _shown(key: StoredKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
