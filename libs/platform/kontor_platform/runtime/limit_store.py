"""The store of limits that replicas share; a slow or lost one holds nobody up."""

import time

from limits.aio.storage import Storage
from limits.storage import storage_from_string

TIMEOUT_S = 0.25
LEFT_ALONE_S = 0.5


class LimitStore:
    """A Valkey by its address; once it did not answer it is left alone for a moment.

    Its errors come as limits.errors.StorageError; that includes an answer that took longer than a quarter of a second.
    """

    def __init__(self, url: str) -> None:
        found = storage_from_string(
            f"async+{url}", wrap_exceptions=True, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        if not isinstance(found, Storage):
            raise TypeError("the store of limits is not an asynchronous one")
        self.storage = found
        self._lost_until = 0.0

    @property
    def answers(self) -> bool:
        """Whether it answered lately, or it is time to ask it again."""
        return time.monotonic() >= self._lost_until

    def lost(self) -> None:
        """Notes that it did not answer."""
        self._lost_until = time.monotonic() + LEFT_ALONE_S

    async def close(self) -> None:
        """Ends the connections."""
        bridge = getattr(self.storage, "bridge", None)
        if bridge is not None:
            await bridge.storage.aclose()


def limit_store(url: str) -> LimitStore | None:
    """The store that a `valkey://` or `redis://` address names, None without one."""
    return LimitStore(url) if url else None
