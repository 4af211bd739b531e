"""Answers the edge: may this request pass, and as whom."""

import hmac

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kontor_crm_governance.door.budget import Budget
from kontor_crm_governance.door.doors import Doors
from kontor_crm_governance.door.issuer import Issuer
from kontor_crm_governance.door.keyring import Admission
from kontor_crm_governance.door.quota_headers import quota_headers
from kontor_crm_governance.door.refusals import Refusals
from kontor_crm_governance.key.rules import Door, bearer
from kontor_platform.contract.problem import NotFound, RateLimited, Refusal
from kontor_platform.faces.rest import PASSPORT_HEADER, problem_response
from kontor_platform.runtime.server_config import ServerConfig

EDGE_HEADER = "x-kontor-edge"


class Authz:
    """An ASGI application for Envoy's `ext_authz`, one answer for every method and path."""

    def __init__(
        self, doors: Doors, issuer: Issuer, budget: Budget, refusals: Refusals, config: ServerConfig, edge_secret: bytes
    ) -> None:
        self._doors, self._issuer, self._budget = doors, issuer, budget
        self._refusals, self._config, self._edge_secret = refusals, config, edge_secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; its body is not read."""
        response = await self._answer(Request(scope))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get(EDGE_HEADER, "").encode(), self._edge_secret):
            return problem_response(NotFound("There is no such path."))
        address = address_of(request)
        try:
            credential = bearer(request.headers.getlist("authorization"))
            admission = await self._doors.admit(credential, Door.EDGE, address)
        except Refusal as refusal:
            return problem_response(refusal)
        return await self._metered(admission, address)

    async def _metered(self, admission: Admission, address: str) -> Response:
        principal = admission.principal
        quota = self._config.tenant(principal.slug).limits.key(admission.per_minute)
        charge = await self._budget.charge(principal.key, quota)
        headers = quota_headers(charge)
        if charge.accepted:
            return Response(status_code=200, headers={PASSPORT_HEADER: self._issuer.issue(admission).token} | headers)
        await self._refusals.tell(address, RateLimited.reason.name.lower(), principal.tenant, principal.key)
        refusal = RateLimited(
            f"This key may make {quota} calls a minute; wait {charge.reset_s} s.", retry_after_s=charge.reset_s
        )
        return problem_response(refusal, headers)


def address_of(request: Request) -> str:
    """The client's address: the last one that the edge itself added."""
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2]
    return forwarded or (request.client.host if request.client else "")


def router(authz: Authz) -> APIRouter:
    """The routes under /authz."""
    routes = APIRouter()
    routes.add_route("/authz/{path:path}", authz, methods=None, include_in_schema=False)  # type: ignore[arg-type]
    return routes
