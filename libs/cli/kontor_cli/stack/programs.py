"""The programs of a stack: each with its own environment, its sockets and the question whether it is ready."""

import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import httpx2

from kontor_cli.settings import Settings
from kontor_cli.stack.database import DatabaseServer, application_url
from kontor_cli.stack.home import Home
from kontor_cli.stack.ports import reached_at
from kontor_cli.stack.services import GATEWAY, GOVERNANCE, InstalledService, Replica
from kontor_platform.dev.processes import Program, bind_loopback
from kontor_platform.edge import Edge, envoy_command

# The administrator's URL is for migrations alone.
WITHHELD = ("DATABASE_URL",)
PROBE_SECONDS = 2.0
# Envoy looks every second and believes the second no: by then it sends elsewhere.
DRAIN_SECONDS = 3


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


@dataclass(frozen=True, slots=True)
class Internal:
    """Where the processes of a stack reach each other: HTTP of each, and what is there only with several replicas.

    `mcp`: the MCP listeners of the gateway's further replicas; `rpc`: the gRPC addresses of every replica.
    """

    http: Mapping[str, socket.socket]
    mcp: Mapping[str, socket.socket]
    rpc: Mapping[str, str]


def bind_internal(services: Sequence[InstalledService], replicas: Sequence[Replica], home: Home) -> Internal:
    """An internal HTTP socket for each replica and each worker; gRPC by unix sockets while there is one of each."""
    workers = [service.worker for service in services if service.has_worker]
    names = [each.name for each in replicas]
    return Internal(
        http={name: bind_loopback() for name in (*names, *workers)},
        mcp={each.name: bind_loopback() for each in replicas if each.service.name == GATEWAY and each.number > 1},
        rpc={name: home.rpc(name) for name in names}
        if len(names) == len(services)
        else dict(zip(names, free_addresses(len(names)), strict=True)),
    )


def free_addresses(number: int) -> list[str]:
    """Addresses on the loopback that nobody has; gRPC binds them itself."""
    held = [bind_loopback() for _ in range(number)]
    found = [reached_at(each) for each in held]
    for each in held:
        each.close()
    return found


@dataclass(frozen=True, slots=True)
class Environments:
    """Makes the environment of each service; none is told another's secrets."""

    settings: Settings
    home: Home
    server: DatabaseServer
    replicas: Sequence[Replica]
    rpc: Mapping[str, str]

    @classmethod
    def of_one_each(
        cls, settings: Settings, home: Home, server: DatabaseServer, services: Sequence[InstalledService]
    ) -> Self:
        """The environments of a stack with one process of each service."""
        return cls(
            settings,
            home,
            server,
            [Replica(each, 1) for each in services],
            {e.name: home.rpc(e.name) for e in services},
        )

    def of(self, service: InstalledService, number: int = 1) -> dict[str, str]:
        """The whole environment of one replica of a service."""
        inherited = {name: value for name, value in os.environ.items() if name not in WITHHELD}
        drain = {} if len(self._replicas_of(service)) == 1 else {"DRAIN_SECONDS": str(DRAIN_SECONDS)}
        return drain | inherited | self._shared() | self._own(Replica(service, number)) | self._role(service)

    def of_worker(self, service: InstalledService) -> dict[str, str]:
        """The whole environment of a service's worker: the service's, and the URL of the worker's own role."""
        url = application_url(self.server, service, self.home, "worker")
        return self.of(service) | {f"{service.prefix}_WORKER_DATABASE_URL": url}

    def _shared(self) -> dict[str, str]:
        secrets = self.home.secrets
        config = self.settings.config_file
        addresses = {f"{each.service.prefix}_RPC": self.target(each.service) for each in self.replicas}
        return addresses | {
            "PASSPORT_KEYS_FILE": str(secrets / "passport.jwks"),
            "GRANT_KEYS_FILE": str(secrets / "grant.jwks"),
            "CURSOR_SECRET_FILE": str(secrets / "cursor"),
            "PYTHONUNBUFFERED": "1",
            **({"MCP_SERVER_CONFIG": str(config)} if config else {}),
        }

    def target(self, service: InstalledService) -> str:
        """What a gRPC client dials to reach a service, whichever of its replicas answers."""
        addresses = [self.rpc[each.name] for each in self._replicas_of(service)]
        return addresses[0] if len(addresses) == 1 else f"ipv4:{','.join(addresses)}"

    def _replicas_of(self, service: InstalledService) -> Sequence[Replica]:
        return [each for each in self.replicas if each.service.name == service.name]

    def _own(self, replica: Replica) -> dict[str, str]:
        service, spool = replica.service, self.home.spool
        return {
            f"{service.prefix}_DATABASE_URL": application_url(self.server, service, self.home),
            "RPC_ADDRESS": self.rpc[replica.name],
            # What one replica has yet to write is no leftover to another.
            "KONTOR_SPOOL_DIR": str(spool if replica.number == 1 else spool / str(replica.number)),
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


def service_program(replica: Replica, env: Mapping[str, str], internal: Internal, ports: PublicPorts) -> Program:
    """A replica of a service as the supervisor runs it; the gateway's first has the public port."""
    is_gateway, http = replica.service.name == GATEWAY, internal.http[replica.name]
    sockets = {"http": http} | ({"mcp": internal.mcp.get(replica.name, ports.mcp)} if is_gateway else {})
    return Program(
        name=replica.name,
        argv=(sys.executable, "-m", replica.service.package),
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
