"""The REST face of standing grants, for people alone."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from kontor_mcp_gateway.approvals.standing.giving import Giving, Wanted, told
from kontor_mcp_gateway.approvals.standing.rules import MOST_MINUTES, MOST_RECORDS, MOST_USES
from kontor_mcp_gateway.door.bodies import read
from kontor_mcp_gateway.door.facade import json_object
from kontor_mcp_gateway.door.people import MAX_REASON, People, answered, id_of, size_of, stored

GIVE, REVOKE = "standing.give", "standing.revoke"
PARAMETERS = frozenset({"page_size", "cursor"})
DAY = 24 * 60


class Body(BaseModel):
    """A standing grant as a person asks for it; `minutes` is how long it lives."""

    model_config = ConfigDict(extra="forbid")

    tool: Annotated[str, Field(min_length=1, max_length=100)]
    agent: UUID
    pinned: dict[str, Any] = {}
    records: Annotated[list[UUID], Field(max_length=MOST_RECORDS)] = []
    uses: Annotated[int, Field(strict=True, ge=1, le=MOST_USES)] = 1
    minutes: Annotated[int, Field(strict=True, ge=1, le=MOST_MINUTES)] = DAY
    reason: Annotated[str, Field(max_length=MAX_REASON)] = ""

    @property
    def wanted(self) -> Wanted:
        """What is asked for."""
        life = timedelta(minutes=self.minutes)
        return Wanted(self.tool, self.agent, self.pinned, self.records, self.uses, life, self.reason)


@dataclass(frozen=True, slots=True)
class Standing:
    """Gives, lists and revokes standing grants over REST."""

    giving: Giving
    people: People

    async def list(self, request: Request) -> Response:
        """A page of grants, the newest first."""
        caller = await self.people.seeing(request, PARAMETERS)
        size = size_of(request)
        scope = f"standing {caller.principal.tenant} {caller.principal.actor}"
        before = self.people.before(request, scope)
        with stored():
            found = await self.giving.page(caller, before=before, size=size)
        more = self.people.cursors.encode([str(found[-1].id)], scope) if len(found) == size else ""
        return answered({"standing_grants": [told(each) for each in found], "next_cursor": more})

    async def give(self, request: Request) -> Response:
        """Gives a grant; a refused one is audited too."""
        async with self.people.deciding(request, GIVE, {}) as (caller, call_id):
            wanted = read(await json_object(request), Body).wanted
            given = await self.giving.give(caller, wanted, call_id)
        return answered(told(given), call_id)

    async def revoke(self, request: Request) -> Response:
        """Ends a grant from the next call on."""
        about = {"standing_grant": request.path_params["id"][:36]}
        async with self.people.deciding(request, REVOKE, about) as (caller, call_id):
            revoked = await self.giving.revoke(caller, id_of(request, "standing grant"), call_id)
        return answered(told(revoked), call_id)
