"""`/health` of the whole: each service, the database, the configuration; states only, no addresses."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_platform.faces.health import Readiness
from kontor_platform.runtime.server_config import ServerConfig

NO_STORE = {"cache-control": "no-store"}


@dataclass(slots=True)
class Health:
    """Tells how the installation is; `degraded` is an answer too, since the rest works."""

    feed: Feed
    readiness: Readiness
    config: ServerConfig

    async def answer(self, _: Request) -> Response:
        """200 with `ok` or `degraded`; 503 before every service was ready once, or when the gateway cannot serve."""
        own = await self.readiness.state()
        services = self.services()
        problems = self.problems()
        whole = own == "ready" and not problems and set(services.values()) <= {"ready"}
        can_serve = own == "ready" and self.feed.is_ready()
        told = {
            "status": "ok" if whole else "degraded" if can_serve else "unavailable",
            "services": services | {"mcp-gateway": own},
            "mcp": "ready" if own == "ready" else own,
            "tools": len(self.feed.present.tools),
        }
        return JSONResponse(
            told | ({"problems": problems} if problems else {}), 200 if can_serve else 503, headers=NO_STORE
        )

    def services(self) -> dict[str, str]:
        """How each service is, and each worker that a service tells of."""
        found = {}
        for name, state in sorted(self.feed.states.items()):
            found[name] = "ready" if state.serving else "unavailable"
            if state.worker is not None:
                found[f"{name}-worker"] = "ready" if state.worker else "unavailable"
        return found

    def problems(self) -> list[str]:
        """What a person should mend."""
        found = [state.problem for state in self.feed.states.values() if state.problem]
        return [*found, self.config.problem] if self.config.problem else found
