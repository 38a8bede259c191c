"""Whatever is sent is decided or refused: random JSON, random bytes, and the sample with something changed."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meridian.application import DecisionRequest, parse_request
from meridian.errors import InvalidInput
from meridian.products import find_product
from tests.services import Service

PERSONAL_LOAN = find_product("personal-loan")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """The sample with some of its fields replaced or taken away, or with some of its bytes changed."""
    document = PERSONAL_LOAN.sample()
    objects = [document, document["application"], document["application"]["credit_report"]]
    for _ in range(draw(st.integers(0, 4))):
        target = draw(st.sampled_from(objects))
        field = draw(st.sampled_from(sorted(target)) | st.text(max_size=10))
        if draw(st.booleans()):
            target[field] = draw(JSON)
        else:
            target.pop(field, None)
        objects = [item for item in objects if item]
        if not objects:
            break
    body = bytearray(json.dumps(document).encode())
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body)


BODIES_AT_RANDOM = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200) | mutations()


@settings(max_examples=500, deadline=None)
@given(body=BODIES_AT_RANDOM)
def test_whatever_is_sent_is_read_or_refused(body: bytes) -> None:
    try:
        assert isinstance(parse_request(body, {PERSONAL_LOAN.name: PERSONAL_LOAN.request}), DecisionRequest)
    except InvalidInput as error:
        assert 400 <= error.status < 500  # noqa: PT017 (to be read is as good)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES_AT_RANDOM)
def test_whatever_is_sent_over_http_is_decided_or_refused(server: Service, body: bytes) -> None:
    answer = server.call("POST", "/v1/decisions", body)
    assert answer.status in (201, 400, 422), answer.body[:500]
    if answer.status != 201:
        assert answer.headers["content-type"] == "application/problem+json"
