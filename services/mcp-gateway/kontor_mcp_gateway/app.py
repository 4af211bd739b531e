"""The only wiring of the gateway."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from mcp.server import Server
from mcp.server.subscriptions import ListenHandler
from starlette.types import ASGIApp, Receive, Scope, Send

from kontor_mcp_gateway.approvals.decisions import Decisions
from kontor_mcp_gateway.approvals.standing.covering import Covering
from kontor_mcp_gateway.approvals.standing.giving import Giving
from kontor_mcp_gateway.audit.intents import Intents
from kontor_mcp_gateway.audit.journal import Journal
from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.catalogue.images import Images
from kontor_mcp_gateway.door.approvals import Approvals
from kontor_mcp_gateway.door.authenticate import Authenticated
from kontor_mcp_gateway.door.body import StrictBody
from kontor_mcp_gateway.door.documents import Documents
from kontor_mcp_gateway.door.door import Door
from kontor_mcp_gateway.door.facade import Facade
from kontor_mcp_gateway.door.health import Health
from kontor_mcp_gateway.door.lists import Lists
from kontor_mcp_gateway.door.mcp import McpFace, Sealing, sdk_app, transport
from kontor_mcp_gateway.door.people import People
from kontor_mcp_gateway.door.profiled import Profiled
from kontor_mcp_gateway.door.public import Doors, rest_app
from kontor_mcp_gateway.door.reads import PlainReads
from kontor_mcp_gateway.door.standing import Standing
from kontor_mcp_gateway.door.unknown import Unknown
from kontor_mcp_gateway.fanout.upstream import Upstream
from kontor_mcp_gateway.identity.passports import Passports
from kontor_mcp_gateway.metering.limiter import Limiter
from kontor_mcp_gateway.settings import GOVERNANCE, OWN, Settings, addresses
from kontor_platform.contract.image import platform_image
from kontor_platform.data.pages import Cursors
from kontor_platform.data.retention import Retention
from kontor_platform.faces.host import Service, running
from kontor_platform.faces.listening import bound
from kontor_platform.runtime.peers import Peers
from kontor_platform.runtime.server_config import ServerConfig
from kontor_platform.runtime.settings import read_secret
from kontor_platform.runtime.tokens import GrantSigner

MIGRATIONS = Path(__file__).parents[1] / "migrations"
KEPT_APPROVALS = Retention("approvals", "created_at", timedelta(days=30))
# Longer than one can live, so that it is seen for a while after its end.
KEPT_GRANTS = Retention("standing_grants", "created_at", timedelta(days=90))
# Streams that wait for changes of the tools, over all callers of one replica.
MAX_STREAMS = 10_000


def build(settings: Settings, environment: Mapping[str, str]) -> Service:
    """Builds the gateway; nothing is opened before it runs."""
    service = Service(
        name=OWN,
        settings=settings,
        image=platform_image(),
        migrations=MIGRATIONS,
        retentions=[KEPT_APPROVALS, KEPT_GRANTS],
    )
    gateway = Gateway(service, settings, environment)
    service.public = gateway
    service.public_socket = lambda: bound(settings.mcp_fd, settings.mcp_host, settings.mcp_port)
    service.background = [gateway.open]
    return service


@dataclass
class Gateway:
    """The gateway as an application: closed until `open`, since channels and counters need a running loop."""

    service: Service
    settings: Settings
    environment: Mapping[str, str]
    doors: ASGIApp | None = field(default=None, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        assert self.doors is not None
        await self.doors(scope, receive, send)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Connects to the services, begins with what is known of them, and follows them."""
        # The SDK tells of every request without a session that it ends.
        logging.getLogger("mcp").setLevel(logging.WARNING)
        service = self.service
        found = addresses(self.environment, service.config.services)
        upstreams = {name: Upstream(name, address) for name, address in found.items()}
        feed = Feed(upstreams, Images(service.database))
        await feed.load()
        parts = parts_of(service, self.settings, feed, upstreams)
        server = mcp_server(parts, self.settings)
        mcp, rest = mcp_app(parts, server, self.settings), approvals_and_facade(parts, service, self.settings)
        self.doors = Doors(
            mcp=Authenticated(Profiled(StrictBody(mcp)), parts.passports, service.strangers, "gateway"),
            guarded=Authenticated(rest, parts.passports, service.strangers, "facade"),
            rest=rest,
        )
        service.readiness.tell(lambda ready: ended(parts.listen, ready=ready))
        async with AsyncExitStack() as stack:
            for upstream in upstreams.values():
                stack.push_async_callback(upstream.close)
            stack.push_async_callback(parts.peers.close)
            stack.push_async_callback(parts.limiter.close)
            stack.callback(parts.intents.close)
            await stack.enter_async_context(running(parts.intents.run()))
            await stack.enter_async_context(feed.running())
            await stack.enter_async_context(server.session_manager.run())
            yield


