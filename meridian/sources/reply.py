"""What a provider answers, held against what its source declares; nothing unchecked goes further.

A reply that is wrong in one event is wrong: half an answer looks like a better or a worse applicant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from meridian.features import Kind, Source, Stream
from meridian.features.fold import Event
from meridian.sources.stored import CLOCKS_APART

MOST_EVENTS = 5_000
"""Of one stream: forty accounts reported each month for ten years."""
LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
_FEW = Field(max_length=MOST_EVENTS)
HUNDRED_BILLION = 10**13
"""In cents."""


class ProviderFailed(Exception):
    """A provider gave no answer that may be used. The class says why; no text of the provider's goes anywhere."""


class Unreachable(ProviderFailed):
    """Nobody answers at its address, or the connection broke."""


class NotTrusted(ProviderFailed):
    """Its certificate is not trusted here, or ours is not trusted there."""


class TooSlow(ProviderFailed):
    """It had not answered in full when the time was over."""


class RefusesUs(ProviderFailed):
    """It answered with an error of its own."""


class NotUnderstood(ProviderFailed):
    """Its answer is not in the form that was agreed."""


class TooLarge(ProviderFailed):
    """Its answer is longer than any true one."""


class Implausible(ProviderFailed):
    """Its answer has the right form and cannot be true: another unit, another person, another time."""


Events: TypeAlias = Mapping[str, Sequence[Event]]
"""By the name of the stream they are stored as, every version of every event."""


@dataclass(frozen=True)
class Reply:
    """All that the source has of the applicant as of a moment; without any event it has nothing."""

    source: str
    applicant_id: str
    as_of: datetime
    events: Events

    def events_json(self) -> bytes:
        """The events as one JSON document, moments as ISO 8601 texts."""
        return _ANY.dump_json(self.events)


@dataclass(frozen=True)
class Later:
    """The provider has taken the question, and will have the answer in some seconds under that name."""

    result: str
    ready_in_s: float


Told: TypeAlias = Reply | Later
_ANY: TypeAdapter[Any] = TypeAdapter(Any)
_KINDS: Mapping[Kind, Any] = {
    Kind.CENTS: Annotated[int, Field(ge=-HUNDRED_BILLION, le=HUNDRED_BILLION)],
    Kind.DAYS: Annotated[int, Field(ge=-100_000, le=100_000)],
    Kind.COUNT: Annotated[int, Field(ge=-(2**53), le=2**53)],
    Kind.FLAG: bool,
    Kind.TEXT: Annotated[str, StringConstraints(max_length=200)],
}
_COMMON: Mapping[str, Any] = {
    "applicant_id": str,
    "event_id": Annotated[int, Field(ge=0, le=2**53)],
    "event_at": AwareDatetime,
    "known_at": AwareDatetime,
    "revision": Annotated[int, Field(ge=0, le=2**31 - 1)],
    "retracted": bool,
}
# A column that is not known here is passed over: providers add some, and tell nobody.
_STRICT = ConfigDict(strict=True, extra="ignore")


class Checker:
    """Checks the replies of one source. `sources` are its definitions, one by each product that looks it up.

    Raises `ValueError` where two of them mean different events by one name.
    """

    def __init__(self, sources: Sequence[Source]):
        self.name = sources[0].name
        self._plausible = dict.fromkeys(rule for source in sources for rule in source.plausible)
        streams: dict[str, Stream] = {}
        for stream in (stream for source in sources for stream in source.streams):
            stored = stream.stored_as or stream.name
            if streams.setdefault(stored, stream).columns != stream.columns:
                raise ValueError(f"{self.name}/{stored} has other columns in another product; they have to be the same")
        events = {name: Annotated[list[_event(stream)], _FEW] for name, stream in streams.items()}  # type: ignore[misc]
        self._empty: Events = {name: [] for name in events}
        told = {"applicant_id": str, "as_of": AwareDatetime, "streams": _form("Streams", events)}
        self._document: TypeAdapter[Any] = TypeAdapter(_form("Document", told))

    def from_json(self, body: bytes, applicant_id: str, now: datetime) -> Reply:
        """The reply that a document of the form `{applicant_id, as_of, streams}` is. Raises `ProviderFailed`."""
        try:
            document = self._document.validate_json(body)
        except ValidationError:
            raise NotUnderstood from None
        return self._held_to_be_true(document, applicant_id, now)

    def from_values(self, document: Mapping[str, Any], applicant_id: str, now: datetime) -> Reply:
        """The same of values, from a provider with a form of its own."""
        try:
            document = self._document.validate_python(document)
        except ValidationError:
            raise NotUnderstood from None
        return self._held_to_be_true(document, applicant_id, now)

    def nothing(self, applicant_id: str, now: datetime) -> Reply:
        """The reply of a provider that says to have nothing of the applicant."""
        return Reply(self.name, applicant_id, now, self._empty)

    def _held_to_be_true(self, document: Mapping[str, Any], applicant_id: str, now: datetime) -> Reply:
        as_of, events = document["as_of"].astimezone(UTC), document["streams"]
        every = [event for of_stream in events.values() for event in of_stream]
        if document["applicant_id"] != applicant_id or any(event["applicant_id"] != applicant_id for event in every):
            raise Implausible
        latest = as_of + CLOCKS_APART
        if as_of > now + CLOCKS_APART or any(event["known_at"] > latest for event in every):
            raise Implausible
        # A year 1 is how some systems write that they do not know.
        if as_of < LONG_AGO or any(event["event_at"] < LONG_AGO for event in every):
            raise Implausible
        if not all(rule.holds(events.get(rule.stream, ())) for rule in self._plausible):
            raise Implausible
        return Reply(self.name, applicant_id, as_of, events)


def _event(stream: Stream) -> Any:
    """The form of one event: exactly the declared types; a value of the stream's own may be missing, by null."""
    own = {column.name: _KINDS[column.kind] | None for column in stream.columns}
    return _form("Event", {**_COMMON, **own})


def _form(name: str, fields: Mapping[str, Any]) -> Any:
    """A document with these fields, all of them. It stays a dictionary, which is what is folded."""
    return with_config(_STRICT)(TypedDict(name, dict(fields)))  # type: ignore[operator]
