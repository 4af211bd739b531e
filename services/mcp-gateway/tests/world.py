"""The gateway on real sockets, with everything behind it, and what tests do with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import httpx2
import psycopg
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from kontor_protos.kontor.governance.v1.users_pb import FindUsersRequest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult
from sqlalchemy import text

from kontor_mcp_gateway.app import build
from kontor_mcp_gateway.settings import Settings
from kontor_platform.contract.image import Image, own_image
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.pages import Cursors
from kontor_platform.dev.postgres import EmbeddedPostgres
from kontor_platform.faces.calls import CallStreams
from kontor_platform.faces.host import running
from kontor_platform.faces.listening import listening
from kontor_platform.faces.rpc import add_plumbing, plumbed, rpc_server, unary
from kontor_platform.runtime.audit import Audit
from kontor_platform.runtime.dispatcher import Dispatcher, Guards
from kontor_platform.runtime.principal import SYSTEM_TENANT
from kontor_platform.runtime.read_log import ReadLog
from kontor_platform.runtime.server_config import ServerConfig
from kontor_platform.runtime.strangers import Strangers
from kontor_platform.runtime.tokens import (
    GrantVerifier,
    KeySet,
    PassportSigner,
    PassportVerifier,
)

from .twins import Described, Directory, Governance, People, Plants

MODERN = "2026-07-28"


@asynccontextmanager
async def serving(server: grpc.aio.Server, address: str) -> AsyncIterator[HealthServicer]:
    """A gRPC server at an address, which says that it serves."""
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    server.add_insecure_port(address)
    await server.start()
    try:
        yield health
    finally:
        await server.stop(0)


@dataclass
class World:
    """The gateway, what is behind it, and who may come in."""

    url: str
    folder: Path
    governance: Governance
    directory: Directory
    image: Image
    database: Database
    garden: Database
    start_garden: Any
    garden_address: str
    stack: AsyncExitStack

    @asynccontextmanager
    async def client(self, key: str, mode: str = MODERN, path: str = "/mcp", **more: Any) -> AsyncIterator[Client]:
        """An MCP client with a key."""
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=10) as http,
            Client(
                streamable_http_client(f"{self.url}{path}", http_client=http), mode=mode, cache=None, **more
            ) as client,
        ):
            yield client

    async def call(
        self, key: str, tool: str, arguments: dict[str, Any], mode: str = MODERN, **more: Any
    ) -> CallToolResult:
        """Calls a tool once."""
        async with self.client(key, mode, **more.pop("client", {})) as client:
            return await client.call_tool(tool, arguments, **more)

    def raw(self, key: str) -> httpx2.AsyncClient:
        """An HTTP client with a key."""
        return httpx2.AsyncClient(timeout=10, headers={"Authorization": f"Bearer {key}"})

    async def post(self, key: str, path: str, body: Any = None) -> httpx2.Response:
        """Posts JSON to the public port."""
        async with httpx2.AsyncClient(timeout=10) as http:
            return await http.post(f"{self.url}{path}", json=body, headers={"Authorization": f"Bearer {key}"})

    async def get(self, key: str, path: str) -> httpx2.Response:
        """Gets a path of the public port."""
        async with httpx2.AsyncClient(timeout=10) as http:
            return await http.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {key}"} if key else {})

    async def decide(self, key: str, approval_id: str, decision: str = "approve", reason: str = "") -> httpx2.Response:
        """Decides an approval."""
        return await self.post(key, f"/approvals/{approval_id}/decide", {"decision": decision, "reason": reason})

    async def approved(self, people: People, tool: str, arguments: dict[str, Any], asking: str = "") -> str:
        """Asks for an approval, has the operator give it, and answers its id."""
        refused = await self.call(asking or people.agent, tool, arguments)
        assert refused.structured_content["code"] == "approval_required", refused.structured_content
        approval_id = str(refused.structured_content["approval_id"])
        decided = await self.decide(people.operator, approval_id)
        assert decided.status_code == 200, decided.text
        return approval_id

    async def sow(self, people: People, name: str = "fern") -> str:
        """Puts a plant into the tenant, past the gateway."""
        sql, plant = "INSERT INTO plant (tenant_id, id, name) VALUES (:tenant, :id, :name)", new_id()
        async with self.garden.transaction(people.tenant) as (session, _):
            await session.execute(text(sql), {"tenant": people.tenant, "id": plant, "name": name})
            await session.commit()
        return str(plant)

    async def litres(self, people: People, plant: str) -> int:
        """How much water a plant really got."""
        async with self.garden.transaction(people.tenant) as (session, _):
            return int(
                (await session.execute(text("SELECT litres FROM plant WHERE id = :id"), {"id": plant})).scalar_one()
            )

    async def stop_garden(self) -> None:
        """Stops the garden."""
        await self.stack.aclose()

    async def go_on_garden(self) -> None:
        """Starts the garden again and waits until calls reach it."""
        await self.stack.enter_async_context(serving(self.start_garden(), self.garden_address))
        people = self.governance.people()
        async with asyncio.timeout(10):
            while True:
                if (await self.post(people.agent, "/mcp/garden/get_plant", {"id": str(new_id())})).status_code == 404:
                    return
                await asyncio.sleep(0.05)

    async def strangers(self) -> int:
        """How many refusals of strangers are noted."""
        return sum(row["count"] for row in await self.audited(SYSTEM_TENANT, "door.refused"))

    async def garden_keys(self, people: People) -> list[str]:
        """The idempotency keys under which the garden wrote."""
        async with self.garden.transaction(people.tenant) as (session, _):
            return [row.key for row in await session.execute(text("SELECT key FROM idempotency"))]

    async def change(self, tenant: UUID, sql: str) -> None:
        """Changes rows of the gateway's own schema, as time or another process would."""
        async with self.database.transaction(tenant) as (session, _):
            await session.execute(text(sql))
            await session.commit()

    async def rows(self, tenant: UUID, sql: str, **values: Any) -> list[Any]:
        """Rows of the gateway's own schema, in a tenant."""
        async with self.database.transaction(tenant) as (session, _):
            return list((await session.execute(text(sql), values)).mappings())

    async def audited(self, tenant: UUID, kind: str) -> list[dict[str, Any]]:
        """The audit rows of one type."""
        found = await self.rows(
            tenant, "SELECT data FROM outbox WHERE kind = 'audit' AND type = :type ORDER BY n", type=kind
        )
        return [row["data"] for row in found]


