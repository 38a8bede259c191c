"""Captures as the service makes them, and a small model whose every score is known beforehand."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from meridian.application import parse_request
from meridian.decision import Decision
from meridian.evidence import Evidence, SourceReading, SourceStatus, capture
from meridian.products import Product
from meridian.scoring import Calibration, Ensemble, PointsScale, Scorer, make_tables
from meridian.scoring.trees import Condition, Leaf

RECEIVED = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
NO_HISTORY = {"loans": 0.0, "worst_days_late": 0.0, "applications_90d": 0.0}
LOW, GREY, HIGH = 0.05, 0.2, 0.5
"""PDs of the graded model; its cuts are at half and at four fifths of the revolving limits in use."""


def history(**fields: float) -> SourceReading:
    """What the own history gave; without fields, an applicant with no business before."""
    return SourceReading("history", SourceStatus.FRESH, {**NO_HISTORY, **fields}, RECEIVED, RECEIVED, 0.0)


NO_ANSWER = SourceReading("history", SourceStatus.FAILED, detail="no answer within 60 ms")


def captured(
    product: Product, request: Mapping[str, Any], own: SourceReading | None = None, at: datetime = RECEIVED
) -> Evidence:
    """The capture of a request, by the path that the service takes."""
    parsed = parse_request(json.dumps(request).encode(), {product.name: product.request})
    return capture(
        request=parsed.document(),
        received_at=at,
        readings=(*product.read_application(parsed, at), own or history()),
        features=product.features,
        model_sources=product.model_sources,
        versions={"policy": product.terms.version},
    )


def decided(product: Product, evidence: Evidence, scorer: Scorer | None) -> Decision:
    """The decision on a capture, with all that the product declares."""
    return product.decide(evidence, scorer)


def graded_scorer(
    feature: str = "revolving_utilisation",
    cuts: tuple[float, float] = (0.5, 0.8),
    pds: tuple[float, float, float] = (LOW, GREY, HIGH),
    reference: float = 0.1,
) -> Scorer:
    """A model of one tree on one feature: LOW, GREY or HIGH by the share of the revolving limits in use."""
    edges = (-math.inf, *cuts, math.inf)
    leaves = tuple(
        Leaf(math.log(pd / (1 - pd)), (Condition(0, low, high, missing=pd == LOW),))
        for pd, low, high in zip(pds, edges, edges[1:], strict=False)
    )
    tables = make_tables(Ensemble(leaves, 0.0, (feature,)), np.array([[reference]], dtype=np.float32))
    return Scorer("graded", "0" * 64, "1" * 64, tables, Calibration(), PointsScale())


def request_with(product: Product, report: Mapping[str, Any] | None = None, **form: Any) -> dict[str, Any]:
    """The product's sample with a report of the day of receipt, and fields replaced."""
    request = product.sample()
    request["application"]["credit_report"] |= {"as_of": RECEIVED.date().isoformat(), **(report or {})}
    request["application"] |= form
    return request
