"""Ways to make one read or one list, and the processes that serve them."""

import json
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import grpc
import grpc.aio
from kontor_protos.kontor.crm.v1.records_pb import GetRecordRequest, GetRecordResponse
from load import Asked, Measured, http_load, http_request, timed
from stack import Stack

from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import PassportSigner

MODERN, LEGACY = "2026-07-28", "2025-11-25"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}
TOOL = "crm_get_record"
RECORDS = 200
JSON = {"content-type": "application/json"}
Load = Callable[[float, int], Awaitable[Measured]]


@dataclass(frozen=True, slots=True)
class Way:
    """One way: what loads it for so many seconds with so many in flight, and the processes that serve it."""

    name: str
    load: Load
    gateway: int | None = None
    behind: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An MCP server: where it listens, which revision is spoken, who asks, and what it calls the tool.

    `may_fail`: wrong answers are counted, and do not end the bench.
    """

    port: int
    version: str = MODERN
    key: str = ""
    path: str = "/mcp"
    tool: str = TOOL
    may_fail: bool = False

    def calls(self, ids: Sequence[str]) -> Load:
        """Calls of the tool, each for the next record."""
        return self._load([self._asked("tools/call", self._call(id), id) for id in ids])

    def lists(self) -> Load:
        """Lists of the tools."""
        return self._load([self._asked("tools/list", {}, TOOL, TOOL.replace("_", "-"))])

    def request(self, method: str, params: Mapping[str, Any]) -> urllib.request.Request:
        """A request for urllib to send."""
        url = f"http://127.0.0.1:{self.port}{self.path}"
        return urllib.request.Request(url, self._body(method, params), self._headers(method))

    def _call(self, id: str) -> Mapping[str, Any]:
        return {"name": self.tool, "arguments": {"id": id}}

    def message(self, method: str, params: Mapping[str, Any]) -> bytes:
        """A request as the wire has it."""
        host = f"127.0.0.1:{self.port}"
        return http_request(self.path, self._body(method, params), self._headers(method), host)

    def _asked(self, method: str, params: Mapping[str, Any], *expected: str) -> Asked:
        return Asked(self.message(method, params), tuple(each.encode() for each in expected))

    def _body(self, method: str, params: Mapping[str, Any]) -> bytes:
        params = {**params, "_meta": META} if self.version == MODERN else params
        return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()

    def _headers(self, method: str) -> dict[str, str]:
        headers = JSON | {"accept": "application/json, text/event-stream", "mcp-protocol-version": self.version}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        if self.version == MODERN:
            headers |= {"mcp-method": method} | ({"mcp-name": self.tool} if method == "tools/call" else {})
        return headers

    def _load(self, asked: Sequence[Asked]) -> Load:
        return lambda seconds, in_flight: http_load(self.port, cycle(asked), seconds, in_flight, may_fail=self.may_fail)


def created(running: Stack) -> list[str]:
    """Contacts to read, made through the edge by a person; their ids."""
    url, key = running.credentials["edge_url"], running.credentials["sales_key"]
    made = []
    for number in range(RECORDS):
        body = {"first_name": "Bench", "last_name": f"Contact {number}", "email": f"bench{number}@example.com"}
        request = urllib.request.Request(
            f"{url}/crm/upsert_contact", json.dumps(body).encode(), JSON | {"authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request) as answer:
            made.append(json.load(answer)["contact"]["id"])
    return made


def bare_calls(running: Stack, port: int, ids: Sequence[str]) -> Load:
    """Reads through the bare chain."""
    tenant, asked = running.credentials["tenant"], []
    for number, record in enumerate(ids):
        body = {"jsonrpc": "2.0", "id": number, "method": "get", "params": {"key": [tenant, record]}}
        asked.append(Asked(http_request("/mcp", json.dumps(body).encode(), JSON), (record.encode(),)))
    return lambda seconds, in_flight: http_load(port, cycle(asked), seconds, in_flight)


def rest_calls(running: Stack, ids: Sequence[str]) -> Load:
    """Reads on the service's own HTTP port."""

    async def load(seconds: float, in_flight: int) -> Measured:
        headers = JSON | {"x-kontor-passport": passport(running)}
        bodies = ((record.encode(), json.dumps({"id": record}).encode()) for record in ids)
        asked = [Asked(http_request("/crm/get_record", body, headers), (record,)) for record, body in bodies]
        return await http_load(running.port("crm-core", "http"), cycle(asked), seconds, in_flight)

    return load


def grpc_calls(running: Stack, ids: Sequence[str]) -> Load:
    """Reads on the service's own gRPC address."""

    async def load(seconds: float, in_flight: int) -> Measured:
        signed, latencies, until = passport(running), list[float](), perf_counter() + seconds
        requests = cycle([GetRecordRequest(id=record) for record in ids])
        async with grpc.aio.insecure_channel(rpc_address(running)) as channel:
            get = channel.unary_unary(
                "/kontor.crm.v1.Records/GetRecord",
                request_serializer=GetRecordRequest.to_binary,
                response_deserializer=GetRecordResponse.from_binary,
            )

            async def caller() -> None:
                while (began := perf_counter()) < until:
                    request = next(requests)
                    answer = await get(request, timeout=2, metadata=(("kontor-passport", signed),))
                    latencies.append(perf_counter() - began)
                    assert answer.id == request.id

            return await timed(caller, in_flight, latencies)

    return load


def listed_tools(running: Stack) -> list[dict[str, Any]]:
    """Every tool of the catalogue, as an administrator's agent is told them."""
    request = Endpoint(mcp_port(running), key=running.credentials["agent_admin_key"]).request("tools/list", {})
    with urllib.request.urlopen(request) as answer:
        tools: list[dict[str, Any]] = json.load(answer)["result"]["tools"]
    return tools


def mcp_port(running: Stack) -> int:
    """Where the gateway listens."""
    return int(running.credentials["mcp_url"].rsplit(":", 1)[1].split("/")[0])


def rpc_address(running: Stack) -> str:
    """Where the service listens for gRPC, as its own environment says."""
    environment = Path(f"/proc/{running.pid('crm-core')}/environ").read_bytes().decode()
    return next(each.partition("=")[2] for each in environment.split("\0") if each.startswith("RPC_ADDRESS="))


def passport_key(running: Stack) -> Path:
    """The key that passports of this stack are signed with."""
    return running.data_dir / "secrets" / "passport.private.jwk"


def passport(running: Stack) -> str:
    """A passport of the demo agent, as the gateway would send it."""
    agent = Principal(
        UUID(running.credentials["tenant"]), "demo", UUID(int=1), "agent", frozenset({"sales"}), "gateway", "bench"
    )
    return PassportSigner(passport_key(running)).sign(agent)
