"""HTTP applications on sockets that a supervisor handed over or that are bound here."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

GRACE_S = 10
KEEP_ALIVE_S = 75


class Listener(uvicorn.Server):
    """uvicorn without its signal handlers: the host decides when to stop, and knows when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, then tells."""
        await super().startup(sockets)
        self.serving.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Leaves the signals to the host."""
        yield


@asynccontextmanager
async def listening(app: ASGIApp, bound_socket: socket.socket) -> AsyncIterator[None]:
    """An application on a bound socket, until the block ends and its requests are answered."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = Listener(config)
    task = asyncio.create_task(server.serve(sockets=[bound_socket]))
    serving = asyncio.create_task(server.serving.wait())
    await asyncio.wait((task, serving), return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    try:
        yield
    finally:
        server.should_exit = True
        await task


def bound(fd: int | None, host: str, port: int) -> socket.socket:
    """The socket a supervisor handed over, else one bound here."""
    if fd is not None:
        return socket.socket(fileno=fd)
    listener = socket.create_server((host, port), backlog=1024)
    listener.setblocking(False)
    return listener
