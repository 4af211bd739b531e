"""Files of the pages that people open, and the headers they are served with."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response


def page_headers(caching: str, *more: str) -> dict[str, str]:
    """Headers of a page that loads its own files alone; `more` are further directives of its policy."""
    policy = ["default-src 'none'", "script-src 'self'", "style-src 'self'", *more]
    policy += ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    return {
        "content-security-policy": "; ".join(policy),
        "cache-control": caching,
        "x-content-type-options": "nosniff",
    }


def add_assets(app: FastAPI, root: str, files: Mapping[str, Path], headers: Mapping[str, str]) -> None:
    """Serves files by their names under a path."""
    for name, file in files.items():
        app.add_route(f"{root}/{name}", served(file, headers), methods=["GET"])


def served(file: Path, headers: Mapping[str, str]) -> Callable[[Request], Awaitable[Response]]:
    """The handler of one file."""

    async def answer(_: Request) -> Response:
        return FileResponse(file, headers=dict(headers))

    return answer
