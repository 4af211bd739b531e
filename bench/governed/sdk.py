"""A peer: the MCP SDK's low-level server, which calls the same service for the same read and governs nothing.

`sdk.py ADDRESS KEY TENANT TOOLS PORT`: the service's gRPC address, the key passports are signed with, the tenant read,
a file with the tools to list, and the port to serve.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc.aio
import uvicorn
import uvloop
from kontor_protos.kontor.crm.v1.records_pb import GetRecordRequest, GetRecordResponse
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)

from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import PassportSigner

PASSPORT_S = 120
Context = ServerRequestContext[Any, Any]


class Peer:
    """Lists tools from a file and makes the read whatever the tool."""

    def __init__(self, address: str, key: Path, tenant: UUID, tools: list[Tool]) -> None:
        self._address, self._signer, self._tools = address, PassportSigner(key), tools
        self._agent = Principal(tenant, "demo", UUID(int=1), "agent", frozenset({"sales"}), "gateway", "peer")
        self._passport, self._until = "", 0.0
        self._get: Any = None

    async def list_tools(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        """Every tool."""
        return ListToolsResult(tools=self._tools)

    async def call_tool(self, _: Context, params: CallToolRequestParams) -> CallToolResult:
        """The record with the id asked for."""
        if self._get is None:
            self._get = grpc.aio.insecure_channel(self._address).unary_unary(
                "/kontor.crm.v1.Records/GetRecord",
                request_serializer=GetRecordRequest.to_binary,
                response_deserializer=GetRecordResponse.from_binary,
            )
        request = GetRecordRequest(id=(params.arguments or {})["id"])
        answer = await self._get(request, timeout=2, metadata=(("kontor-passport", self._signed()),))
        text = answer.to_json(always_emit_implicit=True)
        return CallToolResult(content=[TextContent(text=text)], structured_content=json.loads(text))

    def _signed(self) -> str:
        if time.monotonic() > self._until:
            self._passport, self._until = self._signer.sign(self._agent), time.monotonic() + PASSPORT_S
        return self._passport


def main() -> None:
    """Serves until it is stopped."""
    address, key, tenant, listed, port = sys.argv[1:]
    tools = [Tool.model_validate(each) for each in json.loads(Path(listed).read_text())]
    peer = Peer(address, Path(key), UUID(tenant), tools)
    schemas = {tool.name: tool.input_schema for tool in tools}
    server: Server[Any] = Server(
        "peer", on_list_tools=peer.list_tools, on_call_tool=peer.call_tool, get_tool_input_schema=schemas.get
    )
    app = server.streamable_http_app(stateless_http=True, json_response=True)
    uvicorn.run(
        app, host="127.0.0.1", port=int(port), loop="uvloop", http="httptools", log_level="warning", access_log=False
    )


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    main()
