"""A small world around a real Envoy: upstreams that note what reaches them, and a way to speak raw HTTP to the edge."""

import asyncio
import json
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from kontor_platform.contract.image import own_image
from kontor_platform.contract.operation import Operation, Route
from kontor_platform.dev.processes import bind_loopback
from kontor_platform.dev.record import wait_until
from kontor_platform.edge import Edge, Upstream, envoy_command, write_edge

SECRET = "0123456789abcdef0123456789abcdef"
GOOD = {"authorization": "Bearer good"}
QUOTA = {"ratelimit": '"key";r=5;t=3', "ratelimit-policy": '"key";q=120;w=60'}
SPENT = {"retry-after": "7", "ratelimit": '"key";r=0;t=7', "ratelimit-policy": '"key";q=120;w=60'}
PROBLEM = "application/problem+json"
HANGING = "/memory/hanging"


@dataclass
class Recorder:
    """Answers every request with what it saw of it; `ready` is what it says of its health."""

    seen: list[dict[str, str]] = field(default_factory=list)
    ready: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (await self.respond(request))(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        if request.url.path == "/readyz":
            return PlainTextResponse("", 200 if self.ready else 503)
        return await self.answer(request)

    async def answer(self, request: Request) -> Response:
        if request.url.path == HANGING:
            await asyncio.Event().wait()
        body = await request.body()
        headers = {name: ", ".join(request.headers.getlist(name)) for name in request.headers}
        told = headers | {":method": request.method, ":path": request.url.path, ":length": str(len(body))}
        self.seen.append(told)
        return JSONResponse(told, headers={"x-kontor-passport": "leaked", "server": "secret/1.0"})


class Gateway(Recorder):
    """Streams events under /mcp and records elsewhere."""

    async def answer(self, request: Request) -> Response:
        if request.url.path == "/mcp" and request.method == "GET":
            return StreamingResponse(self.events(), media_type="text/event-stream")
        return await super().answer(request)

    async def events(self) -> AsyncIterator[str]:
        yield "data: first\n\n"
        await asyncio.Event().wait()


class Authorizer(Recorder):
    """Knows the keys `good` and `spent`; what it saw is kept."""

    async def answer(self, request: Request) -> Response:
        await super().answer(request)
        key = request.headers.get("authorization", "")
        if key == "Bearer good":
            return PlainTextResponse("", headers={"x-kontor-passport": "genuine"} | QUOTA)
        if key == "Bearer spent":
            return JSONResponse({"code": "rate_limited"}, 429, headers=SPENT, media_type=PROBLEM)
        return JSONResponse(
            {"code": "unauthenticated"}, 401, headers={"www-authenticate": "Bearer"}, media_type=PROBLEM
        )


@contextmanager
def serving(app: Recorder, sock: socket.socket | None = None) -> Iterator[str]:
    """Runs an application on its own thread and yields its address."""
    sock = sock or bind_loopback()
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        assert wait_until(lambda: server.started, 10)
        yield f"127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


def operation(tool: str, method: str, path: str) -> Operation:
    """An operation with the given name and route."""
    model = own_image().operations()[0]
    return replace(model, policy=replace(model.policy, tool=tool), route=Route(method, path))


CREATE = operation("crm_create_deal", "POST", "/crm/create_deal")
GET = operation("memory_get", "GET", "/memory/{id}")
ERASE = operation("memory_erase", "DELETE", "/memory/{id}")


def free_port() -> int:
    """A port that nobody listens on."""
    with bind_loopback() as sock:
        return int(sock.getsockname()[1])


@dataclass
class Stage:
    """An edge with one service, the gateway and the authorizer behind it."""

    edge: Edge
    service: Recorder
    gateway: Gateway
    authorizer: Authorizer
    log: Path

    @property
    def url(self) -> str:
        return f"http://{self.edge.listen}"

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
    ) -> httpx2.Response:
        """Sends one request on a connection of its own."""
        return httpx2.request(method, self.url + path, headers=headers, content=content, timeout=10)

    def raw(self, data: bytes) -> tuple[int, dict[str, object]]:
        """Sends bytes as they are; returns the status and the document of the first answer."""
        host, _, port = self.edge.listen.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(data)
            head, body = received(connection)
        document: dict[str, object] = json.loads(body)
        return int(head.split()[1]), document

    def reached(self) -> int:
        """How many requests have come through to the service and the gateway."""
        return len(self.service.seen) + len(self.gateway.seen)

    def write(self, *operations: Operation) -> None:
        """Gives the service exactly these operations."""
        write_edge(self.edge, {"crm-core": operations})

    def is_up(self) -> bool:
        """Whether the edge answers for the gateway."""
        try:
            return self.call("GET", "/health").status_code == 200
        except httpx2.TransportError:
            return False

    def wait_for_log(self, text: str) -> None:
        """Waits until Envoy has written a line with the text."""
        assert wait_until(lambda: text in self.log.read_text(), 10)


def received(connection: socket.socket) -> tuple[bytes, bytes]:
    """Reads one answer with a length."""
    with connection.makefile("rb") as file:
        head = b"".join(iter(file.readline, b"\r\n"))
        lines = [line for line in head.lower().splitlines() if line.startswith(b"content-length:")]
        return head, file.read(int(lines[0].partition(b":")[2]))


@contextmanager
def staged(directory: Path, **addresses: str) -> Iterator[Stage]:
    """Runs the whole world until the end of the block; addresses given lead elsewhere than to its upstreams."""
    service, gateway, authorizer = Recorder(), Gateway(), Authorizer()
    with serving(service) as http, serving(gateway) as behind, serving(authorizer) as authz:
        edge = edge_in(directory, **{"http": http, "gateway": behind, "authz": authz} | addresses)
        stage = Stage(edge, service, gateway, authorizer, directory / "edge.log")
        stage.write(CREATE, GET, ERASE)
        with running(stage):
            yield stage


def edge_in(directory: Path, http: str, gateway: str, authz: str, rpc: str = "", health: str = "") -> Edge:
    """An edge with files in the directory and a free port."""
    secret = directory / "secret"
    secret.write_text(SECRET)
    services = {"crm-core": Upstream(http, rpc)}
    listen = f"127.0.0.1:{free_port()}"
    return Edge(directory, listen, services, gateway, authz, secret, directory / "admin.sock", health)


@contextmanager
def running(stage: Stage) -> Iterator[None]:
    """Runs Envoy until the end of the block."""
    with stage.log.open("wb") as log:
        envoy = subprocess.Popen(envoy_command(stage.edge), stdout=log, stderr=log)
    try:
        assert wait_until(stage.is_up, 20), stage.log.read_text()
        yield
    finally:
        envoy.terminate()
        envoy.wait()
