"""Envoy's own errors, told as our problems."""

from dataclasses import dataclass

from kontor_platform.contract.problem import (
    PROBLEM_TYPE,
    DeadlineExceeded,
    Internal,
    Malformed,
    MethodNotAllowed,
    NotFound,
    PermissionDenied,
    RateLimited,
    Refusal,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from kontor_platform.edge.config import Config

PROBLEM_JSON = "application/problem+json"
# Set by ext_authz on what it refused and on what it could not ask.
UNAUTHORIZED_FLAG = "UAEX"


@dataclass(frozen=True, slots=True)
class Told:
    """How an error of Envoy is told: the status it gives, the status we answer and the refusal."""

    status: int
    refusal: Refusal
    answer: int = 0


TABLE = (
    Told(400, Malformed("The request is not valid HTTP or its path is not in plain form.")),
    Told(401, Unauthenticated()),
    Told(403, PermissionDenied("The edge does not accept this request.")),
    Told(404, NotFound("There is nothing under this path; /docs lists what there is.")),
    Told(405, MethodNotAllowed("This path does not answer that HTTP method; the Allow header names those it does.")),
    Told(408, DeadlineExceeded("The request did not arrive in time.")),
    Told(413, TooLarge("The body is larger than this path accepts.")),
    Told(426, Malformed("HTTP/1.1 or HTTP/2 is needed.")),
    Told(429, RateLimited()),
    Told(431, TooLarge("The headers are larger than the edge accepts.")),
    Told(500, Internal()),
    Told(501, Malformed("The edge does not read this transfer encoding."), answer=400),
    Told(502, Unavailable("The service gave no usable answer; try again."), answer=503),
    Told(503, Unavailable()),
    Told(504, DeadlineExceeded()),
)


def local_reply() -> Config:
    """The `local_reply_config`: what the authorizer said passes unchanged, everything else becomes a problem."""
    rest = [_when(_status("GE", 500), _told(0, Internal())), _when(_status("GE", 400), _told(0, Malformed()))]
    return {"mappers": [_authorizer_said(), *(_mapper(each) for each in TABLE), *rest]}


def _mapper(told: Told) -> Config:
    changed = {"status_code": told.answer} if told.answer else {}
    return _when(_status("EQ", told.status), _told(told.answer or told.status, told.refusal)) | changed


def _told(status: int, refusal: Refusal) -> Config:
    wait = [_header("retry-after", str(refusal.retry_after_s))] if refusal.retry_after_s else []
    body = {"json_format": problem(status, refusal), "omit_empty_values": True, "content_type": PROBLEM_JSON}
    return {"body_format_override": body, "headers_to_add": wait}


def problem(status: int, refusal: Refusal) -> Config:
    """The RFC 9457 document of a refusal as an Envoy format; a status of 0 stands for the one Envoy gives."""
    return {
        "type": PROBLEM_TYPE + refusal.code,
        "title": type(refusal).__name__,
        "status": status or "%RESPONSE_CODE%",
        "detail": refusal.message,
        **refusal.to_json(),
        "request_id": "%REQ(X-REQUEST-ID)%",
    }


def _authorizer_said() -> Config:
    flag = {"response_flag_filter": {"flags": [UNAUTHORIZED_FLAG]}}
    body = {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"}, "content_type": PROBLEM_JSON}
    return _when({"and_filter": {"filters": [flag, _status("LE", 499)]}}, {"body_format_override": body})


def _when(condition: Config, then: Config) -> Config:
    return {"filter": condition, **then}


def _status(operator: str, status: int) -> Config:
    value = {"default_value": status, "runtime_key": f"edge.reply.{operator.lower()}{status}"}
    return {"status_code_filter": {"comparison": {"op": operator, "value": value}}}


def _header(key: str, value: str) -> Config:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
