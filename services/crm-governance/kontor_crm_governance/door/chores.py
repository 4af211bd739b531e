"""Work that the doors put off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from kontor_platform.data.refusals import DATABASE_ERRORS

log = structlog.get_logger(__name__)


@asynccontextmanager
async def every(seconds: float, work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Does the work again and again while the service runs, and once more when it stops."""
    task = asyncio.create_task(_again(seconds, work))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await _once(work)


async def _again(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await _once(work)


async def _once(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except DATABASE_ERRORS as error:
        log.warning("chore_waits", error=type(error).__name__)
