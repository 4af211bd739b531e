"""What comes back by the clock: each at its time, by one worker at a time, whatever becomes of the others."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from kontor_platform.data.database import Database
from kontor_platform.data.pages import Cursors
from kontor_platform.runtime.principal import TenantSettings
from kontor_platform.runtime.ticks import Nights, is_due, local_day, only_here, tick_for_ever
from kontor_platform.runtime.work import Nightly, Stopping, Tenant, Tick, Work

YESTERDAY = text("UPDATE chore SET done_on = done_on - 1 WHERE tenant_id = :tenant")
EVENING = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


@pytest.fixture
async def work(app_url: str, worker_url: str) -> AsyncIterator[Work]:
    """What the worker's ticks share."""
    database, finder = Database(app_url, size=3), Database(worker_url, size=4)
    yield Work(database, finder, Cursors(b"secret"), {})
    await finder.close()
    await database.close()


@dataclass
class Visits:
    """A chore that notes where it was, and fails once for one tenant."""

    fails: UUID | None = None
    seen: list[UUID] = field(default_factory=list)

    async def run(self, work: Work, tenant: Tenant) -> None:
        """Visits a tenant."""
        if tenant.id == self.fails:
            self.fails = None
            raise ZeroDivisionError
        self.seen.append(tenant.id)


async def met(work: Work, zone: str = "UTC") -> UUID:
    """A tenant the service has seen."""
    id = uuid4()
    await work.database.remember(id, f"t-{id}", f'{{"time_zone": "{zone}"}}')
    return id


async def a_day_passes(work: Work, tenant: UUID) -> None:
    """Makes the tenant's last chores those of the day before."""
    async with work.database.transaction(tenant) as (session, _):
        await session.execute(YESTERDAY, {"tenant": tenant})
        await session.commit()


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", date(2026, 3, 1)), ("Asia/Tokyo", date(2026, 3, 2)), ("America/New_York", date(2026, 3, 1))],
)
def test_a_night_is_the_tenants_own(zone: str, day: date) -> None:
    """At 23:30 UTC it is tomorrow in Tokyo already, and a chore done on the first is due there alone."""
    tenant = Tenant(uuid4(), "t", TenantSettings(time_zone=zone))
    assert local_day(tenant, EVENING) == day
    assert is_due(tenant, {tenant.id: date(2026, 3, 1)}, EVENING) == (day > date(2026, 3, 1))


async def test_each_tenant_has_its_chores_done_once_a_night(work: Work) -> None:
    """A tenant just met waits for its first midnight; after it each chore runs once, however often one looks."""
    visits, tenant = Visits(), await met(work)
    nights = Nights([Nightly("visit", visits.run)])
    await nights.look(work)
    assert tenant not in visits.seen
    await a_day_passes(work, tenant)
    await nights.look(work)
    await nights.look(work)
    await Nights([Nightly("visit", visits.run)]).look(work)
    assert visits.seen.count(tenant) == 1


async def test_one_tenants_failure_is_its_own(work: Work) -> None:
    """The others' chores are done; the failed one is due again, an hour later or for another worker."""
    tenants = [await met(work), await met(work)]
    visits = Visits(fails=tenants[0])
    nights = Nights([Nightly("fragile", visits.run)])
    await nights.look(work)
    for tenant in tenants:
        await a_day_passes(work, tenant)
    await nights.look(work)
    await nights.look(work)
    assert [each for each in visits.seen if each in tenants] == [tenants[1]]
    await Nights([Nightly("fragile", visits.run)]).look(work)
    assert set(visits.seen) >= set(tenants)


async def test_a_failure_does_not_end_a_tick(work: Work) -> None:
    """It runs again at its next time, until the worker is to stop."""
    runs = 0

    async def fail(_: Work) -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            work.stopping.set()
        raise ZeroDivisionError

    async with asyncio.timeout(10):
        await tick_for_ever(work, Tick("failing", 0.01, fail))
    assert runs == 3


async def test_two_workers_do_not_meet_at_one_tick(work: Work) -> None:
    """While one is at it the other passes it over; then it is free again, and another tick is all the time."""
    async with only_here(work, "slow") as mine, only_here(work, "slow") as other, only_here(work, "quick") as free:
        assert (mine, other, free) == (True, False, True)
    async with only_here(work, "slow") as mine:
        assert mine


async def test_no_transaction_begins_once_the_worker_is_to_stop(work: Work) -> None:
    """A job made of chunks ends between two of them."""
    tenant = Tenant(await met(work), "t", TenantSettings())
    async with work.chore("first", tenant) as call:
        work.stopping.set()
        await call.session.execute(text("SELECT 1"))
    with pytest.raises(Stopping):
        async with work.chore("second", tenant):
            pass
