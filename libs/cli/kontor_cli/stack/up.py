"""Starts a stack, in the order in which its parts need each other, and stops it again."""

import asyncio
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from kontor_cli.console import err, step
from kontor_cli.failure import Failure
from kontor_cli.settings import Settings
from kontor_cli.stack import ports
from kontor_cli.stack.database import DatabaseServer, start_database
from kontor_cli.stack.home import Home, already_running
from kontor_cli.stack.leftovers import end_leftovers
from kontor_cli.stack.programs import PublicPorts
from kontor_cli.stack.secret_files import ensure_secrets
from kontor_cli.stack.services import GATEWAY, GOVERNANCE, InstalledService, installed_services
from kontor_cli.stack.stack import Stack
from kontor_platform.dev.processes import ProgramFailed, Supervisor
from kontor_platform.edge import BadEdge, envoy_binary

READY_SECONDS = 120.0
NEEDED = (GOVERNANCE, GATEWAY)
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Ready:
    """A stack that answers, as its starter tells a person of it."""

    edge_url: str
    mcp_url: str
    seconds: float


Announce = Callable[[Ready], None]


def run_stack(settings: Settings, home: Home, announce: Announce) -> None:
    """Runs a stack until it is told to stop; raises Failure if it cannot start."""
    began = time.monotonic()
    services = required_services()
    require_envoy()
    require_config(settings)
    home.prepare()
    with home.only_one():
        on_signals(interrupt)
        clear_the_way(home)
        ensure_secrets(home.secrets, [each.name for each in services])
        with public_ports(settings) as public, running_database(settings, home) as server:
            stack = Stack(settings, home, services, server, public)
            stack.migrate()
            stack.settle_keys()
            asyncio.run(supervise(stack, lambda: announce(told(public, began))))
        shutil.rmtree(home.sockets, ignore_errors=True)


def told(public: PublicPorts, began: float) -> Ready:
    """What there is to tell once the stack answers."""
    return Ready(public.edge_url, public.mcp_url, time.monotonic() - began)


def required_services() -> Sequence[InstalledService]:
    """The installed services; raises Failure if a door is missing."""
    services = installed_services()
    if missing := [name for name in NEEDED if name not in {each.name for each in services}]:
        raise Failure(f"{' and '.join(missing)} cannot be found.", "Install everything with: make environment")
    return services


def require_envoy() -> None:
    """Raises Failure if Envoy is not installed."""
    try:
        envoy_binary()
    except BadEdge as error:
        raise Failure(str(error), "Or install everything with: make environment") from error


def require_config(settings: Settings) -> None:
    """Raises Failure if the policy file that was named is not there."""
    if settings.config_file is not None and not settings.config_file.is_file():
        raise Failure(f"MCP_SERVER_CONFIG names {settings.config_file}, which is no file.", "Correct or unset it.")


def clear_the_way(home: Home) -> None:
    """Ends what a killed supervisor left; raises Failure if it lives."""
    if home.running() is not None:
        raise already_running(home)
    if left := end_leftovers(home):
        err.print(f"[warn]![/] ended what an earlier kontor left running: {', '.join(left)}")


@contextmanager
def public_ports(settings: Settings) -> Iterator[PublicPorts]:
    """The two public ports, held until the stack is gone."""
    edge = ports.hold(settings.edge_host, settings.edge_port, "EDGE_PORT")
    try:
        mcp = ports.listen(settings.mcp_host, settings.mcp_port, "MCP_SERVER_PORT")
    except Failure:
        edge.close()
        raise
    public = PublicPorts(edge, mcp)
    try:
        yield public
    finally:
        public.close()


@contextmanager
def running_database(settings: Settings, home: Home) -> Iterator[DatabaseServer]:
    """The database, stopped at the end if it is ours."""
    with step("Database") as remarks:
        server = start_database(settings, home)
        remarks.append("embedded PostgreSQL" if server.embedded else "DATABASE_URL")
    try:
        yield server
    finally:
        # Who asks twice would otherwise leave the database behind.
        on_signals(signal.SIG_IGN)
        server.stop()


def on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Has Ctrl-C, SIGTERM and a closed terminal do the same."""
    for number in STOPS:
        signal.signal(number, handler)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Ends a start."""
    raise KeyboardInterrupt


async def supervise(stack: Stack, announce: Callable[[], None]) -> None:
    """Runs the programs until a signal asks to stop, and stops them."""
    stop = stop_requested()
    supervisor = Supervisor(stack.home.data_dir, stack.programs(), stack.public.recorded)
    await supervisor.start()
    database = asyncio.create_task(stack.server.keep_running())
    try:
        if await came_up(supervisor, stop):
            await stack.check_keys()
            announce()
            await stop.wait()
    finally:
        database.cancel()
        with step("Stopping"):
            await supervisor.stop()


def stop_requested() -> asyncio.Event:
    """An event that the signals to stop set."""
    stop = asyncio.Event()
    for number in STOPS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def came_up(supervisor: Supervisor, stop: asyncio.Event) -> bool:
    """Waits until all programs are ready; False if told to stop before. Raises Failure with the end of a log."""
    with step("Services and edge"):
        ready = asyncio.create_task(supervisor.wait_ready(READY_SECONDS))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((ready, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not ready.done():
            ready.cancel()
            return False
    try:
        ready.result()
    except ProgramFailed as error:
        what, _, end = str(error).partition(" The end of ")
        raise Failure(what, "Its log says why.", details=end) from error
    return True
