"""Calls to other services, as this service itself and inside one tenant."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import UUID

import grpc
import grpc.aio
from kontor_protos.kontor.governance.v1.passports_pb import ExchangeRequest, ExchangeResponse
from protobuf import Message

from kontor_platform.contract.problem import Refusal, Unavailable
from kontor_platform.runtime.channel import service_channel
from kontor_platform.runtime.grpc_errors import refusal_from
from kontor_platform.runtime.memory import Memory

GOVERNANCE = "crm-governance"
EXCHANGE = "/kontor.governance.v1.Passports/Exchange"
DEADLINE_S = 2.0
# An issued passport has four of its five minutes left at least.
PASSPORT_S = 120.0
# What a peer may say of a request; that it does not know this service, say, is not the caller's affair.
OF_THE_REQUEST = (400, 404, 409, 410, 413, 422)

M = TypeVar("M", bound=Message)
Invoke = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A read of a peer, as its answer is remembered."""

    tenant: UUID
    rpc: str
    request: bytes


class Peers:
    """The other services by name; every call ends within two seconds, passports and answers are remembered."""

    def __init__(self, addresses: Mapping[str, str], service_key: str) -> None:
        self._addresses, self._key = dict(addresses), service_key
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._invokes: dict[str, Invoke] = {}
        self._passports: Memory[UUID, str] = Memory(PASSPORT_S)
        self._answers: dict[float, Memory[Question, Message]] = {}

    async def ask(self, rpc: str, request: Message, answer: type[M], *, tenant: UUID, keep_s: float = 0.0) -> M:
        """The answer to an internal read, `service/full.name.Service/Method`, perhaps one of the last `keep_s` seconds.

        Raises the peer's own refusal, Unavailable where it does not answer.
        """
        if not keep_s:
            return await self._ask(rpc, request, answer, tenant)
        kept = self._answers.setdefault(keep_s, Memory(keep_s))
        question = Question(tenant, rpc, request.to_binary())
        return cast(M, await kept.get(question, lambda: self._ask(rpc, request, answer, tenant)))

    async def close(self) -> None:
        """Closes the connections."""
        for channel in self._channels.values():
            await channel.close()

    async def _ask(self, rpc: str, request: Message, answer: type[M], tenant: UUID) -> M:
        service, deadline = rpc.partition("/")[0], time.monotonic() + DEADLINE_S
        passport = await self._passports.get(tenant, lambda: self._passport(tenant))
        metadata = (("kontor-passport", passport),)
        try:
            told = await self._invoke(rpc, answer)(request, metadata=metadata, timeout=left(deadline))
        except grpc.aio.AioRpcError as error:
            raise refusal_told(error, service) from error
        return cast(M, told)

    async def _passport(self, tenant: UUID) -> str:
        """What shows this service to the others in a tenant; raises Unavailable, whatever the reason."""
        request = ExchangeRequest(credential=self._key, door="internal", tenant=str(tenant))
        metadata = (("kontor-service-key", self._key),)
        try:
            told = await self._invoke(f"{GOVERNANCE}{EXCHANGE}", ExchangeResponse)(
                request, metadata=metadata, timeout=DEADLINE_S
            )
        except grpc.aio.AioRpcError as error:
            raise unavailable(GOVERNANCE) from error
        return cast(ExchangeResponse, told).passport

    def _invoke(self, rpc: str, answer: type[Message]) -> Invoke:
        if rpc not in self._invokes:
            service, _, path = rpc.partition("/")
            self._invokes[rpc] = self._channel(service).unary_unary(
                f"/{path}",
                request_serializer=lambda message: message.to_binary(),
                response_deserializer=answer.from_binary,
            )
        return self._invokes[rpc]

    def _channel(self, service: str) -> grpc.aio.Channel:
        if service not in self._addresses:
            raise unavailable(service)
        if service not in self._channels:
            self._channels[service] = service_channel(self._addresses[service])
        return self._channels[service]


def left(deadline: float) -> float:
    """The seconds until a moment, a little more than none."""
    return max(deadline - time.monotonic(), 0.001)


def refusal_told(error: grpc.aio.AioRpcError, service: str) -> Refusal:
    """What a failed call means to whoever needed the answer: what the peer says of the request, else an outage."""
    refusal = refusal_from(error, service)
    return refusal if refusal.http in OF_THE_REQUEST else unavailable(service)


def unavailable(service: str) -> Unavailable:
    """The refusal while a peer does not answer."""
    return Unavailable(f"{service} is not available at the moment, and this call needs it; try again.", retry_after_s=2)
