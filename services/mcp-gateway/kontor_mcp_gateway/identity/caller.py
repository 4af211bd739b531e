"""The caller of one request, known by a credential."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from kontor_platform.runtime.principal import Principal


@dataclass(frozen=True)
class Caller:
    """A principal with its passport; `door` is `gateway` over MCP and `facade` over REST.

    It lives as long as its verdict is remembered, so what each call needs of it is worked out once.
    """

    principal: Principal
    door: str
    per_minute: int
    interactive: bool
    passport: str = field(repr=False)
    credential: str = field(repr=False)
    address: str = ""

    @cached_property
    def binding(self) -> str:
        """What sealed state is bound to: tenant, actor and key."""
        return f"{self.principal.tenant}:{self.principal.actor}:{self.principal.key}"

    @cached_property
    def told(self) -> dict[str, Any]:
        """Who acts, for whom, with which credential, as audit rows tell it."""
        principal = self.principal
        return {
            "actor": str(principal.actor),
            "kind": principal.kind,
            "roles": sorted(principal.roles),
            "on_behalf_of": str(principal.on_behalf_of) if principal.on_behalf_of else None,
            "client": principal.key,
        }

    @cached_property
    def user(self) -> AuthenticatedUser:
        """The caller as the SDK knows one; the credential itself stays out of it."""
        principal = self.principal
        token = AccessToken(
            token="",
            client_id=principal.key,
            scopes=[],
            subject=str(principal.actor),
            claims={"iss": str(principal.tenant)},
        )
        return AuthenticatedUser(token)
