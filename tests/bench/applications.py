"""Applications as they go over the wire, each of them new: made before the clock starts."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from meridian.simulator import requests

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n"


def decision_requests(count: int, seed: int, key: str) -> list[bytes]:
    """`count` simulated applications as whole messages, each under a reference and an idempotency key of its own."""
    return [
        message(json.dumps(application).encode(), application["application_ref"], key)
        for application in requests(count, seed, datetime.now(UTC).date())
    ]


def message(body: bytes, idempotency_key: str, key: str) -> bytes:
    """An application as a whole message."""
    head = (
        "POST /v1/decisions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nIdempotency-Key: {idempotency_key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
