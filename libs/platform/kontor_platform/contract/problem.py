"""Refusals: why a call was not done, told in one shape on every face."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, TypeAlias

from kontor_protos.kontor.platform.v1 import errors_pb
from kontor_protos.kontor.platform.v1.errors_pb import Difference, FieldProblem, Problem, Reason
from protobuf.wkt import Struct, Value

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

PROBLEM_TYPE = "urn:kontor:problem:"
RETRY_AFTER_S = 1


class Refusal(Exception):
    """The call was refused."""

    reason: ClassVar[Reason] = Reason.INTERNAL

    def __init__(
        self,
        message: str = "",
        *,
        field: str = "",
        fields: Sequence[FieldProblem] = (),
        allowed: Sequence[str] = (),
        did_you_mean: str = "",
        retry_after_s: int = 0,
        next_tool: str = "",
        current_version: int = 0,
        differing: Sequence[Difference] = (),
        ids: Sequence[str] = (),
        details: Mapping[str, JSON] | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(self.message)
        self.field = field or (fields[0].field if fields else "")
        self.fields = tuple(fields)
        self.allowed = tuple(allowed)[:20]
        self.did_you_mean = did_you_mean
        self.retry_after_s = retry_after_s or (RETRY_AFTER_S if self.status.retryable else 0)
        self.next_tool = next_tool
        self.current_version = current_version
        self.differing = tuple(differing)
        self.ids = tuple(ids)
        self.details = dict(details) if details else None

    @property
    def status(self) -> errors_pb.Status:
        """How the reason is told over HTTP and gRPC."""
        return statuses()[self.reason]

    @property
    def http(self) -> int:
        """The HTTP status."""
        return self.status.http

    @property
    def grpc(self) -> str:
        """The name of the gRPC status code."""
        return self.status.grpc

    @property
    def code(self) -> str:
        """The reason in lower snake case."""
        return self.reason.name.lower()

    def to_message(self) -> Problem:
        """The refusal as the message that every face tells."""
        return Problem(
            reason=self.reason,
            message=self.message,
            field=self.field,
            fields=list(self.fields),
            allowed=list(self.allowed),
            did_you_mean=self.did_you_mean,
            retryable=self.status.retryable,
            retry_after_s=self.retry_after_s,
            next_tool=self.next_tool,
            current_version=self.current_version,
            differing=list(self.differing),
            ids=list(self.ids),
            details=Struct.from_json(json.dumps(self.details)) if self.details else None,
        )

    def to_json(self) -> dict[str, Any]:
        """The refusal as the object that REST and MCP print: `code`, `message`, `retryable` and what else is known."""
        printed: dict[str, Any] = json.loads(self.to_message().to_json())
        for name in ("reason", "details"):
            printed.pop(name, None)
        return {"code": self.code, "retryable": self.status.retryable} | printed | (self.details or {})


@cache
def statuses() -> dict[Reason, errors_pb.Status]:
    """The one table of reasons, read from the options in errors.proto."""
    table = {}
    for value in Reason.desc().values:
        told = value.proto.options[errors_pb.ext_status] if value.proto.options else None
        table[Reason(value.number)] = told or errors_pb.Status(http=500, grpc="INTERNAL")
    return table


def refusal_of(problem: Problem) -> Refusal:
    """The refusal that a message tells, as when a service's answer is passed on."""
    refusal = KINDS.get(problem.reason, Internal)(
        problem.message,
        field=problem.field,
        fields=problem.fields,
        allowed=problem.allowed,
        did_you_mean=problem.did_you_mean,
        retry_after_s=problem.retry_after_s,
        next_tool=problem.next_tool,
        current_version=problem.current_version,
        differing=problem.differing,
        ids=problem.ids,
        details=json.loads(problem.details.to_json()) if problem.details else None,
    )
    return refusal


def difference(field: str, present: JSON, wanted: JSON) -> Difference:
    """A field whose present value is not the one wanted."""
    return Difference(
        field=field, present=Value.from_json(json.dumps(present)), wanted=Value.from_json(json.dumps(wanted))
    )


