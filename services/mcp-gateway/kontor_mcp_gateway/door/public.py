"""What the public port serves: MCP, its REST face, approvals, and the documents that need no key."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.door.approvals import Approvals
from kontor_mcp_gateway.door.authenticate import CALLER
from kontor_mcp_gateway.door.documents import Documents
from kontor_mcp_gateway.door.facade import Facade
from kontor_mcp_gateway.door.health import Health
from kontor_mcp_gateway.door.manual import Manual, is_manual
from kontor_mcp_gateway.door.page import add_page, is_page
from kontor_mcp_gateway.door.standing import Standing
from kontor_mcp_gateway.identity.caller import Caller
from kontor_platform.faces.docs import ASSETS, documented_app
from kontor_platform.faces.rest import DATA_HEADERS, add_problem_handlers
from kontor_platform.runtime.server_config import ServerConfig

MCP_PATH = "/mcp"
OPEN_PATHS = frozenset({"/health", "/docs", "/openapi.json"})
OPEN_PREFIX = f"{ASSETS}/"


@dataclass(frozen=True, slots=True)
class Doors:
    """Sends each request to its face; `rest` is open, `guarded` is the same behind authentication."""

    mcp: ASGIApp
    guarded: ASGIApp
    rest: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.rest(scope, receive, send)
        elif scope["path"] == MCP_PATH:
            await self.mcp(scope, receive, send)
        elif is_open(scope["path"]):
            await self.rest(scope, receive, send)
        else:
            await self.guarded(scope, receive, send)


def is_open(path: str) -> bool:
    """Whether a path needs no key."""
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIX) or is_page(path) or is_manual(path)


def rest_app(
    *,
    facade: Facade,
    approvals: Approvals,
    standing: Standing,
    health: Health,
    documents: Documents,
    feed: Feed,
    config: ServerConfig,
) -> FastAPI:
    """The application behind every path but `/mcp`."""
    app = documented_app("Kontor")
    app.openapi = documents.openapi  # type: ignore[method-assign]
    Manual(feed).add_to(app)
    app.add_route("/mcp/{domain}/{op}", facade.call, methods=["POST"])
    app.add_route("/approvals", approvals.list, methods=["GET"])
    add_page(app)
    app.add_route("/approvals/standing", standing.list, methods=["GET"])
    app.add_route("/approvals/standing", standing.give, methods=["POST"])
    app.add_route("/approvals/standing/{id}/revoke", standing.revoke, methods=["POST"])
    app.add_route("/approvals/{id}", approvals.get, methods=["GET"])
    app.add_route("/approvals/{id}/decide", approvals.decide, methods=["POST"])
    app.add_route("/catalogue", catalogue_route(feed, config), methods=["GET"])
    app.add_route("/health", health.answer, methods=["GET"])
    add_problem_handlers(app)
    return app


def catalogue_route(feed: Feed, config: ServerConfig) -> Callable[[Request], Awaitable[Response]]:
    """The handler of `/catalogue`."""

    async def answer(request: Request) -> Response:
        caller: Caller = request.scope[CALLER]
        return JSONResponse(catalogue_told(feed, config, caller), headers=DATA_HEADERS)

    return answer


def catalogue_told(feed: Feed, config: ServerConfig, caller: Caller) -> dict[str, object]:
    """The caller's tools with what decides about them, and the services behind them."""
    principal, catalogue = caller.principal, feed.present
    policy = config.tenant(principal.slug)
    listed = [catalogue.tools[each["name"]] for each in catalogue.listed(policy, principal.roles)]
    tools = [
        {
            **catalogue.told(tool),
            "effect": tool.operation.policy.effect.value,
            "approval": tool.operation.policy.approval.value,
            "roles": sorted(policy.roles(tool.operation)),
            "aliases": list(tool.operation.aliases),
            "route": f"{tool.operation.route.method} {tool.operation.route.path}" if tool.operation.route else None,
        }
        for tool in listed
    ]
    services = {
        name: {"state": "ready" if state.serving else "unavailable", "problem": state.problem}
        for name, state in feed.states.items()
    }
    return {"mode": policy.mode, "tools": tools, "services": services}
