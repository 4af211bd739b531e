"""Asks a running Envoy about itself, over its admin socket."""

import asyncio

from kontor_platform.edge.config import Edge

READY = b"GET /ready HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n"


async def is_ready(edge: Edge) -> bool:
    """Whether Envoy has its listener and routes and serves; raises OSError while it is not running."""
    reader, writer = await asyncio.open_unix_connection(edge.admin_socket)
    try:
        writer.write(READY)
        return b" 200 " in await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()