@dataclass(frozen=True, slots=True)
class Parts:
    """What the doors are made of."""

    config: ServerConfig
    feed: Feed
    passports: Passports
    peers: Peers
    limiter: Limiter
    intents: Intents
    journal: Journal
    listen: ListenHandler
    unknown: Unknown
    lists: Lists
    door: Door


def parts_of(service: Service, settings: Settings, feed: Feed, upstreams: dict[str, Upstream]) -> Parts:
    """Puts together what decides, counts and records."""
    key, governance = read_secret(settings.service_key_file, "SERVICE_KEY_FILE").decode(), upstreams[GOVERNANCE]
    passports, limiter = Passports(governance, key), Limiter(settings.valkey_url)
    peers = Peers({GOVERNANCE: governance.address}, key)
    intents = Intents(service.database, settings.spool_dir / OWN)
    journal = Journal(service.database, service.reads, intents)
    door = Door(
        config=service.config,
        passports=passports,
        limiter=limiter,
        upstreams=upstreams,
        signer=GrantSigner(settings.grant_key_file),
        journal=journal,
        covering=Covering(service.database, peers),
    )
    unknown = Unknown(feed, service.config, journal, limiter)
    listen, lists = ListenHandler(feed.changes, max_subscriptions=MAX_STREAMS), Lists(feed, service.config)
    return Parts(service.config, feed, passports, peers, limiter, intents, journal, listen, unknown, lists, door)


def mcp_server(parts: Parts, settings: Settings) -> Server[Any]:
    """The SDK's server behind the MCP face."""
    face = McpFace(
        feed=parts.feed,
        door=parts.door,
        config=parts.config,
        lists=parts.lists,
        limiter=parts.limiter,
        unknown=parts.unknown,
        listen=parts.listen,
        page=settings.public_url.rstrip("/"),
    )
    return face.server(Sealing([read_secret(settings.request_state_file, "REQUEST_STATE_SECRET_FILE")]))


def mcp_app(parts: Parts, server: Server[Any], settings: Settings) -> ASGIApp:
    """Plain reads and lists before the SDK's application."""
    security = transport(settings.hosts.split(","), settings.origins.split(","))
    return PlainReads(
        sdk_app(server, security),
        feed=parts.feed,
        door=parts.door,
        config=parts.config,
        lists=parts.lists,
        limiter=parts.limiter,
        security=security,
        server_info=server.server_info_stamp,
    )


def approvals_and_facade(parts: Parts, service: Service, settings: Settings) -> ASGIApp:
    """The REST paths of the gateway."""
    cursors = Cursors(read_secret(settings.cursor_secret_file, "CURSOR_SECRET_FILE"))
    people = People(parts.passports, parts.limiter, parts.config, parts.journal, cursors)
    return rest_app(
        facade=Facade(feed=parts.feed, door=parts.door, config=parts.config, unknown=parts.unknown),
        approvals=Approvals(Decisions(service.database), people),
        standing=Standing(Giving(service.database, parts.feed, parts.config), people),
        health=Health(parts.feed, service.readiness, parts.config),
        documents=Documents(parts.feed),
        feed=parts.feed,
        config=parts.config,
    )


async def ended(listen: ListenHandler, *, ready: bool) -> None:
    """Ends the open streams once the gateway drains, so that their clients listen elsewhere."""
    if not ready:
        listen.close()
