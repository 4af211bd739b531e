"""The REST face: routes from the operations, JSON in, JSON or a problem out."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

from fastapi import FastAPI
from opentelemetry import propagate, trace
from opentelemetry.context import attach, detach
from protobuf import DescField, DescFieldValueList, DescFieldValueScalar, Message, ScalarType
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from kontor_platform.contract.decode import MAX_BYTES, decode, decode_value
from kontor_platform.contract.operation import Content, Operation
from kontor_platform.contract.problem import (
    PROBLEM_TYPE,
    Internal,
    InvalidField,
    Malformed,
    MethodNotAllowed,
    NotFound,
    Refusal,
    TooLarge,
    UnsupportedMediaType,
)
from kontor_platform.faces.docs import documented_app
from kontor_platform.faces.openapi import openapi
from kontor_platform.runtime.call import Incoming, Outcome
from kontor_platform.runtime.dispatcher import Dispatcher

PASSPORT_HEADER = "x-kontor-passport"
CALL_HEADER = "x-kontor-call-id"
REQUEST_ID_HEADER = "x-request-id"
IDEMPOTENCY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
PROBLEM_MEDIA = "application/problem+json"
DATA_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

Endpoint = Callable[[Request], Awaitable[Response]]


def rest_app(
    title: str,
    operations: Iterable[Operation],
    dispatcher: Dispatcher,
    streams: Mapping[Content, Callable[[Operation], Endpoint]] | None = None,
) -> FastAPI:
    """Builds the application that answers every operation with a route, its documents and its problems.

    `streams` makes the endpoints of operations whose bodies are files.
    """
    routed = [operation for operation in operations if operation.route]
    plain = partial(endpoint, dispatcher=dispatcher)
    app = documented_app(title)
    document = openapi(title, routed)
    app.openapi = lambda: document  # type: ignore[method-assign]
    for operation in routed:
        assert operation.route
        made = streams[operation.policy.content] if streams and operation.is_streamed else plain
        app.add_route(operation.route.path, made(operation), methods=[operation.route.method])
    add_problem_handlers(app)
    return app


def endpoint(operation: Operation, dispatcher: Dispatcher) -> Endpoint:
    """The handler of one operation."""

    async def answer(request: Request) -> Response:
        context = attach(propagate.extract(request.headers))
        try:
            outcome = await dispatcher.dispatch(await incoming_of(operation, request))
        finally:
            detach(context)
        return answer_of(outcome)

    return answer


async def incoming_of(operation: Operation, request: Request) -> Incoming:
    """The call in a request; its body is read but not yet understood."""
    body = await body_of(request)
    return head_of(operation, request, lambda: read(operation, request, body))


def head_of(operation: Operation, request: Request, read: Callable[[], Message]) -> Incoming:
    """The call that a request's line and headers tell of."""
    return Incoming(
        operation=operation,
        face="rest",
        passport=request.headers.get(PASSPORT_HEADER, ""),
        read=read,
        idempotency_key=request.headers.get(IDEMPOTENCY_HEADER, ""),
        dry_run=operation.is_write and request.query_params.get("dry_run") == "true",
        address=request.client.host if request.client else "",
    )


