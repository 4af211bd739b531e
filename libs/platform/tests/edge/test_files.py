"""The edge's files and the routes in them."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from kontor_platform.contract.image import own_image
from kontor_platform.dev.record import wait_until
from kontor_platform.edge import BadEdge, Edge, PathTaken, Upstream, envoy_binary, validate, write_edge

from .stage import CREATE, ERASE, GET, GOOD, SECRET, Stage, edge_in, operation, staged


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    """An edge whose files are not written yet."""
    return edge_in(tmp_path, "127.0.0.1:1", "unix:/nowhere/gateway.sock", "127.0.0.1:2")


@pytest.fixture
def own_stage(tmp_path: Path) -> Iterator[Stage]:
    """A running edge whose routes a test may change."""
    with staged(tmp_path) as stage:
        yield stage


def test_envoy_accepts_the_files_of_all_our_operations(edge: Edge) -> None:
    """Bootstrap and routes of the whole contract pass Envoy's own check."""
    write_edge(edge, {"crm-core": own_image().operations()})
    validate(envoy_binary(), edge.bootstrap_file)


def test_envoys_words_are_told_where_it_refuses(edge: Edge) -> None:
    """A bootstrap and a route file that Envoy refuses are refused with its reason."""
    write_edge(edge, {"crm-core": [CREATE]})
    routes = edge.routes_file.read_text()
    edge.routes_file.write_text(routes.replace("cluster: crm-core", "cluster: nowhere"))
    with pytest.raises(BadEdge, match="nowhere"):
        validate(envoy_binary(), edge.bootstrap_file)
    edge.bootstrap_file.write_text(edge.bootstrap_file.read_text().replace("rds:", "rdsx:"))
    with pytest.raises(BadEdge, match="rdsx"):
        validate(envoy_binary(), edge.bootstrap_file)


def test_files_are_the_owners_alone(edge: Edge) -> None:
    """The bootstrap holds the secret, so only its owner reads it."""
    write_edge(edge, {})
    assert SECRET in edge.bootstrap_file.read_text()
    assert stat.S_IMODE(edge.bootstrap_file.stat().st_mode) == 0o600


def test_unchanged_files_are_not_written_again(edge: Edge) -> None:
    """Writing the same operations leaves the files alone; writing others replaces the routes only."""
    write_edge(edge, {"crm-core": [CREATE, GET]})
    before = edge.bootstrap_file.stat().st_ino, edge.routes_file.stat().st_ino
    write_edge(edge, {"crm-core": [GET, CREATE]})
    assert (edge.bootstrap_file.stat().st_ino, edge.routes_file.stat().st_ino) == before
    write_edge(edge, {"crm-core": [CREATE]})
    assert edge.bootstrap_file.stat().st_ino == before[0]
    assert edge.routes_file.stat().st_ino != before[1]
    assert [path.name for path in edge.directory.glob(".*")] == []


def test_a_short_secret_is_refused(edge: Edge) -> None:
    """An edge with a guessable secret does not start."""
    edge.secret_file.write_text("short")
    with pytest.raises(BadEdge, match="32"):
        write_edge(edge, {})


def test_a_service_without_an_address_is_refused(edge: Edge) -> None:
    """Operations of a service that the edge has no address for cannot be routed."""
    with pytest.raises(BadEdge, match="reporting"):
        write_edge(edge, {"reporting": [CREATE]})


@pytest.mark.parametrize(
    ("path", "named"),
    [("/crm/create_deal", "crm_create_deal of crm-core"), ("/memory/{key}", "memory_get of crm-core")],
)
def test_two_services_cannot_have_one_path(edge: Edge, path: str, named: str) -> None:
    """A path claimed twice is refused naming both, however its fields are called, and the files stay."""
    write_edge(edge, {"crm-core": [CREATE, GET, ERASE]})
    before = edge.routes_file.read_text()
    method = "GET" if "{" in path else "POST"
    second = {"crm-core": [CREATE, GET], "other": [operation("other_tool", method, path)]}
    with pytest.raises(PathTaken, match=f"{named} and other_tool of other"):
        write_edge(with_service(edge, "other"), second)
    assert edge.routes_file.read_text() == before


@pytest.mark.parametrize("path", ["/health", "/mcp/x", "/approvals/{id}", "/metrics", "/authz/x", "/{anything}"])
def test_no_operation_takes_a_path_of_the_edge(edge: Edge, path: str) -> None:
    """The gateway's paths and the internal ones are nobody else's."""
    with pytest.raises(PathTaken, match="belongs to the edge"):
        write_edge(edge, {"crm-core": [operation("crm_bad", "POST", path)]})


def test_an_operation_without_a_path_has_no_route(edge: Edge) -> None:
    """What is no tool is routed if it names a path, as a person's link does, and not otherwise."""
    link = operation("", "GET", "/crm/link/{token}")
    write_edge(edge, {"crm-core": [link, replace(link, rpc="/kontor.x.v1.X/Hidden", route=None)]})
    text = edge.routes_file.read_text()
    assert "/crm/link/[^/]+" in text
    assert "Hidden" not in text


def test_a_plain_path_comes_before_one_with_a_field(edge: Edge) -> None:
    """`/memory/search` is never read as `/memory/{id}`."""
    write_edge(edge, {"crm-core": [GET, operation("memory_search", "GET", "/memory/search")]})
    host = yaml.safe_load(edge.routes_file.read_text())["resources"][0]["virtual_hosts"][0]
    names = [route["name"] for route in host["routes"]]
    assert names.index("memory_search") < names.index("memory_get")


def test_a_new_operation_appears_without_a_restart(own_stage: Stage) -> None:
    """A rewritten route file is taken up by the running edge, and one taken out is gone."""
    assert own_stage.call("POST", "/crm/create_note", GOOD).status_code == 404
    own_stage.write(CREATE, operation("crm_create_note", "POST", "/crm/create_note"))
    assert wait_until(lambda: own_stage.call("POST", "/crm/create_note", GOOD).status_code == 200, 10)
    assert own_stage.call("GET", "/memory/1", GOOD).status_code == 404


def test_the_edge_is_read_from_its_file(edge: Edge, tmp_path: Path) -> None:
    """`edge.json` says everything; files in it may be named from its own place."""
    config = {
        "listen": edge.listen,
        "services": {"crm-core": {"http": "127.0.0.1:1", "rpc": ""}},
        "gateway": edge.gateway,
        "authz": edge.authz,
        "secret_file": "secret",
        "admin_socket": "admin.sock",
    }
    (tmp_path / "edge.json").write_text(json.dumps(config))
    assert Edge.read(tmp_path / "edge.json") == edge


def with_service(edge: Edge, name: str) -> Edge:
    """The edge with one more service."""
    return replace(edge, services={**edge.services, name: Upstream("127.0.0.1:3")})
