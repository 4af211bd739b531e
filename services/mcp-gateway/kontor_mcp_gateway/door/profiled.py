"""Reads from an MCP request's address which profile its client wants."""

from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from kontor_mcp_gateway.catalogue.profile import PROFILES, WHOLE, Profile
from kontor_platform.contract.problem import InvalidField, Refusal, UnknownField
from kontor_platform.faces.rest import problem_response

PROFILE = "kontor.profile"
PARAMETER = "profile"


class Profiled:
    """Puts the profile into the scope; an unknown one is refused, since passing it over would widen what exists."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            scope[PROFILE] = profile_of(scope["query_string"]) if scope["query_string"] else WHOLE
        except Refusal as refusal:
            await problem_response(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def profile_of(query: bytes) -> Profile:
    """The profile that a query names; raises UnknownField or InvalidField."""
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    for name, _ in given:
        if name != PARAMETER:
            raise UnknownField(f"'{name[:100]}' is unknown.", field=name[:100], allowed=[PARAMETER])
    names = [value for _, value in given]
    if len(names) != 1 or names[0] not in PROFILES:
        raise InvalidField(
            f"'{PARAMETER}' must be one of: {', '.join(PROFILES)}.", field=PARAMETER, allowed=[*PROFILES]
        )
    return PROFILES[names[0]]