class Malformed(Refusal):
    """The request cannot be read."""

    reason = Reason.MALFORMED


class InvalidField(Refusal):
    """A field does not satisfy its rule."""

    reason = Reason.INVALID_FIELD


class UnknownField(Refusal):
    """The request has a field this operation does not know."""

    reason = Reason.UNKNOWN_FIELD


class CursorInvalid(Refusal):
    """The cursor does not belong to this query; start again without one."""

    reason = Reason.CURSOR_INVALID


class QueryTooBroad(Refusal):
    """The search would have to read too much; narrow it."""

    reason = Reason.QUERY_TOO_BROAD


class TooLarge(Refusal):
    """The request is larger than this operation accepts."""

    reason = Reason.TOO_LARGE


class UnsupportedMediaType(Refusal):
    """The body must be JSON: send Content-Type: application/json."""

    reason = Reason.UNSUPPORTED_MEDIA_TYPE


class MethodNotAllowed(Refusal):
    """This path does not answer that HTTP method."""

    reason = Reason.METHOD_NOT_ALLOWED


class Unauthenticated(Refusal):
    """A valid credential is needed: send Authorization: Bearer <key>."""

    reason = Reason.UNAUTHENTICATED


class PermissionDenied(Refusal):
    """The caller may not do this."""

    reason = Reason.PERMISSION_DENIED


class RoleRequired(PermissionDenied):
    """The caller's roles do not allow this operation."""

    reason = Reason.ROLE_REQUIRED


class ApprovalRequired(Refusal):
    """This call needs an approval before it runs."""

    reason = Reason.APPROVAL_REQUIRED


class ApprovalInvalid(Refusal):
    """The approval does not fit this call."""

    reason = Reason.APPROVAL_INVALID


class ApprovalDenied(Refusal):
    """The call was denied by the person asked."""

    reason = Reason.APPROVAL_DENIED


class NotFound(Refusal):
    """There is no such record."""

    reason = Reason.NOT_FOUND


class Gone(Refusal):
    """The record was deleted."""

    reason = Reason.GONE


class Conflict(Refusal):
    """The present state does not allow this."""

    reason = Reason.CONFLICT


class VersionConflict(Conflict):
    """The record changed since the version you expected; read it again."""

    reason = Reason.VERSION_CONFLICT


class AmbiguousMatch(Conflict):
    """More than one record matches."""

    reason = Reason.AMBIGUOUS_MATCH


class AlreadyExists(Conflict):
    """A record with this key exists."""

    reason = Reason.ALREADY_EXISTS


class IdempotencyRunning(Conflict):
    """A call with this idempotency key is still running."""

    reason = Reason.IDEMPOTENCY_RUNNING


class IdempotencyReused(Refusal):
    """This idempotency key was used for another request; take a new one."""

    reason = Reason.IDEMPOTENCY_REUSED


class RateLimited(Refusal):
    """Too many calls; wait before the next one."""

    reason = Reason.RATE_LIMITED


class Unavailable(Refusal):
    """The service cannot answer now; try again."""

    reason = Reason.UNAVAILABLE


class DeadlineExceeded(Refusal):
    """The call took longer than its deadline; it may be tried again."""

    reason = Reason.DEADLINE


class Cancelled(Refusal):
    """The caller went away before the answer."""

    reason = Reason.CANCELLED


class Internal(Refusal):
    """Something went wrong on our side; the trace id helps to find it."""

    reason = Reason.INTERNAL


def _kinds() -> dict[Reason, type[Refusal]]:
    """The class of each reason; a reason without a class of its own takes that of its HTTP status."""
    own = {kind.reason: kind for kind in Refusal.__subclasses__()}
    own |= {kind.reason: kind for parent in list(own.values()) for kind in parent.__subclasses__()}
    named = dict(own)
    for reason, status in statuses().items():
        if reason not in named and status.http == 409:
            named[reason] = type(
                reason.name.title().replace("_", ""), (Conflict,), {"reason": reason, "__doc__": Conflict.__doc__}
            )
    return named


KINDS = _kinds()