@asynccontextmanager
async def opened(postgres: EmbeddedPostgres, folder: Path, garden_image: Image) -> AsyncIterator[World]:
    """Everything, running."""
    governance = Governance(PassportSigner(folder / "passport.private.jwk"))
    directory = Directory(governance)
    addresses = {name: f"unix:{folder}/{name}.sock" for name in ("garden", "crm-governance")}
    settings = Settings.model_validate(
        {
            "database_url": app_url(postgres, "mcp_gateway"),
            "passport_keys_file": folder / "passport.jwks",
            "grant_keys_file": folder / "grant.jwks",
            "grant_key_file": folder / "grant.private.jwk",
            "cursor_secret_file": folder / "cursor",
            "request_state_file": folder / "request_state",
            "service_key_file": folder / "service_key",
            "server_config": folder / "server.yaml",
            "spool_dir": folder / "spool",
            "mcp_port": 0,
            "public_url": "https://crm.example/",
        }
    )
    garden = Database(app_url(postgres, "garden"))
    operations = garden_image.operations(["garden.v1.Plants"])
    plants = Plants()
    guards = Guards(
        PassportVerifier(KeySet(folder / "passport.jwks")),
        GrantVerifier(KeySet(folder / "grant.jwks"), "garden"),
        ServerConfig.load(folder / "server.yaml"),
    )
    dispatcher = Dispatcher(
        {each.rpc: getattr(plants, each.attribute) for each in operations},
        database=garden,
        guards=guards,
        cursors=Cursors(b"x" * 32),
        audit=Audit(garden, ReadLog(garden, folder / "garden-spool"), Strangers(garden)),
    )

    def garden_server() -> grpc.aio.Server:
        server = rpc_server(operations, dispatcher)
        CallStreams(operations, dispatcher).add_to(server)
        add_plumbing(server, own_image(), Described("garden", garden_image, ["garden.v1.Plants"]))
        return server

    async with AsyncExitStack() as stack:
        for database in (garden,):
            await database.open()
            stack.push_async_callback(database.close)
        governing = grpc.aio.server()
        add_plumbing(governing, own_image(), governance)
        found = {"FindUsers": unary(plumbed(directory.find_users, FindUsersRequest))}
        governing.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(directory.implements, found),))
        add_plumbing(governing, own_image(), Described("crm-governance", own_image(), []))
        await stack.enter_async_context(serving(governing, addresses["crm-governance"]))
        garden_stack = await stack.enter_async_context(AsyncExitStack())
        await garden_stack.enter_async_context(serving(garden_server(), addresses["garden"]))
        environment = {"GARDEN_RPC": addresses["garden"], "CRM_GOVERNANCE_RPC": addresses["crm-governance"]}
        service = build(settings, environment)
        await service.database.open()
        stack.push_async_callback(service.database.close)
        await stack.enter_async_context(running(service.reads.run()))
        await stack.enter_async_context(running(service.strangers.run()))
        await stack.enter_async_context(running(service.config.watch(0.1)))
        for background in service.background:
            await stack.enter_async_context(background())
        assert service.public is not None
        assert service.public_socket is not None
        public = service.public_socket()
        port = public.getsockname()[1]
        await stack.enter_async_context(listening(service.public, public))
        service.readiness.open()
        world = World(
            url=f"http://127.0.0.1:{port}",
            folder=folder,
            governance=governance,
            directory=directory,
            image=garden_image,
            database=service.database,
            garden=garden,
            start_garden=garden_server,
            garden_address=addresses["garden"],
            stack=garden_stack,
        )
        await until_ready(world)
        yield world


async def until_ready(world: World) -> None:
    """Waits until the gateway has seen every service."""
    async with asyncio.timeout(10):
        while True:
            if (await world.get("", "/health")).json()["status"] == "ok":
                return
            await asyncio.sleep(0.05)


def app_url(server: EmbeddedPostgres, schema: str) -> str:
    """The URL of a schema's application role."""
    host = psycopg.conninfo.conninfo_to_dict(server.url)["host"]
    return f"postgresql://{schema}_app:password@/postgres?host={host}"
