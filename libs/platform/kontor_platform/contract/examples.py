"""Examples of operations: a request with its answer as recorded, one from the policy, or one from required fields."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import kontor_protos

from kontor_platform.contract.operation import Operation
from kontor_platform.contract.schema import Schema, input_schema

TEXT = "example"
FORMATS = {
    "uuid": "019a0000-0000-7000-8000-000000000001",
    "date-time": "2026-11-23T09:30:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com",
}


@cache
def recorded() -> Mapping[str, Mapping[str, Any]]:
    """Calls that were made, by tool: their `arguments` and their `answer`."""
    told: Mapping[str, Mapping[str, Any]] = json.loads(kontor_protos.examples())
    return told


def answer_of(operation: Operation) -> Any:
    """What the example request was answered; None where that was not recorded."""
    return recorded().get(operation.name, {}).get("answer")


def example_of(operation: Operation) -> Any:
    """A request that passes the operation's own rules."""
    if operation.name in recorded():
        return recorded()[operation.name]["arguments"]
    if operation.policy.example:
        return json.loads(operation.policy.example)
    return sample(input_schema(operation))


def sample(schema: Schema) -> Any:
    """The least value a schema accepts."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: sample(schema["properties"][name]) for name in schema.get("required", ())}
    if kind == "array":
        return [sample(schema["items"])] * schema.get("minItems", 0)
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 0), 0)
    if kind == "boolean":
        return False
    return FORMATS.get(schema.get("format", ""), TEXT[: schema.get("maxLength", len(TEXT))])
