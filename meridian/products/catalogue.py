"""The catalogue: a product's sources and features as a page that people read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from meridian.features import Direction, Feature, Source
from meridian.products.product import Product

DIRECTIONS = {
    Direction.LOWERS_RISK: "lowers risk",
    Direction.FREE: "free",
    Direction.RAISES_RISK: "raises risk",
}
ACTIONABLE = "\u270e"


def entry(product: Product) -> Callable[[Feature], dict[str, Any]]:
    """A feature's line, as plain values: what it is, and which models of the product read it."""

    def of(feature: Feature) -> dict[str, Any]:
        models = {
            "compact": product.compact_features,
            "reduced": product.reduced_features,
            "application-only": product.application_features,
            "batch": product.batch_features,
        }
        return {
            "name": feature.name,
            "source": feature.source,
            "meaning": feature.meaning,
            "unit": feature.unit,
            "range": f"{feature.low:g} to {feature.high:g}",
            "direction": DIRECTIONS[feature.direction],
            "default": feature.default,
            "too_old_after": words(too_old_after(product, feature)),
            "reason": f"{feature.group} {product.reasons[feature.group].text}",
            "actionable": feature.actionable,
            "models": ", ".join(name for name, names in models.items() if feature.name in names),
        }

    return of


def too_old_after(product: Product, feature: Feature) -> timedelta | None:
    """How old the data may be: the feature's own limit, else its source's; None where it comes with the application."""
    of_source = next((one.too_old_after for one in product.sources if one.name == feature.source), None)
    return feature.too_old_after or of_source


def words(limit: timedelta | None) -> str:
    """A limit as people say it."""
    return "" if limit is None else f"{limit.total_seconds() / 86400:g} days"


def catalogue(product: Product) -> str:
    """The page, in Markdown. Made from the definitions alone: the same definitions give the same page."""
    lines = [
        f"# {product.title}: sources and features",
        "",
        f"{len(product.features)} features: {len(product.compact_features)} for the compact model, "
        f"{len(product.batch_features)} for the batch model. {ACTIONABLE} marks what an applicant can act on. "
        f"Made by `meridian features catalogue {product.name}`.",
    ]
    for name in dict.fromkeys(feature.source for feature in product.features):
        source = next((one for one in product.sources if one.name == name), None)
        lines += ["", f"## {name}", "", *(_source(source) if source else ["It comes with the application."]), ""]
        lines += [
            "| feature | meaning | unit | range | risk | default | reason | models |",
            "|---|---|---|---|---|---|---|---|",
        ]
        lines += [_line(entry(product)(feature)) for feature in product.features.of_source(name)]
    return "\n".join(lines) + "\n"


def _source(source: Source) -> list[str]:
    streams = [
        f"- `{stream.name}`: {stream.meaning}. {'; '.join(f'`{c.name}` {c.meaning}' for c in stream.columns)}."
        for stream in source.streams
    ]
    return [
        f"{source.meaning}. Fresh for {words(source.fresh_for)}, not used after {words(source.too_old_after)}; "
        f"where it has no event of an applicant: {source.silence.value}.",
        *([""] if streams else []),
        *streams,
    ]


def _line(one: dict[str, Any]) -> str:
    default = "" if one["default"] is None else f"{one['default']:g}"
    reason = f"{one['reason']} {ACTIONABLE}" if one["actionable"] else one["reason"]
    name = f"`{one['name']}`"
    cells = (name, one["meaning"], one["unit"], one["range"], one["direction"], default, reason, one["models"])
    return f"| {' | '.join(cells)} |"
