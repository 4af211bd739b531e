"""What a service's gRPC status means to the caller."""

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from kontor_protos.kontor.platform.v1.errors_pb import Problem

from kontor_platform.contract.problem import (
    Cancelled,
    DeadlineExceeded,
    Internal,
    Malformed,
    Refusal,
    Unavailable,
    refusal_of,
)

DETAILS = "grpc-status-details-bin"
PROBLEM_URL = "type.googleapis.com/kontor.platform.v1.Problem"


def refusal_from(error: grpc.aio.AioRpcError, service: str) -> Refusal:
    """The service's own refusal if it sent one, else what its status tells."""
    problem = problem_in(error)
    if problem is not None:
        return refusal_of(problem)
    match error.code():
        case grpc.StatusCode.UNAVAILABLE:
            return unavailable(service)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return late(service)
        case grpc.StatusCode.CANCELLED:
            return Cancelled()
        case grpc.StatusCode.UNIMPLEMENTED:
            return Unavailable(f"{service} does not offer this operation at the moment; try again.", retry_after_s=5)
        case grpc.StatusCode.RESOURCE_EXHAUSTED | grpc.StatusCode.INVALID_ARGUMENT:
            return Malformed(f"{service} could not read the request.")
    return Internal()


def late(service: str) -> DeadlineExceeded:
    """The refusal where a service took too long."""
    return DeadlineExceeded(f"{service} did not answer in time; try again.", retry_after_s=2)


def unavailable(service: str) -> Unavailable:
    """The refusal while a service is down."""
    return Unavailable(f"{service} is not available at the moment; try again.", retry_after_s=2)


def problem_in(error: grpc.aio.AioRpcError) -> Problem | None:
    """The problem among the details of a status, if there is a readable one."""
    details = next((value for key, value in error.trailing_metadata() or () if key == DETAILS), None)
    if not isinstance(details, bytes):
        return None
    try:
        status = status_pb2.Status.FromString(details)
        packed = next((each.value for each in status.details if each.type_url == PROBLEM_URL), None)
        return Problem.from_binary(packed) if packed is not None else None
    except (DecodeError, ValueError):
        return None


def is_silence(error: grpc.aio.AioRpcError) -> bool:
    """Whether the service did not answer at all, as opposed to refusing."""
    return problem_in(error) is None and error.code() in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    )
