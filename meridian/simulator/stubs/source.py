"""What a stub answers to a question, apart from how the answer travels."""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from meridian.errors import InvalidInput, NotFound
from meridian.features import Kind
from meridian.simulator.lender.streams import STREAMS
from meridian.simulator.stubs.dialect import find_dialect
from meridian.simulator.stubs.events import StreamEvents
from meridian.simulator.stubs.faults import SLOWER, TAIL, FaultName
from meridian.simulator.stubs.pace import AT_ONCE_S, PACES, Latency

DAYS_A_MONTH = 30
TIMES_AS_LONG = {FaultName.SLOW: SLOWER, FaultName.TAIL: TAIL}


class NoFile(NotFound):
    """The source has nothing of this applicant."""


class InvalidQuestion(InvalidInput):
    """The question to the source cannot be understood."""

    status = 400


@dataclass(frozen=True)
class Answer:
    """A document, and for how many seconds the caller is kept waiting for it."""

    status: int
    document: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0


@dataclass(frozen=True)
class Question:
    """Whose events, known by when; `ready_at`, in seconds since 1970, where it was asked before."""

    applicant_id: str
    as_of: datetime
    ready_at: float | None = None

    @property
    def ticket(self) -> str:
        """The question as a name for its result. Nothing is kept of it here, so that results outlive a restart."""
        told = [self.applicant_id, self.as_of.isoformat(), self.ready_at]
        return base64.urlsafe_b64encode(json.dumps(told).encode()).decode()

    @classmethod
    def of_ticket(cls, ticket: str) -> Question:
        """The question that a result's name stands for. Raises `NotFound`."""
        try:
            applicant_id, as_of, ready_at = json.loads(base64.urlsafe_b64decode(ticket))
            return cls(str(applicant_id), datetime.fromisoformat(as_of), float(ready_at))
        except (ValueError, TypeError):
            raise NotFound(f"There is no result {ticket!r}; ask again") from None


class StubSource:
    """One outside source, answering from a simulated lender's folder in one of the dialects.

    Raises `InvalidInput` where the folder has no events of the source, or the source does not speak the dialect.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        scale: float,
        seed: int,
        now: Callable[[], float] = time.time,
        dialect: str = "events",
    ) -> None:
        if name not in PACES:
            raise InvalidInput(f"There is no source {name!r} to stand in for; there are {', '.join(PACES)}")
        self.name = name
        self._dialect = find_dialect(dialect, name)
        self.path = self._dialect.path.format(source=name)
        """An applicant is asked about at this path, a slash and the applicant's id."""
        self._streams = [StreamEvents(folder, stream) for stream in STREAMS if stream.source == name]
        self._later = PACES[name].later
        self._latency = Latency(PACES[name], scale, seed)
        self._now = now

    def question(self, target: str) -> Question:
        """The question that a request's target asks.

        Raises:
            NotFound: it is not the address of one.
            InvalidQuestion: something in it cannot be understood.
        """
        url = urlsplit(target)
        path, _, last = url.path.rpartition("/")
        if path == f"{self.path}/results" and self._later:
            return Question.of_ticket(unquote(last))
        if path == self.path and last:
            return Question(unquote(last), self._as_of(url.query))
        raise NotFound(f"{url.path} is not known here; ask {self.path}/<applicant_id>")

    def answer(self, question: Question, fault: FaultName = FaultName.NONE) -> Answer:
        """The events known by then, or where they will be. Raises `NotFound` where the source has nothing."""
        now = self._now()
        if question.ready_at is None:
            seconds = self._latency.draw() * TIMES_AS_LONG.get(fault, 1)
            document = self._document(question, fault)  # who is not known here is told so at once
            if not self._later or seconds <= AT_ONCE_S:
                return Answer(200, document, after_s=seconds)
            question = Question(question.applicant_id, question.as_of, now + seconds)
            return self._pending(question, seconds)
        if now < question.ready_at:
            return self._pending(question, question.ready_at - now)
        return Answer(200, self._document(question, fault))

    def _as_of(self, query: str) -> datetime:
        asked = parse_qsl(query, keep_blank_values=True)
        # Anything misspelt and passed over would show what was not known yet.
        if unknown := [name for name, _ in asked if name != self._dialect.moment]:
            raise InvalidQuestion(f"{unknown[0]!r} is no parameter; there is {self._dialect.moment} alone")
        if not asked:
            return datetime.fromtimestamp(self._now(), UTC)
        text = asked[-1][1]
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise InvalidQuestion(
                f"{self._dialect.moment}: {text!r} is no moment with its zone; write 2026-11-01T08:30:00Z"
            )
        return moment.astimezone(UTC)

    def _document(self, question: Question, fault: FaultName) -> dict[str, Any]:
        known = {one.stream.name: one.known(question.applicant_id, question.as_of) for one in self._streams}
        moment = question.as_of.isoformat().replace("+00:00", "Z")
        if not any(known.values()):
            raise NoFile(f"{self.name} has nothing of {question.applicant_id!r} by {moment}")
        if fault is FaultName.LYING:
            for one in self._streams:
                _lie(known[one.stream.name], {c.name: c.kind for c in one.stream.declared.columns})
        return self._dialect.document(question.applicant_id, moment, known)

    def _pending(self, question: Question, seconds: float) -> Answer:
        location = f"{self.path}/results/{question.ticket}"
        document = {"status": "pending", "result": location, "ready_in_s": round(seconds, 3)}
        return Answer(202, document, {"Location": location, "Retry-After": str(math.ceil(seconds))})


def _lie(events: list[dict[str, Any]], kinds: Mapping[str, Kind]) -> None:
    """Put dollars where cents are meant, and months where days are."""
    units = {Kind.CENTS: 100, Kind.DAYS: DAYS_A_MONTH}
    for name, kind in kinds.items():
        for event in events if kind in units else ():
            if event[name] is not None:
                event[name] = round(event[name] / units[kind])
