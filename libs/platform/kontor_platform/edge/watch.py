"""Follows what the services describe and keeps the edge's routes in step."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import grpc.aio
import structlog
from kontor_protos.kontor.platform.v1.describe_pb import DescribeRequest, DescribeResponse

from kontor_platform.contract.image import BadContract
from kontor_platform.contract.operation import Operation
from kontor_platform.edge.config import Edge
from kontor_platform.edge.files import write_edge
from kontor_platform.edge.images import LastImages, described_operations
from kontor_platform.edge.routes import PathTaken

DESCRIBE = "/kontor.platform.v1.Platform/Describe"
EVERY_S = 5.0
EVERY_UNTIL_FIRST_S = 0.2
DEADLINE_S = 2.0
RECONNECT = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000))
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between two questions to a service: in the long run, and until its first answer."""

    later: float = EVERY_S
    first: float = EVERY_UNTIL_FIRST_S


class Watcher:
    """Holds each service's last good operations; one that stops answering keeps its routes."""

    def __init__(self, edge: Edge, intervals: Intervals | None = None) -> None:
        self._edge = edge
        self._intervals = intervals or Intervals()
        self._images = LastImages(edge.images_directory)
        self._operations: dict[str, Sequence[Operation]] = {}
        self._known: dict[str, DescribeResponse] = {}
        self._refused: dict[str, DescribeResponse] = {}

    def prepare(self) -> None:
        """Writes the files from what the services said last, so that Envoy can start before any of them answers."""
        for service in sorted(self._edge.services):
            if described := self._images.read(service):
                self._adopt(service, described)
        write_edge(self._edge, self._operations)

    async def run(self) -> None:
        """Follows every service until cancelled."""
        async with asyncio.TaskGroup() as group:
            for service in self._edge.services:
                group.create_task(self._follow(service), name=service)

    async def _follow(self, service: str) -> None:
        """Asks one service again and again."""
        answered = False
        async with grpc.aio.insecure_channel(self._edge.services[service].rpc, options=RECONNECT) as channel:
            while True:
                answered = await self._ask(service, channel) or answered
                await asyncio.sleep(self._intervals.later if answered else self._intervals.first)

    async def _ask(self, service: str, channel: grpc.aio.Channel) -> bool:
        """Asks once; says whether the service answered."""
        known = self._known.get(service)
        try:
            described = await describe(channel, known.sha if known else "")
            if known is None or (described.sha, described.services) != (known.sha, known.services):
                # The same image may be served by more rpc services than before; then it was not sent again.
                self._adopt(service, described if described.image else await describe(channel, ""))
        except grpc.aio.AioRpcError as error:
            log.debug("service does not describe itself", upstream=service, status=error.code().name)
            return False
        return True

    def _adopt(self, service: str, described: DescribeResponse) -> None:
        """Takes a new image into the routes, and then those that had to wait for it to give up a path."""
        self._known[service] = described
        if self._take(service, described):
            for waiting in list(self._refused):
                self._take(waiting, self._refused[waiting])

    def _take(self, service: str, described: DescribeResponse) -> bool:
        """Takes an image into the routes; where it cannot be taken the old routes stay."""
        try:
            fresh = {**self._operations, service: described_operations(described)}
            write_edge(self._edge, fresh)
        except (PathTaken, BadContract, ValueError) as error:
            log.error("image refused, its old routes stay", upstream=service, reason=str(error))
            self._refused[service] = described
            return False
        self._refused.pop(service, None)
        self._operations = fresh
        self._images.keep(service, described)
        log.info("routes written", upstream=service, count=len(fresh[service]))
        return True


async def describe(channel: grpc.aio.Channel, known_sha: str) -> DescribeResponse:
    """Asks a service what it offers; raises AioRpcError if it does not answer."""
    call: grpc.aio.UnaryUnaryMultiCallable[DescribeRequest, DescribeResponse] = channel.unary_unary(
        DESCRIBE,
        request_serializer=lambda message: message.to_binary(),
        response_deserializer=DescribeResponse.from_binary,
    )
    return await call(DescribeRequest(known_sha=known_sha), timeout=DEADLINE_S)
