"""The error tree. A class's docstring is its default message; what is raised says which value and what to do.

Each class carries the HTTP status that the presenter (`meridian.api.problems`) gives it and the
exit code of the command line, so that one table serves every door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


class MeridianError(Exception):
    """Meridian could not do what was asked."""

    status = 500
    exit_code = 1

    def __init__(self, message: str | None = None):
        super().__init__(message or (type(self).__doc__ or "").strip())

    @property
    def slug(self) -> str:
        """The problem type as it stands in a URI: `UnknownProduct` -> `unknown-product`."""
        name = type(self).__name__
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


@dataclass(frozen=True)
class FieldProblem:
    """One thing wrong with one field: where (JSON pointer), what was sent, and what was expected."""

    pointer: str
    value: str
    expected: str

    def as_dict(self) -> dict[str, str]:
        """The three texts as they stand in a problem document."""
        return asdict(self)


class InvalidInput(MeridianError):
    """What was sent cannot be understood."""

    status = 422
    exit_code = 2

    def __init__(self, message: str | None = None, problems: Sequence[FieldProblem] = ()):
        super().__init__(message)
        self.problems = tuple(problems)


class MalformedBody(InvalidInput):
    """The body is not a JSON document that can be read."""

    status = 400


class BodyTooLarge(InvalidInput):
    """The body is larger than this service reads."""

    status = 413


class UnsupportedBody(InvalidInput):
    """The body is not of a kind that this service reads."""

    status = 415


class InvalidApplication(InvalidInput):
    """The application has fields that cannot be accepted."""


class UnknownProduct(InvalidInput):
    """No such product is offered here."""


class InvalidProduct(InvalidInput):
    """The files of a product's folder cannot be used."""


class InvalidOffers(InvalidInput):
    """The settings of offers, or their catalogue, cannot be used."""


class InvalidPolicy(InvalidProduct):
    """The tables of a policy cannot be used."""


class LeakyColumns(InvalidInput):
    """The training data has columns that were known only after the decision."""


class InvalidTrainingData(InvalidInput):
    """The training data cannot be used."""


class IdempotencyMismatch(MeridianError):
    """This Idempotency-Key was used with another body; use a new key for a new application."""

    status = 422


class AlreadyDecided(MeridianError):
    """An application with this reference has been decided."""

    status = 409


class NotFound(MeridianError):
    """Nothing is known by that name."""

    status = 404


class Unauthenticated(MeridianError):
    """An API key is needed: send `Authorization: Bearer <key>`."""

    status = 401


class Forbidden(MeridianError):
    """This key may not do that."""

    status = 403


class CaseConflict(MeridianError):
    """The case is not in a state in which this can be done."""

    status = 409


class RegistryConflict(MeridianError):
    """The registry is not in a state in which this can be done."""

    status = 409


class Unavailable(MeridianError):
    """The service cannot record anything at the moment. Try again shortly, under the same Idempotency-Key."""

    status = 503
    retry_after_s = 2


class Overloaded(Unavailable):
    """More is asked than can be answered in time. Try again shortly, under the same Idempotency-Key."""


class NotReady(MeridianError):
    """Something that Meridian needs is missing; the message says what and how to get it."""

    status = 503
    retry_after_s = 30
    exit_code = 3


class UntrustedModel(NotReady):
    """A model file does not match the hash that its manifest holds."""
