"""The parts of one stack, put together."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from kontor_cli.console import step
from kontor_cli.failure import Failure
from kontor_cli.settings import Settings
from kontor_cli.stack.database import DatabaseServer, migrate_service
from kontor_cli.stack.files import write_private
from kontor_cli.stack.first_keys import FirstKeys, refused_keys
from kontor_cli.stack.home import Home
from kontor_cli.stack.ports import listening_at, reached_at
from kontor_cli.stack.programs import (
    Environments,
    Internal,
    PublicPorts,
    bind_internal,
    edge_programs,
    service_program,
    worker_program,
)
from kontor_cli.stack.services import GATEWAY, GOVERNANCE, InstalledService, Replica
from kontor_cli.stack.tenants import office
from kontor_cli.talk.credentials import read_credentials
from kontor_platform.dev.processes import Program
from kontor_platform.edge import BadEdge, Edge, write_edge


@dataclass
class Stack:
    """One stack before and while it runs."""

    settings: Settings
    home: Home
    services: Sequence[InstalledService]
    server: DatabaseServer
    public: PublicPorts
    internal: Internal = field(init=False)

    def __post_init__(self) -> None:
        self.internal = bind_internal(self.services, self.replicas, self.home)

    @property
    def replicas(self) -> Sequence[Replica]:
        """Every process of every service, a service's first one before its others."""
        return [Replica(each, at + 1) for each in self.services for at in range(self.settings.replicas)]

    @property
    def environments(self) -> Environments:
        """What the services are told."""
        return Environments(self.settings, self.home, self.server, self.replicas, self.internal.rpc)

    @property
    def keys(self) -> FirstKeys:
        """The first tenants and their keys."""
        return FirstKeys(self.home, office(self.environments, self.services), self.public)

    def migrate(self) -> None:
        """Brings every schema up to date; raises Failure."""
        with step("Schemas") as remarks:
            remarks += [f"{each.name} {migrate_service(each, self.server, self.home)}" for each in self.services]

    def settle_keys(self) -> None:
        """Makes the tenants demo and other and their keys where they are missing; raises Failure."""
        with step("Tenants and keys") as remarks:
            remarks.append(f"credentials.json {self.keys.settle()}")

    async def check_keys(self) -> None:
        """Replaces the keys if the running stack refuses one; raises Failure if it then still does."""
        if await self._refused():
            await asyncio.to_thread(self.keys.renew)
            if refused := await self._refused():
                raise Failure(f"New keys are refused: {', '.join(refused)}.", "The log of crm-governance says why.")

    async def _refused(self) -> list[str]:
        return await refused_keys(read_credentials(self.home.credentials))

    def programs(self) -> list[Program]:
        """Everything to run, in the order of starting; raises Failure if the edge cannot be configured."""
        run = [
            service_program(each, self.environments.of(each.service, each.number), self.internal, self.public)
            for each in self.replicas
        ]
        workers = [
            worker_program(each, self.environments.of_worker(each), self.internal.http[each.worker])
            for each in self.services
            if each.has_worker
        ]
        return [*run, *workers, *edge_programs(self._edge(), self.public)]

    def _edge(self) -> Edge:
        """The edge with its files written, so that Envoy can start before any service answers."""
        described = self.home.edge / "edge.json"
        write_private(described, json.dumps(self._edge_json(), indent=2))
        edge = Edge.read(described)
        try:
            write_edge(edge, {})
        except (BadEdge, OSError) as error:
            raise Failure("The edge cannot be configured.", details=str(error)) from error
        return edge

    def _edge_json(self) -> dict[str, object]:
        routed = [each for each in self.services if each.name != GATEWAY]
        return {
            "listen": listening_at(self.public.edge),
            "services": {
                each.name: {"http": self._http(each.name), "rpc": self.environments.target(each)} for each in routed
            },
            "gateway": ",".join(map(reached_at, (self.public.mcp, *self.internal.mcp.values()))),
            "gateway_health": self._http(GATEWAY),
            "authz": self._http(GOVERNANCE),
            "secret_file": str(self.home.secrets / "edge_header"),
            "admin_socket": str(self.home.sockets / "envoy.sock"),
        }

    def _http(self, service: str) -> str:
        """Where every replica of a service answers HTTP."""
        names = [each.name for each in self.replicas if each.service.name == service]
        return ",".join(reached_at(self.internal.http[name]) for name in names)
