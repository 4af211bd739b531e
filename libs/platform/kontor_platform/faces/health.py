"""Liveness, readiness and metrics of one service, on its internal port only."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from kontor_platform.data.database import Database
from kontor_platform.data.refusals import DATABASE_ERRORS

FRESH_S = 0.5
ALIVE = text("SELECT 1")


class Readiness:
    """Whether the service should be sent calls: it has started, its database answers and it is not draining."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._state = "starting"
        self._database_seen = (0.0, False)
        self._listeners: list[Callable[[bool], Awaitable[None]]] = []
        self._told: set[asyncio.Task[None]] = set()

    def tell(self, listener: Callable[[bool], Awaitable[None]]) -> None:
        """Has a listener told of each change."""
        self._listeners.append(listener)

    def open(self) -> None:
        """The service has started."""
        self._change("ready")

    def drain(self) -> None:
        """The service takes no new calls."""
        self._change("draining")

    async def state(self) -> str:
        """One of starting, ready, draining, and database_down."""
        if self._state == "ready" and not await self._database_answers():
            return "database_down"
        return self._state

    async def _database_answers(self) -> bool:
        at, answers = self._database_seen
        if time.monotonic() - at < FRESH_S:
            return answers
        answers = await self._ask()
        self._database_seen = (time.monotonic(), answers)
        return answers

    async def _ask(self) -> bool:
        try:
            async with self._database.engine.connect() as connection:
                await connection.execute(ALIVE)
        except DATABASE_ERRORS:
            return False
        return True

    def _change(self, state: str) -> None:
        self._state = state
        for listener in self._listeners:
            task = asyncio.ensure_future(listener(state == "ready"))
            self._told.add(task)
            task.add_done_callback(self._told.discard)


def health_routes(readiness: Readiness) -> APIRouter:
    """`/livez` for the process, `/readyz` for a load balancer, `/health` for people, `/metrics` for Prometheus."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> Response:
        return JSONResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz() -> Response:
        state = await readiness.state()
        return JSONResponse({"status": state}, 200 if state == "ready" else 503)

    @router.get("/health")
    async def health() -> Response:
        state = await readiness.state()
        return JSONResponse({"status": "ok" if state == "ready" else state}, 200 if state == "ready" else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
