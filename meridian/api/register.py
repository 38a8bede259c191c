"""Put the API on an app."""

from __future__ import annotations

from flask_openapi.openapi import OpenAPI

from meridian.api import batch_routes  # noqa: F401  # its routes are v1's
from meridian.api.metrics import register_metrics
from meridian.api.open_routes import open_routes
from meridian.api.overload import register_overload
from meridian.api.problems import register_problems
from meridian.api.routes import v1


def register_api(app: OpenAPI) -> None:
    """Routes, problems and metrics; `app.extensions["meridian"]` is the wiring they call."""
    app.register_api(v1)
    app.register_blueprint(open_routes)
    register_problems(app)
    register_metrics(app)
    register_overload(app)
