"""Remembers for seconds what is costly to look up."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[V]):
    task: asyncio.Task[V]
    until: float


class Memory(Generic[K, V]):
    """Keeps each value for so many seconds from the start of its look-up; a value is looked up once at a time.

    What fails is not kept. Beyond its capacity it forgets what was looked up longest ago.
    """

    def __init__(self, seconds: float, capacity: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._capacity, self._clock = seconds, capacity, clock
        self._kept: OrderedDict[K, _Kept[V]] = OrderedDict()

    async def get(self, key: K, look_up: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The value kept for a key, or a new one; raises what the look-up raises."""
        kept = self._kept.get(key)
        if kept is None or kept.until <= self._clock():
            kept = self._begin(key, look_up)
        return await self._finished(kept.task)

    def _begin(self, key: K, look_up: Callable[[], Coroutine[Any, Any, V]]) -> _Kept[V]:
        kept = _Kept(asyncio.create_task(look_up()), self._clock() + self._seconds)
        self._kept[key] = kept
        self._kept.move_to_end(key)
        kept.task.add_done_callback(partial(self._drop_failed, key))
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return kept

    def _finished(self, task: asyncio.Task[V]) -> Awaitable[V]:
        # One caller that goes away must not cancel the look-up others wait for.
        return asyncio.shield(task)

    def _drop_failed(self, key: K, task: asyncio.Task[V]) -> None:
        failed = task.cancelled() or task.exception() is not None
        kept = self._kept.get(key)
        if failed and kept is not None and kept.task is task:
            del self._kept[key]
