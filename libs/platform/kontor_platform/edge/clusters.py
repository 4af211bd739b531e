"""Where Envoy sends requests: one cluster a service, one for the gateway, one for the authorizer."""

from collections.abc import Iterator

from kontor_platform.edge.config import AUTHZ, GATEWAY, Config, Edge, address, extension, typed

BUFFER_BYTES = 32 * 1024
# Requests one upstream may hold; the gateway's streams stay open, so it may hold more.
IN_FLIGHT = 256
IN_FLIGHT_GATEWAY = 10_000
READINESS: Config = {"http_health_check": {"path": "/readyz"}}
CONNECTION: Config = {"tcp_health_check": {}}


def clusters(edge: Edge) -> list[Config]:
    """Every cluster of an edge."""
    return list(_clusters(edge))


def _clusters(edge: Edge) -> Iterator[Config]:
    for name, service in sorted(edge.services.items()):
        yield cluster(name, service.http, service.http, IN_FLIGHT)
    yield cluster(GATEWAY, edge.gateway, edge.gateway_health, IN_FLIGHT_GATEWAY)
    yield cluster(AUTHZ, edge.authz, edge.authz, IN_FLIGHT)


def cluster(name: str, where: str, health: str, in_flight: int) -> Config:
    """One upstream under active health checks; while no replica is ready its requests are refused at once."""
    replicas = where.split(",")
    checked = health.split(",") if health else replicas
    endpoints = [endpoint(each, at) for each, at in zip(replicas, checked, strict=True)]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": BUFFER_BYTES,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "health_checks": [_health_check() | (READINESS if health else CONNECTION)],
        # Below this share of ready hosts Envoy would send to those that are not ready too.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "circuit_breakers": {"thresholds": [_limits(in_flight)]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                # Below uvicorn's keep-alive of 75 s, so that never the service closes a connection in use.
                common_http_protocol_options={"idle_timeout": "60s"},
                explicit_http_config={"http_protocol_options": {}},
            )
        },
    }


def endpoint(where: str, health: str) -> Config:
    """One replica, and where it says whether it is ready."""
    elsewhere = {"health_check_config": {"address": address(health)}} if health != where else {}
    return {"endpoint": {"address": address(where), **elsewhere}}


def _health_check() -> Config:
    return {
        "interval": "1s",
        "no_traffic_interval": "1s",
        "timeout": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }


def _limits(in_flight: int) -> Config:
    return {
        "max_connections": in_flight,
        "max_pending_requests": in_flight,
        "max_requests": in_flight,
        "max_retries": 3,
    }


def previous_hosts() -> Config:
    """The predicate that keeps a retry away from the host that failed."""
    return extension(
        "envoy.retry_host_predicates.previous_hosts",
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    )
