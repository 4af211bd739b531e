"""The programs of a stack: each with its own environment, its sockets and the question whether it is ready."""

import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import httpx2

from kontor_cli.settings import Settings
from kontor_cli.stack.database import DatabaseServer, application_url
from kontor_cli.stack.home import Home
from kontor_cli.stack.ports import reached_at
from kontor_cli.stack.services import GATEWAY, GOVERNANCE, InstalledService
from kontor_platform.dev.processes import Program, bind_loopback
from kontor_platform.edge import Edge, envoy_command

# The administrator's URL is for migrations alone.
WITHHELD = ("DATABASE_URL",)
PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class PublicPorts:
    """The sockets of the two public ports: Envoy binds the edge's itself, the gateway inherits its own."""

    edge: socket.socket
    mcp: socket.socket

    @property
    def edge_url(self) -> str:
        """The edge as a client on this machine reaches it."""
        return f"http://{reached_at(self.edge)}"

    @property
    def mcp_url(self) -> str:
        """The gateway's MCP endpoint as a client on this machine reaches it."""
        return f"http://{reached_at(self.mcp)}/mcp"

    @property
    def recorded(self) -> dict[str, int]:
        """The port numbers, for the record."""
        return {"edge": self.edge.getsockname()[1], "mcp": self.mcp.getsockname()[1]}

    def close(self) -> None:
        """Gives the ports back."""
        self.edge.close()
        self.mcp.close()


def bind_internal(services: Sequence[InstalledService]) -> dict[str, socket.socket]:
    """One internal HTTP socket for each service and each worker."""
    workers = [service.worker for service in services if service.has_worker]
    return {name: bind_loopback() for name in (*(service.name for service in services), *workers)}


@dataclass(frozen=True, slots=True)
class Environments:
    """Makes the environment of each service; none is told another's secrets."""

    settings: Settings
    home: Home
    server: DatabaseServer
    services: Sequence[InstalledService]

    def of(self, service: InstalledService) -> dict[str, str]:
        """The whole environment of one service."""
        inherited = {name: value for name, value in os.environ.items() if name not in WITHHELD}
        return inherited | self._shared() | self._own(service) | self._role(service)

    def of_worker(self, service: InstalledService) -> dict[str, str]:
        """The whole environment of a service's worker: the service's, and the URL of the worker's own role."""
        url = application_url(self.server, service, self.home, "worker")
        return self.of(service) | {f"{service.prefix}_WORKER_DATABASE_URL": url}

    def _shared(self) -> dict[str, str]:
        secrets = self.home.secrets
        config = self.settings.config_file
        addresses = {f"{each.prefix}_RPC": self.home.rpc(each.name) for each in self.services}
        return addresses | {
            "PASSPORT_KEYS_FILE": str(secrets / "passport.jwks"),
            "GRANT_KEYS_FILE": str(secrets / "grant.jwks"),
            "CURSOR_SECRET_FILE": str(secrets / "cursor"),
            "KONTOR_SPOOL_DIR": str(self.home.spool),
            "PYTHONUNBUFFERED": "1",
            **({"MCP_SERVER_CONFIG": str(config)} if config else {}),
        }

    def _own(self, service: InstalledService) -> dict[str, str]:
        return {
            f"{service.prefix}_DATABASE_URL": application_url(self.server, service, self.home),
            "RPC_ADDRESS": self.home.rpc(service.name),
            "SERVICE_KEY_FILE": str(self.home.secrets / "service_keys" / service.name),
        }

    def _role(self, service: InstalledService) -> dict[str, str]:
        secrets = self.home.secrets
        if service.name == GOVERNANCE:
            return {
                "PASSPORT_PRIVATE_KEY_FILE": str(secrets / "passport.private.jwk"),
                "EDGE_SECRET_FILE": str(secrets / "edge_header"),
                "SERVICE_KEYS_DIR": str(secrets / "service_keys"),
            }
        if service.name == GATEWAY:
            return {
                "GRANT_PRIVATE_KEY_FILE": str(secrets / "grant.private.jwk"),
                "REQUEST_STATE_SECRET_FILE": str(secrets / "request_state"),
            }
        return {}


def service_program(
    service: InstalledService, env: Mapping[str, str], http: socket.socket, ports: PublicPorts
) -> Program:
    """A service as the supervisor runs it."""
    is_gateway = service.name == GATEWAY
    sockets = {"http": http} | ({"mcp": ports.mcp} if is_gateway else {})
    return Program(
        name=service.name,
        argv=(sys.executable, "-m", service.package),
        env=({"PUBLIC_URL": ports.edge_url} if is_gateway else {}) | dict(env),
        sockets=sockets,
        ready=answers_ok(f"http://{reached_at(http)}/readyz"),
    )


def worker_program(service: InstalledService, env: Mapping[str, str], http: socket.socket) -> Program:
    """A service's worker as the supervisor runs it."""
    return Program(
        name=service.worker,
        argv=(sys.executable, "-m", service.package, "worker"),
        env=env,
        sockets={"http": http},
        ready=answers_ok(f"http://{reached_at(http)}/readyz"),
    )


def edge_programs(edge: Edge, ports: PublicPorts) -> list[Program]:
    """What keeps the routes, and Envoy itself."""
    env = {name: value for name, value in os.environ.items() if name not in WITHHELD}
    described = str(edge.directory / "edge.json")
    watch = (sys.executable, "-m", "kontor_platform.edge", described)
    routes = Program("edge-routes", watch, env, ready=routes_everything(edge))
    envoy = Program("edge", tuple(envoy_command(edge)), env, ready=is_healthy(ports.edge_url))
    return [routes, envoy]


def routes_everything(edge: Edge) -> Callable[[], Awaitable[bool]]:
    """The question whether Envoy has been told the routes of every service."""

    async def ready() -> bool:
        told = edge.routes_file.read_text()
        return all(f"cluster: {name}\n" in told for name in edge.services)

    return ready


def answers_ok(url: str) -> Callable[[], Awaitable[bool]]:
    """The question whether a URL answers 200."""
    return partial(_answers_ok, url)


def is_healthy(edge_url: str) -> Callable[[], Awaitable[bool]]:
    """The question whether everything behind the edge is well."""
    return partial(_is_healthy, f"{edge_url}/health")


async def _answers_ok(url: str) -> bool:
    answer = await probe(url)
    return answer is not None and answer.status_code == httpx2.codes.OK


async def _is_healthy(url: str) -> bool:
    answer = await probe(url)
    return answer is not None and answer.status_code == httpx2.codes.OK and answer.json().get("status") == "ok"


async def probe(url: str) -> httpx2.Response | None:
    """Asks once; None if nobody answers."""
    # Without it every probe, plain HTTP as it is, would load the certificates of the system: 30 ms.
    async with httpx2.AsyncClient(timeout=PROBE_SECONDS, trust_env=False, verify=False) as client:
        try:
            return await client.get(url)
        except httpx2.TransportError:
            return None
