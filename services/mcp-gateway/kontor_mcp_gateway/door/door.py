"""The one way a call of a tool runs, whichever way it came in."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from opentelemetry import propagate, trace
from protobuf import Message

from kontor_mcp_gateway.approvals.desk import Consent, Desk
from kontor_mcp_gateway.approvals.rules import Level
from kontor_mcp_gateway.approvals.standing.covering import Covering
from kontor_mcp_gateway.audit.journal import Journal
from kontor_mcp_gateway.audit.rows import Row, ended, of_ask, of_call
from kontor_mcp_gateway.door.call import Ask, ToolCall, control_of
from kontor_mcp_gateway.door.counters import UNKNOWN, calls_of, seconds_of
from kontor_mcp_gateway.fanout.upstream import Metadata, Reply, Upstream, deadline_of
from kontor_mcp_gateway.identity.passports import Passports
from kontor_mcp_gateway.metering.limiter import Limiter
from kontor_platform.contract.decode import decode_value
from kontor_platform.contract.marks import without_secrets
from kontor_platform.contract.problem import ApprovalRequired, Refusal, Unavailable
from kontor_platform.data.ids import new_id
from kontor_platform.faces.rpc import CALL_ID, DRY_RUN, GRANT, IDEMPOTENCY_KEY, PASSPORT
from kontor_platform.runtime.failures import refusal_told
from kontor_platform.runtime.server_config import ServerConfig
from kontor_platform.runtime.tokens import Grant, GrantSigner

TRIAL_S = 1.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered: the message as JSON, and what is told beside it."""

    json: str
    call_id: UUID
    replayed: bool = False
    secret_withheld: bool = False


@dataclass(frozen=True, slots=True)
class Trail:
    """What the audit of a call knows so far."""

    ask: Ask
    started: float
    call: ToolCall | None = None
    level: Level = Level.NONE
    approval: UUID | None = None

    def row(self, outcome: str, reason: str = "") -> Row:
        """The audit row, had the call ended like this."""
        row = of_call(self.call) if self.call else of_ask(self.ask)
        return ended(row, outcome, self.started, reason=reason, level=self.level, approval=self.approval)


