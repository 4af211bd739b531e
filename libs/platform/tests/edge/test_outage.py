"""What the edge says while something behind it is away, with a real Envoy."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from kontor_platform.dev.record import wait_until
from kontor_platform.edge import envoy_command, write_edge

from .stage import GOOD, HANGING, Recorder, Stage, free_port, serving, staged


@pytest.fixture
def own_stage(tmp_path: Path) -> Iterator[Stage]:
    """An edge whose upstreams a test may take away."""
    with staged(tmp_path) as stage:
        yield stage


def create(stage: Stage) -> httpx2.Response:
    """Calls the service through the edge."""
    return stage.call("POST", "/crm/create_deal", GOOD, b"{}")


def assert_unavailable(response: httpx2.Response) -> None:
    """The answer is a retryable problem that says when to come back."""
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == "1"
    told = response.json()
    assert (told["code"], told["retryable"], told["retry_after_s"]) == ("unavailable", True, 1)


def test_without_governance_nobody_comes_in(tmp_path: Path) -> None:
    """While governance is down guarded paths are closed at once and the gateway stays open."""
    with staged(tmp_path, authz=f"127.0.0.1:{free_port()}") as stage:
        assert_unavailable(create(stage))
        assert stage.service.seen == []
        assert stage.call("GET", "/health").status_code == 200


def test_governance_that_is_not_ready_closes_the_door(own_stage: Stage) -> None:
    """A governance that says it is not ready is not asked, and asked again once it is."""
    own_stage.authorizer.ready = False
    assert wait_until(lambda: create(own_stage).status_code == 503, 10)
    assert_unavailable(create(own_stage))
    own_stage.authorizer.ready = True
    assert wait_until(lambda: create(own_stage).status_code == 200, 10)


def test_a_service_that_is_down_is_unavailable(tmp_path: Path) -> None:
    """A service nobody listens for answers 503 at once and leaves the rest working."""
    with staged(tmp_path, http=f"127.0.0.1:{free_port()}") as stage:
        began = time.monotonic()
        assert_unavailable(create(stage))
        assert time.monotonic() - began < 1
        assert stage.call("GET", "/health").status_code == 200


def test_a_draining_service_gets_no_more_requests(own_stage: Stage) -> None:
    """Readiness decides: two refusals take a service out, one success brings it back."""
    own_stage.service.ready = False
    assert wait_until(lambda: create(own_stage).status_code == 503, 10)
    own_stage.service.ready = True
    assert wait_until(lambda: create(own_stage).status_code == 200, 10)


def test_a_gateway_that_drains_says_so_on_its_internal_listener(tmp_path: Path) -> None:
    """The gateway's readiness is asked where it answers it, not at the agents' address."""
    internal = Recorder()
    with serving(internal) as health, staged(tmp_path, health=health) as stage:
        stage.gateway.ready = False
        internal.ready = False
        assert wait_until(lambda: stage.call("GET", "/health").status_code == 503, 10)
        internal.ready = True
        assert wait_until(stage.is_up, 10)


def test_a_service_that_hangs_costs_one_deadline(own_stage: Stage) -> None:
    """A call without an answer ends with 504 and may be tried again."""
    began = time.monotonic()
    response = own_stage.call("GET", HANGING, GOOD)
    assert 2 < time.monotonic() - began < 4
    assert (response.status_code, response.json()["code"]) == (504, "deadline")
    assert response.json()["retryable"]


def test_a_second_edge_on_a_taken_port_does_not_start(own_stage: Stage, tmp_path: Path) -> None:
    """Two edges never share the requests of one port."""
    directory = tmp_path / "second"
    second = replace(own_stage.edge, directory=directory, admin_socket=directory / "admin.sock")
    write_edge(second, {})
    ended = subprocess.run(envoy_command(second), capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode != 0
    assert "Address already in use" in ended.stderr
