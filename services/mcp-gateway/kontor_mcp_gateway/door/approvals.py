"""The REST face of approvals, for people alone."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kontor_mcp_gateway.approvals.decisions import Decision, Decisions, printed
from kontor_mcp_gateway.approvals.rules import Status
from kontor_mcp_gateway.audit.journal import Journal
from kontor_mcp_gateway.door.authenticate import CALLER
from kontor_mcp_gateway.door.facade import json_object
from kontor_mcp_gateway.identity.caller import Caller
from kontor_mcp_gateway.identity.passports import Passports
from kontor_mcp_gateway.metering.limiter import Limiter
from kontor_platform.contract.problem import (
    CursorInvalid,
    InvalidField,
    NotFound,
    PermissionDenied,
    Refusal,
    UnknownField,
)
from kontor_platform.data.ids import new_id
from kontor_platform.data.pages import Cursors
from kontor_platform.data.refusals import DATABASE_ERRORS, refusal_for
from kontor_platform.faces.rest import CALL_HEADER, DATA_HEADERS
from kontor_platform.runtime.server_config import ServerConfig

PAGE_SIZE, MAX_PAGE_SIZE = 50, 200
MAX_REASON = 1_000
DECIDE = "approval.decide"
WORDS = {"approve": True, "deny": False}
PARAMETERS = frozenset({"status", "page_size", "cursor"})


@dataclass(frozen=True, slots=True)
class Approvals:
    """Lists, shows and decides approvals over REST."""

    decisions: Decisions
    passports: Passports
    limiter: Limiter
    config: ServerConfig
    journal: Journal
    cursors: Cursors

    async def list(self, request: Request) -> Response:
        """A page of approvals, the newest first."""
        caller = await self._metered(request)
        for name in request.query_params.keys() - PARAMETERS:
            raise UnknownField(f"'{name}' is unknown.", field=name, allowed=sorted(PARAMETERS))
        status, size = status_of(request), size_of(request)
        scope = f"approvals {caller.principal.tenant} {caller.principal.actor} {status}"
        before = self._before(request, scope)
        try:
            found = await self.decisions.page(caller, status=status, before=before, size=size)
        except DATABASE_ERRORS as error:
            raise refusal_for(error) or NotFound() from error
        more = self.cursors.encode([str(found[-1].id)], scope) if len(found) == size else ""
        return told({"approvals": [printed(each) for each in found], "next_cursor": more})

    async def get(self, request: Request) -> Response:
        """One approval."""
        caller = await self._metered(request)
        try:
            return told(printed(await self.decisions.one(caller, id_of(request))))
        except DATABASE_ERRORS as error:
            raise refusal_for(error) or NotFound() from error

    async def decide(self, request: Request) -> Response:
        """Enters a person's decision; a refused one is audited too."""
        caller, call_id = request.scope[CALLER], new_id()
        try:
            # Asked anew, so that a person who lost the role a moment ago decides nothing.
            caller = await self.passports.asked_anew(await self._metered(request))
            self._require_on(caller)
            decision = decision_of(await json_object(request))
            decided = await self.decisions.decide(caller, id_of(request), decision, call_id)
        except DATABASE_ERRORS as error:
            raise refusal_for(error) or NotFound() from error
        except Refusal as refusal:
            row = {"operation": DECIDE, "call_id": str(call_id), "outcome": "refused", "reason": refusal.code}
            about = {"approval_id": request.path_params["id"][:36], "address": caller.address, "face": "facade"}
            await self.journal.refused(caller.principal, call_id, caller.told | row | about)
            raise
        return told(printed(decided), {CALL_HEADER: str(call_id)})

    async def _metered(self, request: Request) -> Caller:
        caller: Caller = request.scope[CALLER]
        await self.limiter.charge_request(caller, self.config.tenant(caller.principal.slug).limits)
        return caller

    def _require_on(self, caller: Caller) -> None:
        policy = self.config.tenant(caller.principal.slug)
        if policy.off or caller.principal.actor in policy.actors_off:
            raise PermissionDenied("This actor is switched off by the operator.")

    def _before(self, request: Request, scope: str) -> UUID | None:
        cursor = request.query_params.get("cursor", "")
        if not cursor:
            return None
        try:
            return UUID(str(self.cursors.decode(cursor, scope)[0]))
        except (ValueError, IndexError) as error:
            raise CursorInvalid(field="cursor") from error


def status_of(request: Request) -> str:
    """The status asked for, empty for all; raises InvalidField."""
    status = request.query_params.get("status", "")
    allowed = [each.value for each in Status]
    if status and status not in allowed:
        raise InvalidField(f"'status' must be one of: {', '.join(allowed)}.", field="status", allowed=allowed)
    return status


def size_of(request: Request) -> int:
    """The size of the page asked for; raises InvalidField."""
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= MAX_PAGE_SIZE):
        raise InvalidField(f"'page_size' must be a whole number from 1 to {MAX_PAGE_SIZE}.", field="page_size")
    return int(text) or PAGE_SIZE


def id_of(request: Request) -> UUID:
    """The id in the path; raises NotFound, since no approval has another kind of id."""
    try:
        return UUID(request.path_params["id"])
    except ValueError as error:
        raise NotFound("There is no such approval.") from error


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


def told(value: Any, headers: dict[str, str] | None = None) -> Response:
    """An answer that nobody keeps."""
    return JSONResponse(value, headers=DATA_HEADERS | (headers or {}))
