"""The store of limits that replicas share; a slow or lost one holds nobody up."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from limits import RateLimitItem
from limits.aio.storage import Storage
from limits.aio.storage.redis.valkey import ValkeyBridge
from limits.errors import StorageError
from limits.storage import storage_from_string

TIMEOUT_S = 0.25
LEFT_ALONE_S = 0.5
# The library counts one bound a round trip; this has its own script count one after the other, up to the first that is
# exhausted, whose place it answers; 0 where none is.
IN_ORDER = """
local function acquire(KEYS, ARGV)
{acquire}
end
for at = 1, #KEYS / 2 do
    if not acquire({{KEYS[2 * at - 1], KEYS[2 * at]}}, {{ARGV[3 * at - 2], ARGV[3 * at - 1], ARGV[3 * at]}}) then
        return at
    end
end
return 0
"""


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit that a call counts against, in words and as the library keeps it."""

    what: str
    item: RateLimitItem
    key: tuple[str, ...]


class LimitStore:
    """A Valkey by its address; once it did not answer it is left alone for a moment.

    Its errors come as limits.errors.StorageError; that includes an answer that took longer than a quarter of a second.
    """

    def __init__(self, url: str) -> None:
        # One client speaks to both servers; for redis:// the library would want another.
        scheme, _, rest = url.partition("://")
        found = storage_from_string(
            f"async+{scheme.replace('redis', 'valkey')}://{rest}",
            wrap_exceptions=True,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
        )
        if not isinstance(found, Storage):
            raise TypeError("the store of limits is not an asynchronous one")
        self.storage = found
        bridge: ValkeyBridge = found.bridge  # type: ignore[attr-defined]
        self._bridge = bridge
        script = IN_ORDER.format(acquire=bridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode())
        self._in_order = bridge.get_connection().register_script(script.encode())
        self._lost_until = 0.0

    @property
    def answers(self) -> bool:
        """Whether it answered lately, or it is time to ask it again."""
        return time.monotonic() >= self._lost_until

    async def first_exhausted(self, bounds: Sequence[Bound], cost: int) -> Bound | None:
        """Counts against bounds in order, in one round trip, up to the first that is exhausted; raises StorageError."""
        keys = [key for bound in bounds for key in self._keys(bound)]
        numbers = [number for bound in bounds for number in (bound.item.amount, bound.item.get_expiry(), cost)]
        try:
            place = int(await self._in_order(keys, numbers))
        except self.storage.base_exceptions as error:
            raise StorageError(error) from error
        return bounds[place - 1] if place else None

    def _keys(self, bound: Bound) -> tuple[str, str]:
        """Where the library keeps the count of the window before and of the present one."""
        key = f"{{{bound.item.key_for(*bound.key)}}}"
        return self._bridge.prefixed_key(f"{key}/-1"), self._bridge.prefixed_key(key)

    def lost(self) -> None:
        """Notes that it did not answer."""
        self._lost_until = time.monotonic() + LEFT_ALONE_S

    async def close(self) -> None:
        """Ends the connections."""
        await self._bridge.storage.aclose()


def limit_store(url: str) -> LimitStore | None:
    """The store that a `valkey://` or `redis://` address names, None without one."""
    return LimitStore(url) if url else None
