"""Meters keys."""

import math
import time
from dataclasses import dataclass

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError

from kontor_platform.runtime.limit_store import LimitStore

WINDOW_S = 60

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Charge:
    """What became of a call's charge, and what is left of the budget."""

    accepted: bool
    quota: int
    remaining: int
    reset_s: int


class Budget:
    """Calls a minute by key, over a moving window; shared between replicas where a store is configured.

    While the store does not answer, each replica counts for itself.
    """

    def __init__(self, store: LimitStore | None = None) -> None:
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._store = store
        self._shared = MovingWindowRateLimiter(store.storage) if store else self._local

    async def charge(self, key: str, per_minute: int) -> Charge:
        """Charges one call to a key."""
        if self._store is None or self._store.answers:
            try:
                return await charged(self._shared, key, per_minute)
            except StorageError as error:
                log.warning("budget_store_unreachable", error=type(error.storage_error).__name__)
                if self._store is not None:
                    self._store.lost()
        return await charged(self._local, key, per_minute)


async def charged(limiter: MovingWindowRateLimiter, key: str, per_minute: int) -> Charge:
    """Charges one call and reads the budget after it."""
    item = RateLimitItemPerMinute(per_minute)
    accepted = await limiter.hit(item, "key", key)
    window = await limiter.get_window_stats(item, "key", key)
    reset = math.ceil(min(max(window.reset_time - time.time(), 1), WINDOW_S))
    return Charge(accepted, per_minute, max(window.remaining, 0), reset)
