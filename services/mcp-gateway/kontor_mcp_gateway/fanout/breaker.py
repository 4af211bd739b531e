"""A breaker: once a service did not answer, nobody waits for it again until it does."""

import asyncio
from collections.abc import Awaitable, Callable

PROBE_EVERY_S = 0.5
SUSPECT_WAIT_S = 0.015


class Breaker:
    """Closed while the service answers; open after a failure, until the one probe under way finds it answering.

    `probe` says whether the service answers; it must end by itself.
    """

    def __init__(self, probe: Callable[[], Awaitable[bool]]) -> None:
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()
        self._closed.set()
        self._confirmed = False

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return not self._closed.is_set()

    async def admits(self) -> bool:
        """Whether a call may go out; waits a moment for a probe that may just clear a false alarm."""
        if self._closed.is_set() or self._confirmed:
            return self._closed.is_set()
        try:
            async with asyncio.timeout(SUSPECT_WAIT_S):
                await self._closed.wait()
        except TimeoutError:
            return False
        return True

    def failed(self) -> None:
        """Notes that the service did not answer, and sends out a probe."""
        self._closed.clear()
        if self._probing is None or self._probing.done():
            self._probing = asyncio.get_running_loop().create_task(self._until_answered(), name="breaker-probe")

    def answered(self) -> None:
        """Notes that the service answered."""
        self._confirmed = False
        self._closed.set()

    async def close(self) -> None:
        """Stops probing."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])

    async def _until_answered(self) -> None:
        self._confirmed = False
        while not self._closed.is_set():
            if await self._probe():
                self._closed.set()
                return
            self._confirmed = True
            await asyncio.sleep(PROBE_EVERY_S)
