"""Routes that need no key: is it alive, is it ready, its metrics, its documentation. None shows a decision."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, current_app, redirect, send_file
from werkzeug import Response as WerkzeugResponse

from meridian import __version__
from meridian.api import metrics
from meridian.api.openapi import specification
from meridian.evidence import canonical_json

open_routes = Blueprint("open", __name__)

# Nothing that would talk to somebody else's service: the policy below would stop it, so it is not offered either.
DOCS_SETTINGS = {
    "withDefaultFonts": False,
    "telemetry": False,
    "showDeveloperTools": "never",
    "agent": {"disabled": True},
    "mcp": {"disabled": True},
    "hideClientButton": True,
    "authentication": {"preferredSecurityScheme": "key"},
}
DOCS_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Meridian API</title>
<link rel="icon" href="data:,">
</head>
<body>
<script id="api-reference" data-url="/openapi.json" data-configuration='{{ configuration }}'></script>
<script src="/docs/scalar.js"></script>
</body>
</html>
"""
# The reference page builds its styles while it runs; it still loads nothing from elsewhere.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'"
)


@open_routes.get("/")
def root() -> WerkzeugResponse:
    """Who opens the bare address wants to see what is here."""
    return redirect("/docs")


@open_routes.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return _json({"status": "alive", "version": __version__})


@open_routes.get("/readyz")
def readyz() -> Response:
    """Whether decisions can be made and recorded: 503 where not.

    A missing model leaves it ready, for decisions go on by what stands in for it, or by policy alone; it is named
    under `degraded`.
    """
    wiring = current_app.extensions["meridian"]
    wiring.queries.check_ready()
    missing = [f"compact model of {name}" for name in wiring.products if wiring.models.compact(name) is None]
    unusable = [f"{place.alias} of {place.product} for {place.purpose}" for place in wiring.models.in_use.unusable()]
    policies = [f"policy of {name}" for name in wiring.products.unusable()]
    return _json({"status": "ready", "version": __version__, "degraded": missing + unusable + policies})


@open_routes.get("/metrics")
def get_metrics() -> Response:
    """Counters and histograms for Prometheus."""
    return metrics.exposition()


@open_routes.get("/openapi.json")
def openapi() -> Response:
    """The API's description (OpenAPI 3)."""
    return _json(specification(current_app))


@open_routes.get("/docs")
def docs() -> Response:
    """The description as a page."""
    page = DOCS_PAGE.replace("{{ configuration }}", json.dumps(DOCS_SETTINGS))
    return Response(page, content_type="text/html", headers={"Content-Security-Policy": DOCS_POLICY})


@open_routes.get("/docs/scalar.js")
def docs_script() -> Response:
    """The page's script, served from here."""
    script = files("flask_openapi_scalar") / "templates" / "scalar" / "js" / "scalar.standalone.js"
    return send_file(str(script), mimetype="text/javascript", max_age=86_400)


def _json(document: dict[str, Any]) -> Response:
    return Response(canonical_json(document), content_type="application/json")