class Door:
    """Runs calls: role, limit, decode and validate, consent, dispatch, audit."""

    def __init__(
        self,
        *,
        config: ServerConfig,
        passports: Passports,
        limiter: Limiter,
        upstreams: dict[str, Upstream],
        signer: GrantSigner,
        journal: Journal,
        covering: Covering,
    ) -> None:
        self._config, self._passports, self._limiter = config, passports, limiter
        self._upstreams, self._signer, self._journal = upstreams, signer, journal
        self._desk = Desk(journal.database, covering, self._trial)

    async def call(self, ask: Ask) -> Answer:
        """Runs a call; raises a Refusal, which was audited."""
        trail = Trail(ask, time.perf_counter())
        try:
            with self._limiter.in_flight(ask.caller):
                call = await self._admitted(ask)
                trail = replace(trail, call=call)
                answer = await self._run(call, trail)
        except Audited as audited:
            self._count(trail, audited.refusal.code)
            raise audited.refusal from audited
        except Exception as error:
            refusal = refusal_told(error, ask.tool.name, str(ask.call_id))
            self._count(trail, refusal.code)
            await self._journal.refused(ask.caller.principal, ask.call_id, trail.row(outcome_of(refusal), refusal.code))
            raise refusal from error
        self._count(trail, "replayed" if answer.replayed else "ok")
        return answer

    async def _admitted(self, ask: Ask) -> ToolCall:
        """The call once role and limit let it in and its request was understood, in this order."""
        operation, caller = ask.tool.operation, ask.caller
        policy = self._config.tenant(caller.principal.slug)
        refusal = policy.refuse(caller.principal, operation)
        as_read = not operation.is_write or ask.controls.get("dry_run") is True
        await self._limiter.charge(
            caller, policy.limits, operation, as_read=as_read and not operation.policy.open_world
        )
        if refusal is not None:
            raise refusal
        control = control_of(ask.controls)
        request = decode_value(ask.arguments, operation.request_type)
        return ToolCall(ask, caller, policy, control, request)

    async def _run(self, call: ToolCall, trail: Trail) -> Answer:
        if call.control.dry_run:
            return await self._read(call, trail, dry_run=True)
        if call.level is Level.NONE:
            return await (self._write(call, trail, None) if call.tool.operation.is_write else self._read(call, trail))
        call = await self._known_anew(call)
        consent = await self._desk.consent(call)
        trail = replace(trail, call=call, level=consent.approval.level, approval=consent.approval.id)
        return await self._write(call, trail, consent)

    async def _known_anew(self, call: ToolCall) -> ToolCall:
        """The call with its caller as governance knows it now; raises what it then is refused for."""
        caller = await self._passports.asked_anew(call.caller)
        refusal = call.policy.refuse(caller.principal, call.tool.operation)
        if refusal is not None:
            raise refusal
        prompt = call.ask.prompt
        possible = prompt.possible and caller.interactive and caller.principal.kind == "user"
        return replace(
            call, caller=caller, ask=replace(call.ask, caller=caller, prompt=replace(prompt, possible=possible))
        )

    async def _read(self, call: ToolCall, trail: Trail, *, dry_run: bool = False) -> Answer:
        more = ((DRY_RUN, "true"),) if dry_run else ()
        reply = await self._sent(call, deadline_of(call.tool.operation), more)
        answer = self._answer(call, reply)
        self._journal.read(call.caller.principal, time.time(), call.ask.call_id, trail.row("ok"), subjects_of(call))
        return answer

    async def _write(self, call: ToolCall, trail: Trail, consent: Consent | None) -> Answer:
        """Sends a write out under its consent; its audit row is on disk before and in the database after."""
        principal, call_id, subjects = call.caller.principal, call.ask.call_id, subjects_of(call)
        more = (
            self._granted(call, consent)
            if consent
            else ((IDEMPOTENCY_KEY, call.control.idempotency_key or str(new_id())),)
        )
        self._journal.begin(principal, call_id, trail.row(UNKNOWN), subjects)
        row = None
        try:
            reply = await self._sent(call, deadline_of(call.tool.operation), more)
            row = trail.row("replayed" if reply.replayed else "ok")
        except Refusal as refusal:
            row = trail.row("refused", refusal.code)
            await self._journal.end(principal, call_id, row, subjects)
            raise Audited(refusal) from refusal
        finally:
            if row is None:
                # The caller went away: whether the service still did it is not known here.
                self._journal.leave(principal, call_id, trail.row(UNKNOWN), subjects)
        await self._journal.end(principal, call_id, row, subjects)
        return self._answer(call, reply)

    async def _trial(self, call: ToolCall) -> bytes:
        """What the call would do, as the service's dry run tells it."""
        return (await self._sent(call, TRIAL_S, ((DRY_RUN, "true"),))).preview

    async def _sent(self, call: ToolCall, deadline_s: float, more: Metadata) -> Reply:
        upstream = self._upstreams.get(call.tool.service)
        if upstream is None:
            raise Unavailable(f"{call.tool.service} is not configured here.", retry_after_s=60)
        carrier: dict[str, str] = {}
        if trace.get_current_span().get_span_context().is_valid:
            propagate.inject(carrier)
        metadata = ((PASSPORT, call.caller.passport), (CALL_ID, str(call.ask.call_id)), *carrier.items(), *more)
        return await upstream.call(call.tool.operation, call.request, metadata, deadline_s=deadline_s)

    def _granted(self, call: ToolCall, consent: Consent) -> Metadata:
        """The grant for the one call that was consented to, under the same id however often it is repeated."""
        approval = consent.approval
        key = approval.idempotency_key or str(approval.id)
        grant = Grant(
            jti=str(approval.id),
            audience=call.tool.service,
            tenant=approval.tenant_id,
            actor=approval.actor,
            tool=approval.tool,
            arguments=approval.args_hash,
            fingerprint=approval.fingerprint,
            level=int(approval.level),
            records=tuple(approval.records),
            idempotency_key=key,
        )
        return ((GRANT, self._signer.sign(grant)), (IDEMPOTENCY_KEY, key))

    def _answer(self, call: ToolCall, reply: Reply) -> Answer:
        message, withheld = reply.message, reply.secret_withheld
        if call.tool.answer_has_secrets and (call.ask.face == "mcp" or call.caller.principal.kind != "user"):
            # A secret never enters the context of a model.
            message, cleared = without_secrets(message)
            withheld = withheld or cleared
        return Answer(printed(message), call.ask.call_id, reply.replayed, withheld)

    def _count(self, trail: Trail, outcome: str) -> None:
        operation = trail.ask.tool.operation
        calls_of(operation.name, operation.limit_class, outcome).inc()
        seconds = time.perf_counter() - trail.started
        seconds_of(operation.name).observe(seconds)
        tell = log.debug if outcome == "ok" and not operation.is_write else log.info
        call_id, face = str(trail.ask.call_id), trail.ask.face
        tell("call", operation=operation.name, face=face, outcome=outcome, call_id=call_id, seconds=seconds)


class Audited(Exception):
    """A refusal whose row is written already."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def outcome_of(refusal: Refusal) -> str:
    """How the audit names an end that was no answer."""
    return "asked" if isinstance(refusal, ApprovalRequired) else "refused"


def printed(message: Message) -> str:
    """A message as JSON with every field that cannot be absent."""
    return message.to_json(always_emit_implicit=True)


def subjects_of(call: ToolCall) -> Sequence[UUID]:
    """Ids of the people that the request names."""
    marks = call.tool.request
    return sorted(marks.subjects(call.plain)) if marks.marked else ()
