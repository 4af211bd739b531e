"""Limits on calls: per tool, actor, role, key, and tenant and class, counted in a sliding window of a minute."""

import math
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from prometheus_client import Gauge

from kontor_mcp_gateway.identity.caller import Caller
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import RateLimited, Unavailable
from kontor_platform.runtime.limit_store import Bound, LimitStore, limit_store
from kontor_platform.runtime.tenant_policy import Limits

MAX_IN_FLIGHT_PER_ACTOR = 100
MAX_STREAMS_PER_ACTOR = 8
MAX_KNOWN = 10_000
MINUTE = 60
STORE_LOST = Gauge("mcp_limit_store_lost", "1 while the shared store of limits does not answer.")
log = structlog.get_logger(__name__)


class Limiter:
    """Counts calls, narrowest limit first, so that a noisy actor does not empty its tenant's budget.

    Without the shared store writes are refused, and reads go on under limits of the same size in this process. A store
    that did not answer is left alone for a moment, so that one that hangs holds up one call and not all.
    """

    def __init__(self, store_url: str = "") -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._store = limit_store(store_url)
        self._items: dict[int, RateLimitItem] = {}
        self._known: dict[Hashable, tuple[Limits, Sequence[Bound]]] = {}
        self._places: dict[tuple[str, str], int] = {}

    async def close(self) -> None:
        """Ends the connections to the shared store."""
        if self._store is not None:
            await self._store.close()

    async def charge(self, caller: Caller, limits: Limits, operation: Operation, *, as_read: bool) -> None:
        """Counts a call; raises RateLimited with the seconds to wait, Unavailable if a write cannot be counted."""
        limit_class = "read" if as_read else operation.limit_class
        bounds = self._bounds_of(caller, limits, operation, limit_class)
        await self._charge(bounds, operation.policy.cost, fails_closed=limit_class != "read")

    async def charge_request(self, caller: Caller, limits: Limits) -> None:
        """Counts a request that is no call of a tool, such as a list; raises RateLimited."""
        actor = str(caller.principal.actor)
        await self._charge(
            [Bound("lists of this actor", self._item(limits.actor()), ("list", actor))], 1, fails_closed=False
        )

    @contextmanager
    def in_flight(self, caller: Caller) -> Iterator[None]:
        """Holds one of the actor's places for calls under way; raises RateLimited if all are taken."""
        with self._held(("call", str(caller.principal.actor)), MAX_IN_FLIGHT_PER_ACTOR, "calls under way"):
            yield

    @contextmanager
    def listening(self, caller: Caller) -> Iterator[None]:
        """Holds one of the actor's places for open streams; raises RateLimited if all are taken."""
        with self._held(("stream", str(caller.principal.actor)), MAX_STREAMS_PER_ACTOR, "streams open"):
            yield

    @contextmanager
    def _held(self, key: tuple[str, str], most: int, what: str) -> Iterator[None]:
        running = self._places.get(key, 0)
        if running >= most:
            raise RateLimited(f"This actor has {running} {what}, the most it may have.", retry_after_s=1)
        self._places[key] = running + 1
        try:
            yield
        finally:
            self._leave(key)

    def _leave(self, key: tuple[str, str]) -> None:
        left = self._places[key] - 1
        if left:
            self._places[key] = left
        else:
            del self._places[key]

    def _bounds_of(self, caller: Caller, limits: Limits, operation: Operation, limit_class: str) -> Sequence[Bound]:
        key = (caller.binding, caller.per_minute, caller.principal.roles, id(limits), operation.name, limit_class)
        known = self._known.get(key)
        if known is None or known[0] is not limits:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[key] = (limits, list(self._bounds(caller, limits, operation, limit_class)))
        return known[1]

    def _bounds(self, caller: Caller, limits: Limits, operation: Operation, limit_class: str) -> Iterator[Bound]:
        principal = caller.principal
        tenant, actor = str(principal.tenant), str(principal.actor)
        if per_tool := limits.tool(operation):
            yield Bound(
                f"calls of {operation.name} by this actor", self._item(per_tool), ("tool", actor, operation.name)
            )
        yield Bound("calls by this actor", self._item(limits.actor()), ("actor", actor))
        if per_role := limits.role(principal.roles):
            yield Bound("calls by this role", self._item(per_role), ("role", tenant, *sorted(principal.roles)))
        yield Bound("calls with this key", self._item(limits.key(caller.per_minute)), ("key", principal.key))
        yield Bound(
            f"{limit_class} calls of this tenant",
            self._item(limits.tenant(limit_class)),
            ("tenant", tenant, limit_class),
        )

    async def _charge(self, bounds: Sequence[Bound], cost: int, *, fails_closed: bool) -> None:
        if self._store is not None:
            if await self._charged_shared(self._store, bounds, cost):
                return
            if fails_closed:
                raise Unavailable("Limits cannot be checked at the moment; try again.", retry_after_s=2)
        for bound in bounds:
            if not await self._own.hit(bound.item, *bound.key, cost=cost):
                raise await too_many(bound, self._own)

    async def _charged_shared(self, store: LimitStore, bounds: Sequence[Bound], cost: int) -> bool:
        """Counts where every replica does; False where the store does not answer. Raises RateLimited."""
        if not store.answers:
            return False
        try:
            exhausted = await store.first_exhausted(bounds, cost)
            STORE_LOST.set(0)
            if exhausted is not None:
                raise await too_many(exhausted, SlidingWindowCounterRateLimiter(store.storage))
        except StorageError as error:
            STORE_LOST.set(1)
            store.lost()
            log.warning("limit_store_lost", error=type(error.storage_error).__name__)
            return False
        return True

    def _item(self, per_minute: int) -> RateLimitItem:
        known = self._items.get(per_minute)
        if known is None:
            known = self._items[per_minute] = RateLimitItemPerMinute(per_minute)
        return known


async def too_many(bound: Bound, limiter: SlidingWindowCounterRateLimiter) -> RateLimited:
    """The refusal of a call beyond a bound, with the seconds until the next one passes."""
    stats = await limiter.get_window_stats(bound.item, *bound.key)
    wait = min(MINUTE, max(1, math.ceil(stats.reset_time - time.time())))
    return RateLimited(f"Too many {bound.what}: at most {bound.item.amount} a minute.", retry_after_s=wait)
