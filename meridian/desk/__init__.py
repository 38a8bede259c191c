"""The review desk at `/review`: where analysts see, claim and settle what the models could not."""

from __future__ import annotations

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from meridian.desk import formats, policy_routes, work_routes
from meridian.desk.routes import desk
from meridian.desk.session import CSRF, LONGEST_SESSION, WIRING
from meridian.wiring import Wiring

__all__ = ["policy_routes", "register_desk", "work_routes"]


def register_desk(app: Flask, wiring: Wiring) -> None:
    """Add the desk to an app that has a secret key. What is not under `/review` stays as it was."""
    app.config["PERMANENT_SESSION_LIFETIME"] = LONGEST_SESSION
    # The rest of the app authenticates by keys that no browser sends by itself; the desk checks its own.
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    # A token is good for as long as its session: an analyst may think for more than an hour.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    app.extensions[CSRF] = CSRFProtect(app)
    app.extensions[WIRING] = wiring
    for name, function in formats.FILTERS.items():
        app.add_template_filter(function, name)
    app.register_blueprint(desk)
