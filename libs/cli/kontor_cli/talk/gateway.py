"""The MCP client of people and of the demo: the official one, with a bearer key and errors one can read."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx2
from mcp import MCPError
from mcp.client import Client
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, Tool

from kontor_cli.failure import Failure
from kontor_cli.talk.keys import Caller

SECONDS = 30.0
APPROVAL_REQUIRED = "approval_required"
REPLAYED = "kontor/replayed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answered: its structured content, and whether that is a refusal."""

    refused: bool
    content: Mapping[str, Any]
    replayed: bool = False

    @property
    def code(self) -> str:
        """The reason of a refusal; empty for a result."""
        return str(self.content.get("code", "")) if self.refused else ""

    @property
    def needs_approval(self) -> bool:
        """Whether a person has to decide before the call can run."""
        return self.code == APPROVAL_REQUIRED


@dataclass(frozen=True, slots=True)
class Gateway:
    """A connection to the gateway."""

    client: Client

    async def tools(self) -> list[Tool]:
        """The tools this caller may use."""
        found: list[Tool] = []
        cursor: str | None = None
        while True:
            page = await self.client.list_tools(cursor=cursor)
            found += page.tools
            cursor = page.next_cursor
            if not cursor:
                return found

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Calls a tool; a refusal is an answer, a protocol error raises MCPError."""
        result = await self.client.call_tool(tool, dict(arguments))
        return answer_of(result)


def answer_of(result: CallToolResult) -> Answer:
    """What a result says."""
    replayed = bool((result.meta or {}).get(REPLAYED))
    return Answer(bool(result.is_error), result.structured_content or {}, replayed)


@dataclass(slots=True)
class Seen:
    """The last HTTP status, which the client's errors leave out."""

    status: int = 0

    async def note(self, response: httpx2.Response) -> None:
        """Keeps the status of an answer."""
        self.status = response.status_code


@asynccontextmanager
async def connected(
    caller: Caller, *, mode: str = "auto", elicitation: ElicitationFnT | None = None
) -> AsyncIterator[Gateway]:
    """A connection for as long as the block; raises Failure where the gateway cannot be reached or refuses."""
    seen = Seen()
    headers = {"authorization": f"Bearer {caller.key}"}
    try:
        async with httpx2.AsyncClient(
            headers=headers, timeout=SECONDS, trust_env=False, event_hooks={"response": [seen.note]}
        ) as http:
            transport = streamable_http_client(caller.mcp_url, http_client=http)
            client = Client(
                transport, mode=mode, cache=None, read_timeout_seconds=SECONDS, elicitation_callback=elicitation
            )
            async with client:
                yield Gateway(client)
    except BaseExceptionGroup as group:
        explain(first_cause(group), seen, caller)
    except (MCPError, httpx2.TransportError) as error:
        explain(error, seen, caller)


def first_cause(error: BaseException) -> BaseException:
    """The first exception inside groups of groups, which task groups make of any error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def explain(error: BaseException, seen: Seen, caller: Caller) -> NoReturn:
    """Raises what a person can act on."""
    if isinstance(error, httpx2.TransportError):
        raise Failure(
            f"No gateway answers at {caller.mcp_url}.", "Start it with kontor up; kontor status shows what runs."
        ) from error
    if seen.status == httpx2.codes.UNAUTHORIZED:
        raise Failure(
            f"The gateway refuses the key ({caller.name}).", "kontor up replaces keys that do not work."
        ) from error
    if isinstance(error, MCPError):
        raise Failure(f"{error.message}", "kontor tools lists what there is.") from error
    raise error
