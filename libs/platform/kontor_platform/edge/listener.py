"""The listener: how a request is read, cleaned, authorized and logged before it is routed."""

from kontor_platform.edge.clusters import BUFFER_BYTES
from kontor_platform.edge.config import AUTHZ, Config, Edge, address, extension, typed
from kontor_platform.edge.problems import local_reply

ROUTES = "edge"
BODY_BYTES = 1024 * 1024
EXT_AUTHZ = "envoy.filters.http.ext_authz"
BUFFER = "envoy.filters.http.buffer"
EDGE_HEADER = "x-kontor-edge"
PASSPORT_HEADER = "x-kontor-passport"
INTERNAL_PREFIX = "x-kontor-"
AUTHZ_DEADLINE = "2s"
# What a client claims about the way it came; the edge is the first that knows.
CLAIMED_ORIGIN = (
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-real-ip",
    "forwarded",
)


def listener(edge: Edge, secret: str) -> Config:
    """The one public listener."""
    manager = extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        **connection_manager(edge, secret),
    )
    return {
        "name": "edge",
        "address": address(edge.listen),
        "per_connection_buffer_limit_bytes": BUFFER_BYTES,
        # With it a second edge on a taken port would start and share the requests.
        "enable_reuse_port": False,
        "filter_chains": [{"filters": [manager]}],
    }


def connection_manager(edge: Edge, secret: str) -> Config:
    """How HTTP is read; after "Configuring Envoy as an edge proxy" of Envoy's documentation."""
    return {
        "stat_prefix": "edge",
        "server_name": "kontor",
        **_origin(edge),
        **_paths(),
        **_limits(),
        "always_set_request_id_in_response": True,
        "early_header_mutation_extensions": [_strip_claims(edge)],
        "local_reply_config": local_reply(),
        "access_log": [access_log()],
        "rds": {"route_config_name": ROUTES, "config_source": _watched(edge)},
        "http_filters": [_answer_headers(), ext_authz(secret), _body_limit(), _router()],
    }


def _origin(edge: Edge) -> Config:
    # Envoy leaves internal headers to internal clients: all private addresses unless told otherwise.
    # 240.0.0.0 is reserved (RFC 1112 section 4), so nobody comes from it.
    nobody = {"address_prefix": "240.0.0.0", "prefix_len": 32}
    return {
        "use_remote_address": True,
        "xff_num_trusted_hops": edge.trusted_hops,
        "internal_address_config": {"cidr_ranges": [nobody]},
    }


def _paths() -> Config:
    return {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _limits() -> Config:
    return {
        "common_http_protocol_options": {
            "idle_timeout": "300s",
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_headers_count": 100,
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 64 * 1024,
            "initial_connection_window_size": 1024 * 1024,
        },
        "max_request_headers_kb": 32,
        "request_headers_timeout": "10s",
        # For a file of 256 MiB at 4 Mbit/s; Envoy has no such limit per route beside a route's deadline.
        "request_timeout": "600s",
        "stream_idle_timeout": "300s",
    }


def _strip_claims(edge: Edge) -> Config:
    claims = () if edge.trusted_hops else CLAIMED_ORIGIN
    internal = {"remove_on_match": {"key_matcher": {"prefix": INTERNAL_PREFIX}}}
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=[internal, *({"remove": name} for name in claims)],
    )


def _watched(edge: Edge) -> Config:
    return {"path_config_source": {"path": str(edge.routes_file)}, "resource_api_version": "V3"}


def _answer_headers() -> Config:
    """Headers of every answer, refusals included."""
    mutations = [
        {"remove": PASSPORT_HEADER},
        _set("x-content-type-options", "nosniff", "OVERWRITE_IF_EXISTS_OR_ADD"),
        _set("cache-control", "no-store", "ADD_IF_ABSENT"),
    ]
    return extension(
        "envoy.filters.http.header_mutation",
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations={"response_mutations": mutations},
    )


def _set(key: str, value: str, action: str) -> Config:
    return {"append": {"header": {"key": key, "value": value}, "append_action": action}}


def ext_authz(secret: str) -> Config:
    """Asks governance at every guarded request; what cannot be asked is refused."""
    return extension(
        EXT_AUTHZ,
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        transport_api_version="V3",
        http_service={
            "server_uri": {"uri": "http://authz", "cluster": AUTHZ, "timeout": AUTHZ_DEADLINE},
            "path_prefix": "/authz",
            "authorization_request": {"headers_to_add": [{"key": EDGE_HEADER, "value": secret}]},
            "authorization_response": {
                "allowed_upstream_headers": _names(PASSPORT_HEADER),
                "allowed_client_headers": _names("content-type", "retry-after", "ratelimit", "ratelimit-policy"),
                "allowed_client_headers_on_success": _names("ratelimit", "ratelimit-policy"),
            },
        },
        allowed_headers=_names("authorization", "x-forwarded-for", "x-request-id", "traceparent"),
        failure_mode_allow=False,
        status_on_error={"code": "ServiceUnavailable"},
    )


def _names(*names: str) -> Config:
    return {"patterns": [{"exact": name} for name in names]}


def _body_limit() -> Config:
    """Takes a body whole before the service sees it, after the caller is known; routes of files turn it off."""
    return extension(BUFFER, "envoy.extensions.filters.http.buffer.v3.Buffer", max_request_bytes=BODY_BYTES)


def _router() -> Config:
    return extension(
        "envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True
    )


def access_log() -> Config:
    """One JSON line a request that names the route, never the path or the query."""
    line = {
        "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
        "service": "edge",
        "event": "request",
        "route": "%ROUTE_NAME%",
        "method": "%REQ(:METHOD):16%",
        "status": "%RESPONSE_CODE%",
        "why": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "upstream": "%UPSTREAM_CLUSTER%",
        "duration_ms": "%DURATION%",
        "bytes_in": "%BYTES_RECEIVED%",
        "bytes_out": "%BYTES_SENT%",
        "address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "request_id": "%REQ(X-REQUEST-ID):64%",
        "traceparent": "%REQ(TRACEPARENT):55%",
    }
    return {
        "name": "envoy.access_loggers.stdout",
        "typed_config": typed(
            "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            log_format={"json_format": line, "omit_empty_values": True},
        ),
    }
