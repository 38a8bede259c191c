"""What the registry's triggers and keys refuse, in our own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError

from meridian.errors import Forbidden, InvalidInput, RegistryConflict

OWN, NOT_PASSED, UNSIGNED, CHANGED_MEANWHILE, UNTESTED = "MR001", "MR002", "MR003", "MR005", "MR006"
MEANWHILE = "Somebody else has changed it at this moment; look again before you do."


@contextmanager
def refused(key: str, taken: str = MEANWHILE) -> Iterator[None]:
    """Around an insert: `key` is the constraint that somebody else's row may hold, and `taken` what is said then.

    Raises `Forbidden`, `InvalidInput` or `RegistryConflict`; any other error as it is.
    """
    try:
        yield
    except DBAPIError as error:
        code = getattr(error.orig, "pgcode", None)
        said = str(error.orig).splitlines()[0]
        if code == CHANGED_MEANWHILE:
            raise RegistryConflict(MEANWHILE) from error
        if code == OWN:
            raise Forbidden(f"{said}. Have somebody else sign.") from error
        if code == NOT_PASSED:
            raise InvalidInput(f"{said}. Better it, or sign with a waiver for each that may have one.") from error
        if code == UNSIGNED:
            raise InvalidInput(
                f"{said}. Only what was submitted, and signed for by somebody else, gets there."
            ) from error
        if code == UNTESTED:
            raise InvalidInput(f"{said}. Have one made: meridian policy backtest PRODUCT VERSION --as NAME.") from error
        if isinstance(error, IntegrityError):
            constraint = str(getattr(getattr(error.orig, "diag", None), "constraint_name", ""))
            if constraint == key:
                raise RegistryConflict(taken) from error
            raise InvalidInput(f"The registry refuses it: {said}.") from error
        raise
