"""A service as a process: both faces, health, drain; what `app.py` of a service fills in."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import grpc.aio
import structlog
import uvloop
from fastapi import APIRouter, FastAPI
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from starlette.types import ASGIApp

from kontor_platform.contract.image import Image
from kontor_platform.contract.operation import Operation
from kontor_platform.data.database import Database
from kontor_platform.data.guard import require_application_role, require_version
from kontor_platform.data.jobs import worker_lives
from kontor_platform.data.pages import Cursors
from kontor_platform.data.refusals import DATABASE_ERRORS
from kontor_platform.data.retention import PLATFORM, Retention, purge_for_ever
from kontor_platform.faces.calls import CallStreams
from kontor_platform.faces.describe import Describe
from kontor_platform.faces.files import Files
from kontor_platform.faces.health import Readiness, health_routes
from kontor_platform.faces.listening import GRACE_S, bound, listening
from kontor_platform.faces.rest import rest_app
from kontor_platform.faces.rpc import Plumbing, add_plumbing, add_reflection, rpc_server
from kontor_platform.runtime.audit import Audit
from kontor_platform.runtime.dispatcher import Dispatcher, Guards, Method
from kontor_platform.runtime.logs import configure_logs
from kontor_platform.runtime.peers import Peers
from kontor_platform.runtime.read_log import ReadLog
from kontor_platform.runtime.server_config import ServerConfig
from kontor_platform.runtime.settings import ServiceSettings, read_secret
from kontor_platform.runtime.strangers import Strangers
from kontor_platform.runtime.telemetry import configure_traces
from kontor_platform.runtime.tokens import GrantVerifier, KeySet, PassportVerifier
from kontor_platform.runtime.work import GaveUp, JobHandler, Nightly, Tick

GC_ALLOCATIONS = 10_000
WORKER = "worker"
WORKER_EVERY_S = 1.0
log = structlog.get_logger(__name__)

Background = Callable[[], AbstractAsyncContextManager[None]]


class Implementation(Protocol):
    """The methods of one rpc service; `implements` is its full name."""

    implements: str


class BadService(Exception):
    """The service lacks a method for an rpc."""


@dataclass
class Service:
    """One service: its name, its settings, what implements its rpcs and what else it serves."""

    name: str
    settings: ServiceSettings
    image: Image
    migrations: Path
    implementations: Sequence[Implementation] = ()
    plumbing: Sequence[Plumbing] = ()
    routes: Sequence[APIRouter] = ()
    background: Sequence[Background] = ()
    retentions: Sequence[Retention] = ()
    peers: Peers | None = None
    jobs: Mapping[str, JobHandler] = field(default_factory=dict)
    ticks: Sequence[Tick | Nightly] = ()
    gave_up: GaveUp | None = None
    public: ASGIApp | None = None
    public_socket: Callable[[], socket.socket] | None = None
    database: Database = field(init=False)
    config: ServerConfig = field(init=False)
    reads: ReadLog = field(init=False)
    strangers: Strangers = field(init=False)
    readiness: Readiness = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(self.settings.database_url.get_secret_value())
        self.config = ServerConfig.load(self.settings.server_config)
        self.reads = ReadLog(self.database, self.settings.spool_dir / self.name)
        self.strangers = Strangers(self.database)
        self.readiness = Readiness(self.database)

    @property
    def schema(self) -> str:
        """The schema and the prefix of the roles."""
        return self.name.replace("-", "_")

    @property
    def has_worker(self) -> bool:
        """Whether there is work for a worker beside it."""
        return bool(self.jobs or self.ticks)

    @property
    def services(self) -> list[str]:
        """Full names of the rpc services."""
        return [each.implements for each in self.implementations]

    def operations(self) -> list[Operation]:
        """The operations this service runs."""
        return self.image.operations(self.services)

    def methods(self) -> dict[str, Method]:
        """The method of each rpc; raises BadService if one is missing."""
        found: dict[str, Method] = {}
        by_service = {each.implements: each for each in self.implementations}
        for operation in self.operations():
            method = getattr(by_service[operation.service], operation.attribute, None)
            if method is None:
                kind = type(by_service[operation.service]).__name__
                raise BadService(f"{operation.rpc} has no method: write {kind}.{operation.attribute}")
            found[operation.rpc] = method
        return found

    def dispatcher(self) -> Dispatcher:
        """What runs this service's calls."""
        settings = self.settings
        guards = Guards(
            PassportVerifier(KeySet(settings.passport_keys_file)),
            GrantVerifier(KeySet(settings.grant_keys_file), self.name),
            self.config,
        )
        audit = Audit(self.database, self.reads, self.strangers)
        return Dispatcher(
            self.methods(),
            database=self.database,
            guards=guards,
            cursors=self.cursors(),
            audit=audit,
            peers=self.peers,
        )

    def cursors(self) -> Cursors:
        """What signs the cursors of pages."""
        return Cursors(read_secret(self.settings.cursor_secret_file, "CURSOR_SECRET_FILE"))

    def rest(self, dispatcher: Dispatcher) -> FastAPI:
        """The internal HTTP application."""
        files = Files(self.database, dispatcher)
        app = rest_app(f"Kontor {self.name}", self.operations(), dispatcher, files.endpoints())
        app.include_router(health_routes(self.readiness))
        for router in self.routes:
            app.include_router(router)
        return app

    def rpc(self, dispatcher: Dispatcher, streams: CallStreams) -> grpc.aio.Server:
        """The gRPC server, not yet bound."""
        server = rpc_server(self.operations(), dispatcher)
        streams.add_to(server)
        for implementation in (*self.plumbing, Describe(self.name, self.image, self.services)):
            add_plumbing(server, self.image, implementation)
        add_reflection(server, self.image, self.services)
        return server


