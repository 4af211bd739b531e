"""Keeps the catalogue up to date with what the services say of themselves."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog
from kontor_protos.kontor.platform.v1.describe_pb import DescribeResponse
from mcp.server.subscriptions import InMemorySubscriptionBus, ToolsListChanged

from kontor_mcp_gateway.catalogue.catalogue import Catalogue, Claimed, Offer
from kontor_mcp_gateway.catalogue.images import Images, KeptImage
from kontor_mcp_gateway.catalogue.tool import Tool
from kontor_platform.contract.image import BadContract
from kontor_platform.data.refusals import DATABASE_ERRORS

HEALTH_EVERY_S = 1.0
DESCRIBE_EVERY_S = 5.0
LOOK_AGAIN_EVERY_S = 5.0
log = structlog.get_logger(__name__)


class Source(Protocol):
    """A service that can be asked what it offers and whether it serves."""

    name: str

    async def describe(self, known_sha: str) -> DescribeResponse | None:
        """What the service offers, None if it does not answer."""

    async def is_serving(self) -> bool:
        """Whether the service answers that it serves."""

    async def worker_serves(self) -> bool | None:
        """Whether its worker lives; None if it has none."""


@dataclass(slots=True)
class State:
    """What is known of a service at present."""

    serving: bool = False
    was_ready: bool = False
    worker: bool | None = None
    problem: str = ""
    described_at: float = 0.0


class Feed:
    """Holds the present catalogue and replaces it whole when a service changes, comes or goes."""

    def __init__(self, sources: Mapping[str, Source], images: Images) -> None:
        self.present = Catalogue()
        self.changes = InMemorySubscriptionBus()
        self.states = {name: State() for name in sources}
        self._sources, self._images = sources, images
        self._looked_at = float("-inf")

    async def load(self) -> None:
        """Begins with the kept images; all their services count as out of reach until they answer."""
        for kept in await self._images.all():
            if kept.service in self.states:
                self._take(kept)
        self._tell_reach()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follows every service while the block lasts."""
        tasks = [asyncio.create_task(self._follow(name), name=f"follow-{name}") for name in self._sources]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks) if tasks else None

    async def look_again(self, name: str) -> Tool | None:
        """Asks the services once more for a name nobody knows, at most one round in five seconds."""
        if time.monotonic() - self._looked_at < LOOK_AGAIN_EVERY_S:
            return None
        self._looked_at = time.monotonic()
        await asyncio.gather(*(self._describe(each) for each, state in self.states.items() if state.serving))
        return self.present.find(name)

    def is_ready(self) -> bool:
        """Whether every service has been ready once."""
        return all(state.was_ready for state in self.states.values())

    async def _follow(self, name: str) -> None:
        while True:
            await self.check(name)
            await asyncio.sleep(HEALTH_EVERY_S)

    async def check(self, name: str) -> None:
        """Looks once whether a service serves, and what it offers if that was long ago or it was away."""
        state = self.states[name]
        was, state.serving = state.serving, await self._sources[name].is_serving()
        state.worker = await self._sources[name].worker_serves() if state.serving else None
        came_back = state.serving and not was
        if came_back or (state.serving and time.monotonic() - state.described_at >= DESCRIBE_EVERY_S):
            await self._describe(name)
        state.was_ready = state.was_ready or (state.serving and name in self.present.offers)
        if was != state.serving:
            log.info("service_reach", upstream=name, state="ready" if state.serving else "unavailable")
            self._tell_reach()

    async def _describe(self, name: str) -> None:
        state, known = self.states[name], self.present.offers.get(name)
        told = await self._sources[name].describe(known.sha if known else "")
        if told is None:
            return
        state.described_at = time.monotonic()
        if not told.image and known is not None and known.services == tuple(sorted(told.services)):
            state.problem = ""
            return
        image = KeptImage(name, tuple(told.services), told.image or (known.data if known else b""))
        if self._take(image):
            await self._keep(image, told.sha)

    def _take(self, image: KeptImage) -> bool:
        """Puts what a service offers into the catalogue; what breaks the rules is refused whole and the last stays."""
        state, before = self.states[image.service], self.present
        try:
            self.present = before.with_offer(Offer.read(image.service, image.data, image.services))
        except (BadContract, Claimed, ValueError) as error:
            if state.problem != str(error):
                log.error("offer_refused", upstream=image.service, problem=str(error))
            state.problem = str(error)
            return False
        state.problem = ""
        log.info("offer_taken", upstream=image.service, tools=len(self.present.offers[image.service].tools))
        if before.fingerprints() != self.present.fingerprints():
            self._announce()
        return True

    async def _keep(self, image: KeptImage, sha: str) -> None:
        try:
            await self._images.keep(image, sha)
        except DATABASE_ERRORS as error:
            log.warning("image_not_kept", upstream=image.service, error=type(error).__name__)

    def _tell_reach(self) -> None:
        self.present = self.present.with_unavailable({name for name, state in self.states.items() if not state.serving})

    def _announce(self) -> None:
        with contextlib.suppress(RuntimeError):
            task = asyncio.get_running_loop().create_task(self.changes.publish(ToolsListChanged()))
            task.add_done_callback(_retrieved)


def _retrieved(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()
