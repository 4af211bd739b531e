"""The page on which people see and decide approvals; it holds no data and asks for the person's own key."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

HERE = Path(__file__).parent
ROOT = "/approvals/page"
PAGE, ASSETS = HERE / "approvals.html", ("approvals.js", "approvals.css")
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def is_page(path: str) -> bool:
    """Whether a path is of the page, which is served to everybody."""
    return path.startswith("/approvals/") and (path.startswith(ROOT) or path.endswith("/page"))


async def page(request: Request) -> Response:
    """The page, for one approval or for all that wait."""
    return FileResponse(PAGE, headers=HEADERS)


def asset_of(name: str) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a file that the page loads."""

    async def answer(request: Request) -> Response:
        return FileResponse(HERE / name, headers=HEADERS)

    return answer
