"""Credentials exchanged for passports at crm-governance, remembered for less than a minute."""

import asyncio
import hashlib
import time
from dataclasses import dataclass, replace
from uuid import UUID

import grpc
from kontor_protos.kontor.governance.v1.passports_pb import ExchangeRequest, ExchangeResponse

from kontor_mcp_gateway.fanout.upstream import Upstream
from kontor_mcp_gateway.identity.caller import Caller
from kontor_platform.contract.problem import Refusal, Unauthenticated, Unavailable
from kontor_platform.runtime.grpc_errors import is_silence, refusal_from
from kontor_platform.runtime.principal import Principal

EXCHANGE = "/kontor.governance.v1.Passports/Exchange"
REMEMBER_S = 55.0
DEADLINE_S = 1.0
MAX_REMEMBERED = 10_000
MAX_CREDENTIAL = 4_096


@dataclass(frozen=True, slots=True)
class Verdict:
    """A caller, and until when its credential need not be asked about again."""

    caller: Caller
    until: float


class Passports:
    """Knows callers by their credentials."""

    def __init__(self, governance: Upstream, service_key: str) -> None:
        self._governance = governance
        self._metadata = (("kontor-service-key", service_key),)
        self._verdicts: dict[bytes, Verdict] = {}
        self._asking: dict[bytes, asyncio.Future[Caller]] = {}
        self._exchange = governance.channel.unary_unary(
            EXCHANGE, request_serializer=ExchangeRequest.to_binary, response_deserializer=ExchangeResponse.from_binary
        )

    async def caller(self, credential: str, door: str, address: str) -> Caller:
        """The caller behind a credential, asked about at most once a minute; raises Unauthenticated or Unavailable."""
        if not credential or len(credential) > MAX_CREDENTIAL:
            raise Unauthenticated
        digest = digest_of(credential, door)
        known = self._verdicts.get(digest)
        if known is not None and known.until > time.monotonic():
            return known.caller if known.caller.address == address else replace(known.caller, address=address)
        return await self._ask_once(digest, credential, door, address)

    async def asked_anew(self, caller: Caller) -> Caller:
        """The same caller as governance knows it now, before a guarded write; raises Unauthenticated or Unavailable."""
        digest = digest_of(caller.credential, caller.door)
        return await self._ask(digest, caller.credential, caller.door, caller.address)

    async def _ask_once(self, digest: bytes, credential: str, door: str, address: str) -> Caller:
        under_way = self._asking.get(digest)
        if under_way is None:
            under_way = asyncio.ensure_future(self._ask(digest, credential, door, address))
            self._asking[digest] = under_way
            under_way.add_done_callback(lambda done: self._asked(digest, done))
        return await asyncio.shield(under_way)

    def _asked(self, digest: bytes, done: asyncio.Future[Caller]) -> None:
        self._asking.pop(digest, None)
        if not done.cancelled():
            # Looked at here too, since everybody who waited may have gone.
            done.exception()

    async def _ask(self, digest: bytes, credential: str, door: str, address: str) -> Caller:
        try:
            told = await self._exchanged(ExchangeRequest(credential=credential, door=door, address=address))
        except Unauthenticated:
            self._verdicts.pop(digest, None)
            raise
        caller = caller_of(told, credential, door, address)
        self._remember(digest, Verdict(caller, time.monotonic() + REMEMBER_S))
        return caller

    async def _exchanged(self, request: ExchangeRequest) -> ExchangeResponse:
        if not await self._governance.breaker.admits():
            raise Unavailable("Keys cannot be checked at the moment; try again.", retry_after_s=2)
        try:
            told: ExchangeResponse = await self._exchange(request, metadata=self._metadata, timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            if is_silence(error):
                self._governance.breaker.failed()
            raise told_of(error) from error
        return told

    def _remember(self, digest: bytes, verdict: Verdict) -> None:
        if len(self._verdicts) >= MAX_REMEMBERED:
            self._verdicts.clear()
        self._verdicts[digest] = verdict


def told_of(error: grpc.aio.AioRpcError) -> Refusal:
    """What a failed exchange means: only a clear no is one, everything else is an outage."""
    refusal = refusal_from(error, "crm-governance")
    if isinstance(refusal, Unauthenticated):
        return Unauthenticated()
    return Unavailable("Keys cannot be checked at the moment; try again.", retry_after_s=2)


def digest_of(credential: str, door: str) -> bytes:
    """What a verdict is remembered by; the credential itself is not kept as a key."""
    return hashlib.sha256(f"{door}\0{credential}".encode()).digest()


def caller_of(told: ExchangeResponse, credential: str, door: str, address: str) -> Caller:
    """The caller that governance's answer tells of."""
    principal = Principal(
        tenant=UUID(told.tenant),
        slug=told.slug,
        actor=UUID(told.actor),
        kind=told.kind,  # type: ignore[arg-type]
        roles=frozenset(told.roles),
        door="gateway",
        key=told.key,
        on_behalf_of=UUID(told.on_behalf_of) if told.on_behalf_of else None,
        name=told.name,
    )
    return Caller(
        principal=principal,
        door=door,
        per_minute=told.per_minute,
        interactive=told.interactive,
        passport=told.passport,
        credential=credential,
        address=address,
    )
