"""The routes: one for each operation with a path, those of the gateway, and an answer for everything else."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kontor_platform.contract.operation import Operation, Route
from kontor_platform.edge.clusters import previous_hosts
from kontor_platform.edge.config import GATEWAY, Config, typed
from kontor_platform.edge.listener import BUFFER, EXT_AUTHZ, INTERNAL_PREFIX, ROUTES

INTERNAL_HEADERS = tuple(
    INTERNAL_PREFIX + name for name in ("passport", "edge", "call-id", "grant", "tenant", "actor", "roles", "dry-run")
)
# The services' own deadline of 2 s, 10 s where the call leaves the system, and the time to say so.
DEADLINE, DEADLINE_OPEN_WORLD = "2.5s", "12s"
# The facade runs workflows; an answer in parts is cut only when it falls silent.
DEADLINE_FACADE, SILENCE = "300s", "300s"
# A file takes as long as its bytes; it is cut only when it falls silent.
NO_DEADLINE = "0s"
GATEWAY_EXACT = ("/catalogue", "/docs", "/health", "/openapi.json")
RESERVED = ("mcp", "approvals", "catalogue", "docs", "health", "openapi.json", ".well-known")
NEVER_ROUTED = ("livez", "readyz", "metrics", "authz")


class PathTaken(Exception):
    """Two operations claim one path and method, or one claims a path of the edge's own."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An operation's wish for a path; `shape` is the path with its fields made equal."""

    service: str
    operation: Operation
    route: Route

    @property
    def shape(self) -> str:
        """The path with every field written alike."""
        return re.sub(r"{[^}]*}", "{}", self.route.path)

    @property
    def who(self) -> str:
        """The claimant in words."""
        return f"{self.operation.name} of {self.service}"


def route_configuration(operations_by_service: Mapping[str, Sequence[Operation]]) -> Config:
    """The RDS resource for all services; raises PathTaken, naming both sides, where two want the same path."""
    claims = claimed(operations_by_service)
    routes = [_doubled_host(), *gateway_routes(), *_service_routes(claims), _unknown()]
    return typed(
        "envoy.config.route.v3.RouteConfiguration",
        name=ROUTES,
        internal_only_headers=list(INTERNAL_HEADERS),
        virtual_hosts=[{"name": ROUTES, "domains": ["*"], "routes": routes}],
    )


def claimed(operations_by_service: Mapping[str, Sequence[Operation]]) -> list[Claim]:
    """Every operation's claim, plain paths before those with fields; raises PathTaken."""
    found: dict[tuple[str, str], Claim] = {}
    for service, operations in sorted(operations_by_service.items()):
        for operation in operations:
            if operation.route is not None:
                _add(found, Claim(service, operation, operation.route))
    return sorted(found.values(), key=lambda each: (len(each.route.path_fields), each.shape, each.route.method))


def _add(found: dict[tuple[str, str], Claim], claim: Claim) -> None:
    first = claim.route.path.strip("/").split("/")[0]
    if "{" in first or first in RESERVED + NEVER_ROUTED:
        raise PathTaken(f"{claim.who} claims {claim.route.path}, which belongs to the edge")
    present = found.setdefault((claim.route.method, claim.shape), claim)
    if present is not claim:
        wanted = f"{claim.route.method} {claim.route.path}"
        raise PathTaken(f"{present.who} and {claim.who} both claim {wanted}")


def _service_routes(claims: Sequence[Claim]) -> Iterator[Config]:
    methods: dict[str, list[Claim]] = {}
    for claim in claims:
        methods.setdefault(claim.shape, []).append(claim)
    for alike in methods.values():
        yield from map(_guarded, alike)
        yield _wrong_method(alike)


def _guarded(claim: Claim) -> Config:
    deadline = DEADLINE_OPEN_WORLD if claim.operation.policy.open_world else DEADLINE
    streamed = claim.operation.is_streamed
    return {
        "name": claim.operation.name,
        "match": path_match(claim.route.path) | {"headers": [_exactly(":method", claim.route.method)]},
        "route": _to(claim.service, NO_DEADLINE if streamed else deadline),
        "request_headers_to_remove": ["authorization"],
        **(_unbuffered() if streamed else {}),
    }


def _wrong_method(alike: Sequence[Claim]) -> Config:
    allow = ", ".join(claim.route.method for claim in alike)
    return {
        "name": "wrong-method",
        "match": path_match(alike[0].route.path),
        **_answered(405, {"allow": allow}),
    }


def path_match(path: str) -> Config:
    """Matches a path; a field stands for one segment."""
    if "{" not in path:
        return {"path": path}
    pieces = re.split(r"{[^}]*}", path)
    return {"safe_regex": {"regex": "[^/]+".join(map(re.escape, pieces))}}


def gateway_routes() -> list[Config]:
    """What the gateway answers: a door of its own, so nobody is authorized here and the credential is passed on."""
    return [
        _open("mcp", {"path": "/mcp"}, NO_DEADLINE),
        _open("facade", {"prefix": "/mcp/"}, DEADLINE_FACADE),
        _open("approvals", {"path_separated_prefix": "/approvals"}, DEADLINE_OPEN_WORLD),
        _open("well-known", {"prefix": "/.well-known/"}, DEADLINE_OPEN_WORLD),
        _open("docs-assets", {"prefix": "/docs/assets/"}, DEADLINE_OPEN_WORLD),
        _open("docs-tools", {"path_separated_prefix": "/docs/tools"}, DEADLINE_OPEN_WORLD),
        *(_open(path.strip("/"), {"path": path}, DEADLINE_OPEN_WORLD) for path in GATEWAY_EXACT),
    ]


def _open(name: str, match: Config, deadline: str) -> Config:
    return {"name": name, "match": match, "route": _to(GATEWAY, deadline), **_unguarded()}


def _to(cluster: str, deadline: str) -> Config:
    # Retried is only what cannot have run.
    retry = {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": 2,
        "retry_host_predicate": [previous_hosts()],
        "host_selection_retry_max_attempts": 3,
    }
    return {"cluster": cluster, "timeout": deadline, "idle_timeout": SILENCE, "retry_policy": retry}


def _doubled_host() -> Config:
    # Envoy joins repeated Host headers with a comma; RFC 9112 3.2 refuses them.
    doubled = {"name": ":authority", "string_match": {"contains": ","}}
    return {"name": "doubled-host", "match": {"prefix": "/", "headers": [doubled]}, **_answered(400, {})}


def _unknown() -> Config:
    return {"name": "unknown", "match": {"prefix": "/"}, **_answered(404, {})}


def _answered(status: int, headers: Mapping[str, str]) -> Config:
    added = [{"header": {"key": key, "value": value}} for key, value in headers.items()]
    return {"direct_response": {"status": status}, "response_headers_to_add": added, **_unguarded()}


def _unguarded() -> Config:
    off = typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", disabled=True)
    return {"typed_per_filter_config": {EXT_AUTHZ: off}}


def _unbuffered() -> Config:
    off = typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", disabled=True)
    return {"typed_per_filter_config": {BUFFER: off}}


def _exactly(name: str, value: str) -> Config:
    return {"name": name, "string_match": {"exact": value}}
