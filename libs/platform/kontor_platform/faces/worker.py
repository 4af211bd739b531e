"""A service's worker as a process: it answers no calls, does the jobs and ticks of the same wiring, tells how it is."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack

import structlog
import uvloop
from fastapi import FastAPI

from kontor_platform.data.database import Database
from kontor_platform.data.guard import require_application_role, require_version
from kontor_platform.data.numbering import number_events
from kontor_platform.faces.health import Readiness, health_routes
from kontor_platform.faces.host import WORKER, Service, freeze, run
from kontor_platform.faces.listening import bound, listening
from kontor_platform.runtime.jobs import Jobs
from kontor_platform.runtime.logs import configure_logs
from kontor_platform.runtime.metrics import NUMBER_LAG, NUMBERED
from kontor_platform.runtime.telemetry import configure_traces
from kontor_platform.runtime.ticks import Nights, tick_for_ever
from kontor_platform.runtime.work import Nightly, Tick, Work

NUMBER_EVERY_S = 0.25
GRACE_S = 18.0
FINDER_CONNECTIONS = 8
log = structlog.get_logger(__name__)


class NoWorker(SystemExit):
    """The service cannot run a worker."""


def start(service: Service, arguments: Sequence[str]) -> None:
    """Runs a service, or its worker where that is the only argument; raises SystemExit with a sentence."""
    match list(arguments):
        case []:
            run(service)
        case ["worker"]:
            run_worker(service)
        case _:
            raise SystemExit(f"{service.name} is started without arguments, or with the one argument {WORKER!r}")


def run_worker(service: Service) -> None:
    """Runs the worker until it is told to stop; raises SystemExit with a sentence if it cannot start."""
    configure_logs(worker_name(service), service.settings.log_level)
    configure_traces(worker_name(service), service.settings.otlp_endpoint)
    url = service.settings.worker_database_url
    if url is None:
        raise NoWorker(f"The worker needs {service.schema.upper()}_WORKER_DATABASE_URL, the URL of its own role")
    uvloop.run(work(service, url.get_secret_value()))


async def work(service: Service, url: str) -> None:
    """Works until told to stop; then ends each job after its present chunk, for another worker to go on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        shared = work_of(service, Database(url, size=FINDER_CONNECTIONS))
        for database in (shared.database, shared.finder):
            stack.push_async_callback(database.close)
        if shared.peers is not None:
            stack.push_async_callback(shared.peers.close)
        await require_application_role(shared.database, service.schema)
        await require_application_role(shared.finder, service.schema, WORKER)
        await require_version(shared.database, service.migrations)
        await shared.database.open()
        readiness = Readiness(shared.finder)
        settings = service.settings
        socket = bound(settings.http_fd, settings.http_host, settings.http_port)
        await stack.enter_async_context(listening(health_app(service, readiness), socket))
        jobs = Jobs(shared, url, service.jobs, service.gave_up)
        tasks = [asyncio.create_task(tick_for_ever(shared, each)) for each in ticks_of(service, jobs)]
        tasks.append(asyncio.create_task(jobs.run(readiness.open)))
        freeze()
        log.info("ready")
        await stopped(stop, tasks)
        readiness.drain()
        shared.stopping.set()
        await ended(tasks)


async def stopped(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Waits until the worker is to stop, or until a task failed, which ends it."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait((waiting, *tasks), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Waits for the tasks to end by themselves for a while; then cancels them. Raises what one failed of."""
    _, late = await asyncio.wait(tasks, timeout=GRACE_S)
    for task in late:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for error in results:
        if isinstance(error, Exception):
            raise error


def worker_name(service: Service) -> str:
    """What the worker goes by in logs and lists."""
    return f"{service.name}-{WORKER}"


def work_of(service: Service, finder: Database) -> Work:
    """What the service's jobs share."""
    operations = {each.name: each for each in service.operations()}
    return Work(service.database, finder, service.cursors(), operations, service.peers)


def ticks_of(service: Service, jobs: Jobs) -> list[Tick]:
    """Everything that comes back by the clock: numbering, the queue's own, and what the service brings."""
    nightly = [each for each in service.ticks if isinstance(each, Nightly)]
    own = [each for each in service.ticks if isinstance(each, Tick)]
    return [Tick("number", NUMBER_EVERY_S, number, alone=False), *jobs.ticks, Nights(nightly).tick, *own]


async def number(work: Work) -> None:
    """Numbers events, and tells how long they waited."""
    done = await number_events(work.database, work.finder)
    NUMBERED.inc(done.rows)
    NUMBER_LAG.set(done.oldest_s)


def health_app(service: Service, readiness: Readiness) -> FastAPI:
    """The worker's internal HTTP application: how it is, and what it measures."""
    app = FastAPI(title=worker_name(service), openapi_url=None)
    app.include_router(health_routes(readiness))
    return app
