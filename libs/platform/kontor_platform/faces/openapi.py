"""OpenAPI 3.1 of operations: requests, answers and problems, from the descriptors."""

from collections.abc import Iterable, Sequence
from typing import Any

from protobuf import DescField

from kontor_platform.contract.examples import answer_of, example_of
from kontor_platform.contract.operation import Approval, Content, Operation
from kontor_platform.contract.problem import statuses
from kontor_platform.contract.schema import Writer, component_name, problem_schema, required_names

Document = dict[str, Any]

OCTETS = "application/octet-stream"
BYTES = {"type": "string", "format": "binary"}
PROBLEM = {"$ref": "#/components/schemas/Problem"}
STATUS_WORDS = {
    400: "The request cannot be read.",
    401: "No valid credential was sent.",
    403: "The role or an approval is missing.",
    404: "There is no such record.",
    405: "The path does not answer this method.",
    409: "The present state does not allow this.",
    410: "The record was deleted.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A field breaks its rule.",
    429: "Too many calls.",
    499: "The caller went away.",
    500: "Something went wrong on our side.",
    503: "The service cannot answer now.",
    504: "The call took longer than its deadline.",
}
IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeating a call with the same key answers the first answer; kept 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
DRY_RUN = {
    "name": "dry_run",
    "in": "query",
    "required": False,
    "description": "true: check and answer as the call would, then roll everything back.",
    "schema": {"type": "boolean"},
}


def openapi(title: str, operations: Iterable[Operation], *, version: str = "1", server: str = "/") -> Document:
    """The document of these operations; each must have a route."""
    components: dict[str, Any] = {"Problem": problem_schema() | problem_members()}
    paths: Document = {}
    for operation in operations:
        assert operation.route
        paths.setdefault(operation.route.path, {})[operation.route.method.lower()] = described(operation, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key of Kontor."}},
        },
        "security": [{"key": []}],
    }


def problem_members() -> Document:
    """RFC 9457's own members beside ours."""
    schema = problem_schema()
    own = {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": "string"},
    }
    return {
        "properties": own | schema["properties"],
        "required": ["type", "title", "status", "detail", *schema["required"]],
    }


def described(operation: Operation, components: dict[str, Any]) -> Document:
    """One operation: its words, its parameters, its body, what it answers."""
    assert operation.route
    body = {} if operation.route.method == "GET" else {"requestBody": request_of(operation, components)}
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": description_of(operation),
        "tags": [operation.service.rsplit(".", 1)[-1]],
        "parameters": parameters_of(operation),
        **body,
        "responses": responses_of(operation, components),
    }


def description_of(operation: Operation) -> str:
    """The operation's words, its roles and the consent it needs."""
    policy = operation.policy
    needs = {
        Approval.NONE: "",
        Approval.USER: " A person calls it here; an agent by way of /mcp, where it is approved.",
        Approval.OPERATOR: " Every caller needs an operator's approval, by way of /mcp.",
    }[policy.approval]
    return f"{operation.description}\n\nRoles: {', '.join(sorted(policy.roles))}.{needs}"


def parameters_of(operation: Operation) -> list[Document]:
    """Path and query fields, and what a write takes besides its body."""
    assert operation.route
    in_path = operation.route.path_fields
    found = [parameter_of(each, "path") for each in operation.request.fields if each.name in in_path]
    if operation.route.method == "GET" or operation.policy.content is Content.UPLOAD:
        required = required_names(operation.request)
        rest = (each for each in operation.request.fields if each.name not in in_path)
        found += [parameter_of(each, "query", required=each.name in required) for each in rest]
    if operation.is_write:
        found += [IDEMPOTENCY] + ([DRY_RUN] if operation.policy.preview else [])
    return found


def parameter_of(field: DescField, place: str, *, required: bool = True) -> Document:
    """A field as a parameter."""
    schema = Writer(answers=False).property_of(field)
    words = schema.pop("description", "")
    return {"name": field.name, "in": place, "required": required, "description": words, "schema": schema}


def request_of(operation: Operation, components: dict[str, Any]) -> Document:
    """What the request's body holds: a message, or a file as it is or in a form."""
    if operation.policy.content is not Content.UPLOAD:
        return body_of(operation, components)
    form = {"type": "object", "properties": {"file": BYTES}, "required": ["file"]}
    example = operation.policy.example
    content = {
        OCTETS: {"schema": BYTES, "example": example},
        "multipart/form-data": {"schema": form, "example": {"file": example}},
    }
    return {"required": True, "content": content}


def body_of(operation: Operation, components: dict[str, Any]) -> Document:
    """The JSON body with a working example."""
    key = component_name(operation.request.type_name, answers=False)
    components[key] = Writer(answers=False, components=components).object_of(operation.request)
    content = {"schema": {"$ref": f"#/components/schemas/{key}"}, "example": example_of(operation)}
    return {"required": bool(required_names(operation.request)), "content": {"application/json": content}}


def responses_of(operation: Operation, components: dict[str, Any]) -> Document:
    """The answer, and every status a refusal may have."""
    if operation.policy.content is Content.DOWNLOAD:
        success = {"description": "The bytes.", "content": {"*/*": {"schema": BYTES}}}
        unchanged = {"304": {"description": "The caller has these bytes, as its If-None-Match says."}}
        return {"200": success} | unchanged | {str(status): problem_of(status) for status in refusal_statuses()}
    key = component_name(operation.response.type_name, answers=True)
    components[key] = Writer(answers=True, components=components).object_of(operation.response)
    content: Document = {"schema": {"$ref": f"#/components/schemas/{key}"}}
    if (answer := answer_of(operation)) is not None:
        content["example"] = answer
    success = {
        "description": "The answer.",
        "content": {"application/json": content},
    }
    return {"200": success} | {str(status): problem_of(status) for status in refusal_statuses()}


def refusal_statuses() -> Sequence[int]:
    """The statuses of all reasons, and the one of a wrong method."""
    return sorted({status.http for status in statuses().values()})


def problem_of(status: int) -> Document:
    """A refusal of that status."""
    return {"description": STATUS_WORDS[status], "content": {"application/problem+json": {"schema": PROBLEM}}}
