"""The page that shows an OpenAPI document, with everything it loads served from here."""

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

ASSETS = "/docs/assets"


def documented_app(title: str) -> FastAPI:
    """An application with `/openapi.json` and `/docs`; the page works without the internet."""
    return FastAPIOffline(title=title, docs_url="/docs", redoc_url=None, openapi_url="/openapi.json", static_url=ASSETS)
