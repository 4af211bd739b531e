"""`/docs/tools`: what docs/tools.md tells of the tools that there are now, on a page that a person can search."""

import html
from pathlib import Path
from string import Template

from fastapi import FastAPI
from markdown_it import MarkdownIt
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kontor_mcp_gateway.catalogue.catalogue import Catalogue
from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.door.assets import add_assets, page_headers
from kontor_platform.contract.operation import Operation
from kontor_platform.faces.manual import section

HERE = Path(__file__).parent
ROOT = "/docs/tools"
ASSETS = {name: HERE / name for name in ("tools.js", "tools.css")}
HEADERS = page_headers("no-cache")


def is_manual(path: str) -> bool:
    """Whether a path is of the page, which is served to everybody."""
    return path == ROOT or path.startswith(f"{ROOT}/")


class Manual:
    """Writes the page once per catalogue."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._written: tuple[Catalogue, str] | None = None
        self._template = Template((HERE / "tools.html").read_text())
        # What services tell is text: nothing in it becomes HTML of its own.
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def add_to(self, app: FastAPI) -> None:
        """Serves the page."""
        app.add_route(ROOT, self.page, methods=["GET"])
        add_assets(app, ROOT, ASSETS, HEADERS)

    async def page(self, request: Request) -> Response:
        """The page of the present catalogue."""
        present = self._feed.present
        if self._written is None or self._written[0] is not present:
            tools = [each.operation for each in present.tools.values()]
            articles = "\n".join(self._article(each) for each in tools)
            self._written = (present, self._template.substitute(number=len(tools), articles=articles))
        return HTMLResponse(self._written[1], headers=HEADERS)

    def _article(self, tool: Operation) -> str:
        name, summary = html.escape(tool.name), html.escape(tool.summary)
        told = self._markdown.render("\n".join(section(tool)))
        return f'<details id="{name}"><summary><code>{name}</code> <span>{summary}</span></summary>\n{told}</details>'
