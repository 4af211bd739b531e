"""Lets nobody in without a key: authentication before anything else reads the request."""

from mcp.server.auth.middleware.auth_context import auth_context_var
from starlette.types import ASGIApp, Receive, Scope, Send

from kontor_mcp_gateway.identity.passports import Passports
from kontor_platform.contract.problem import Refusal, Unauthenticated
from kontor_platform.faces.rest import problem_response
from kontor_platform.runtime.strangers import Strangers

CALLER = "kontor.caller"


class Authenticated:
    """Puts the caller behind the bearer key into the scope, or answers 401 and notes the stranger."""

    def __init__(self, app: ASGIApp, passports: Passports, strangers: Strangers, door: str) -> None:
        self._app, self._passports, self._strangers, self._door = app, passports, strangers, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        address = scope["client"][0] if scope.get("client") else ""
        try:
            caller = await self._passports.caller(bearer_of(scope), self._door, address)
        except Refusal as refusal:
            await self._strangers.refused(address, refusal)
            await problem_response(refusal)(scope, receive, send)
            return
        scope[CALLER] = caller
        token = auth_context_var.set(caller.user)
        try:
            await self._app(scope, receive, send)
        finally:
            auth_context_var.reset(token)


def bearer_of(scope: Scope) -> str:
    """The key in the one Authorization header; raises Unauthenticated."""
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(found) != 1:
        raise Unauthenticated
    scheme, _, credential = found[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not credential or not credential.isascii() or not credential.isprintable():
        raise Unauthenticated
    return str(credential.strip())
