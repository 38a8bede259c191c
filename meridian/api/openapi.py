"""The description of the API: flask-openapi writes it from the routes, the products add what may be applied for."""

from __future__ import annotations

from typing import Any

from flask import Flask

from meridian import __version__

INFO = {
    "title": "Meridian",
    "version": __version__,
    "description": "Credit decisions: approve, decline or refer, with exact reasons, from evidence that is kept.",
    "license": {"name": "Apache-2.0"},
}
REFERENCE = "#/components/schemas/{model}"


def specification(app: Flask) -> dict[str, Any]:
    """The document, with the request body as one of the products' schemas and examples that work."""
    described: dict[str, Any] = app.api_doc  # type: ignore[attr-defined]
    products = app.extensions["meridian"].declared.values()
    schemas = described["components"]["schemas"]
    for product in products:
        schema = product.request.model_json_schema(ref_template=REFERENCE)
        schemas.update(schema.pop("$defs", {}))
        schemas[product.request.__name__] = schema
    references = [{"$ref": REFERENCE.format(model=product.request.__name__)} for product in products]
    operation = described["paths"]["/v1/decisions"]["post"]
    operation["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {
                "schema": references[0] if len(references) == 1 else {"oneOf": references},
                "examples": {product.name: {"value": product.sample()} for product in products},
            }
        },
    }
    operation["parameters"] = [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            "description": "Your own key for this application; a retry under it gets the same answer.",
        }
    ]
    return described
