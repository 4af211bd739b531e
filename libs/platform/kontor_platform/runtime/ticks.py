"""Work that comes back by the clock: every so many seconds, or every night of each tenant."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from sqlalchemy import text

from kontor_platform.data.refusals import DATABASE_ERRORS
from kontor_platform.runtime.metrics import TICK_FAILURES, TICK_SECONDS
from kontor_platform.runtime.work import Nightly, Stopping, Tenant, Tick, Work

NIGHTLY_EVERY_S = 60.0
AGAIN_S = 3600.0
MINE = text("SELECT pg_try_advisory_lock(:number)")
GIVEN_BACK = text("SELECT pg_advisory_unlock(:number)")
NOW = text("SELECT clock_timestamp()")
DONE = text("SELECT tenant_id, done_on FROM chore WHERE name = :name")
DONE_NOW = text(
    """
    INSERT INTO chore (tenant_id, name, done_on) VALUES (:tenant, :name, :day)
    ON CONFLICT (tenant_id, name) DO UPDATE SET done_on = greatest(chore.done_on, excluded.done_on)
    """
)
log = structlog.get_logger(__name__)


async def tick_for_ever(work: Work, tick: Tick) -> None:
    """Runs a tick at its intervals until the worker is to stop; a failure is told, and the next run comes."""
    while not work.stopping.is_set():
        began = time.monotonic()
        run = asyncio.create_task(run_once(work, tick), name=f"tick {tick.name}")
        try:
            await asyncio.wait([run])
        finally:
            run.cancel()
        TICK_SECONDS.labels(tick.name).observe(time.monotonic() - began)
        tell(tick.name, run.exception())
        await pause(work, max(0.0, tick.every_s - (time.monotonic() - began)))


def tell(name: str, error: BaseException | None) -> None:
    """Counts and logs how a run ended."""
    if error is None or isinstance(error, Stopping):
        return
    TICK_FAILURES.labels(name).inc()
    if isinstance(error, DATABASE_ERRORS):
        log.warning("tick_waits", name=name, error=type(error).__name__)
    else:
        log.error("tick_failed", name=name, exc_info=error)


async def run_once(work: Work, tick: Tick) -> None:
    """Runs a tick unless another worker is at it."""
    if not tick.alone:
        await tick.run(work)
        return
    async with only_here(work, tick.name) as mine:
        if mine:
            await tick.run(work)


@asynccontextmanager
async def only_here(work: Work, name: str) -> AsyncIterator[bool]:
    """Whether this worker alone does something of that name in this schema, held as long as the block."""
    async with work.finder.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        schema = (await connection.execute(text("SELECT current_schema()"))).scalar_one()
        number = int.from_bytes(hashlib.sha256(f"tick {schema} {name}".encode()).digest()[:8], signed=True)
        mine = bool((await connection.execute(MINE, {"number": number})).scalar_one())
        try:
            yield mine
        finally:
            if mine:
                await connection.execute(GIVEN_BACK, {"number": number})


async def pause(work: Work, seconds: float) -> None:
    """Waits, not longer than until the worker is to stop."""
    try:
        await asyncio.wait_for(work.stopping.wait(), seconds)
    except TimeoutError:
        return


class Nights:
    """Runs what is due each night, tenant after tenant; what failed is tried again an hour later."""

    def __init__(self, chores: Sequence[Nightly]) -> None:
        self._chores = chores
        self._not_before: dict[tuple[str, UUID], float] = {}

    @property
    def tick(self) -> Tick:
        """The tick that looks whose night has come."""
        return Tick("nightly", NIGHTLY_EVERY_S, self.look)

    async def look(self, work: Work) -> None:
        """Does what is due now in every tenant."""
        tenants = await work.tenants()
        for chore in self._chores:
            now, done = await known(work, chore.name)
            for tenant in tenants:
                if is_due(tenant, done, now) and self._not_before.get((chore.name, tenant.id), 0) < time.monotonic():
                    await self._do(work, chore, tenant, local_day(tenant, now), first=tenant.id not in done)

    async def _do(self, work: Work, chore: Nightly, tenant: Tenant, day: date, *, first: bool) -> None:
        """Does one chore of one tenant; a tenant just met waits for its first midnight."""
        if work.stopping.is_set():
            raise Stopping
        self._not_before[(chore.name, tenant.id)] = time.monotonic() + AGAIN_S
        if not first:
            run = asyncio.create_task(run_chore(work, chore, tenant), name=f"nightly {chore.name}")
            await asyncio.wait([run])
            tell(chore.name, run.exception())
            if run.exception() is not None:
                return
        async with work.database.transaction(tenant.id) as (session, _):
            await session.execute(DONE_NOW, {"tenant": tenant.id, "name": chore.name, "day": day})
            await session.commit()
        self._not_before.pop((chore.name, tenant.id))


async def run_chore(work: Work, chore: Nightly, tenant: Tenant) -> None:
    """Runs one chore of one tenant."""
    await chore.run(work, tenant)


async def known(work: Work, name: str) -> tuple[datetime, Mapping[UUID, date]]:
    """The database's time, and the day on which each tenant's chore was last done."""
    async with work.finder.engine.connect() as connection:
        now = (await connection.execute(NOW)).scalar_one()
        done = (await connection.execute(DONE, {"name": name})).all()
    return now, {row.tenant_id: row.done_on for row in done}


def is_due(tenant: Tenant, done: Mapping[UUID, date], now: datetime) -> bool:
    """Whether the tenant's day is a later one than that of the last run."""
    return tenant.id not in done or done[tenant.id] < local_day(tenant, now)


def local_day(tenant: Tenant, now: datetime) -> date:
    """The day it is for the tenant."""
    try:
        zone = ZoneInfo(tenant.settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return now.astimezone(zone).date()
