"""What every request by which a person sees or decides something goes through."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kontor_mcp_gateway.audit.journal import Journal
from kontor_mcp_gateway.door.authenticate import CALLER
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


@dataclass(frozen=True, slots=True)
class People:
    """Lets people in: counted, asked about anew before they decide, their refusals audited."""

    passports: Passports
    limiter: Limiter
    config: ServerConfig
    journal: Journal
    cursors: Cursors

    async def seeing(self, request: Request, parameters: frozenset[str] = frozenset()) -> Caller:
        """Who asks to see something; raises RateLimited, UnknownField for a query parameter not among `parameters`."""
        caller = await self._metered(request)
        for name in sorted(request.query_params.keys() - parameters):
            raise UnknownField(f"'{name}' is unknown.", field=name, allowed=sorted(parameters))
        return caller

    @asynccontextmanager
    async def deciding(
        self, request: Request, operation: str, about: Mapping[str, Any]
    ) -> AsyncIterator[tuple[Caller, UUID]]:
        """Who decides something, as governance knows the person now, and the call's id; a refusal is audited."""
        caller, call_id = request.scope[CALLER], new_id()
        try:
            # Asked anew, so that a person who lost the role a moment ago decides nothing.
            caller = await self.passports.asked_anew(await self._metered(request))
            self._require_on(caller)
            with stored():
                yield caller, call_id
        except Refusal as refusal:
            row = {"operation": operation, "call_id": str(call_id), "outcome": "refused", "reason": refusal.code}
            where = {"address": caller.address, "face": "facade"}
            await self.journal.refused(caller.principal, call_id, {**caller.told, **row, **about, **where})
            raise

    def before(self, request: Request, scope: str) -> UUID | None:
        """The id that the page asked for lies behind; raises CursorInvalid."""
        cursor = request.query_params.get("cursor", "")
        if not cursor:
            return None
        try:
            return UUID(str(self.cursors.decode(cursor, scope)[0]))
        except (ValueError, IndexError) as error:
            raise CursorInvalid(field="cursor") from error

    async def _metered(self, request: Request) -> Caller:
        caller: Caller = request.scope[CALLER]
        await self.limiter.charge_request(caller, self.config.tenant(caller.principal.slug).limits)
        return caller

    def _require_on(self, caller: Caller) -> None:
        policy = self.config.tenant(caller.principal.slug)
        if policy.off or caller.principal.actor in policy.actors_off:
            raise PermissionDenied("This actor is switched off by the operator.")


@contextmanager
def stored() -> Iterator[None]:
    """Tells of a database that is away as such, and of an id that no row can have as one that is not there."""
    try:
        yield
    except DATABASE_ERRORS as error:
        raise refusal_for(error) or NotFound() from error


def size_of(request: Request) -> int:
    """The size of the page asked for; raises InvalidField."""
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= MAX_PAGE_SIZE):
        raise InvalidField(f"'page_size' must be a whole number from 1 to {MAX_PAGE_SIZE}.", field="page_size")
    return int(text) or PAGE_SIZE


def id_of(request: Request, noun: str) -> UUID:
    """The id in the path; raises NotFound, since nothing has another kind of id."""
    try:
        return UUID(request.path_params["id"])
    except ValueError as error:
        raise NotFound(f"There is no such {noun}.") from error


def answered(value: Any, call_id: UUID | None = None) -> Response:
    """An answer that nobody keeps."""
    return JSONResponse(value, headers=DATA_HEADERS | ({CALL_HEADER: str(call_id)} if call_id else {}))
