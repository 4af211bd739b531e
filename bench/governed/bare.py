"""The floor: Starlette answers JSON-RPC by one grpc.aio call to a server that reads one row with psycopg."""

import asyncio
import json
import sys

import grpc
import grpc.aio
import uvicorn
import uvloop
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

METHOD = "/bench.Bare/Get"
QUERY = "SELECT * FROM crm_core.contact WHERE tenant_id = %s AND id = %s"


async def upstream(url: str, address: str) -> None:
    """Serves one row as JSON over gRPC."""
    async with AsyncConnectionPool(url, min_size=4, max_size=10, kwargs={"autocommit": True}) as pool:

        async def get(request: bytes, _: object) -> bytes:
            async with pool.connection() as connection:
                cursor = connection.cursor(row_factory=dict_row)
                await cursor.execute(QUERY, json.loads(request), prepare=True)
                return json.dumps(await cursor.fetchone(), default=str).encode()

        server = grpc.aio.server()
        handlers = {"Get": grpc.unary_unary_rpc_method_handler(get)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Bare", handlers),))
        server.add_insecure_port(address)
        await server.start()
        await server.wait_for_termination()


def gateway(address: str, port: int) -> None:
    """Serves JSON-RPC over HTTP."""
    channel: list[grpc.aio.Channel] = []

    async def call(request: Request) -> Response:
        if not channel:
            channel.append(grpc.aio.insecure_channel(address))
        asked = json.loads(await request.body())
        row = await channel[0].unary_unary(METHOD)(json.dumps(asked["params"]["key"]).encode(), timeout=2)
        result = {"jsonrpc": "2.0", "id": asked["id"], "result": {"structuredContent": json.loads(row)}}
        return Response(json.dumps(result), media_type="application/json")

    app = Starlette(routes=[Route("/mcp", call, methods=["POST"])])
    uvicorn.run(
        app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", log_level="warning", access_log=False
    )


def main() -> None:
    """`bare.py upstream URL ADDRESS` or `bare.py gateway ADDRESS PORT`."""
    role, first, second = sys.argv[1:]
    if role == "upstream":
        uvloop.run(upstream(first, second))
    else:
        gateway(first, int(second))


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    main()
