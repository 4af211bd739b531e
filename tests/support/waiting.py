"""Waiting for a condition instead of a time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
POLL = 0.05


def wait_until(condition: Callable[[], T], seconds: float = 10.0, what: str = "") -> T:
    """Asks again and again until the answer is true, and returns it; fails the test after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s still not: {what or told(condition)}")
        time.sleep(POLL)
    return answer


async def wait_until_async(condition: Callable[[], Awaitable[T]], seconds: float = 10.0, what: str = "") -> T:
    """The same for a coroutine."""
    deadline = time.monotonic() + seconds
    while not (answer := await condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s still not: {what or told(condition)}")
        await asyncio.sleep(POLL)
    return answer


def told(condition: Callable[..., object]) -> str:
    """The condition's own docstring, else its name."""
    return inspect.getdoc(condition) or str(getattr(condition, "__name__", condition))
