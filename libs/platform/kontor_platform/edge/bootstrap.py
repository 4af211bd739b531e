"""The file Envoy starts from."""

from kontor_platform.edge.clusters import clusters
from kontor_platform.edge.config import Config, Edge, extension
from kontor_platform.edge.listener import listener

HEAP_BYTES = 512 * 1024 * 1024
CONNECTIONS = 10_000


def bootstrap(edge: Edge, secret: str) -> Config:
    """Envoy's bootstrap; the admin interface answers on a unix socket of the owner only."""
    return {
        "node": {"id": "edge", "cluster": "kontor"},
        "admin": {"address": {"pipe": {"path": str(edge.admin_socket), "mode": 0o600}}},
        "application_log_config": {"log_format": {"json_format": _log_line()}},
        "overload_manager": overload_manager(),
        "static_resources": {"listeners": [listener(edge, secret)], "clusters": clusters(edge)},
    }


def _log_line() -> Config:
    return {"time": "%Y-%m-%dT%T.%eZ", "level": "%l", "service": "edge", "logger": "%n", "event": "%j"}


def overload_manager() -> Config:
    """Sheds load before memory or connections run out."""
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            extension(
                "envoy.resource_monitors.fixed_heap",
                "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                max_heap_size_bytes=HEAP_BYTES,
            ),
            extension(
                "envoy.resource_monitors.global_downstream_max_connections",
                "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections=CONNECTIONS,
            ),
        ],
        "actions": [
            _at("envoy.overload_actions.shrink_heap", 0.9),
            _at("envoy.overload_actions.disable_http_keepalive", 0.92),
            _at("envoy.overload_actions.stop_accepting_requests", 0.95),
            _at("envoy.overload_actions.stop_accepting_connections", 0.98),
        ],
    }


def _at(action: str, share: float) -> Config:
    trigger = {"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": share}}
    return {"name": action, "triggers": [trigger]}
