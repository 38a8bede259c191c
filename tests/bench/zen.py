"""The same rules in another engine: GoRules' zen-engine, as a table that collects all rows that hit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from meridian.policy import Policy, Test


def zen_of(policy: Policy) -> Any:
    """A decision of zen-engine with a row for each rule of a policy of plain limits."""
    import zen

    fields = sorted(policy.fields)
    columns = {field: f"i{place}" for place, field in enumerate(fields)}
    rows = [
        {
            "_id": rule.name, "hit": json.dumps(rule.name), **dict.fromkeys(columns.values(), ""),
            columns[rule.field]: f"{'<' if rule.test is Test.BELOW else '>'} {rule.limit}",
        }
        for rule in policy.rules
    ]  # fmt: skip
    table = {
        "hitPolicy": "collect",
        "inputs": [{"id": place, "name": field, "field": field} for field, place in columns.items()],
        "outputs": [{"id": "hit", "name": "hit", "field": "hit"}],
        "rules": rows,
    }
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
        {"id": "table", "type": "decisionTableNode", "name": "table", "position": {"x": 1, "y": 0}, "content": table},
        {"id": "out", "type": "outputNode", "name": "out", "position": {"x": 2, "y": 0}},
    ]
    edges = [
        {"id": f"{one}-{other}", "sourceId": one, "targetId": other, "type": "edge"}
        for one, other in (("in", "table"), ("table", "out"))
    ]
    return zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))


def hits_of(decision: Any, applicant: Mapping[str, float]) -> set[str]:
    """The names of the rules that hit."""
    return {row["hit"] for row in decision.evaluate(applicant)["result"] or ()}
