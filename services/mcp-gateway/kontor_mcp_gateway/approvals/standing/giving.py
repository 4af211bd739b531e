"""The people's side of standing grants: giving, seeing and revoking them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from kontor_mcp_gateway.approvals.decisions import LAST_ID, moment, person_of
from kontor_mcp_gateway.approvals.rules import Decider, Level, level_needed, votes_needed
from kontor_mcp_gateway.approvals.standing import store
from kontor_mcp_gateway.approvals.standing.rules import Draft, Pattern, StandingGrant
from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.catalogue.tool import Tool
from kontor_mcp_gateway.identity.caller import Caller
from kontor_platform.contract.decode import read_value
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import Conflict, InvalidField, NotFound, PermissionDenied
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import write_audit
from kontor_platform.runtime.server_config import ServerConfig
from kontor_platform.runtime.tenant_policy import TenantPolicy


@dataclass(frozen=True, slots=True)
class Wanted:
    """A grant as a person asks for it."""

    tool: str
    agent: UUID
    pinned: Mapping[str, Any]
    records: Sequence[UUID]
    uses: int
    life: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Giving:
    """Gives, lists and revokes standing grants for people."""

    database: Database
    feed: Feed
    config: ServerConfig

    async def give(self, caller: Caller, wanted: Wanted, call_id: UUID) -> StandingGrant:
        """Adds a grant for the tool as it is now.

        Raises PermissionDenied for an agent, or who may not decide such calls; InvalidField; UnknownField.
        """
        person, policy = person_of(caller), self.config.tenant(caller.principal.slug)
        tool = self._tool(wanted.tool, policy)
        require_grantable(tool.operation, policy, person, wanted)
        pattern = Pattern(wanted.agent, tool.name, pinned_of(tool, wanted.pinned), wanted.records)
        draft = Draft(
            pattern,
            tool.fingerprint,
            tool.policy_version(policy),
            wanted.uses,
            wanted.life,
            wanted.reason,
            person.actor,
            person.key,
        )
        tenant = caller.principal.tenant
        async with self.database.transaction(tenant) as (session, _):
            given = await store.add(session, tenant, new_id(), draft)
            await write_audit(session, tenant, call_id, "standing.given", noted(given))
            await session.commit()
        return given

    async def page(self, caller: Caller, *, before: UUID | None, size: int) -> Sequence[StandingGrant]:
        """Grants the person gave, all of the tenant's for an approver; raises PermissionDenied for an agent."""
        person, tenant = person_of(caller), caller.principal.tenant
        async with self.database.transaction(tenant) as (session, _):
            return await store.page(
                session, tenant, person.actor, everything=person.is_approver, before=before or LAST_ID, size=size
            )

    async def revoke(self, caller: Caller, id: UUID, call_id: UUID) -> StandingGrant:
        """Ends a grant from the next call on; raises NotFound for one the person may not see, Conflict if it ended."""
        person, tenant = person_of(caller), caller.principal.tenant
        async with self.database.transaction(tenant) as (session, _):
            found = await store.one(session, tenant, id)
            if found is None or not (person.is_approver or person.actor == found.given_by):
                raise NotFound("There is no such standing grant.")
            revoked = await store.revoke(session, tenant, id, person.actor)
            if revoked is None:
                raise Conflict("This standing grant is revoked already.")
            await write_audit(session, tenant, call_id, "standing.revoked", noted(revoked))
            await session.commit()
        return revoked

    def _tool(self, name: str, policy: TenantPolicy) -> Tool:
        tool = self.feed.present.find(name)
        if tool is None or not policy.offers(tool.operation):
            raise InvalidField(f"There is no tool {name[:100]!r}.", field="tool")
        return tool


def require_grantable(operation: Operation, policy: TenantPolicy, person: Decider, wanted: Wanted) -> None:
    """Raises why a person cannot consent to such calls beforehand."""
    approval = operation.policy.approval.value
    grave = operation.limit_class in ("destructive", "open_world")
    level = level_needed(approval, writes=operation.is_write, grave=grave, mode=policy.mode, tainted=False)
    if level is Level.NONE:
        raise InvalidField(f"{operation.name} needs no approval.", field="tool")
    if votes_needed(approval, policy.mode) > 1:
        raise InvalidField(f"{operation.name} needs two people's votes at each call.", field="tool")
    if level is Level.SECOND_PERSON:
        if not person.is_approver:
            raise PermissionDenied(f"Consent to {operation.name} needs the role approver.")
        if not wanted.pinned and not wanted.records:
            raise InvalidField(
                f"{operation.name} is decided by an operator: name the records, or pin arguments.", field="records"
            )
    if wanted.records and (operation.policy.open_world or not operation.policy.preview):
        raise InvalidField(
            f"{operation.name} cannot be tried, so nobody knows which records it would touch; pin arguments instead.",
            field="records",
        )


def pinned_of(tool: Tool, pinned: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as they are sent to the service; one that is null or its type's zero may not be given.

    Raises UnknownField or InvalidField, also for what is marked secret, since grants are kept and shown.
    """
    sent = json.loads(read_value(dict(pinned), tool.operation.request_type).to_json())
    shown = tool.request.hide_secrets(sent)
    for name, value in sent.items():
        if shown[name] != value:
            raise InvalidField(f"'{name}' is secret and cannot be pinned.", field=f"pinned.{name}")
    return {name: sent.get(name) for name in pinned}


def noted(grant: StandingGrant) -> dict[str, Any]:
    """A grant as the audit keeps it: what was pinned by name, since values may be personal."""
    return told(grant) | {"pinned": sorted(grant.pattern.pinned), "given_with": grant.given_with}


def told(grant: StandingGrant) -> dict[str, Any]:
    """A grant as people see it."""
    pattern = grant.pattern
    return {
        "id": str(grant.id),
        "status": grant.status,
        "tool": pattern.tool,
        "agent": str(pattern.agent),
        "pinned": dict(pattern.pinned),
        "records": [str(each) for each in pattern.records],
        "uses": grant.uses,
        "uses_left": grant.uses_left,
        "reason": grant.reason,
        "given_by": str(grant.given_by),
        "created_at": moment(grant.created_at),
        "expires_at": moment(grant.expires_at),
        "revoked_at": moment(grant.revoked_at) if grant.revoked_at else None,
        "revoked_by": str(grant.revoked_by) if grant.revoked_by else None,
    }
