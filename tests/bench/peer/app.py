"""The service: one synchronous route, as FastAPI runs it in its threads, and one row through the ORM."""

from __future__ import annotations

import json
import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from fastapi import FastAPI
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from tests.bench.peer.schema import DecisionRequest
from tests.bench.peer.scoring import Model, Scored

APPROVE_BELOW, DECLINE_FROM = 0.10, 0.25
TEMPLATE = json.loads(Path(os.environ["PEER_ROW"]).read_text())
"""A decision of Meridian's, so that this service's are of the same size."""

engine = create_engine(os.environ["PEER_DATABASE_URL"])
Session = sessionmaker(engine)
models: dict[str, Model] = {}


class Base(DeclarativeBase):
    pass


class Decision(Base):
    __tablename__ = "plain_decision"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    application_ref: Mapped[str]
    evidence: Mapped[str]
    decision: Mapped[str]


@asynccontextmanager
async def lifespan(_app: FastAPI):
    """Load the model in the process that uses it."""
    models["compact"] = Model(Path(os.environ["PEER_MODEL"]))
    yield
    engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.post("/v1/decisions", status_code=201)
def decide(request: DecisionRequest) -> dict:
    """Score, decide, record, reply."""
    scored = models["compact"].score(request.application)
    row = Decision(id=uuid4(), application_ref=request.application_ref)
    document = present(row.id, request, scored)
    row.decision = json.dumps(document, separators=(",", ":"))
    row.evidence = as_long_as(TEMPLATE["evidence"], request.model_dump_json())
    with Session() as session:
        session.add(row)
        session.commit()
    return document


def present(decision_id: UUID, request: DecisionRequest, scored: Scored) -> dict:
    """The decision as JSON: our findings in the shape of the template."""
    outcome = "approve" if scored.pd < APPROVE_BELOW else "decline" if scored.pd >= DECLINE_FROM else "refer"
    reasons = [
        {**known, "text": name, "contribution": round(share, 6)}
        for known, (name, share) in zip(TEMPLATE["decision"]["reasons"], scored.reasons, strict=False)
    ]
    return {
        **TEMPLATE["decision"],
        "id": str(decision_id),
        "application_ref": request.application_ref,
        "outcome": outcome,
        "score": {**TEMPLATE["decision"]["score"], "pd": round(scored.pd, 8)},
        "reasons": reasons,
        "decided_at": datetime.now(UTC).isoformat(),
    }


def as_long_as(template: str, text: str) -> str:
    """The text, filled up from the template to its length: the same bytes to write as Meridian's."""
    return text + template[len(text) :]
