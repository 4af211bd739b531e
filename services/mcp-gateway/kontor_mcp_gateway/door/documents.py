"""The one OpenAPI document: every service's operations, and the gateway's own paths."""

from typing import Any

from kontor_mcp_gateway.approvals.rules import Status
from kontor_mcp_gateway.catalogue.catalogue import Catalogue
from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.catalogue.tool import CONTROLS
from kontor_mcp_gateway.door.standing import Body
from kontor_platform.faces.openapi import DRY_RUN, IDEMPOTENCY, openapi, problem_of, refusal_statuses

Document = dict[str, Any]
TITLE = "Kontor"


class Documents:
    """Writes the document once per catalogue."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._written: tuple[Catalogue, Document] | None = None

    def openapi(self) -> Document:
        """The present document."""
        present = self._feed.present
        if self._written is None or self._written[0] is not present:
            self._written = (present, written(present))
        return self._written[1]


def written(catalogue: Catalogue) -> Document:
    """The document of a catalogue."""
    operations = [each for each in catalogue.operations() if each.route is not None and not each.policy.internal]
    document = openapi(TITLE, operations)
    document["paths"] |= own_paths()
    document["components"]["schemas"] |= {"Approval": approval_schema(), "StandingGrant": grant_schema()}
    return document


def own_paths() -> Document:
    """The gateway's paths."""
    return {
        "/mcp/{domain}/{op}": {"post": call_described()},
        "/approvals": {"get": list_described()},
        "/approvals/{id}": {"get": described("get_approval", "Shows one approval.", approval_ref(), [id_parameter()])},
        "/approvals/{id}/decide": {"post": decide_described()},
        "/approvals/standing": {"get": grants_described(), "post": give_described()},
        "/approvals/standing/{id}/revoke": {
            "post": described(
                "revoke_standing_grant",
                "Ends a standing grant: the next call asks again.",
                grant_ref(),
                [id_parameter()],
            )
        },
        "/catalogue": {
            "get": described(
                "get_catalogue", "Lists the tools the key may call, and the services behind them.", {"type": "object"}
            )
        },
        "/health": {"get": health_described()},
    }


def described(name: str, summary: str, schema: Document, parameters: list[Document] | None = None) -> Document:
    """One operation of the gateway."""
    success = {"description": "The answer.", "content": {"application/json": {"schema": schema}}}
    refusals = {str(status): problem_of(status) for status in refusal_statuses()}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["Gateway"],
        "parameters": parameters or [],
        "responses": {"200": success} | refusals,
    }


def call_described() -> Document:
    """Calling a tool over REST."""
    parameters = [
        path_parameter("domain", "The tool's name up to its first underscore."),
        path_parameter("op", "The rest of the name."),
        DRY_RUN,
        IDEMPOTENCY,
    ]
    whole = described(
        "call_tool", "Calls a tool under the rules of MCP: roles, limits, approvals.", {"type": "object"}, parameters
    )
    body = {
        "type": "object",
        "description": "The tool's arguments, and the control arguments of a write.",
        "properties": CONTROLS,
    }
    content = {"schema": body, "example": {"query": "ada@example.com"}}
    return whole | {"requestBody": {"required": False, "content": {"application/json": content}}}


def list_described() -> Document:
    """Listing approvals."""
    status = query_parameter("status", {"type": "string", "enum": [each.value for each in Status]}, "Only these.")
    page = {
        "type": "object",
        "properties": {"approvals": {"type": "array", "items": approval_ref()}, "next_cursor": {"type": "string"}},
        "required": ["approvals", "next_cursor"],
    }
    return described(
        "list_approvals", "Lists approvals the person may see, the newest first.", page, [status, *page_parameters()]
    )


def decide_described() -> Document:
    """Deciding an approval."""
    whole = described(
        "decide_approval",
        "Approves or denies a waiting call; people only, never the asking key.",
        approval_ref(),
        [id_parameter()],
    )
    schema = {
        "type": "object",
        "properties": {
            "decision": {"type": "string", "enum": ["approve", "deny"]},
            "reason": {"type": "string", "maxLength": 1000, "description": "Told to the caller."},
        },
        "required": ["decision"],
        "additionalProperties": False,
    }
    content = {"schema": schema, "example": {"decision": "approve", "reason": "Agreed by phone."}}
    return whole | {"requestBody": {"required": True, "content": {"application/json": content}}}


def grants_described() -> Document:
    """Listing standing grants."""
    page = {
        "type": "object",
        "properties": {"standing_grants": {"type": "array", "items": grant_ref()}, "next_cursor": {"type": "string"}},
        "required": ["standing_grants", "next_cursor"],
    }
    return described(
        "list_standing_grants",
        "Lists the standing grants that the person gave, all of the tenant's for an approver.",
        page,
        page_parameters(),
    )


