"""One tool, compiled once: everything a call or a list needs of an operation."""

import json
from dataclasses import dataclass, field
from typing import Any

from kontor_mcp_gateway.catalogue.marks import Marks, marks_of
from kontor_platform.contract.canonical import fingerprint
from kontor_platform.contract.image import BadContract
from kontor_platform.contract.marks import holds_secrets
from kontor_platform.contract.operation import Approval, Effect, Operation
from kontor_platform.contract.schema import Schema, input_schema, output_schema
from kontor_platform.runtime.tenant_policy import TenantPolicy

MAX_VERSIONS = 1_000
HEADER_MARK = "x-mcp-header"
CONTROLS: dict[str, Schema] = {
    "user_approved": {
        "type": "boolean",
        "description": "The user agreed to this call; counts where the tenant believes it.",
    },
    "approval_id": {
        "type": "string",
        "format": "uuid",
        "description": "Of `approval_required`: repeat the identical call with it.",
    },
    "idempotency_key": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "description": "Names this one call; a repeat answers the first result.",
    },
    "dry_run": {
        "type": "boolean",
        "description": "Tries the call and changes nothing.",
    },
}
# In short, since every tool of a list carries it; errors.proto and /openapi.json tell the rest.
REFUSAL: Schema = {
    "type": "object",
    "description": "A refusal: what was wrong and what would help.",
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "retryable": {"type": "boolean"}},
    "required": ["code", "message", "retryable"],
}
CONSENT = frozenset({"user_approved", "approval_id"})


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """An operation as the gateway offers it; equal only to itself."""

    service: str
    operation: Operation
    controls: frozenset[str]
    header_schema: Schema | None
    listed: dict[str, Any]
    fingerprint: str
    request: Marks
    answer_has_secrets: bool
    versions: dict[int, tuple[TenantPolicy, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The canonical name."""
        return self.operation.name

    def policy_version(self, policy: TenantPolicy) -> str:
        """The version of a tenant's policy for this tool, worked out once."""
        known = self.versions.get(id(policy))
        if known is None or known[0] is not policy:
            if len(self.versions) >= MAX_VERSIONS:
                self.versions.clear()
            known = self.versions[id(policy)] = (policy, policy.policy_version(self.operation))
        return known[1]


def compiled(service: str, operation: Operation) -> Tool:
    """Compiles an operation of a service; raises BadContract if a field has the name of a control argument."""
    controls = controls_of(operation)
    inputs = with_controls(operation, controls)
    listed = {
        "name": operation.name,
        "title": operation.title,
        "description": operation.description,
        "inputSchema": inputs,
        "outputSchema": answered(outlined(output_schema(operation))),
        "annotations": hints(operation),
    }
    # A change within an answer is a change of the tool, listed or not.
    told = fingerprint({**listed, "outputSchema": output_schema(operation), "policy": policy_told(operation)})
    meta = {"kontor/alias": operation.alias, "kontor/service": service, "kontor/fingerprint": told}
    return Tool(
        service=service,
        operation=operation,
        controls=controls,
        header_schema=inputs if HEADER_MARK in json.dumps(inputs) else None,
        listed={**listed, "_meta": meta},
        fingerprint=told,
        request=marks_of(operation.request),
        answer_has_secrets=holds_secrets(operation.response),
    )


def controls_of(operation: Operation) -> frozenset[str]:
    """The control arguments a call may carry: of consent where it is asked, `dry_run` where something can be tried."""
    if not operation.is_write:
        return CONSENT if operation.policy.approval is not Approval.NONE else frozenset()
    return frozenset(CONTROLS) if operation.policy.preview else frozenset(CONTROLS) - {"dry_run"}


def with_controls(operation: Operation, controls: frozenset[str]) -> Schema:
    """The schema of a call: the request's, and the control arguments as optional properties."""
    schema = input_schema(operation)
    properties = schema.get("properties", {})
    taken = sorted(properties.keys() & CONTROLS.keys())
    if taken:
        raise BadContract(f"{operation.rpc}: {taken[0]} is the name of a control argument and no field may have it")
    added = {name: schema_of for name, schema_of in CONTROLS.items() if name in controls}
    return {**schema, "properties": {**properties, **added}}


def outlined(result: Schema) -> Schema:
    """An answer's own fields with their types; what lies within them stands in /openapi.json.

    Whole, the schemas of answers were two thirds of a list, which clients load and few models are shown.
    """
    fields = result.get("properties", {})
    outline = {name: {"type": told["type"]} if "type" in told else {} for name, told in fields.items()}
    return {"type": "object", "properties": outline, "required": result.get("required", [])}


def answered(result: Schema) -> Schema:
    """The schema of an answer or a refusal, since clients hold refusals against it too."""
    return {"type": "object", "anyOf": [result, REFUSAL]}


def hints(operation: Operation) -> dict[str, bool]:
    """All four hints of MCP, since an unset one reads as the worst case."""
    return {
        "readOnlyHint": not operation.is_write,
        "destructiveHint": operation.policy.effect is Effect.DESTRUCTIVE,
        # A repeat without a key is a new call, except where nothing is written.
        "idempotentHint": not operation.is_write,
        "openWorldHint": operation.policy.open_world,
    }


def policy_told(operation: Operation) -> dict[str, Any]:
    """The policy as it enters the fingerprint."""
    policy = operation.policy
    return {
        "rpc": operation.rpc,
        "effect": policy.effect.value,
        "approval": policy.approval.value,
        "open_world": policy.open_world,
        "roles": sorted(policy.roles),
        "aliases": sorted(operation.aliases),
        "preview": policy.preview,
    }
