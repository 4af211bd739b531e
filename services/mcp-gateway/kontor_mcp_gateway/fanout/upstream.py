"""One service behind the gateway: its channel, its deadline, its cap, its breaker."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from kontor_protos.kontor.platform.v1.calls_pb import NumberedAnswer
from kontor_protos.kontor.platform.v1.describe_pb import DescribeRequest, DescribeResponse
from protobuf import Message

from kontor_mcp_gateway.fanout.breaker import Breaker
from kontor_mcp_gateway.fanout.stream import CallStream, StreamBroken
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import Unavailable, refusal_of
from kontor_platform.runtime.channel import service_channel
from kontor_platform.runtime.grpc_errors import is_silence, late, refusal_from, unavailable

DEADLINE_S = 2.0
OPEN_WORLD_DEADLINE_S = 10.0
PROBE_DEADLINE_S = 0.5
# How long a service that has no streams is not asked for one.
UNARY_S = 60.0
DESCRIBE_DEADLINE_S = 1.0
MAX_IN_FLIGHT = 128
MAX_METADATA_BYTES = 1024 * 1024
DESCRIBE = "/kontor.platform.v1.Platform/Describe"
HEALTH = "/grpc.health.v1.Health/Check"
# What a service calls its worker in its health.
WORKER = "worker"

# A service that fails is asked again only so long as most calls succeed.
CONFIG = {"retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}}
OPTIONS = [
    # Previews come as trailing metadata, and gRPC would refuse those over 8 KiB.
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    # Each upstream keeps a connection of its own, so that a breaker speaks for one service.
    ("grpc.use_local_subchannel_pool", 1),
]

Metadata = tuple[tuple[str, str], ...]
Invoke = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered, and what it told beside the answer."""

    message: Message
    replayed: bool = False
    secret_withheld: bool = False
    preview: bytes = b""


class Upstream:
    """A service; every call to it is bounded in time and in number."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.in_flight = 0
        self.channel = service_channel(address, CONFIG, OPTIONS)
        self.breaker = Breaker(self.is_serving)
        self._invokes: dict[tuple[str, type[Message]], Invoke] = {}
        self._stream: CallStream | None = None
        self._unary_until = 0.0
        self._describe = self.channel.unary_unary(
            DESCRIBE, request_serializer=DescribeRequest.to_binary, response_deserializer=DescribeResponse.from_binary
        )
        self._health = self.channel.unary_unary(
            HEALTH,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )

    async def call(self, operation: Operation, request: Message, metadata: Metadata, *, deadline_s: float) -> Reply:
        """Runs an operation; raises the service's refusal, or Unavailable at once while it does not answer."""
        if not await self.breaker.admits():
            raise unavailable(self.name)
        if self.in_flight >= MAX_IN_FLIGHT:
            raise Unavailable(f"{self.name} is busy; try again.", retry_after_s=1)
        self.in_flight += 1
        deadline = time.monotonic() + deadline_s
        try:
            return await self._carried(operation, request, metadata, deadline)
        except TimeoutError as error:
            self._retire()
            self.breaker.failed()
            raise late(self.name) from error
        except grpc.aio.AioRpcError as error:
            if is_silence(error):
                self.breaker.failed()
            raise refusal_from(error, self.name) from error
        finally:
            self.in_flight -= 1

    async def describe(self, known_sha: str) -> DescribeResponse | None:
        """What the service offers; None if it does not answer."""
        try:
            told: DescribeResponse = await self._describe(
                DescribeRequest(known_sha=known_sha), timeout=DESCRIBE_DEADLINE_S
            )
        except grpc.aio.AioRpcError:
            return None
        return told

    async def is_serving(self) -> bool:
        """Whether the service answers that it serves; an answer clears the breaker."""
        try:
            told = await self._health(health_pb2.HealthCheckRequest(), timeout=PROBE_DEADLINE_S)
        except grpc.aio.AioRpcError:
            return False
        serving = bool(told.status == health_pb2.HealthCheckResponse.SERVING)
        if serving:
            self.breaker.answered()
        return serving

    async def worker_serves(self) -> bool | None:
        """Whether the service's worker lives, as the service says; None if it has none or does not answer."""
        try:
            told = await self._health(health_pb2.HealthCheckRequest(service=WORKER), timeout=PROBE_DEADLINE_S)
        except grpc.aio.AioRpcError:
            return None
        return bool(told.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Ends the connection."""
        await self.breaker.close()
        if self._stream is not None:
            await self._stream.close()
        await self.channel.close()

    async def _carried(self, operation: Operation, request: Message, metadata: Metadata, deadline: float) -> Reply:
        """The reply by the stream, or by a call of its own where the stream broke or the service has none.

        A call that was lost with its stream goes out again: it only reads, or carries an idempotency key.
        """
        if time.monotonic() >= self._unary_until:
            try:
                data, left = request.to_binary(), deadline - time.monotonic()
                answer = await self._open().call(operation.rpc, data, dict(metadata), left)
            except StreamBroken as broken:
                if not broken.offered:
                    self._unary_until = time.monotonic() + UNARY_S
            else:
                return reply_of(answer, operation)
        left = max(deadline - time.monotonic(), 0.001)
        return await self._answered(self._invoke(operation), request, metadata, left)

    def _open(self) -> CallStream:
        """The stream that carries the next call."""
        if self._stream is None or not self._stream.takes_calls:
            self._retire()
            self._stream = CallStream(self.channel)
        return self._stream

    def _retire(self) -> None:
        if self._stream is not None:
            self._stream.retire()
            self._stream = None

    async def _answered(self, invoke: Invoke, request: Message, metadata: Metadata, deadline_s: float) -> Reply:
        call = invoke(request, metadata=metadata, timeout=deadline_s)
        message = await call
        trailing = await call.trailing_metadata()
        if not trailing:
            return Reply(message)
        told = {key: value for key, value in trailing}
        return Reply(
            message,
            replayed=told.get("kontor-replayed") == "true",
            secret_withheld=told.get("kontor-secret-withheld") == "true",
            preview=told.get("kontor-preview-bin", b""),
        )

    def _invoke(self, operation: Operation) -> Invoke:
        key = (operation.rpc, operation.response_type)
        known = self._invokes.get(key)
        if known is None:
            known = self._invokes[key] = self.channel.unary_unary(
                operation.rpc,
                request_serializer=_binary,
                response_deserializer=operation.response_type.from_binary,
            )
        return known


def reply_of(answer: NumberedAnswer, operation: Operation) -> Reply:
    """The reply in an answer; raises the refusal that stands in its place."""
    if answer.problem is not None:
        raise refusal_of(answer.problem)
    return Reply(
        operation.response_type.from_binary(answer.message),
        replayed=answer.replayed,
        secret_withheld=answer.secret_withheld,
        preview=answer.preview,
    )


def deadline_of(operation: Operation) -> float:
    """How long a call may take, in seconds."""
    return OPEN_WORLD_DEADLINE_S if operation.policy.open_world else DEADLINE_S


def _binary(message: Message) -> bytes:
    return message.to_binary()
