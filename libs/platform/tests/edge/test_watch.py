"""Routes follow what the services say of themselves, over real gRPC."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import grpc
import pytest
from kontor_protos.kontor.platform.v1.describe_pb import DescribeRequest, DescribeResponse

from kontor_platform.contract.image import own_image
from kontor_platform.dev.record import wait_until
from kontor_platform.edge import Edge, Upstream
from kontor_platform.edge.watch import DESCRIBE, Intervals, Watcher

from .stage import edge_in

DEALS, NOTES = "kontor.crm.v1.Deals", "kontor.crm.v1.Notes"
OLD, NEW = b"/crm/create_deal", b"/crm/opened_deal"
AT_ONCE = Intervals(later=0.05, first=0.05)


class Described:
    """A service that answers Describe; what it says may change while it runs."""

    def __init__(self, *services: str, image: bytes | None = None) -> None:
        self.services = services
        self.image = own_image().data if image is None else image
        self.asked = 0

    def answer(self, request: DescribeRequest, _: grpc.ServicerContext) -> DescribeResponse:
        self.asked += 1
        sha = sha256(self.image).hexdigest()
        image = b"" if request.known_sha == sha else self.image
        return DescribeResponse(service="crm-core", sha=sha, image=image, services=list(self.services))


@contextmanager
def answering(described: Described, address: str) -> Iterator[None]:
    """Serves a description on a unix socket until the end of the block."""
    handler: grpc.RpcMethodHandler[DescribeRequest, DescribeResponse] = grpc.unary_unary_rpc_method_handler(
        described.answer, DescribeRequest.from_binary, lambda message: message.to_binary()
    )
    service, _, method = DESCRIBE.strip("/").partition("/")
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        server.add_insecure_port(address)
        server.start()
        try:
            yield
        finally:
            server.stop(None).wait()


@asynccontextmanager
async def watched(edge: Edge) -> AsyncIterator[Watcher]:
    """Follows the services until the end of the block."""
    watcher = Watcher(edge, AT_ONCE)
    watcher.prepare()
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        task.cancel()
        await asyncio.wait([task])


async def routed(edge: Edge, path: bytes) -> bool:
    """Waits until the path is among the routes."""
    return await asyncio.to_thread(wait_until, lambda: is_routed(edge, path), 10)


def is_routed(edge: Edge, path: bytes) -> bool:
    """Whether the path is among the routes."""
    return f"path: {path.decode()}\n" in edge.routes_file.read_text()


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    """An edge whose service answers on a socket of its own."""
    return edge_in(tmp_path, "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", rpc=f"unix:{tmp_path}/core.sock")


async def test_a_changed_image_changes_the_routes(edge: Edge) -> None:
    """A new rpc path appears and the old one goes while the service keeps running."""
    described = Described(DEALS)
    with answering(described, edge.services["crm-core"].rpc):
        async with watched(edge):
            assert await routed(edge, OLD)
            described.image = described.image.replace(OLD, NEW)
            assert await routed(edge, NEW)
            assert not is_routed(edge, OLD)


async def test_a_service_that_serves_more_of_one_image_is_followed(edge: Edge) -> None:
    """A further rpc service appears although the image is the same."""
    described = Described(DEALS)
    with answering(described, edge.services["crm-core"].rpc):
        async with watched(edge):
            assert await routed(edge, OLD)
            assert not is_routed(edge, b"/crm/create_note")
            described.services = (DEALS, NOTES)
            assert await routed(edge, b"/crm/create_note")


async def test_a_service_that_comes_later_is_found(edge: Edge) -> None:
    """The edge starts without any service and takes each up when it answers."""
    async with watched(edge):
        assert not is_routed(edge, OLD)
        with answering(Described(DEALS), edge.services["crm-core"].rpc):
            assert await routed(edge, OLD)


async def test_routes_outlive_their_service(edge: Edge) -> None:
    """A service that is away keeps its routes, also over a restart of the edge."""
    with answering(Described(DEALS), edge.services["crm-core"].rpc):
        async with watched(edge):
            assert await routed(edge, OLD)
    edge.routes_file.unlink()
    Watcher(edge).prepare()
    assert is_routed(edge, OLD)


async def test_an_image_that_cannot_be_read_changes_nothing(edge: Edge) -> None:
    """Nonsense and an rpc service that is not in the image are refused, and the old routes stay."""
    described = Described(DEALS)
    with answering(described, edge.services["crm-core"].rpc):
        async with watched(edge):
            assert await routed(edge, OLD)
            described.image = b"nonsense"
            before = described.asked
            assert await asyncio.to_thread(wait_until, lambda: described.asked > before + 2, 10)
            assert is_routed(edge, OLD)
            described.image = own_image().data.replace(OLD, NEW)
            assert await routed(edge, NEW)


async def test_a_path_passes_from_one_service_to_another(edge: Edge, tmp_path: Path) -> None:
    """A path that another service holds is refused, and taken up as soon as that one gives it up."""
    rpc = f"unix:{tmp_path}/other.sock"
    both = replace(edge, services={**edge.services, "other": Upstream("127.0.0.1:4", rpc)})
    holder, claimant = Described(DEALS), Described(DEALS)
    async with watched(both):
        with answering(holder, edge.services["crm-core"].rpc), answering(claimant, rpc):
            assert await routed(both, OLD)
            assert await asyncio.to_thread(wait_until, lambda: holder.asked > 2 and claimant.asked > 2, 10)
            assert cluster_of(both, OLD) in ("crm-core", "other")
            first, second = (holder, "other") if cluster_of(both, OLD) == "crm-core" else (claimant, "crm-core")
            first.services = (NOTES,)
            assert await asyncio.to_thread(wait_until, lambda: cluster_of(both, OLD) == second, 10)


def cluster_of(edge: Edge, path: bytes) -> str:
    """The cluster that a path leads to."""
    _, _, rest = edge.routes_file.read_text().partition(f"path: {path.decode()}\n")
    return rest.partition("cluster: ")[2].partition("\n")[0]


def test_the_program_writes_the_files_and_ends_when_told(edge: Edge, tmp_path: Path) -> None:
    """`python -m kontor_platform.edge` follows the services and ends with SIGTERM without an error."""
    config = tmp_path / "edge.json"
    addresses = {"http": "127.0.0.1:1", "rpc": edge.services["crm-core"].rpc}
    told = {"listen": edge.listen, "gateway": edge.gateway, "authz": edge.authz, "secret_file": "secret"}
    config.write_text(json.dumps(told | {"services": {"crm-core": addresses}}))
    command = [sys.executable, "-m", "kontor_platform.edge", str(config)]
    subprocess.run([*command, "--once"], check=True, timeout=30)
    assert edge.bootstrap_file.is_file()
    with (
        answering(Described(DEALS), edge.services["crm-core"].rpc),
        subprocess.Popen(command, stderr=subprocess.PIPE) as program,
    ):
        assert wait_until(lambda: is_routed(edge, OLD), 20)
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0


def test_the_program_says_what_is_wrong_with_its_file(tmp_path: Path) -> None:
    """A missing or half-written file is told in a sentence."""
    config = tmp_path / "edge.json"
    config.write_text("{}")
    command = [sys.executable, "-m", "kontor_platform.edge", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode != 0
    assert "does not describe an edge" in ended.stderr
    assert "Traceback" not in ended.stderr
