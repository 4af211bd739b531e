"""Calls of tools that do not exist: charged, noted, and answered with a near name."""

from kontor_mcp_gateway.audit.journal import Journal
from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.door.counters import UNKNOWN, calls_of
from kontor_mcp_gateway.identity.caller import Caller
from kontor_mcp_gateway.metering.limiter import Limiter
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.server_config import ServerConfig

MAX_NAME = 100


class Unknown:
    """Handles names nobody knows, or that the tenant does not have."""

    def __init__(self, feed: Feed, config: ServerConfig, journal: Journal, limiter: Limiter) -> None:
        self._feed, self._config, self._journal, self._limiter = feed, config, journal, limiter

    async def noted(self, caller: Caller, name: str, face: str) -> str:
        """Notes the refusal and answers the nearest name the tenant has, empty if none is near; raises RateLimited."""
        principal, call_id = caller.principal, new_id()
        policy = self._config.tenant(principal.slug)
        await self._limiter.charge_request(caller, policy.limits)
        row = caller.told | {
            "call_id": str(call_id),
            "operation": UNKNOWN,
            "sent_as": name[:MAX_NAME],
            "face": face,
            "address": caller.address,
            "outcome": "refused",
            "reason": "not_found",
        }
        await self._journal.refused(principal, call_id, row)
        calls_of(UNKNOWN, UNKNOWN, "not_found").inc()
        return self._feed.present.near(name[:MAX_NAME], policy)
