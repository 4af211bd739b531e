"""The one way a call runs, whatever face it came through."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import structlog
from opentelemetry import trace
from protobuf import Message
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import InvalidField, PermissionDenied, Refusal
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import write_audit, write_events
from kontor_platform.data.pages import Cursors
from kontor_platform.runtime import idempotency
from kontor_platform.runtime.audit import Audit, row_of
from kontor_platform.runtime.call import Call, Incoming, Outcome
from kontor_platform.runtime.evidence import require_evidence, require_unmoved
from kontor_platform.runtime.failures import refusal_told
from kontor_platform.runtime.metrics import CALLS, SECONDS
from kontor_platform.runtime.peers import Peers
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.server_config import ServerConfig
from kontor_platform.runtime.tokens import GrantVerifier, PassportVerifier

Method = Callable[[Any, Call], Awaitable[Message]]
M = TypeVar("M", bound=Callable[..., Awaitable[Message]])

log = structlog.get_logger(__name__)
tracer = trace.get_tracer(__name__)


def single_read(method: M) -> M:
    """Marks a method that reads by `Call.read` alone, so that no transaction is opened for it."""
    method.single_read = True  # type: ignore[attr-defined]
    return method


class Undo(Exception):
    """Leaves a dry run's transaction with its answer, so that everything is rolled back."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Guards:
    """What decides whether a caller is who it says and may do what it asks."""

    passports: PassportVerifier
    grants: GrantVerifier
    config: ServerConfig