async def body_of(request: Request) -> bytes:
    """The body up to a byte over the limit, so that an endless one is not read."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                break
    except ClientDisconnect as error:
        raise Malformed("The body ended before its length.") from error
    return bytes(body)


def read(operation: Operation, request: Request, body: bytes) -> Message:
    """The request message, from the query of a GET and the body of anything else; the path may add fields."""
    query = query_of(operation, request)
    if request.method == "GET":
        return decode_value(query | request.path_params, operation.request_type)
    if len(body) > MAX_BYTES:
        raise TooLarge(f"The body is larger than {MAX_BYTES} bytes.")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and media != "application/json":
        raise UnsupportedMediaType
    if query:
        name = next(iter(query))
        raise InvalidField(f"{name!r} is not a query parameter; fields go into the body.", field=name)
    return decode(body, operation.request_type)


def query_of(operation: Operation, request: Request) -> dict[str, Any]:
    """The fields in the query string; `dry_run` of a write is none of them."""
    fields = {field.name: field for field in operation.request.fields}
    found: dict[str, Any] = {}
    for name in request.query_params:
        if name == "dry_run" and operation.is_write:
            dry_run_of(request)
        elif name not in found:
            found[name] = query_value(fields.get(name), name, request.query_params.getlist(name))
    return found


def dry_run_of(request: Request) -> bool:
    """Whether the query asks for a trial; raises InvalidField for a `dry_run` that is neither true nor false."""
    given = request.query_params.getlist("dry_run")
    if given not in (["true"], ["false"]):
        raise InvalidField("'dry_run' must be true or false", field="dry_run", allowed=["true", "false"])
    return given == ["true"]


def query_value(field: DescField | None, name: str, texts: list[str]) -> Any:
    """The JSON value that a parameter's texts stand for."""
    if field is not None and isinstance(field.value, DescFieldValueList):
        return [scalar(field.value.element, text) for text in texts]
    if len(texts) > 1:
        raise Malformed(f"The parameter {name!r} stands twice.", field=name)
    kind = field.value.scalar if field is not None and isinstance(field.value, DescFieldValueScalar) else None
    return scalar(kind, texts[0])


def scalar(kind: object, text: str) -> Any:
    """A text as the scalar it should be; what cannot be one stays text and is refused by the field."""
    if kind is ScalarType.BOOL and text in ("true", "false"):
        return text == "true"
    if (
        kind in (ScalarType.INT32, ScalarType.UINT32)
        and text.removeprefix("-").isascii()
        and text.removeprefix("-").isdigit()
    ):
        return int(text) if len(text) < 12 else text
    if "\0" in text:
        raise Malformed("Text may not hold the character NUL (\\u0000).")
    return text


def answer_of(outcome: Outcome) -> Response:
    """The answer with what is told beside it."""
    headers = DATA_HEADERS | {CALL_HEADER: str(outcome.call_id)}
    if outcome.replayed:
        headers |= {REPLAYED_HEADER: "true"}
    if outcome.secret_withheld:
        headers |= {"x-kontor-secret-withheld": "true"}
    body = outcome.message.to_json(always_emit_implicit=True)
    return Response(body, media_type="application/json", headers=headers)


def problem_response(refusal: Refusal, headers: Mapping[str, str] | None = None, request_id: str = "") -> Response:
    """A refusal as RFC 9457 writes it, with an id under which our logs tell more."""
    printed = refusal.to_json()
    body = printed | {
        "type": PROBLEM_TYPE + refusal.code,
        "title": type(refusal).__name__,
        "status": refusal.http,
        "detail": refusal.message,
        "trace_id": trace_id() or request_id,
    }
    told = dict(DATA_HEADERS) | dict(headers or {})
    if refusal.retry_after_s:
        told["retry-after"] = str(refusal.retry_after_s)
    if refusal.http == 401:
        told["www-authenticate"] = "Bearer"
    return JSONResponse(body, refusal.http, media_type=PROBLEM_MEDIA, headers=told)


def trace_id() -> str:
    """The id of the present trace, empty if none is kept."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def request_id_of(request: Request) -> str:
    """The id that the edge gave the request."""
    return request.headers.get(REQUEST_ID_HEADER, "")


def add_problem_handlers(app: FastAPI) -> None:
    """Makes every error of an application a problem."""

    async def refused(request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        return problem_response(refusal, request_id=request_id_of(request))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            return problem_response(MethodNotAllowed(f"{request.method} is not answered here."), error.headers)
        return problem_response(
            NotFound("There is no such path.") if error.status_code == 404 else Malformed(str(error.detail))
        )

    async def failed(request: Request, __: Exception) -> Response:
        return problem_response(Internal(), request_id=request_id_of(request))

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, failed)
