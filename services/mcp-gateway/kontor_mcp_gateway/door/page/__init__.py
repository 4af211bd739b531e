"""The page on which people see and decide approvals; it holds no data and asks for the person's own key."""

from pathlib import Path

from fastapi import FastAPI

from kontor_mcp_gateway.door.assets import add_assets, page_headers, served

HERE = Path(__file__).parent
ROOT = "/approvals/page"
PAGE, ASSETS = HERE / "approvals.html", {name: HERE / name for name in ("approvals.js", "approvals.css")}
HEADERS = page_headers("no-store", "connect-src 'self'") | {"referrer-policy": "no-referrer"}


def is_page(path: str) -> bool:
    """Whether a path is of the page, which is served to everybody."""
    return path.startswith("/approvals/") and (path.startswith(ROOT) or path.endswith("/page"))


def add_page(app: FastAPI) -> None:
    """Serves the page, for one approval and for all that wait."""
    page = served(PAGE, HEADERS)
    app.add_route(ROOT, page, methods=["GET"])
    add_assets(app, ROOT, ASSETS, HEADERS)
    app.add_route("/approvals/{id:uuid}/page", page, methods=["GET"])
