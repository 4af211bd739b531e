"""Finds the standing grant that a call may go out under."""

from collections.abc import Sequence
from dataclasses import dataclass

from kontor_protos.kontor.governance.v1.users_pb import FindUsersRequest, FindUsersResponse

from kontor_mcp_gateway.approvals.rules import Asked, Level
from kontor_mcp_gateway.approvals.standing import store
from kontor_mcp_gateway.approvals.standing.rules import StandingGrant, fits, level_of
from kontor_mcp_gateway.door.call import ToolCall
from kontor_platform.data.database import Database
from kontor_platform.runtime.peers import GOVERNANCE, Peers

FIND_USERS = f"{GOVERNANCE}/kontor.governance.v1.Users/FindUsers"


@dataclass(frozen=True, slots=True)
class Covering:
    """Knows the grants that stand, and whether those who gave them still may."""

    database: Database
    peers: Peers

    async def covering(self, call: ToolCall) -> Sequence[tuple[StandingGrant, Level]]:
        """The grants whose pattern a call fits and whose giver could approve it now, with the level that reaches.

        None cover a call after outside text was read, or one that two people decide.

        Raises Unavailable where governance cannot be asked about a giver.
        """
        if call.ask.tainted or call.votes_needed > 1:
            return []
        async with self.database.transaction(call.bound.tenant) as (session, _):
            found = await store.live(session, call.bound, call.terms)
        fitting = [each for each in found if fits(each.pattern, call.plain)]
        asked = Asked(call.bound.actor, call.caller.principal.on_behalf_of, call.bound.client, call.level)
        reached = [(each, await self._level(asked, each)) for each in fitting]
        return [(each, level) for each, level in reached if level is not Level.NONE]

    async def _level(self, asked: Asked, grant: StandingGrant) -> Level:
        """The level of the giver's consent, NONE where the person may not enter or decide such a call any more."""
        request = FindUsersRequest(ids=[str(grant.given_by)])
        told = await self.peers.ask(FIND_USERS, request, FindUsersResponse, tenant=grant.tenant_id)
        giver = next(iter(told.people), None)
        if giver is None or not giver.active:
            return Level.NONE
        return level_of(asked, grant, is_approver=giver.approver)
