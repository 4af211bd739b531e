"""The gRPC face: generic handlers from the operations, refusals as google.rpc.Status."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import grpc
import grpc.aio
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection
from opentelemetry import propagate
from opentelemetry.context import attach, detach
from protobuf import Message

from kontor_platform.contract.decode import check
from kontor_platform.contract.image import Image
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import InvalidField, Malformed, Refusal
from kontor_platform.runtime.call import Incoming, Outcome
from kontor_platform.runtime.channel import MAX_MESSAGE_BYTES
from kontor_platform.runtime.dispatcher import Dispatcher

PASSPORT = "kontor-passport"
GRANT = "kontor-grant"
IDEMPOTENCY_KEY = "kontor-idempotency-key"
DRY_RUN = "kontor-dry-run"
CALL_ID = "kontor-call-id"
REPLAYED = "kontor-replayed"
SECRET_WITHHELD = "kontor-secret-withheld"
PREVIEW = "kontor-preview-bin"
STATUS_DETAILS = "grpc-status-details-bin"
PROBLEM_TYPE_URL = "type.googleapis.com/kontor.platform.v1.Problem"
ERROR_DOMAIN = "kontor"
MAX_DEADLINE_S = 120.0
OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_connection_age_ms", 60_000),
    ("grpc.max_connection_age_grace_ms", 10_000),
)

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, Message]"
Handler: TypeAlias = "Callable[[bytes, Context], Awaitable[Message]]"


class Plumbing(Protocol):
    """Rpcs outside the dispatcher, which check for themselves who calls; a method takes request and metadata."""

    implements: str


def rpc_server(operations: Iterable[Operation], dispatcher: Dispatcher) -> grpc.aio.Server:
    """A server that answers every operation; plumbing, health and reflection are added to it."""
    server = grpc.aio.server(options=OPTIONS)
    by_service: dict[str, dict[str, grpc.RpcMethodHandler[bytes, Message]]] = {}
    for operation in (each for each in operations if not each.is_streamed):
        by_service.setdefault(operation.service, {})[operation.method] = unary(handler(operation, dispatcher))
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, methods) for name, methods in by_service.items())
    )
    return server


def add_plumbing(server: grpc.aio.Server, image: Image, implementation: Plumbing) -> None:
    """Adds the rpcs of one service that the dispatcher does not run."""
    methods = next(each.methods for each in image.services() if each.type_name == implementation.implements)
    handlers = {}
    for method in methods:
        answer = getattr(implementation, snake(method.name))
        request = (image.classes.message(method.input.type_name) or method.input).type
        handlers[method.name] = unary(plumbed(answer, request))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(implementation.implements, handlers),))


def add_reflection(server: grpc.aio.Server, image: Image, services: Sequence[str]) -> None:
    """Turns gRPC reflection on, for people with grpcurl."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(image.data).file:
        pool.Add(file)
    reflection.enable_server_reflection((*services, reflection.SERVICE_NAME), server, pool=pool)


def unary(answer: Handler) -> grpc.RpcMethodHandler[bytes, Message]:
    """A unary handler that gets the request as bytes."""
    return grpc.unary_unary_rpc_method_handler(answer, None, lambda message: message.to_binary())


def handler(operation: Operation, dispatcher: Dispatcher) -> Handler:
    """The handler of one operation."""

    async def answer(data: bytes, context: Context) -> Message:
        metadata = metadata_of(context)
        token = attach(propagate.extract(metadata))
        try:
            require_deadline(context)
            outcome = await dispatcher.dispatch(asked(operation, data, metadata, context.peer()))
        except Refusal as refusal:
            return await refuse(context, refusal)
        finally:
            detach(token)
        tell(context, outcome, dry_run=metadata.get(DRY_RUN) == "true")
        return outcome.message

    return answer


def plumbed(answer: Callable[[Any, Mapping[str, str]], Awaitable[Message]], request: type[Message]) -> Handler:
    """The handler of one rpc outside the dispatcher."""

    async def call(data: bytes, context: Context) -> Message:
        try:
            return await answer(parsed(data, request), metadata_of(context))
        except Refusal as refusal:
            return await refuse(context, refusal)

    return call


def asked(operation: Operation, data: bytes, metadata: Mapping[str, str], address: str) -> Incoming:
    """The call in a gRPC request; the message is read when its turn comes."""
    return Incoming(
        operation=operation,
        face="rpc",
        passport=metadata.get(PASSPORT, ""),
        read=lambda: parsed(data, operation.request_type),
        idempotency_key=metadata.get(IDEMPOTENCY_KEY, ""),
        dry_run=metadata.get(DRY_RUN) == "true",
        grant=metadata.get(GRANT, ""),
        call_id=metadata.get(CALL_ID, ""),
        address=address,
    )


def parsed(data: bytes, request: type[Message]) -> Message:
    """The request message, held against its rules; fields it does not know are left out of it."""
    try:
        message = request.from_binary(data, ignore_unknown_fields=True)
    except ValueError as error:
        raise Malformed("The request is no message of this operation.") from error
    check(message)
    return message


def require_deadline(context: Context) -> None:
    """Refuses a call without a deadline; raises InvalidField."""
    remaining = context.time_remaining()
    if remaining is None or remaining > MAX_DEADLINE_S:
        raise InvalidField(f"The call needs a deadline of at most {MAX_DEADLINE_S:.0f} seconds.", field="grpc-timeout")


def tell(context: Context, outcome: Outcome, *, dry_run: bool) -> None:
    """Puts what is told beside the answer into the trailing metadata."""
    trailing: list[tuple[str, str | bytes]] = []
    if outcome.replayed:
        trailing.append((REPLAYED, "true"))
    if outcome.secret_withheld:
        trailing.append((SECRET_WITHHELD, "true"))
    if dry_run:
        trailing.append((PREVIEW, previewed(outcome)))
    if trailing:
        context.set_trailing_metadata(tuple(trailing))


def previewed(outcome: Outcome) -> bytes:
    """The events that a dry run would have written, as JSON."""
    return json.dumps({"events": [event.to_json() for event in outcome.events]}, separators=(",", ":")).encode()


async def refuse(context: Context, refusal: Refusal) -> Message:
    """Ends the call with the refusal's status."""
    context.set_trailing_metadata(((STATUS_DETAILS, status_of(refusal).SerializeToString()),))
    await context.abort(grpc.StatusCode[refusal.grpc], refusal.message)
    raise AssertionError("abort raises")


def status_of(refusal: Refusal) -> status_pb2.Status:
    """The refusal as google.rpc.Status: the Problem, and an ErrorInfo for clients that know no Problem."""
    code = grpc.StatusCode[refusal.grpc].value[0]
    status = status_pb2.Status(code=code, message=refusal.message)
    status.details.append(AnyMessage(type_url=PROBLEM_TYPE_URL, value=refusal.to_message().to_binary()))
    info = AnyMessage()
    info.Pack(error_details_pb2.ErrorInfo(reason=refusal.reason.name, domain=ERROR_DOMAIN))
    status.details.append(info)
    return status


def metadata_of(context: Context) -> dict[str, str]:
    """The call's metadata by name; a name that stands twice counts as its last value."""
    return {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}


def snake(name: str) -> str:
    """An rpc's name as a method's."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("_")