class Dispatcher:
    """Runs calls in one order: caller, role, request, transaction, repeat, evidence, method, events, commit."""

    def __init__(
        self,
        methods: Mapping[str, Method],
        *,
        database: Database,
        guards: Guards,
        cursors: Cursors,
        audit: Audit,
        peers: Peers | None = None,
    ) -> None:
        self._methods, self._peers = methods, peers
        self._database, self._guards, self._cursors, self._audit = database, guards, cursors, audit

    async def dispatch(self, incoming: Incoming) -> Outcome:
        """The outcome of a call; raises a Refusal and nothing else, after the refusal was audited."""
        started, seen = time.perf_counter(), Seen(incoming)
        with tracer.start_as_current_span(incoming.operation.name):
            try:
                outcome = await self._run(incoming, seen)
            except Exception as error:
                refusal = refusal_told(error, incoming.operation.name, str(seen.call_id))
                await self._refused(seen, refusal, started)
                raise refusal from error
        self._count(seen, "replayed" if outcome.replayed else "ok", started)
        return outcome

    async def _run(self, incoming: Incoming, seen: Seen) -> Outcome:
        operation = incoming.operation
        principal = seen.principal = self._guards.passports.verify(incoming.passport)
        self._admit(principal, operation)
        seen.call_id = door_call_id(principal, incoming.call_id) or seen.call_id
        request = seen.request = incoming.read()
        if incoming.dry_run:
            require_trial(operation)
        call = Call(operation, principal, seen.call_id, self._database, self._cursors, dry_run=incoming.dry_run)
        call.peers = self._peers
        if incoming.prepare is not None:
            await incoming.prepare(call, request)
        method = self._methods[operation.rpc]
        if getattr(method, "single_read", False):
            return await self._read(method, request, call, seen)
        return await self._transact(method, request, call, seen)

    def _admit(self, principal: Principal, operation: Operation) -> None:
        """Refuses a caller who may not call the operation here."""
        if operation.policy.internal:
            if principal.kind != "service" or principal.door != "internal":
                raise PermissionDenied("Only services may call this operation.")
            return
        refusal = self._guards.config.tenant(principal.slug).refuse(principal, operation)
        if refusal is not None:
            raise refusal

    async def _read(self, method: Method, request: Message, call: Call, seen: Seen) -> Outcome:
        require_evidence(call.operation, call.actor, None, request)
        answer = await method(request, call)
        self._audit.read(seen.incoming, call, request)
        return Outcome(answer, call.call_id)

    async def _transact(self, method: Method, request: Message, call: Call, seen: Seen) -> Outcome:
        principal, settings = call.actor, json.dumps(asdict(call.actor.settings), sort_keys=True)
        await self._database.remember(principal.tenant, principal.slug, settings)
        try:
            entered = self._database.transaction(principal.tenant, restricted=principal.sees_restricted)
            async with entered as (session, now):
                call.enter(session, now)
                outcome = await self._in_transaction(method, request, call, seen)
                await session.commit()
        except Undo as undo:
            self._audit.read(seen.incoming, call, request)
            return undo.outcome
        if not call.operation.is_write:
            self._audit.read(seen.incoming, call, request)
        return outcome

    async def _in_transaction(self, method: Method, request: Message, call: Call, seen: Seen) -> Outcome:
        incoming, session = seen.incoming, call.session
        if call.dry_run:
            answer = await method(request, call)
            await session.flush()
            await call.close()
            raise Undo(Outcome(answer, call.call_id, tuple(call.events)))
        call.grant = self._guards.grants.verify(incoming.grant) if incoming.grant else None
        key = self._key(incoming, call) if call.operation.is_write else None
        payload_hash = arguments_hash(request) if key else ""
        if key and (stored := await idempotency.find(session, key, payload_hash)):
            answer = call.operation.response_type.from_binary(stored.answer)
            await self._audit_write(session, request, call, seen, outcome="replayed")
            return Outcome(answer, call.call_id, replayed=True, secret_withheld=stored.secret_withheld)
        require_evidence(call.operation, call.actor, call.grant, request)
        answer = await method(request, call)
        await session.flush()
        await call.close()
        require_unmoved(call.grant, call.events)
        await self._conclude(session, request, answer, call, seen)
        if key:
            jti = call.grant.jti if call.grant else None
            await idempotency.store(session, key, payload_hash, answer, jti, sorted(call.subjects))
        return Outcome(answer, call.call_id, tuple(call.events))

    async def _conclude(self, session: AsyncSession, request: Message, answer: Message, call: Call, seen: Seen) -> None:
        """Writes the call's events and its audit row."""
        subjects = sorted(call.subjects)
        await write_events(session, call.actor.tenant, call.call_id, call.events, subjects)
        await self._audit_write(session, request, call, seen, outcome="ok")

    async def _audit_write(
        self, session: AsyncSession, request: Message, call: Call, seen: Seen, *, outcome: str
    ) -> None:
        """Writes the audit row of a write, unless it came through the gateway, which writes its own."""
        if call.operation.is_write and not call.actor.through_gateway:
            row = row_of(seen.incoming, call.actor, call.call_id, request, outcome=outcome)
            await write_audit(session, call.actor.tenant, call.call_id, call.operation.name, row, sorted(call.subjects))

    def _key(self, incoming: Incoming, call: Call) -> idempotency.Key | None:
        text = idempotency.checked_key(incoming.idempotency_key)
        if call.grant is not None:
            text = call.grant.idempotency_key or call.grant.jti
        return idempotency.Key(call.actor.tenant, call.actor.actor, call.operation.name, text) if text else None

    async def _refused(self, seen: Seen, refusal: Refusal, started: float) -> None:
        self._count(seen, refusal.code, started)
        if seen.principal is None or not seen.principal.through_gateway:
            await self._audit.refused(seen.incoming, seen.principal, seen.call_id, seen.request, refusal)

    def _count(self, seen: Seen, outcome: str, started: float) -> None:
        """Counts a call and logs it: writes and refusals always, reads that were answered at level DEBUG."""
        incoming, seconds = seen.incoming, time.perf_counter() - started
        name = incoming.operation.name
        CALLS.labels(name, incoming.face, outcome).inc()
        SECONDS.labels(name, incoming.face).observe(seconds)
        tell = log.debug if outcome == "ok" and not incoming.operation.is_write else log.info
        tell("call", operation=name, face=incoming.face, outcome=outcome, call_id=str(seen.call_id), seconds=seconds)


@dataclass(slots=True)
class Seen:
    """What became known of a call so far, for the audit of a refusal."""

    incoming: Incoming
    principal: Principal | None = None
    request: Message | None = None
    call_id: UUID = field(default_factory=new_id)


def door_call_id(principal: Principal, text: str) -> UUID | None:
    """The id the gateway gave the call; nobody else may give one."""
    if not principal.through_gateway or not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidField("The call id is not a UUID.", field="kontor-call-id") from error


def require_trial(operation: Operation) -> None:
    """Refuses a dry run of an operation that cannot be tried; raises InvalidField."""
    if not operation.is_write or not operation.policy.preview:
        raise InvalidField(f"{operation.name} cannot be tried: leave dry_run out.", field="dry_run")
