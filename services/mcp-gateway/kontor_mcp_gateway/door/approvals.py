"""The REST face of approvals, for people alone."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kontor_mcp_gateway.approvals.decisions import Decision, Decisions, printed
from kontor_mcp_gateway.approvals.rules import Status
from kontor_mcp_gateway.door.facade import json_object
from kontor_mcp_gateway.door.people import MAX_REASON, People, answered, id_of, size_of, stored
from kontor_platform.contract.problem import InvalidField, UnknownField

DECIDE = "approval.decide"
NOUN = "approval"
WORDS = {"approve": True, "deny": False}
PARAMETERS = frozenset({"status", "page_size", "cursor"})


@dataclass(frozen=True, slots=True)
class Approvals:
    """Lists, shows and decides approvals over REST."""

    decisions: Decisions
    people: People

    async def list(self, request: Request) -> Response:
        """A page of approvals, the newest first."""
        caller = await self.people.seeing(request, PARAMETERS)
        status, size = status_of(request), size_of(request)
        scope = f"approvals {caller.principal.tenant} {caller.principal.actor} {status}"
        before = self.people.before(request, scope)
        with stored():
            found = await self.decisions.page(caller, status=status, before=before, size=size)
        more = self.people.cursors.encode([str(found[-1].id)], scope) if len(found) == size else ""
        return answered({"approvals": [printed(each) for each in found], "next_cursor": more})

    async def get(self, request: Request) -> Response:
        """One approval."""
        caller = await self.people.seeing(request)
        with stored():
            return answered(printed(await self.decisions.one(caller, id_of(request, NOUN))))

    async def decide(self, request: Request) -> Response:
        """Enters a person's decision; a refused one is audited too."""
        about = {"approval_id": request.path_params["id"][:36]}
        async with self.people.deciding(request, DECIDE, about) as (caller, call_id):
            decision = decision_of(await json_object(request))
            decided = await self.decisions.decide(caller, id_of(request, NOUN), decision, call_id)
        return answered(printed(decided), call_id)


def status_of(request: Request) -> str:
    """The status asked for, empty for all; raises InvalidField."""
    status = request.query_params.get("status", "")
    allowed = [each.value for each in Status]
    if status and status not in allowed:
        raise InvalidField(f"'status' must be one of: {', '.join(allowed)}.", field="status", allowed=allowed)
    return status


def decision_of(value: Any) -> Decision:
    """The decision in a body; raises UnknownField or InvalidField."""
    for name in value.keys() - {"decision", "reason"}:
        raise UnknownField(f"'{name}' is unknown.", field=name, allowed=["decision", "reason"])
    word, reason = value.get("decision"), value.get("reason") or ""
    if not isinstance(word, str) or word not in WORDS:
        raise InvalidField("'decision' must be one of: approve, deny.", field="decision", allowed=list(WORDS))
    if not isinstance(reason, str) or len(reason) > MAX_REASON:
        raise InvalidField(f"'reason' must be text of at most {MAX_REASON} characters.", field="reason")
    return Decision(WORDS[word], reason)
