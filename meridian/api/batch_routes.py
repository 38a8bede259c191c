"""The routes of batches: a file of applications in, how far it is, and what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Response, current_app, g, request
from flask_openapi.models.tag import Tag
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from meridian.api import schemas
from meridian.api.auth import needs
from meridian.api.routes import BODY_PROBLEMS, json_reply, v1
from meridian.application.schema import Reference
from meridian.bulk import REJECTS, RESULTS, Form, as_text
from meridian.errors import UnsupportedBody

BATCHES = Tag(name="Batches")
LARGEST_FILE = 64 * 1024 * 1024
"""Reading more would hold up the answers of this process for too long; the command line has no limit."""
IN_MEMORY = 1024 * 1024
FORMS = {
    "text/csv": Form.CSV,
    "application/x-ndjson": Form.NDJSON,
    "application/vnd.apache.parquet": Form.PARQUET,
}
FILE: dict[Any, Any] = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FORMS}
TEXTS = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}


class NewBatch(BaseModel):
    """What a file is."""

    model_config = ConfigDict(extra="forbid")
    product: Reference = Field(description="What all of the file apply for.")
    name: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\p{Cc}]*$")] = Field(
        "upload", description="How the file is called in lists."
    )
    again: Annotated[int, Field(ge=0, le=1)] = Field(0, description="1: decide a file that was decided once more.")


class BatchPath(BaseModel):
    """Which batch."""

    batch_id: UUID


class TextQuery(BaseModel):
    """As what."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["csv", "ndjson"] = "ndjson"


@v1.post(
    "/batches",
    tags=[BATCHES],
    summary="Have a file of applications decided",
    responses={202: schemas.BatchOut, **BODY_PROBLEMS},
    request_body={"required": True, "content": FILE},
)
@needs("decide")
def take_batch(query: NewBatch) -> Response:
    """The file is the body: CSV, NDJSON or Parquet, as its Content-Type says. Workers decide it by the batch model.

    The same file sent again by the same key is the same batch: an interrupted upload is gone on with, and a retry
    decides nothing twice.
    """
    form = FORMS.get(request.mimetype)
    if form is None or request.content_encoding:
        kind, known = request.content_type or "none", ", ".join(FORMS)
        raise UnsupportedBody(f"The Content-Type {kind!r} is not read here; send one of {known}, not packed.")
    request.max_content_length = LARGEST_FILE
    batches = current_app.extensions["meridian"].batches
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        while some := request.stream.read(IN_MEMORY):
            file.write(some)
        batch_id = batches.take_in(query.product, form, file, g.principal.key_id, query.name, again=bool(query.again))
    response = json_reply(batches.find(batch_id).document(), 202)
    response.headers["Location"] = f"/v1/batches/{batch_id}"
    return response


@v1.get("/batches", tags=[BATCHES], responses={200: schemas.BatchList})
@needs("read")
def list_batches() -> Response:
    """The newest batches."""
    found = current_app.extensions["meridian"].batches.newest(100)
    return json_reply({"data": [one.document() for one in found]})


@v1.get("/batches/<uuid:batch_id>", tags=[BATCHES], responses={200: schemas.BatchOut, 404: schemas.Problem})
@needs("read")
def get_batch(path: BatchPath) -> Response:
    """How far a batch is."""
    return json_reply(current_app.extensions["meridian"].batches.find(path.batch_id).document())


@v1.get("/batches/<uuid:batch_id>/results", tags=[BATCHES], responses={200: None, 404: schemas.Problem})
@needs("read")
def batch_results(path: BatchPath, query: TextQuery) -> Response:
    """What was decided so far, a line for each row, in the order of the file."""
    batches = current_app.extensions["meridian"].batches
    batches.find(path.batch_id)
    return _text(query, RESULTS, batches.results(path.batch_id))


@v1.get("/batches/<uuid:batch_id>/rejects", tags=[BATCHES], responses={200: None, 404: schemas.Problem})
@needs("read")
def batch_rejects(path: BatchPath, query: TextQuery) -> Response:
    """What was not decided, a line for each thing that is wrong with a row: column, value and what was expected."""
    batches = current_app.extensions["meridian"].batches
    batches.find(path.batch_id)
    return _text(query, REJECTS, (reject._asdict() for reject in batches.rejects(path.batch_id)))


def _text(query: TextQuery, columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Response:
    lines: Iterator[str] = as_text(Form(query.format), columns, rows)
    return Response(lines, content_type=TEXTS[query.format])