def run(service: Service) -> None:
    """Runs a service until it is told to stop; raises SystemExit with a sentence if it cannot start."""
    configure_logs(service.name, service.settings.log_level)
    configure_traces(service.name, service.settings.otlp_endpoint)
    uvloop.run(serve(service))


async def serve(service: Service) -> None:
    """Serves both faces, then drains: readiness goes first, calls finish, connections close."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        await service.database.open()
        stack.push_async_callback(service.database.close)
        if service.peers is not None:
            stack.push_async_callback(service.peers.close)
        await require_application_role(service.database, service.schema)
        await require_version(service.database, service.migrations)
        purge = purge_for_ever(service.database, (*PLATFORM, *service.retentions))
        for started in (service.reads.run(), service.strangers.run(), service.config.watch(), purge):
            await stack.enter_async_context(running(started))
        for background in service.background:
            await stack.enter_async_context(background())
        dispatcher = service.dispatcher()
        await stack.enter_async_context(rpc_listening(service, dispatcher))
        await stack.enter_async_context(http_listening(service, dispatcher))
        freeze()
        service.readiness.open()
        log.info("ready")
        await stop.wait()
        service.readiness.drain()
        await asyncio.sleep(service.settings.drain_seconds)


def freeze() -> None:
    """Keeps what the start made out of garbage collection: collecting it again and again makes the slowest calls."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 50)


@asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:
    """A task that lives as long as the block; its failure is not kept silent."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def rpc_listening(service: Service, dispatcher: Dispatcher) -> AsyncIterator[None]:
    """The gRPC face, with health that follows readiness."""
    streams = CallStreams(service.operations(), dispatcher)
    server = service.rpc(dispatcher, streams)
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    service.readiness.tell(lambda ready: set_health(health, ready=ready))
    server.add_insecure_port(service.settings.rpc_address)
    await server.start()
    try:
        async with running(watch_worker(service, health)) if service.has_worker else contextlib.nullcontext():
            yield
    finally:
        streams.drain()
        await server.stop(GRACE_S)


async def set_health(health: HealthServicer, *, ready: bool) -> None:
    """Tells gRPC health what readiness says."""
    serving = health_pb2.HealthCheckResponse.SERVING
    await health.set("", serving if ready else health_pb2.HealthCheckResponse.NOT_SERVING)


async def watch_worker(service: Service, health: HealthServicer) -> None:
    """Tells in the service's health, under the name `worker`, whether its worker lives, until cancelled."""
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    while True:
        try:
            lives = await worker_lives(service.database)
        except DATABASE_ERRORS:
            lives = False
        await health.set(WORKER, serving if lives else not_serving)
        await asyncio.sleep(WORKER_EVERY_S)


@asynccontextmanager
async def http_listening(service: Service, dispatcher: Dispatcher) -> AsyncIterator[None]:
    """The HTTP face, and the public one of a service that is a door itself."""
    settings = service.settings
    async with AsyncExitStack() as stack:
        internal = bound(settings.http_fd, settings.http_host, settings.http_port)
        await stack.enter_async_context(listening(service.rest(dispatcher), internal))
        if service.public is not None and service.public_socket is not None:
            await stack.enter_async_context(listening(service.public, service.public_socket()))
        yield