def give_described() -> Document:
    """Giving a standing grant."""
    whole = described(
        "give_standing_grant",
        "Consents beforehand to calls of one agent and one tool that fit a pattern; people only.",
        grant_ref(),
    )
    example = {"tool": "crm_create_note", "agent": "0199c2c6-7f3e-7cc0-8a6b-0f2f5d2f9b10", "uses": 20, "minutes": 480}
    content = {"schema": give_schema(), "example": example}
    return whole | {"requestBody": {"required": True, "content": {"application/json": content}}}


def give_schema() -> Document:
    """A standing grant as it is asked for."""
    schema = Body.model_json_schema()
    words = {
        "tool": "The tool whose calls are covered.",
        "agent": "Id of the actor whose calls are covered.",
        "pinned": "Arguments that a call must have, by name; null: it may not have this one.",
        "records": "Ids of the only records that a call may touch; all if empty.",
        "uses": "How many calls are covered.",
        "minutes": "How long the grant lives.",
        "reason": "Why it is given.",
    }
    properties = {name: {**told, "description": words[name]} for name, told in schema["properties"].items()}
    return {**schema, "title": "StandingGrantWanted", "properties": properties}


def health_described() -> Document:
    """The state of the whole."""
    states = {"type": "object", "additionalProperties": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {"status": {"type": "string"}, "services": states},
        "required": ["status", "services"],
    }
    answer = {"description": "The state.", "content": {"application/json": {"schema": schema}}}
    return {
        "operationId": "health",
        "summary": "Tells whether the services work.",
        "tags": ["Gateway"],
        "security": [],
        "responses": {"200": answer, "503": answer},
    }


def page_parameters() -> list[Document]:
    """Which page of a list."""
    size = {"type": "integer", "minimum": 1, "maximum": 200}
    return [
        query_parameter("page_size", size, "How many at most; 50 if left out."),
        query_parameter("cursor", {"type": "string"}, "`next_cursor` of the page before."),
    ]


def grant_ref() -> Document:
    """A reference to the schema of a standing grant."""
    return {"$ref": "#/components/schemas/StandingGrant"}


def grant_schema() -> Document:
    """A standing grant as people see it."""
    text, maybe, count = {"type": "string"}, {"type": ["string", "null"]}, {"type": "integer"}
    moment = {"type": "string", "format": "date-time"}
    properties = {
        **dict.fromkeys(("id", "tool", "agent", "reason", "given_by"), text),
        "status": {"type": "string", "enum": ["active", "used", "expired", "revoked"]},
        "pinned": {"type": "object"},
        "records": {"type": "array", "items": text},
        "uses": count,
        "uses_left": count,
        "created_at": moment,
        "expires_at": moment,
        **dict.fromkeys(("revoked_at", "revoked_by"), maybe),
    }
    return {
        "type": "object",
        "description": "Consent given beforehand to calls of one agent that fit a pattern.",
        "properties": properties,
        "required": sorted(properties),
    }


def approval_ref() -> Document:
    """A reference to the schema of an approval."""
    return {"$ref": "#/components/schemas/Approval"}


def approval_schema() -> Document:
    """An approval as people see it."""
    text, maybe = {"type": "string"}, {"type": ["string", "null"]}
    moment = {"type": "string", "format": "date-time"}
    properties = {
        **dict.fromkeys(
            ("id", "tool", "level", "level_needed", "evidence", "actor", "client", "client_name", "reason"), text
        ),
        "created_at": moment,
        "expires_at": moment,
        **dict.fromkeys(("on_behalf_of", "decided_at", "decided_by", "standing_grant"), maybe),
        "status": {"type": "string", "enum": [each.value for each in Status]},
        "arguments": {"type": "object"},
        "preview": {"type": "object"},
        "text": {"type": "string", "description": "The preview in plain lines, for a person to read."},
        "votes_needed": {"type": "integer", "description": "How many people must agree."},
        "approved_by": {"type": "array", "items": text},
        "tainted": {"type": "boolean"},
    }
    return {
        "type": "object",
        "description": "A call that needs a person's consent.",
        "properties": properties,
        "required": sorted(properties),
    }


def id_parameter() -> Document:
    """The id of an approval in a path."""
    return path_parameter("id", "Id of the approval.") | {"schema": {"type": "string", "format": "uuid"}}


def path_parameter(name: str, words: str) -> Document:
    """A parameter in a path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": words,
        "schema": {"type": "string", "pattern": "^[a-z0-9_]+$"},
    }


def query_parameter(name: str, schema: Document, words: str) -> Document:
    """A parameter in a query."""
    return {"name": name, "in": "query", "required": False, "description": words, "schema": schema}
