"""`python -m kontor_mcp_gateway.conformance`: serves the suite on the loopback until it is told to stop."""

import argparse
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from kontor_mcp_gateway.conformance.server import conformance_app, conformance_server


class NotLoopback(SystemExit):
    """The address is not of the loopback."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves; raises NotLoopback with a sentence for any address that others could reach."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="an address of the loopback")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--sessions", action="store_true", help="keep legacy clients' sessions, as replicas cannot")
    chosen = parser.parse_args(arguments)
    require_loopback(chosen.host)
    server = conformance_server()
    mcp = conformance_app(server, stateless=not chosen.sessions)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with server.session_manager.run():
            yield

    app = Starlette(routes=[Route("/mcp", mcp)], lifespan=lifespan)
    uvicorn.run(app, host=chosen.host, port=chosen.port, log_level="warning", access_log=False)


def require_loopback(host: str) -> None:
    """Raises NotLoopback, since the tools here ask nobody for a key."""
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise NotLoopback(f"{host} is no address of the loopback; the suite's tools answer everybody without a key.")


if __name__ == "__main__":
    main()
