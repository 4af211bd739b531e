"""What a request asks for, where that is a plain call or list and right in every respect; else nothing.

Whatever is not recognised here the SDK reads, and refuses or answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_types import CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, PROTOCOL_VERSION_META_KEY
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION

CALL, LIST = "tools/call", "tools/list"
ENVELOPE = frozenset({"jsonrpc", "id", "method", "params"})
PARAMS = frozenset({"name", "arguments", "_meta"})
TRACE = frozenset({"traceparent", "tracestate"})
MODERN_META = TRACE | {PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY}
# A plain read is over at once, so that nobody is told of its progress.
LEGACY_META = TRACE | {"progressToken"}
METHOD, NAME, VERSION = b"mcp-method", b"mcp-name", b"mcp-protocol-version"
NEEDED = (b"content-type", b"accept", b"host", VERSION)
ONCE = frozenset({*NEEDED, METHOD, NAME})
MIRRORED = b"mcp-param-"
SESSION = b"mcp-session-id"
LEGACY_VERSIONS = frozenset(version.encode() for version in HANDSHAKE_PROTOCOL_VERSIONS)
Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Plain:
    """A call of the tool `name`, or a list of the tools where there is no name.

    `is_modern`: the client speaks the revision without a handshake, and is answered in it.
    """

    id: str | int
    is_modern: bool
    name: str | None
    arguments: Mapping[str, Any]
    meta: Mapping[str, Any]


def plain(headers: Headers, body: Any) -> Plain | None:
    """What a request asks for; None if it is anything but plain."""
    is_modern = headers[VERSION] == LATEST_MODERN_VERSION.encode()
    if not is_modern and (headers[VERSION] not in LEGACY_VERSIONS or METHOD in headers or SESSION in headers):
        return None
    if not is_envelope(body) or not accepts_both(headers[b"accept"]):
        return None
    method, params = body["method"], body.get("params", {})
    if is_modern and headers.get(METHOD) != method.encode():
        return None
    if not isinstance(params, dict) or not is_meta(params.get("_meta", {}), is_modern=is_modern):
        return None
    name = params.get("name")
    if is_modern and headers.get(NAME) != (name.encode() if isinstance(name, str) else None):
        return None
    if method == LIST and params.keys() <= {"_meta"}:
        return Plain(body["id"], is_modern, None, {}, params.get("_meta", {}))
    if method != CALL or not is_call(params):
        return None
    return Plain(body["id"], is_modern, params["name"], params.get("arguments") or {}, params.get("_meta", {}))


def single_headers(raw: list[tuple[bytes, bytes]]) -> Headers | None:
    """The headers that decide, each there once; None if one is missing or twice, or arguments are mirrored."""
    found: dict[bytes, bytes] = {}
    for name, value in raw:
        if name.startswith(MIRRORED) or (name in found and name in ONCE):
            return None
        found[name] = value
    return found if all(name in found for name in NEEDED) else None


def accepts_both(accept: bytes) -> bool:
    """Whether a client takes both types by name, as the transport demands."""
    return b"application/json" in accept and b"text/event-stream" in accept


def is_envelope(body: Any) -> bool:
    """Whether a body is one JSON-RPC request and nothing beside it."""
    if not isinstance(body, dict) or not ENVELOPE - {"params"} <= body.keys() <= ENVELOPE or body["jsonrpc"] != "2.0":
        return False
    number, method = body["id"], body["method"]
    return isinstance(method, str) and isinstance(number, str | int) and not isinstance(number, bool)


def is_call(params: Mapping[str, Any]) -> bool:
    """Whether parameters are of a call with nothing but a name, arguments and what stands beside them."""
    named, arguments = isinstance(params.get("name"), str), params.get("arguments")
    return named and params.keys() <= PARAMS and isinstance(arguments, dict | None)


def is_meta(meta: Any, *, is_modern: bool) -> bool:
    """Whether what stands beside a request is what its revision demands, and a trace at most."""
    if not isinstance(meta, dict) or not all(isinstance(meta.get(each, ""), str) for each in TRACE):
        return False
    if not is_modern:
        return meta.keys() <= LEGACY_META and isinstance(meta.get("progressToken", 0), str | int)
    info = meta.get(CLIENT_INFO_META_KEY, {"name": "", "version": ""})
    return (
        meta.keys() <= MODERN_META
        and meta.get(PROTOCOL_VERSION_META_KEY) == LATEST_MODERN_VERSION
        and isinstance(meta.get(CLIENT_CAPABILITIES_META_KEY), dict)
        and isinstance(info, dict)
        and all(isinstance(info.get(each), str) for each in ("name", "version"))
    )
