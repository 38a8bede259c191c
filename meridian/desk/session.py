"""Who sits at the desk: a signed cookie with the analyst's name and the time of the sign-in."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from flask import current_app, session
from flask_wtf.csrf import CSRFProtect

from meridian.wiring import Wiring

LONGEST_SESSION = timedelta(hours=8)
"""A working day, from the sign-in and not from the last click."""

WIRING, CSRF = "meridian.desk.wiring", "meridian.desk.csrf"

LOCAL_PATH = re.compile(r"/review(?:[/?][\x21-\x5b\x5d-\x7e]*)?")
"""A path of the desk itself: no scheme, no host, no backslash (which browsers read as a slash), no controls."""


def current_wiring() -> Wiring:
    """The objects of this process."""
    wiring: Wiring = current_app.extensions[WIRING]
    return wiring


def check_csrf() -> None:
    """Refuse a form that did not come from one of our pages. Raises flask_wtf's `CSRFError`."""
    csrf: CSRFProtect = current_app.extensions[CSRF]
    csrf.protect()


def begin_session(analyst: str, now: datetime) -> None:
    """Sign an analyst in. Nothing of an earlier session goes over into the new one."""
    session.clear()
    session.permanent = True
    session["analyst"], session["since"] = analyst, now.isoformat()


def end_session() -> None:
    """Sign out."""
    session.clear()


def signed_in(now: datetime) -> str | None:
    """The analyst who is signed in, or None; a session past its time is none."""
    analyst, since = session.get("analyst"), session.get("since")
    if not isinstance(analyst, str) or not isinstance(since, str):
        return None
    return analyst if now - datetime.fromisoformat(since) < LONGEST_SESSION else None


def local_path(wanted: str | None) -> str | None:
    """Where to go after the sign-in, if that is a page of the desk; None for all else, other hosts above all."""
    return wanted if wanted and LOCAL_PATH.fullmatch(wanted) else None
