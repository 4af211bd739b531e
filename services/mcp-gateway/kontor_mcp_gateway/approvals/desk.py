"""Where calls that need consent wait: asked once, decided by a person, used once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from kontor_mcp_gateway.approvals import preview, records
from kontor_mcp_gateway.approvals.preview import Preview
from kontor_mcp_gateway.approvals.records import Approval, Draft, Given
from kontor_mcp_gateway.approvals.rules import (
    PENDING_PER_ACTOR,
    PENDING_PER_TENANT,
    REPLAY_WINDOW,
    Channel,
    Level,
    Status,
    life,
)
from kontor_mcp_gateway.approvals.standing import store
from kontor_mcp_gateway.approvals.standing.covering import Covering
from kontor_mcp_gateway.approvals.standing.rules import StandingGrant, stays_within
from kontor_mcp_gateway.audit.rows import of_step
from kontor_mcp_gateway.door.call import ToolCall
from kontor_platform.contract.problem import (
    ApprovalDenied,
    ApprovalInvalid,
    ApprovalRequired,
    DeadlineExceeded,
    RateLimited,
    Refusal,
    Unavailable,
)
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import write_audit
from kontor_platform.data.refusals import DATABASE_ERRORS, refusal_for

RETRY_S = 5
CROWDED_S = 60
Trial = Callable[[ToolCall], Awaitable[bytes]]


class AskAtClient(ApprovalRequired):
    """The person at the client is asked."""

    def __init__(self, approval: Approval) -> None:
        super().__init__(**told(approval))
        self.approval_id = approval.id
        self.prompt = preview.message(approval.preview)


class AskByLink(AskAtClient):
    """The person at the client is sent to the page where approvals are decided."""


@dataclass(frozen=True, slots=True)
class Consent:
    """The evidence under which a call goes out; `again` marks the repeat of a call that went out before."""

    approval: Approval
    again: bool = False


class Desk:
    """Decides whether a call that needs consent may go out now, and asks for consent if not.

    `covering` knows what people consented to beforehand. `trial` runs a call as a dry run and answers the events it
    would write; it raises the service's refusal.
    """

    def __init__(self, database: Database, covering: Covering, trial: Trial) -> None:
        self._database, self._covering, self._trial = database, covering, trial

    async def consent(self, call: ToolCall) -> Consent:
        """The evidence for a call, taken for good.

        Raises ApprovalRequired, ApprovalDenied, ApprovalInvalid, RateLimited, Unavailable, or the trial's refusal.
        """
        try:
            return await self._consent(call)
        except DATABASE_ERRORS as error:
            raise refusal_for(error) or Unavailable("Approvals cannot be checked at the moment; try again.") from error

    async def _consent(self, call: ToolCall) -> Consent:
        answered = call.ask.prompt.approval_id
        if answered is not None:
            await self._enter_answer(call, answered)
            return await self._redeem(call, answered)
        if call.control.approval_id is not None:
            return await self._redeem(call, call.control.approval_id)
        if call.level is Level.ASSERTED and call.control.user_approved:
            return Consent(await self._assert(call))
        return await self._stood_for(call) or await self._ask(call)

    async def _stood_for(self, call: ToolCall) -> Consent | None:
        """Consent that a person gave beforehand to calls like this one, one use of it taken."""
        covering = await self._covering.covering(call)
        if not covering:
            return None
        shown = await self._previewed(call)
        for grant, level in covering:
            within = stays_within(grant.pattern, [UUID(record) for record, _ in shown.records], shown.touched)
            if within and (used := await self._used(call, grant, level, shown)):
                return Consent(used)
        return None

    async def _used(self, call: ToolCall, grant: StandingGrant, level: Level, shown: Preview) -> Approval | None:
        # Nobody saw the records as they are now; only where the grant names them must they be those that were tried.
        held = shown if grant.pattern.records else replace(shown, records=())
        async with self._step(call, "approval.standing") as step:
            if await store.use(step.session, grant):
                given = Given(level, Channel.STANDING, grant.given_by, grant.id)
                step.approval = await records.insert(
                    step.session, call.bound, call.terms, self._draft(call, held), life(call.level), given
                )
        return step.approval

    async def _enter_answer(self, call: ToolCall, approval_id: UUID) -> None:
        """Enters what the person answered at the client; raises ApprovalInvalid unless it was asked.

        That a link was opened is no consent: the person's word reaches the gateway by the page.
        """
        prompt = call.ask.prompt
        counts = prompt.possible and call.level <= Level.ELICITED
        if not counts and not (prompt.opens_links and call.level <= Level.GIVEN):
            raise ApprovalInvalid
        accepted = prompt.action == "accept"
        if accepted and not counts:
            return
        reason = "" if accepted else f"The person at the client chose to {prompt.action or 'cancel'}."
        async with self._step(call, "approval.approved" if accepted else "approval.denied") as step:
            step.approval = await records.elicited(
                step.session, call.bound, approval_id, accepted=accepted, reason=reason
            )

    async def _redeem(self, call: ToolCall, approval_id: UUID) -> Consent:
        async with self._step(call, "approval.consumed") as step:
            step.approval = await records.consume(step.session, call.bound, approval_id, call.terms)
        if step.approval is not None:
            return Consent(step.approval)
        async with self._database.transaction(call.bound.tenant) as (session, _):
            found = await records.one(session, call.bound.tenant, approval_id)
        return await self._explained(call, found)

    async def _explained(self, call: ToolCall, found: Approval | None) -> Consent:
        """What an approval that could not be taken means for the call."""
        if found is None or found.bound != call.bound:
            raise ApprovalInvalid
        match found.present:
            case Status.CONSUMED if found.holds(call.terms) and _recent(found):
                return Consent(found, again=True)
            case Status.PENDING if found.holds(call.terms):
                return await self._ask(call)
            case Status.DENIED:
                raise denied(found)
            case Status.EXPIRED:
                return await self._ask(call)
            case Status.APPROVED if found.holds(call.terms) and found.level < call.level:
                return await self._ask(call)
        raise ApprovalInvalid

    async def _assert(self, call: ToolCall) -> Approval:
        """Takes the caller's word, where the tenant does; the row says so."""
        async with self._step(call, "approval.asserted") as step:
            draft = self._draft(call, Preview({"summary": f"{call.tool.operation.title}: asserted by the caller"}))
            given = Given(Level.ASSERTED, Channel.ASSERTION, call.bound.actor)
            step.approval = await records.insert(step.session, call.bound, call.terms, draft, life(call.level), given)
        assert step.approval is not None
        return step.approval

    async def _ask(self, call: ToolCall) -> Consent:
        """Asks for consent unless it was asked already; always raises."""
        known = await self._waiting(call)
        if known is None:
            known = await self._asked(call, await self._previewed(call))
        prompt = call.ask.prompt
        if known.status is Status.PENDING and prompt.possible and call.level <= Level.ELICITED:
            raise AskAtClient(known)
        sent_there = prompt.approval_id is not None
        if known.status is Status.PENDING and prompt.opens_links and not sent_there and call.level <= Level.GIVEN:
            raise AskByLink(known)
        raise ApprovalRequired(**told(known))

    async def _waiting(self, call: ToolCall) -> Approval | None:
        """The approval that this very call waits for or has; what no longer fits is revoked. Raises ApprovalDenied."""
        async with self._database.transaction(call.bound.tenant) as (session, _):
            found = await records.latest(session, call.bound)
        if found is None or not found.holds(call.terms) or found.expires_at <= found.seen_at:
            return None
        if found.status is Status.DENIED:
            raise denied(found)
        if found.status in (Status.PENDING, Status.APPROVED) and found.level_needed >= call.level:
            return found
        return None

    async def _previewed(self, call: ToolCall) -> Preview:
        operation = call.tool.operation
        if operation.policy.open_world or not operation.is_write or not operation.policy.preview:
            return preview.of_arguments(operation.title, self._shown_arguments(call))
        try:
            return preview.of_events(operation.title, await self._trial(call))
        except (Unavailable, DeadlineExceeded):
            if operation.policy.approval == "operator":
                raise Unavailable(
                    "The call cannot be previewed at the moment, so nobody was asked; try again."
                ) from None
            return preview.unavailable(operation.title)

    async def _asked(self, call: ToolCall, shown: Preview) -> Approval:
        async with self._step(call, "approval.asked") as step:
            for revoked in await records.make_room(step.session, call.bound, call.terms):
                await self._note(step.session, revoked, "approval.revoked", call.ask.call_id)
            await self._require_room(step.session, call)
            draft = self._draft(call, shown)
            step.approval = await records.insert(step.session, call.bound, call.terms, draft, life(call.level))
        if step.approval is not None:
            return step.approval
        known = await self._waiting(call)
        if known is None:
            raise Unavailable("Another call decided about the same approval; try again.")
        return known

    async def _require_room(self, session: AsyncSession, call: ToolCall) -> None:
        of_actor, of_tenant = await records.pending(session, call.bound.tenant, call.bound.actor)
        if of_actor >= PENDING_PER_ACTOR:
            raise RateLimited(
                f"{of_actor} approvals of this actor wait for a decision, the most it may have.",
                retry_after_s=CROWDED_S,
            )
        if of_tenant >= PENDING_PER_TENANT:
            raise RateLimited(
                f"{of_tenant} approvals of this tenant wait for a decision, the most it may have.",
                retry_after_s=CROWDED_S,
            )

    def _draft(self, call: ToolCall, shown: Preview) -> Draft:
        return Draft(
            id=new_id(),
            on_behalf_of=call.caller.principal.on_behalf_of,
            client_name=call.ask.client_name,
            service=call.tool.service,
            arguments=self._shown_arguments(call),
            preview=shown.told,
            records=shown.records,
            subjects=sorted(call.tool.request.subjects(call.plain)),
            mode=call.policy.mode,
            tainted=call.ask.tainted,
            idempotency_key=call.control.idempotency_key,
            votes_needed=call.votes_needed,
        )

    def _shown_arguments(self, call: ToolCall) -> dict[str, Any]:
        return call.tool.request.hide_secrets(call.plain)

    @asynccontextmanager
    async def _step(self, call: ToolCall, name: str) -> AsyncIterator["Step"]:
        """One transaction that changes an approval and notes the step, or does neither."""
        async with self._database.transaction(call.bound.tenant) as (session, _):
            step = Step(session)
            yield step
            if step.approval is not None:
                await self._note(session, step.approval, name, call.ask.call_id)
            await session.commit()

    async def _note(self, session: AsyncSession, approval: Approval, step: str, call_id: UUID) -> None:
        await write_audit(
            session, approval.tenant_id, call_id, step, of_step(approval, step, call_id), approval.subjects
        )


@dataclass(slots=True)
class Step:
    """A transaction and the approval it changed, if it changed one."""

    session: AsyncSession
    approval: Approval | None = None


def told(approval: Approval) -> dict[str, Any]:
    """What the caller of a waiting call is told."""
    who = (
        "the person concerned"
        if approval.level_needed < Level.SECOND_PERSON
        else "another person with the role approver"
        if approval.votes_needed == 1
        else f"{approval.votes_needed} other people with the role approver, {len(approval.voters)} of whom agreed"
    )
    ready = approval.status is Status.APPROVED
    what = "is approved" if ready else f"waits for {who}"
    return {
        "message": f"{approval.tool} {what}: repeat the identical call with approval_id {approval.id}.",
        "retry_after_s": 0 if ready else RETRY_S,
        "details": {
            "approval_id": str(approval.id),
            "status": approval.status.value,
            "level": "operator" if approval.level_needed is Level.SECOND_PERSON else "user",
            "expires_at": approval.expires_at.isoformat().replace("+00:00", "Z"),
            "preview": approval.preview,
            "retry": {"approval_id": str(approval.id)},
        },
    }


def denied(approval: Approval) -> Refusal:
    """What the caller of a denied call is told."""
    said = f": {approval.reason}" if approval.reason else "."
    return ApprovalDenied(f"{approval.tool} was denied{said}", details={"approval_id": str(approval.id)})


def _recent(approval: Approval) -> bool:
    return approval.consumed_at is not None and approval.seen_at - approval.consumed_at <= REPLAY_WINDOW
